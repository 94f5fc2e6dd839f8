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

/// The bindings of a namespace that hang on one target, and how often it was read for them.
#[derive(Debug, Default)]
struct Hanging {
    keys: BTreeSet<BindingKey>,
    attempt: u32,
}

/// A target, and the namespace that it is read for.
type ReadFor = (PieceId, Name);

/// The targets, each read with a backoff for each namespace, however many bindings of it hang on it.
///
/// The backoff ends where it would exceed the refresh interval: from then on the refresh brings the news.
#[derive(Debug, Default)]
pub struct Rereads {
    causes: BTreeMap<BindingKey, RereadCause>,
    targets: BTreeMap<ReadFor, Hanging>,
    due: Schedule<ReadFor>,
}

impl Rereads {
    /// Takes note of why a binding is not healthy, or with `None` that it is. A target that is new to the namespace begins a backoff. One that
    /// others of it depend on keeps theirs, and no other namespace's is touched: anyone who can edit one ServiceAccount could put off the next
    /// read for ever, or let the backoff run out before anybody else needs it.
    pub fn hang(&mut self, key: &BindingKey, cause: Option<RereadCause>, refresh: Duration, now: Timestamp) {
        if self.causes.get(key) == cause.as_ref() {
            return;
        }
        self.forget(key);
        let Some(cause) = cause else { return };
        let read_for = (cause.target.clone(), key.namespace.clone());
        let is_new = !self.targets.contains_key(&read_for);
        if is_new {
            let first = (FIRST < refresh).then(|| after(now, FIRST));
            self.due.set(&read_for, first);
        }
        let hanging = self.targets.entry(read_for).or_default();
        hanging.keys.insert(key.clone());
        self.causes.insert(key.clone(), cause);
    }

    /// Forgets a binding.
    pub fn forget(&mut self, key: &BindingKey) {
        let Some(cause) = self.causes.remove(key) else {
            return;
        };
        let read_for = (cause.target, key.namespace.clone());
        let Some(hanging) = self.targets.get_mut(&read_for) else {
            return;
        };
        hanging.keys.remove(key);
        if hanging.keys.is_empty() {
            self.targets.remove(&read_for);
            self.due.set(&read_for, None);
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
        let mut due: BTreeMap<PieceId, String> = BTreeMap::new();
        for read_for in self.due.take_due(after(now, TOGETHER)) {
            if let Some(hanging) = self.targets.get_mut(&read_for) {
                hanging.attempt += 1;
                let wait = backoff(FIRST, Duration::MAX, hanging.attempt);
                self.due
                    .set(&read_for, (wait < refresh).then(|| after(now, wait)));
                let (target, namespace) = read_for;
                due.entry(target).or_insert_with(|| namespace.to_string());
            }
        }
        due.into_iter().collect()
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
                if target == *role && namespace == "shop" {
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

    /// Somebody may have named the role long before.
    #[test]
    fn what_has_run_out_for_others_begins_for_who_comes_later() {
        let mut rereads = Rereads::default();
        let hang = |rereads: &mut Rereads, namespace, at| {
            rereads.hang(
                &BindingKey::new(namespace, "app"),
                Some(cause("app")),
                REFRESH,
                at,
            );
        };
        hang(&mut rereads, "another", at(0));
        let mut read = Vec::new();
        for second in 0..1600 {
            if second == 1000 {
                hang(&mut rereads, "shop", at(second));
            }
            let due = rereads.take_due(REFRESH, at(second));
            assert!(due.len() <= 1, "{due:?}");
            read.extend(due.iter().map(|_| second));
        }
        assert_eq!(read, [15, 45, 105, 225, 465, 945, 1015, 1045, 1105, 1225, 1465]);
    }

    #[test]
    fn a_target_of_many_namespaces_is_read_once_in_a_while() {
        let mut rereads = Rereads::default();
        let mut reads = 0;
        for second in 0..300 {
            let key = BindingKey::new(format!("team-{second}"), "app");
            rereads.hang(&key, Some(cause("app")), REFRESH, at(second));
            reads += rereads.take_due(REFRESH, at(second)).len();
        }
        assert!(reads <= 300 / 5, "{reads}");
    }
}
