//! A plan: one edit of one role for one ServiceAccount, with all that it depends on, and a hash of all of it.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | how a plan is made of live data |
//! | `hash` | what an approval is given for |
//! | `meant` | the confused deputy's question: who says that this ServiceAccount is meant? |

mod hash;
mod meant;

use jiff::Timestamp;

use crate::consent::{ConsentRefusal, RoleConsent, role_consent};
use crate::edit::{EditRefusal, ProposedEdit, RemedyOperation, append_statement, remove_statement};
use crate::facts::{LiveRole, RemedySubject};
use crate::journal::Journal;
use crate::ownership::{ToolOwnership, owning_tools};

pub use hash::PlanHash;
pub use meant::{AdmittedBy, Meant};

/// One edit, and what it was planned for. The same live data gives the same plan with the same hash to each caller: the operator, which
/// shows it; `irsa-audit approve`; the writer.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Who is admitted by it, or loses what our statement gave.
    pub subject: RemedySubject,
    /// The role as it was read.
    pub role: LiveRole,
    /// The edit.
    pub edit: ProposedEdit,
    /// The role's consent, or why there is none.
    pub consent: Result<RoleConsent, ConsentRefusal>,
    /// The role's change counter before this plan.
    pub counter: u64,
    /// Whom the role admits already, and who says that this ServiceAccount is meant.
    pub meant: Meant,
    /// The tools that keep the role.
    pub tools: Vec<ToolOwnership>,
    /// What an approval names.
    pub hash: PlanHash,
}

impl Plan {
    /// The plan of an operation. `at` is the time of the evaluation; it is not part of the hash.
    ///
    /// # Errors
    /// Why there is no edit to plan.
    pub fn new(
        operation: RemedyOperation,
        subject: &RemedySubject,
        role: &LiveRole,
        journal: &Journal<'_>,
        at: Timestamp,
    ) -> Result<Self, EditRefusal> {
        let counter = journal.counter(role);
        let edit = match operation {
            RemedyOperation::Append => append_statement(role, subject, counter, at)?,
            RemedyOperation::Remove => {
                let ours = journal
                    .removable(role, subject)
                    .ok_or(EditRefusal::NothingToRemove)?;
                remove_statement(role, subject, &ours.statement, at)?
            }
        };
        let consent = role_consent(&role.tags, &subject.issuer, &subject.namespace, &subject.name);
        let hash = PlanHash::of(subject, role, &edit, consent.as_ref().ok(), counter);
        Ok(Self {
            meant: Meant::of(subject, &edit.before),
            tools: owning_tools(role),
            subject: subject.clone(),
            role: role.clone(),
            edit,
            consent,
            counter,
            hash,
        })
    }

    /// What is done.
    #[must_use]
    pub fn operation(&self) -> RemedyOperation {
        self.edit.operation
    }

    /// The sequence of the record that carries it out.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.counter.saturating_add(1)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/plan.rs"]
mod tests;
