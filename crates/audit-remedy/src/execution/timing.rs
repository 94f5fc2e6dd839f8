//! How long everything may take.

use jiff::{SignedDuration, Timestamp};

/// The durations that the safety of a write rests on. The shell uses the same ones for its calls and its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteTiming {
    /// How long the role must have been unchanged before it is written to. Where it is shorter than `consistency`, that holds.
    pub settle: SignedDuration,
    /// After how long a call to AWS is given up.
    pub call_timeout: SignedDuration,
    /// How long after its timeout a request may still take effect. AWS denies, in most cases, what reaches it five
    /// minutes after it was signed.
    pub late: SignedDuration,
    /// How old the state may be that `GetRole` answers with.
    pub consistency: SignedDuration,
    /// The duration of the leader's lease: no other process holds it sooner than this after its last renewal.
    pub lease: SignedDuration,
    /// How much earlier than the end of its lease the writer stops relying on it.
    pub lease_margin: SignedDuration,
    /// The longest time from asking for the last read to sending the write.
    pub max_window: SignedDuration,
    /// The longest time from asking for policies, approvals, pause and journal to sending the write.
    pub max_check_age: SignedDuration,
    /// The pause between two reads after a write, and between two tries of anything.
    pub retry_every: SignedDuration,
    /// How long after the time from which a read decides the writer keeps trying to get one.
    pub give_up: SignedDuration,
}

impl Default for WriteTiming {
    /// For AWS, and a lease as the operator has it.
    fn default() -> Self {
        Self {
            settle: SignedDuration::from_secs(60),
            call_timeout: SignedDuration::from_secs(10),
            late: SignedDuration::from_mins(5),
            consistency: SignedDuration::from_secs(60),
            lease: SignedDuration::from_secs(15),
            lease_margin: SignedDuration::from_secs(2),
            max_window: SignedDuration::from_secs(3),
            max_check_age: SignedDuration::from_secs(10),
            retry_every: SignedDuration::from_secs(5),
            give_up: SignedDuration::from_mins(10),
        }
    }
}

impl WriteTiming {
    /// How long two equal reads must lie apart: at least as long as a read may be stale, so that the second one knows of everything
    /// that happened before the first.
    pub(super) fn settle_time(&self) -> SignedDuration {
        self.settle.max(self.consistency)
    }

    /// From when a read knows of a write that was sent at the latest at `sent` and whose fate is unknown: it has taken effect by then,
    /// or never will, and no stale answer hides it.
    pub(super) fn decided_after_lost(&self, sent: Timestamp) -> Timestamp {
        [self.call_timeout, self.late, self.consistency]
            .into_iter()
            .fold(sent, later)
    }

    /// From when a read knows of a write that IAM has acknowledged by a time.
    pub(super) fn decided_after_answer(&self, answered: Timestamp) -> Timestamp {
        later(answered, self.consistency)
    }

    /// From when a new leader may judge what its predecessor left: the predecessor's lease is over, and each call that it made under
    /// it has taken effect or never will.
    pub(super) fn decided_after_takeover(&self, acquired: Timestamp) -> Timestamp {
        self.decided_after_lost(later(acquired, self.lease))
    }
}

/// A time and a duration later; the end of time where there is none.
pub(super) fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
