use super::*;
use crate::testing::{at, plan, record, role};

use ChangePhase as P;

const LIMITS: BreakerLimits = BreakerLimits {
    failures: 3,
    cool_down: SignedDuration::from_secs(600),
    role_backoff: SignedDuration::from_secs(60),
};

/// Records that ended one second after another in these phases.
fn records(phases: &[ChangePhase]) -> Vec<JournalRecord> {
    let ended = phases.iter().zip(0..).map(|(phase, second)| JournalRecord {
        changed: at(second),
        ..record(&plan(), *phase)
    });
    ended.collect()
}

fn is_open(phases: &[ChangePhase], now: i64) -> bool {
    open_breaker(&Journal::new(&records(phases)), LIMITS, at(now)).is_some()
}

#[test]
fn so_many_failures_in_a_row_open_it() {
    assert!(!is_open(&[], 10));
    assert!(!is_open(&[P::Refused, P::NotApplied], 10));
    assert!(is_open(&[P::Refused, P::NotApplied, P::Latched], 10));
    assert!(is_open(&[P::Applied, P::Refused, P::Refused, P::Refused], 10));
    assert!(!is_open(&[P::Refused, P::Refused, P::Applied, P::Refused], 10));
    assert!(!is_open(&[P::Refused, P::Refused, P::Refused, P::Applied], 10));
}

#[test]
fn what_was_not_sent_or_goes_on_says_nothing() {
    assert!(!is_open(
        &[P::Abandoned, P::Abandoned, P::Abandoned, P::Prepared],
        10
    ));
    assert!(is_open(
        &[
            P::Refused,
            P::Abandoned,
            P::Refused,
            P::Prepared,
            P::Refused,
            P::Abandoned
        ],
        10
    ));
}

#[test]
fn it_closes_after_a_while() {
    let failures = [P::Refused; 4];
    let open = open_breaker(&Journal::new(&records(&failures)), LIMITS, at(10)).unwrap();
    assert_eq!(
        open,
        OpenBreaker {
            failures: 4,
            until: at(603)
        }
    );
    assert!(is_open(&failures, 602));
    assert!(!is_open(&failures, 603));
}

fn left_alone(phases: &[ChangePhase], now: i64) -> Option<Timestamp> {
    let mut records = records(phases);
    for (record, sequence) in records.iter_mut().zip(1..) {
        record.sequence = sequence;
    }
    let backoff = role_backoff(&Journal::new(&records), &role(), LIMITS, at(now));
    backoff.map(|backoff| backoff.until)
}

#[test]
fn a_role_is_left_alone_longer_with_each_failure_in_a_row() {
    assert_eq!(left_alone(&[], 10), None);
    assert_eq!(left_alone(&[P::Applied], 10), None);
    assert_eq!(left_alone(&[P::Refused], 10), Some(at(60)));
    assert_eq!(left_alone(&[P::Refused], 60), None);
    assert_eq!(left_alone(&[P::Refused, P::NotApplied], 10), Some(at(1 + 120)));
    assert_eq!(
        left_alone(&[P::Refused, P::Abandoned, P::Refused], 10),
        Some(at(2 + 120))
    );
    assert_eq!(
        left_alone(&[P::Refused, P::Applied, P::Refused], 10),
        Some(at(2 + 60))
    );
    assert_eq!(left_alone(&[P::Refused, P::Applied], 10), None);
    let day = 24 * 3_600;
    assert_eq!(left_alone(&[P::Refused; 40], 100), Some(at(39 + day)));
}
