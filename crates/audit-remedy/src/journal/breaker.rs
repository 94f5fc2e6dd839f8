//! The circuit breaker: where writes fail again and again, something is wrong that another write does not repair.

use jiff::{SignedDuration, Timestamp};

use super::history::Journal;
use super::record::{ChangePhase, JournalRecord};

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerLimits {
    /// So many failures in a row, of all roles together, open it. At least 1.
    pub failures: usize,
    /// So long after the last failure it closes again.
    pub cool_down: SignedDuration,
}

impl Default for BreakerLimits {
    /// Three failures, and half an hour.
    fn default() -> Self {
        Self {
            failures: 3,
            cool_down: SignedDuration::from_mins(30),
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
