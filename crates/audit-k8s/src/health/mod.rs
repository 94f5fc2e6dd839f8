//! Whether the API server answers, as all calls of this process see it together.
//!
//! All calls go through [`ApiHealth::client`]. So each part that waits after a failure hears of the first call of any part that succeeds,
//! and tries again at once: recovery is fast although each part calls rarely during an outage. The log gets a line when a kind of trouble
//! begins and a line when it ends.

mod attempts;
mod ledger;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit_core::text::reveal;
use http::{Method, Request, Response, StatusCode, header};
use kube::Client;
use kube::client::Body;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use attempts::Attempts;
pub use ledger::{Ended, Ledger};
use pace::WatchPace;

/// How long a call waits for the first bytes of its answer. The API server gives up queued requests after 15 s; what takes longer than this
/// went to a connection that is dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// The shortest pause after a failure, which doubles up to [`FIRST_MOST`] with each failure in a row. A success of others does not shorten
/// it.
const FIRST: Duration = Duration::from_millis(500);
const FIRST_MOST: Duration = Duration::from_secs(2);

/// The most of a `Retry-After` that is waited for.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// The pause of one whose answer could not be read, which doubles up to the most with each in a row.
const FIRST_UNREADABLE: Duration = Duration::from_secs(1);
const MOST_UNREADABLE: Duration = Duration::from_secs(4);

/// A kind of trouble is over when calls succeed and none has failed in this way for so long.
const QUIET: Duration = Duration::from_secs(5);

/// A kind of trouble with the API server. What concerns one kind of object only, such as a missing permission, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// No connection, or one that broke before an answer.
    Unreachable,
    /// A request without an answer.
    NoAnswer,
    /// HTTP 429.
    Throttled,
    /// HTTP 503 or 504.
    Unavailable,
    /// Any other HTTP 5xx: it may be the fault of one object, such as a webhook that it goes through.
    ServerError,
    /// HTTP 401.
    Unauthorized,
    /// An answer that cannot be decoded.
    Unreadable,
}

impl Trouble {
    /// For the log.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NoAnswer => "no answer",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server error",
            Self::Unauthorized => "unauthorized",
            Self::Unreadable => "unreadable answer",
        }
    }

    fn of_status(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::Unauthorized),
            StatusCode::TOO_MANY_REQUESTS => Some(Self::Throttled),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Some(Self::Unavailable),
            status if status.is_server_error() => Some(Self::ServerError),
            _ => None,
        }
    }

    /// Whether the next call of any part is likely to fail as well.
    fn concerns_all(self) -> bool {
        !matches!(self, Self::ServerError | Self::Unreadable)
    }
}

/// What all calls of this process know together of the API server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ApiHealth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Of calls after a failure: a call that succeeds is headway.
    calls: Attempts,
    /// Of calls whose answer could not be read: an answer that was read is headway.
    readings: Attempts,
    state: Mutex<State>,
    /// Lets one write at a time try whether the API server answers again.
    probe: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            calls: Attempts::new(),
            readings: Attempts::new(),
            state: Mutex::default(),
            probe: Semaphore::new(1),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// No call has succeeded since one failed in a way that concerns all.
    is_down: bool,
    /// No read has succeeded since one failed: then HTTP 5xx for a write is no fault of that write.
    reads_fail: bool,
    /// The API server asked for no calls until then.
    hold: Option<Instant>,
    ledger: Ledger<Trouble>,
    /// A task looks for the end of what is in the ledger.
    is_watched: bool,
    pace: WatchPace,
}

impl ApiHealth {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same client, with its calls noted and limited: each waits at most 30 s for the beginning of its answer, and a watch that ends as
    /// soon as it has begun is not begun again at once. It should not retry calls itself: its pauses are nobody's to shorten.
    #[must_use]
    pub fn client(&self, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        let health = self.clone();
        let call = move |request: Request<Body>| {
            let (health, client) = (health.clone(), client.clone());
            async move { health.call(&client, request).await }
        };
        Client::new(tower::service_fn(call), namespace)
    }

    async fn call(&self, client: &Client, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let call = format!("{} {}", request.method(), request.uri().path());
        if is_watch(&request) {
            let begin = self.state().pace.begin(request.uri().path(), Instant::now());
            sleep_until(begin).await;
        }
        let is_read = request.method() == Method::GET;
        let answer = timeout(PATIENCE, client.send(request)).await;
        match &answer {
            Ok(Ok(answer)) => self.answered(&call, is_read, answer),
            Ok(Err(error)) => self.called_in_vain(Trouble::Unreachable, is_read, &call, &root_cause(error)),
            Err(_) => {
                let error = format!("no answer within {PATIENCE:?}");
                self.called_in_vain(Trouble::NoAnswer, is_read, &call, &error);
            }
        }
        answer.unwrap_or_else(|elapsed| Err(kube::Error::Service(elapsed.into())))
    }

    fn answered(&self, call: &str, is_read: bool, answer: &Response<Body>) {
        let status = answer.status();
        if let Some(trouble) = Trouble::of_status(status) {
            let after = answer.headers().get(header::RETRY_AFTER);
            let seconds = after.and_then(|value| value.to_str().ok()?.parse().ok());
            if let Some(seconds) = seconds {
                let until = Instant::now() + Duration::from_secs(seconds).min(LONGEST_HOLD);
                let hold = &mut self.state().hold;
                *hold = (*hold).max(Some(until));
            }
            let error = format!("the API server answered {status}");
            self.called_in_vain(trouble, is_read, call, &error);
        } else if status.is_success() {
            self.succeeded(is_read);
        }
    }

    fn succeeded(&self, is_read: bool) {
        {
            let mut state = self.state();
            state.is_down = false;
            state.reads_fail &= !is_read;
            if !state.ledger.is_empty() && !std::mem::replace(&mut state.is_watched, true) {
                tokio::spawn(self.clone().watch_for_the_end());
            }
        }
        self.0.calls.headway();
    }

    fn called_in_vain(&self, trouble: Trouble, is_read: bool, call: &str, error: &str) {
        {
            let mut state = self.state();
            state.reads_fail |= is_read;
            state.is_down |= trouble.concerns_all() || (!is_read && state.reads_fail);
        }
        self.failed(trouble, call, error);
    }

    /// Logs a failure if this kind of trouble begins with it. `call` says what failed.
    pub(crate) fn failed(&self, trouble: Trouble, call: &str, error: &str) {
        let mut state = self.state();
        if state.ledger.failed(trouble, Instant::now()) {
            let error = reveal(error);
            tracing::warn!(
                trouble = trouble.as_str(),
                call,
                error,
                "calls to the API server fail"
            );
        }
    }

    /// Logs the end of each kind of trouble, until there is none.
    async fn watch_for_the_end(self) {
        loop {
            sleep(QUIET).await;
            let mut state = self.state();
            if !state.is_down {
                for ended in state.ledger.ended(QUIET, Instant::now()) {
                    let (trouble, failed_calls) = (ended.trouble.as_str(), ended.count);
                    let seconds = ended.lasted.as_secs();
                    tracing::info!(
                        trouble,
                        failed_calls,
                        seconds,
                        "calls to the API server succeed again"
                    );
                }
            }
            if state.ledger.is_empty() {
                state.is_watched = false;
                return;
            }
        }
    }

    /// Pauses after a failure that may concern all, the `failures`th in a row, counted from 0: for as long as the API server asked, and
    /// then until a call of others succeeds, or until it has its turn to try.
    pub(crate) async fn pause(&self, failures: u32) {
        let first = FIRST
            .saturating_mul(2u32.saturating_pow(failures))
            .min(FIRST_MOST);
        self.0.calls.wait(jitter(first) + self.hold()).await;
    }

    /// Pauses after an answer that could not be read, the `failures`th in a row, counted from 0. Such a call succeeded as far as the others
    /// can see, so that only an answer that was read is a reason to try again sooner.
    pub(crate) async fn pause_reading(&self, failures: u32) {
        let first = FIRST_UNREADABLE.saturating_mul(2u32.saturating_pow(failures));
        self.0.readings.wait(jitter(first.min(MOST_UNREADABLE))).await;
    }

    /// An answer was read.
    pub(crate) fn has_read(&self) {
        self.0.readings.headway();
    }

    /// Whether no call is likely to succeed: one failed in a way that concerns all, and none has succeeded since.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.state().is_down
    }

    /// Waits for a turn to write: none is needed while calls succeed; while they fail, one write at a time tries, after a pause. A call of
    /// others that succeeds ends the pause, but not what the API server asked for.
    pub async fn turn(&self) {
        let mut successes = self.0.calls.listen();
        if !self.is_down() {
            return;
        }
        let turn = async {
            // Nobody closes it.
            let _permit = self.0.probe.acquire().await;
            self.pause(u32::MAX).await;
        };
        tokio::select! {
            () = turn => {}
            _ = successes.changed() => sleep(self.hold()).await,
        }
    }

    /// How long the API server asked to wait with further calls, with a random part, so that those who wait do not come back together.
    #[must_use]
    pub fn hold(&self) -> Duration {
        let hold = self.state().hold;
        let left = hold.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            left
        } else {
            left + jitter(FIRST)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between half of a span and the whole.
pub(crate) fn jitter(span: Duration) -> Duration {
    span.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').any(|pair| pair == "watch=true")
}

/// The innermost cause: what really happened.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

#[cfg(test)]
#[path = "../../tests/unit/health.rs"]
pub(crate) mod tests;
