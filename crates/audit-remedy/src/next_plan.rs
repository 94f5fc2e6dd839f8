//! Which plan a binding is up for: what a person has approved before what anyone has opted into.

use jiff::Timestamp;

use crate::approval::valid_approval;
use crate::block::Authorities;
use crate::edit::{EditRefusal, RemedyOperation};
use crate::facts::{LiveRole, RemedySubject};
use crate::journal::Journal;
use crate::plan::Plan;

/// The plan to carry out next for a ServiceAccount, if everyone agrees to it: the removal of our statement where a person has approved
/// that, else the statement that the role lacks. A rollback is never made by itself. It goes first, because a role of which our
/// statement has a different audience lacks another one at the same time.
///
/// # Errors
/// Why there is no statement to append.
pub fn next_plan(
    subject: &RemedySubject,
    role: &LiveRole,
    authorities: &Authorities,
    now: Timestamp,
) -> Result<Plan, EditRefusal> {
    let journal = Journal::new(&authorities.journal);
    let is_approved = |plan: &Plan| {
        valid_approval(
            &authorities.approvals,
            plan,
            &journal,
            &authorities.own_users,
            now,
        )
        .is_ok()
    };
    let removal = Plan::new(RemedyOperation::Remove, subject, role, &journal, now);
    match removal {
        Ok(plan) if is_approved(&plan) => Ok(plan),
        _ => Plan::new(RemedyOperation::Append, subject, role, &journal, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::ApprovalRecord;
    use crate::journal::{ChangePhase, JournalRecord};
    use crate::testing::{approval, at, authorities, plan, record, role_of, subject};

    /// A role with our statement, and the journal that has its record.
    fn appended() -> (LiveRole, JournalRecord) {
        (role_of(&plan().edit.after), record(&plan(), ChangePhase::Applied))
    }

    fn removal(role: &LiveRole, subject: &RemedySubject, record: &JournalRecord) -> Plan {
        let records = [record.clone()];
        let journal = Journal::new(&records);
        Plan::new(RemedyOperation::Remove, subject, role, &journal, at(0)).unwrap()
    }

    #[test]
    fn a_removal_needs_a_person_who_names_it() {
        let (role, record) = appended();
        let removal = removal(&role, &subject(), &record);
        let next = |approvals: Vec<ApprovalRecord>| {
            let mut all = authorities();
            all.journal = vec![record.clone()];
            all.approvals = approvals;
            next_plan(&subject(), &role, &all, at(10)).map(|plan| plan.operation())
        };
        assert_eq!(next(Vec::new()), Err(EditRefusal::AlreadyAdmitted));
        assert_eq!(next(vec![approval(&plan())]), Err(EditRefusal::AlreadyAdmitted));
        assert_eq!(next(vec![approval(&removal)]), Ok(RemedyOperation::Remove));
    }

    #[test]
    fn an_approved_removal_goes_before_a_statement_that_the_role_lacks() {
        let (role, record) = appended();
        let other_audience = RemedySubject {
            audience: "vault".to_owned(),
            ..subject()
        };
        let removal = removal(&role, &other_audience, &record);
        let next = |approvals: Vec<ApprovalRecord>| {
            let mut all = authorities();
            all.journal = vec![record.clone()];
            all.approvals = approvals;
            let plan = next_plan(&other_audience, &role, &all, at(10)).unwrap();
            plan.operation()
        };
        assert_eq!(next(Vec::new()), RemedyOperation::Append);
        assert_eq!(next(vec![approval(&removal)]), RemedyOperation::Remove);
        let expired = ApprovalRecord {
            created: at(-90_000),
            ..approval(&removal)
        };
        assert_eq!(next(vec![expired]), RemedyOperation::Append);
    }
}
