//! What the operator may believe of a status that it finds: times, and of these only what can be true.
//!
//! Whoever may patch a status can write anything into it. So a verdict is never read from one; and of the times that a fresh
//! start takes over, so that nothing begins anew with each restart, only those count that lie between the object's creation and
//! now, in a status that says what is evaluated now.

use jiff::Timestamp;

use super::{STALLED_AFTER, VerdictName, whole_seconds};
use crate::condition::ConditionStatus;
use crate::irsa_audit::IrsaAuditStatus;

/// From when to when an object has lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    created: Timestamp,
    now: Timestamp,
}

impl Lifetime {
    /// From its creation until now. A clock that is behind the API server's tells no time before the creation.
    #[must_use]
    pub fn new(created: Option<Timestamp>, now: Timestamp) -> Self {
        let created = created.unwrap_or(Timestamp::MIN);
        Self {
            created,
            now: now.max(created),
        }
    }

    /// The end of it, in whole seconds.
    #[must_use]
    pub fn now(self) -> Timestamp {
        whole_seconds(self.now)
    }

    fn has(self, time: Timestamp) -> bool {
        self.created <= time && time <= self.now
    }
}

/// What a fresh start takes over from a status that it finds: nothing where that says something else than what is evaluated now.
#[must_use]
pub fn taken_over(
    found: &IrsaAuditStatus,
    new: &IrsaAuditStatus,
    lived: Lifetime,
) -> Option<IrsaAuditStatus> {
    if (found.verdict, &found.reason) != (new.verdict, &new.reason) {
        return None;
    }
    let mut taken = within(found, lived);
    // It is what two minutes of the same fault have made of it, or it is nothing.
    if found.verdict == Some(VerdictName::Broken) && !has_stalled(&taken, lived.now) {
        taken
            .conditions
            .retain(|condition| condition.type_ != "Stalled" || condition.status != ConditionStatus::True);
    }
    Some(taken)
}

/// A status without the times that cannot be true.
fn within(found: &IrsaAuditStatus, lived: Lifetime) -> IrsaAuditStatus {
    let mut taken = found.clone();
    taken.findings.retain(|finding| lived.has(finding.first_seen));
    taken
        .conditions
        .retain(|condition| lived.has(condition.last_transition_time));
    taken.last_audit_time = taken.last_audit_time.filter(|time| lived.has(*time));
    taken
}

/// Whether a status says the same as another one, and was confirmed at a time that can be true.
#[must_use]
pub fn is_the_same(found: &IrsaAuditStatus, new: &IrsaAuditStatus, lived: Lifetime) -> bool {
    let Some(confirmed) = found.last_audit_time.filter(|time| lived.has(*time)) else {
        return false;
    };
    let mut new = new.clone();
    new.last_audit_time = Some(confirmed);
    *found == new
}

fn has_stalled(status: &IrsaAuditStatus, now: Timestamp) -> bool {
    let mut deciding = status
        .findings
        .iter()
        .filter(|finding| Some(&finding.reason) == status.reason.as_ref());
    let since = deciding.next().map(|finding| finding.first_seen);
    let stalls = since.and_then(|since| since.checked_add(STALLED_AFTER).ok());
    stalls.is_some_and(|at| at <= now)
}
