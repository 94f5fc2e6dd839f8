//! When a watch that failed tries again.

use std::time::Duration;

use kube::runtime::watcher::{self, Event};
use tokio::time::{Instant, sleep};

use crate::health::{ApiHealth, Trouble, jitter};
use crate::trouble::{self, FORBIDDEN, Recovery};

/// The first pause where others' success means nothing: it doubles up to a limit.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause before a listing anew: each reads everything.
const RELISTS: Duration = Duration::from_secs(15);

/// The longest pause of a kind that is not served.
const NOT_SERVED: Duration = Duration::from_secs(15);

/// The longest pause of a kind that is forbidden.
const FORBIDDEN_KIND: Duration = Duration::from_secs(30);

/// After so long without a failure, the next one is the first.
const FORGIVEN: Duration = Duration::from_mins(1);

/// After so many failures in a row to continue a watch where it left off, it starts anew with a listing: its place may
/// not exist any more, as after etcd was restored from a backup.
pub(crate) const RESUMES_BEFORE_LISTING: u32 = 5;

/// The failures of one watch.
pub(crate) struct Retry {
    /// What is watched, for the log.
    kind: &'static str,
    health: ApiHealth,
    /// In a row.
    failures: u32,
    /// Of those, in a row, such as kept it from going on where it was.
    failed_resumes: u32,
    /// The end of the latest pause.
    paused: Option<Instant>,
    /// The kind is refused by this code: since when, and how often.
    refusal: Option<(u16, Instant, u64)>,
}

impl Retry {
    pub(crate) fn new(kind: &'static str, health: ApiHealth) -> Self {
        Self {
            kind,
            health,
            failures: 0,
            failed_resumes: 0,
            paused: None,
            refusal: None,
        }
    }

    /// Takes note of what a watch says. That a listing begins is no answer, and its end does not say that the watch works: a watch that
    /// fails after each listing must not list again and again at once.
    pub(crate) fn heard<K>(&mut self, event: &Event<K>, now: Instant) {
        self.failed_resumes = 0;
        match event {
            Event::Init => return,
            Event::Apply(_) | Event::Delete(_) => self.failures = 0,
            Event::InitApply(_) | Event::InitDone => {}
        }
        self.health.has_read();
        if let Some((code, since, count)) = self.refusal.take() {
            let seconds = (now - since).as_secs();
            tracing::info!(
                kind = self.kind,
                code,
                failed_calls = count,
                seconds,
                "the kind can be watched again"
            );
        }
    }

    /// Pauses after a failure for as long as is sensible. Logs a refusal once. Returns whether the watch has to begin anew with a listing.
    pub(crate) async fn wait(&mut self, error: &watcher::Error, message: &str) -> bool {
        let now = Instant::now();
        if self.paused.is_some_and(|at| now - at >= FORGIVEN) {
            self.failures = 0;
        }
        if trouble::is_unreadable(error) {
            self.health.failed(Trouble::Unreadable, self.kind, message);
        }
        match trouble::recovery(error) {
            Recovery::WithOthers => self.health.pause(self.failures).await,
            Recovery::Later => self.health.pause_reading(self.failures).await,
            Recovery::Relist => sleep(jitter(self.growing(RELISTS))).await,
            Recovery::Refused(code) => {
                self.refused(code, message, now);
                let most = if code == FORBIDDEN {
                    FORBIDDEN_KIND
                } else {
                    NOT_SERVED
                };
                sleep(jitter(self.growing(most))).await;
            }
        }
        self.failures = self.failures.saturating_add(1);
        self.paused = Some(Instant::now());
        if matches!(error, watcher::Error::WatchStartFailed(_)) {
            self.failed_resumes += 1;
        }
        let begins_anew = self.failed_resumes == RESUMES_BEFORE_LISTING || trouble::has_lost_its_place(error);
        if begins_anew {
            self.failed_resumes = 0;
        }
        begins_anew
    }

    fn growing(&self, most: Duration) -> Duration {
        FIRST.saturating_mul(2u32.saturating_pow(self.failures)).min(most)
    }

    fn refused(&mut self, code: u16, message: &str, now: Instant) {
        match &mut self.refusal {
            Some((known, _, count)) if *known == code => *count = count.saturating_add(1),
            refusal => {
                *refusal = Some((code, now, 1));
                tracing::warn!(
                    kind = self.kind,
                    code,
                    error = message,
                    "the kind cannot be watched; tried again for as long as it takes"
                );
            }
        }
    }
}
