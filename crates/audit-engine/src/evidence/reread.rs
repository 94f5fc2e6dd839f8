//! Looking again at what unhealthy bindings hang on, so that a repair made in AWS shows soon.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::PieceId;
use audit_core::model::{BindingKey, Name};
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
    /// The namespace of the binding that came first: the target is read for it.
    namespace: Name,
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
    /// Takes note of why a binding is not healthy, or with `None` that it is. A new target begins a backoff. A target that other bindings
    /// depend on keeps its own: else anyone who can edit one ServiceAccount could put off the next read for ever.
    pub fn hang(&mut self, key: &BindingKey, cause: Option<RereadCause>, refresh: Duration, now: Timestamp) {
        if self.causes.get(key) == cause.as_ref() {
            return;
        }
        self.forget(key);
        let Some(cause) = cause else { return };
        let hanging = self.targets.entry(cause.target.clone()).or_default();
        if hanging.keys.is_empty() {
            hanging.namespace.clone_from(&key.namespace);
            self.due
                .set(&cause.target, (FIRST < refresh).then(|| after(now, FIRST)));
        }
        hanging.keys.insert(key.clone());
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
        let Some(first) = hanging.keys.first() else {
            self.targets.remove(&cause.target);
            self.due.set(&cause.target, None);
            return;
        };
        if !hanging.keys.iter().any(|key| key.namespace == hanging.namespace) {
            hanging.namespace.clone_from(&first.namespace);
        }
    }

    /// When the next target is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// The targets whose time has come, and with them those whose time comes soon, each with the namespace that it is read for.
    pub fn take_due(&mut self, refresh: Duration, now: Timestamp) -> Vec<(PieceId, String)> {
        if self.due.next().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let mut due = Vec::new();
        for target in self.due.take_due(after(now, TOGETHER)) {
            if let Some(hanging) = self.targets.get_mut(&target) {
                hanging.attempt += 1;
                let wait = backoff(FIRST, Duration::MAX, hanging.attempt);
                self.due.set(&target, (wait < refresh).then(|| after(now, wait)));
                due.push((target, hanging.namespace.to_string()));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use audit_aws::PieceKind;

    use super::*;

    const REFRESH: Duration = Duration::from_mins(10);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn role(name: &str) -> PieceId {
        PieceId::new("111122223333", PieceKind::Role, name)
    }

    fn cause(name: &str) -> RereadCause {
        let target = role(name);
        RereadCause {
            reason: "RoleNotFound",
            target,
        }
    }

    /// When a role was read in the first ten minutes, while another binding does this every second.
    fn read(role: &PieceId, other: impl Fn(&mut Rereads, i64)) -> Vec<i64> {
        let mut rereads = Rereads::default();
        rereads.hang(
            &BindingKey::new("shop", "app"),
            Some(cause("app")),
            REFRESH,
            at(0),
        );
        let mut read = Vec::new();
        for second in 0..600 {
            other(&mut rereads, second);
            for (target, namespace) in rereads.take_due(REFRESH, at(second)) {
                if target == *role {
                    assert_eq!(namespace, "shop", "the one who asked first");
                    read.push(second);
                }
            }
        }
        read
    }

    #[test]
    fn a_binding_that_comes_and_goes_does_not_put_off_the_reads_for_others() {
        let key = BindingKey::new("another", "app");
        let alone = read(&role("app"), |_, _| {});
        assert_eq!(alone, [15, 45, 105, 225, 465]);
        let names = ["app", "elsewhere"];
        let flips = |rereads: &mut Rereads, second: i64| {
            let name = names[usize::from(second % 2 == 0)];
            rereads.hang(&key, Some(cause(name)), REFRESH, at(second));
        };
        assert_eq!(read(&role("app"), flips), alone);
    }
}
