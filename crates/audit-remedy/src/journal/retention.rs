//! Which records may be deleted: those that are old, and that no answer of the journal depends on any more.

use jiff::{SignedDuration, Timestamp};

use super::breaker::BreakerLimits;
use super::record::{ChangePhase, JournalRecord};
use crate::edit::RemedyOperation;

/// How long each record is kept at least: 400 days, so that an audit once a year sees a whole year.
const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The records that may be deleted at a time, oldest first. Each of them
///
/// - was closed, and both created and closed longer than 400 days ago, and
/// - is no latch that stands, and
/// - is not the newest record of its ServiceAccount at the role. The newest of all records of the role, which has the change counter
///   and the time of the last change, is one of those, and
/// - is not of a statement that was, or may have been, appended: by these records a statement that vanished is told from one that was
///   never there, and only what they name may be rolled back, and
/// - is not among the last `breaker.failures` changes that ended, on which the circuit breaker depends.
///
/// So whatever of them is deleted, in whatever order, [`Journal`](super::Journal) and [`open_breaker`](super::open_breaker) answer as
/// before. Their hashes and approvals come to nothing without them: the counter is in each hash and never falls, and an approval
/// expires within [`MAX_VALIDITY`](crate::MAX_VALIDITY).
#[must_use]
pub fn expired_records(
    records: &[JournalRecord],
    breaker: BreakerLimits,
    now: Timestamp,
) -> Vec<&JournalRecord> {
    let last = last_ended(records, breaker.failures.max(1));
    let mut expired: Vec<&JournalRecord> = records
        .iter()
        .filter(|record| is_old(record, now))
        .filter(|record| !record.phase.is_open() && !record.is_latched())
        .filter(|record| !(record.operation == RemedyOperation::Append && record.may_have_acted()))
        .filter(|record| !is_newest(records, record))
        .filter(|record| !last.iter().any(|kept| kept.name == record.name))
        .collect();
    expired.sort_by(|one, other| (one.created, &one.name).cmp(&(other.created, &other.name)));
    expired
}

/// Whether all that happened to a record is longer ago than [`RETENTION`]. What is from the future is not old: a clock is wrong.
fn is_old(record: &JournalRecord, now: Timestamp) -> bool {
    now.duration_since(record.created.max(record.changed)) > RETENTION
}

/// Whether no record of its ServiceAccount at the role is newer. A role that is created again under the same ARN has a new ID: the
/// newest by ARN is one of the newest by ID.
fn is_newest(records: &[JournalRecord], record: &JournalRecord) -> bool {
    !records.iter().any(|other| {
        other.sequence > record.sequence
            && other.role_id == record.role_id
            && other.issuer == record.issuer
            && other.namespace == record.namespace
            && other.service_account == record.service_account
    })
}

/// The last changes that ended, so many of them. As the circuit breaker counts, those that were never sent are not among them.
fn last_ended(records: &[JournalRecord], count: usize) -> Vec<&JournalRecord> {
    let mut ended: Vec<&JournalRecord> = records
        .iter()
        .filter(|record| !matches!(record.phase, ChangePhase::Prepared | ChangePhase::Abandoned))
        .collect();
    ended.sort_by_key(|record| std::cmp::Reverse(record.changed));
    ended.truncate(count);
    ended
}

#[cfg(test)]
#[path = "../../tests/unit/retention.rs"]
mod tests;
