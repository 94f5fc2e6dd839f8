//! How far the repair of a binding has come, in one word: what people who only look are told.

use crate::approval::ApprovalRefusal;
use crate::block::{Blocker, WriteGrant};
use crate::edit::RemedyOperation;
use crate::facts::{LiveRole, RemedySubject};
use crate::journal::{ChangePhase, Journal};
use crate::mode::RemediationMode;

/// How far the repair of a binding has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemedyProgress {
    /// There is a plan. Either the team has not asked for it to be carried out, or nothing but an approval is missing.
    Proposed,
    /// The team asks for a repair, and something other than a missing approval prevents it.
    Blocked,
    /// Nothing blocks the plan: the writer carries it out, or is doing so.
    Approved,
    /// The writer has appended its statement.
    Applied,
    /// The writer has removed its statement again.
    RolledBack,
}

impl RemedyProgress {
    /// All of them, in the order of a repair.
    pub const ALL: [Self; 5] = [
        Self::Proposed,
        Self::Blocked,
        Self::Approved,
        Self::Applied,
        Self::RolledBack,
    ];

    /// Its name in custom resources and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "Proposed",
            Self::Blocked => "Blocked",
            Self::Approved => "Approved",
            Self::Applied => "Applied",
            Self::RolledBack => "RolledBack",
        }
    }

    /// The progress of a plan, by what [`write_grant`](crate::write_grant) says of it.
    #[must_use]
    pub fn of_plan(opt_in: RemediationMode, grant: &Result<WriteGrant, Vec<Blocker>>) -> Self {
        match grant {
            Ok(_) => Self::Approved,
            Err(_) if opt_in < RemediationMode::RequireApproval => Self::Proposed,
            Err(blockers) if blockers.iter().all(awaits_approval) => Self::Proposed,
            // The writer's own record of this plan spends the approval: what is going on is not blocked.
            Err(blockers) if is_going_on(blockers) => Self::Approved,
            Err(_) => Self::Blocked,
        }
    }

    /// What the journal says of a binding for which there is nothing to plan: the newest change of its role for its ServiceAccount.
    #[must_use]
    pub fn of_journal(journal: &Journal<'_>, role: &LiveRole, subject: &RemedySubject) -> Option<Self> {
        let newest = journal.newest_of(role, subject)?;
        match (newest.phase, newest.operation) {
            (ChangePhase::Prepared, _) => Some(Self::Approved),
            (ChangePhase::Applied, RemedyOperation::Append) => Some(Self::Applied),
            (ChangePhase::Applied, RemedyOperation::Remove) => Some(Self::RolledBack),
            (ChangePhase::Latched, _) if newest.is_latched() => Some(Self::Blocked),
            _ => None,
        }
    }
}

/// Whether a person's approval would remove the blocker.
fn awaits_approval(blocker: &Blocker) -> bool {
    matches!(blocker, Blocker::Approval { refusal, .. } if !matches!(refusal, ApprovalRefusal::BadApprover { .. }))
}

fn is_going_on(blockers: &[Blocker]) -> bool {
    blockers
        .iter()
        .any(|blocker| matches!(blocker, Blocker::InFlight { .. }))
        && blockers.iter().all(|blocker| {
            matches!(
                blocker,
                Blocker::InFlight { .. } | Blocker::SpentHash { .. } | Blocker::Approval { .. }
            )
        })
}

#[cfg(test)]
#[path = "../tests/unit/progress.rs"]
mod tests;
