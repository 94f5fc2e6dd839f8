use std::collections::BTreeSet;
use std::future::{Future, pending, ready};
use std::pin::Pin;

use http::HeaderMap;
use http_body_util::BodyExt as _;
use http_body_util::combinators::WithTrailers;
use serde_json::json;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::watch::{Scope, observe};

/// How a body ends.
type End = Pin<Box<dyn Future<Output = Option<Result<HeaderMap, kube::Error>>> + Send>>;

/// A body with this text, or one that says nothing and does not end.
pub(crate) fn text_or_silence(text: Option<String>) -> WithTrailers<Body, End> {
    let end: End = match text {
        Some(_) => Box::pin(ready(None)),
        None => Box::pin(pending()),
    };
    Body::from(text.unwrap_or_default().into_bytes()).with_trailers(end)
}

/// A body that says nothing until it is cut.
pub(crate) fn until(cut: Arc<Notify>) -> WithTrailers<Body, End> {
    let end: End = Box::pin(async move {
        cut.notified().await;
        None
    });
    Body::from(Vec::new()).with_trailers(end)
}

/// How an API server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Well,
    /// No connection.
    Away,
    /// A request gets no answer, ever.
    Silent,
    /// This status, and `Retry-After`.
    Status(u16, Option<u64>),
    /// Watches end as soon as they have begun.
    EndsWatches,
    /// Answers that nobody can read.
    Garbage,
}

/// An API server without objects, that can be in trouble.
#[derive(Clone)]
struct Server {
    mode: Arc<Mutex<Mode>>,
    calls: Arc<Mutex<Vec<(Instant, String, bool)>>>,
    cut: Arc<Notify>,
}

impl Server {
    fn new() -> Self {
        Self {
            mode: Arc::new(Mutex::new(Mode::Well)),
            calls: Arc::default(),
            cut: Arc::default(),
        }
    }

    /// Changes how it answers, and ends what runs.
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
        self.cut.notify_waiters();
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(service, "default")
    }

    async fn answer(
        &self,
        request: Request<Body>,
    ) -> Result<Response<WithTrailers<Body, End>>, std::io::Error> {
        let mode = *self.mode.lock().unwrap();
        let call = (
            Instant::now(),
            request.uri().path().to_owned(),
            mode == Mode::Well,
        );
        self.calls.lock().unwrap().push(call);
        let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": [], "groups": []});
        let list = list.to_string();
        let answer = Response::builder();
        let answer = match mode {
            Mode::Away => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Mode::Silent => return pending().await,
            Mode::Status(status, after) => {
                let answer = answer.status(status);
                let answer = match after {
                    Some(seconds) => answer.header(header::RETRY_AFTER, seconds),
                    None => answer,
                };
                answer.body(text_or_silence(Some("trouble".to_owned())))
            }
            Mode::Garbage => answer.body(text_or_silence(Some("}{".to_owned()))),
            Mode::EndsWatches if is_watch(&request) => answer.body(text_or_silence(Some(String::new()))),
            Mode::Well if is_watch(&request) => answer.body(until(self.cut.clone())),
            Mode::Well | Mode::EndsWatches => answer.body(text_or_silence(Some(list))),
        };
        answer.map_err(std::io::Error::other)
    }

    /// The calls in a span from now on.
    async fn calls_within(&self, span: Duration) -> usize {
        let before = self.calls.lock().unwrap().len();
        sleep(span).await;
        self.calls.lock().unwrap().len() - before
    }

    /// How long it takes from now on until every kind has been asked for and answered.
    async fn recovery(&self) -> Duration {
        let start = Instant::now();
        let all: BTreeSet<String> = {
            let calls = self.calls.lock().unwrap();
            calls.iter().map(|(_, path, _)| path.clone()).collect()
        };
        loop {
            sleep(Duration::from_millis(100)).await;
            let calls = self.calls.lock().unwrap();
            let well = calls.iter().filter(|(at, _, is_well)| *is_well && *at >= start);
            let well: BTreeSet<String> = well.map(|(_, path, _)| path.clone()).collect();
            // Which kinds there are is asked once a minute.
            if all.iter().all(|path| path == "/apis" || well.contains(path)) {
                return start.elapsed();
            }
        }
    }
}

/// Whether a call that is no watch succeeds.
async fn succeeds(client: &Client) -> bool {
    let request = Request::get("/write").body(Vec::new()).unwrap();
    client.request_text(request).await.is_ok()
}

/// Watches of all kinds that have begun well.
async fn watching() -> (Server, mpsc::Receiver<crate::Observation>) {
    let server = Server::new();
    let health = ApiHealth::new();
    let (sender, receiver) = mpsc::channel(1_000_000);
    let scope = Scope {
        prefix: "eks.amazonaws.com".to_owned(),
        webhook_namespace: "kube-system".to_owned(),
    };
    tokio::spawn(observe(health.client(server.client()), health, scope, sender));
    sleep(Duration::from_secs(10)).await;
    (server, receiver)
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_any_length_costs_few_calls_and_is_over_soon() {
    for (mode, within) in [
        (Mode::Away, Duration::from_secs(3)),
        (Mode::Status(500, None), Duration::from_secs(3)),
        (Mode::Garbage, Duration::from_secs(5)),
        (Mode::Status(401, None), Duration::from_secs(3)),
        (Mode::Status(429, Some(1)), Duration::from_secs(4)),
        // What got no answer waits for its end.
        (Mode::Silent, PATIENCE + Duration::from_secs(3)),
    ] {
        for seconds in [8, 45, 1800] {
            let (server, _receiver) = watching().await;
            server.set(mode);
            let calls = server.calls_within(Duration::from_secs(seconds)).await;
            // A burst when it begins, then few.
            let most = 36 + usize::try_from(seconds).unwrap() * 2;
            assert!(calls <= most, "{mode:?} {seconds}: {calls}");
            server.set(Mode::Well);
            let took = server.recovery().await;
            assert!(took <= within, "{mode:?} {seconds}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_asked_for_rarely_and_found_again() {
    for (status, most) in [(404, 15), (403, 30), (410, 15)] {
        let (server, _receiver) = watching().await;
        server.set(Mode::Status(status, None));
        server.calls_within(Duration::from_mins(5)).await;
        let calls = server.calls_within(Duration::from_mins(5)).await;
        assert!(
            calls <= 15 * 300 * 2 / most + 20,
            "{status}: {calls} calls in five minutes"
        );
        server.set(Mode::Well);
        let took = server.recovery().await;
        assert!(
            took <= Duration::from_secs(u64::try_from(most).unwrap() + 1),
            "{status}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let (server, _receiver) = watching().await;
    server.set(Mode::Status(429, Some(20)));
    sleep(Duration::from_secs(5)).await;
    let calls = server.calls_within(Duration::from_secs(10)).await;
    assert_eq!(calls, 0);
    // However long it says, a minute is the most.
    server.set(Mode::Status(429, Some(1_000_000)));
    assert!(server.calls_within(Duration::from_mins(3)).await > 0);
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_do_not_loop() {
    let (server, _receiver) = watching().await;
    server.set(Mode::EndsWatches);
    server.calls_within(Duration::from_secs(20)).await;
    let calls = server.calls_within(Duration::from_mins(1)).await;
    assert!(calls <= 15 * 60, "{calls} in a minute");
}

#[tokio::test(start_paused = true)]
async fn while_the_api_server_is_away_one_write_at_a_time_tries() {
    let server = Server::new();
    let health = ApiHealth::new();
    let client = health.client(server.client());
    let write = |client: Client, health: ApiHealth| async move {
        loop {
            health.turn().await;
            if succeeds(&client).await {
                return;
            }
        }
    };
    server.set(Mode::Away);
    let writes: Vec<_> = (0..100)
        .map(|_| tokio::spawn(write(client.clone(), health.clone())))
        .collect();
    sleep(Duration::from_secs(1)).await;
    let calls = server.calls_within(Duration::from_mins(1)).await;
    assert!((15..=120).contains(&calls), "{calls} in a minute");
    server.set(Mode::Well);
    let start = Instant::now();
    for write in writes {
        write.await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_success_of_others_does_not_shorten_what_the_api_server_asked_for() {
    let server = Server::new();
    let health = ApiHealth::new();
    let client = health.client(server.client());
    server.set(Mode::Status(429, Some(20)));
    assert!(!succeeds(&client).await);
    let start = Instant::now();
    let others = async {
        sleep(Duration::from_secs(1)).await;
        server.set(Mode::Well);
        assert!(succeeds(&client).await);
    };
    let turns = futures::future::join_all((0..10).map(|_| health.turn()));
    tokio::join!(others, turns);
    assert!(
        start.elapsed() >= Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn while_calls_succeed_no_write_waits() {
    let server = Server::new();
    let health = ApiHealth::new();
    let client = health.client(server.client());
    assert!(succeeds(&client).await);
    // The fault of one object is nobody else's.
    server.set(Mode::Status(500, None));
    assert!(!succeeds(&client).await);
    let start = Instant::now();
    health.turn().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}
