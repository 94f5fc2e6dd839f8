//! The circuit breaker: where writes fail again and again, something is wrong that another write does not repair.

use jiff::{SignedDuration, Timestamp};

use super::history::Journal;
use super::record::{ChangePhase, JournalRecord};
use crate::facts::LiveRole;

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerLimits {
    /// So many failures in a row, of all roles together, open it. At least 1.
    pub failures: usize,
    /// So long after the last failure it closes again.
    pub cool_down: SignedDuration,
    /// So long a role is left alone after one failure, and twice as long after each further one in a row, up to a day.
    pub role_backoff: SignedDuration,
}

/// The longest that a role is left alone.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_hours(24);

impl Default for BreakerLimits {
    /// Three failures, and half an hour; an hour for a role.
    fn default() -> Self {
        Self {
            failures: 3,
            cool_down: SignedDuration::from_mins(30),
            role_backoff: SignedDuration::from_hours(1),
        }
    }
}

/// A breaker that is open: nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBreaker {
    /// How many failures there were in a row.
    pub failures: usize,
    /// When it closes.
    pub until: Timestamp,
}

/// A role of which the latest writes failed: without a person's word, it is left alone for a while, so that one role that IAM does not
/// let the writer edit neither fills the journal nor stops the writes to all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBackoff {
    /// The latest of the failed changes.
    pub change: String,
    /// Until when.
    pub until: Timestamp,
}

/// Whether a role is left alone at a time. Changes that were never sent, or are going on, say nothing, and after a latch a person has
/// looked at the role.
#[must_use]
pub fn role_backoff(
    journal: &Journal<'_>,
    role: &LiveRole,
    limits: BreakerLimits,
    now: Timestamp,
) -> Option<RoleBackoff> {
    let mut ended: Vec<&JournalRecord> = journal
        .of_role(role)
        .filter(|record| !matches!(record.phase, ChangePhase::Prepared | ChangePhase::Abandoned))
        .collect();
    ended.sort_by_key(|record| std::cmp::Reverse(record.sequence));
    let failures = ended
        .iter()
        .take_while(|record| matches!(record.phase, ChangePhase::Refused | ChangePhase::NotApplied))
        .count();
    let last = ended.first().filter(|_| failures > 0)?;
    let doubled = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 2_i32.saturating_pow(doubled.min(16));
    let span = limits.role_backoff.checked_mul(factor).unwrap_or(LONGEST_BACKOFF);
    let until = last.changed.checked_add(span.min(LONGEST_BACKOFF));
    let until = until.unwrap_or(Timestamp::MAX);
    (now < until).then(|| RoleBackoff {
        change: last.name.clone(),
        until,
    })
}

/// The breaker, if it is open at a time. Changes that were never sent, or are going on, say nothing.
#[must_use]
pub fn open_breaker(journal: &Journal<'_>, limits: BreakerLimits, now: Timestamp) -> Option<OpenBreaker> {
    let mut ended: Vec<&JournalRecord> = journal
        .records()
        .filter(|record| !matches!(record.phase, ChangePhase::Prepared | ChangePhase::Abandoned))
        .collect();
    ended.sort_by_key(|record| std::cmp::Reverse(record.changed));
    let failures = ended
        .iter()
        .take_while(|record| record.phase.is_failure())
        .count();
    let last = ended.first()?.changed;
    let until = last.checked_add(limits.cool_down).unwrap_or(Timestamp::MAX);
    (failures >= limits.failures.max(1) && now < until).then_some(OpenBreaker { failures, until })
}

#[cfg(test)]
#[path = "../../tests/unit/breaker.rs"]
mod tests;
