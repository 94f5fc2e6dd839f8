//! Which calls into an account fail, for the log: a line when a kind of failure begins, and one when it ends. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::model::FailureKind;
use tokio::time::Instant;

/// A failure of the whole account is over, whichever operations met it, when a call succeeds and none has failed for so long.
const QUIET: Duration = Duration::from_secs(10);

/// What is logged as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Throttled,
    Unavailable,
    /// Each operation needs a permission of its own.
    Denied(&'static str),
}

#[derive(Debug)]
struct Ongoing {
    /// Operations whose latest call failed.
    operations: BTreeSet<&'static str>,
    count: u64,
    last: Instant,
}

/// The kinds of failures that go on.
#[derive(Debug, Default)]
pub(crate) struct Failing(BTreeMap<Class, Ongoing>);

impl Failing {
    /// Takes note of a call that failed. Returns whether this kind of failure begins with it.
    pub(crate) fn failed(&mut self, operation: &'static str, kind: &FailureKind, now: Instant) -> bool {
        let class = match kind {
            FailureKind::Throttled => Class::Throttled,
            FailureKind::AccessDenied { .. } => Class::Denied(operation),
            FailureKind::Unavailable => Class::Unavailable,
        };
        let ongoing = self.0.entry(class).or_insert(Ongoing {
            operations: BTreeSet::new(),
            count: 0,
            last: now,
        });
        ongoing.operations.insert(operation);
        ongoing.count = ongoing.count.saturating_add(1);
        ongoing.last = now;
        ongoing.count == 1
    }

    /// Takes note of a call that succeeded. Returns how many calls failed in each way that is over.
    pub(crate) fn succeeded(&mut self, operation: &'static str, now: Instant) -> Vec<u64> {
        let is_over = |class: &Class, ongoing: &mut Ongoing| {
            ongoing.operations.remove(operation);
            let is_quiet = now.saturating_duration_since(ongoing.last) >= QUIET;
            ongoing.operations.is_empty() || (is_quiet && !matches!(class, Class::Denied(_)))
        };
        let over = self.0.extract_if(.., is_over);
        over.map(|(_, ongoing)| ongoing.count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> FailureKind {
        FailureKind::AccessDenied {
            action: "iam:GetRole".to_owned(),
        }
    }

    #[test]
    fn an_outage_begins_once_and_ends_once_whichever_calls_meet_it() {
        let (mut failing, start) = (Failing::default(), Instant::now());
        assert!(failing.failed("GetRole", &FailureKind::Unavailable, start));
        assert!(!failing.failed("ListRoles", &FailureKind::Unavailable, start));
        assert!(failing.failed("GetRole", &FailureKind::Throttled, start));
        assert_eq!(failing.succeeded("GetRole", start), [1], "throttled no more");
        assert_eq!(failing.succeeded("GetUser", start), [0; 0]);
        assert_eq!(failing.succeeded("GetUser", start + QUIET), [2]);
        assert!(failing.failed("GetRole", &FailureKind::Unavailable, start));
    }

    #[test]
    fn each_missing_permission_is_told_until_that_operation_succeeds() {
        let (mut failing, start) = (Failing::default(), Instant::now());
        assert!(failing.failed("GetRole", &denied(), start));
        assert!(failing.failed("ListRoles", &denied(), start));
        assert_eq!(failing.succeeded("GetUser", start + 2 * QUIET), [0; 0]);
        assert_eq!(failing.succeeded("GetRole", start + 2 * QUIET), [1]);
    }
}
