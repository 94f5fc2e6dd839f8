//! Looking again at what unhealthy bindings hang on, so that a repair made in AWS shows soon.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::PieceId;
use audit_core::model::BindingKey;
use jiff::Timestamp;

use super::super::schedule::{Schedule, after, backoff};

/// The first wait.
const FIRST: Duration = Duration::from_secs(15);

/// What comes due within this time of each other is read together.
const TOGETHER: Duration = Duration::from_secs(5);

/// Why a binding is not healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RereadCause {
    /// The reason of its verdict.
    pub reason: &'static str,
    /// What has to change for it to become healthy.
    pub target: PieceId,
}

/// The bindings that hang on one target, and how often it was read for them.
#[derive(Debug, Default)]
struct Hanging {
    keys: BTreeSet<BindingKey>,
    attempt: u32,
}

/// The targets, each read with a backoff of its own, however many bindings hang on it.
///
/// The backoff ends where it would exceed the refresh interval: from then on the refresh brings the news.
#[derive(Debug, Default)]
pub struct Rereads {
    causes: BTreeMap<BindingKey, RereadCause>,
    targets: BTreeMap<PieceId, Hanging>,
    due: Schedule<PieceId>,
}

impl Rereads {
    /// Takes note of why a binding is not healthy, or with `None` that it is. A new cause begins a new backoff.
    pub fn hang(&mut self, key: &BindingKey, cause: Option<RereadCause>, refresh: Duration, now: Timestamp) {
        if self.causes.get(key) == cause.as_ref() {
            return;
        }
        self.forget(key);
        let Some(cause) = cause else { return };
        let hanging = self.targets.entry(cause.target.clone()).or_default();
        hanging.keys.insert(key.clone());
        hanging.attempt = 0;
        self.due
            .set(&cause.target, (FIRST < refresh).then(|| after(now, FIRST)));
        self.causes.insert(key.clone(), cause);
    }

    /// Forgets a binding.
    pub fn forget(&mut self, key: &BindingKey) {
        let Some(cause) = self.causes.remove(key) else {
            return;
        };
        let Some(hanging) = self.targets.get_mut(&cause.target) else {
            return;
        };
        hanging.keys.remove(key);
        if hanging.keys.is_empty() {
            self.targets.remove(&cause.target);
            self.due.set(&cause.target, None);
        }
    }

    /// When the next target is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// The targets whose time has come, and with them those whose time comes soon.
    pub fn take_due(&mut self, refresh: Duration, now: Timestamp) -> Vec<PieceId> {
        if self.due.next().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let due = self.due.take_due(after(now, TOGETHER));
        for target in &due {
            if let Some(hanging) = self.targets.get_mut(target) {
                hanging.attempt += 1;
                let wait = backoff(FIRST, Duration::MAX, hanging.attempt);
                self.due.set(target, (wait < refresh).then(|| after(now, wait)));
            }
        }
        due
    }
}
