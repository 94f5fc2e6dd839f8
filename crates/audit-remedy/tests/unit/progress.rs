use super::*;
use crate::approval::{AdmissionGuard, ApprovalRecord};
use crate::block::{Authorities, write_grant};
use crate::facts::RemedySubject;
use crate::journal::JournalRecord;
use crate::plan::Plan;
use crate::testing::{approval, at, authorities, plan_with, record, role, role_of, subject};

fn plan(opt_in: RemediationMode, records: &[JournalRecord]) -> Plan {
    let subject = RemedySubject { opt_in, ..subject() };
    plan_with(&subject, &role(), records)
}

fn progress(plan: &Plan, change: impl FnOnce(&mut Authorities)) -> RemedyProgress {
    let mut all = authorities();
    change(&mut all);
    RemedyProgress::of_plan(plan.subject.opt_in, &write_grant(plan, &all, None, at(10)))
}

#[test]
fn nobody_asked_for_it_or_an_approval_is_missing() {
    let nobody = plan(RemediationMode::Propose, &[]);
    assert_eq!(progress(&nobody, |_| {}), RemedyProgress::Proposed);
    // Also where more would be missing if somebody asked.
    assert_eq!(
        progress(&nobody, |all| all.policies.clear()),
        RemedyProgress::Proposed
    );
    let asked = plan(RemediationMode::RequireApproval, &[]);
    assert_eq!(progress(&asked, |_| {}), RemedyProgress::Proposed);
    let other = ApprovalRecord {
        plan_hash: "0".repeat(64),
        ..approval(&asked)
    };
    assert_eq!(
        progress(&asked, |all| all.approvals = vec![other]),
        RemedyProgress::Proposed
    );
}

#[test]
fn whatever_else_is_missing_blocks_a_repair_that_is_asked_for() {
    let asked = plan(RemediationMode::RequireApproval, &[]);
    assert_eq!(
        progress(&asked, |all| all.policies.clear()),
        RemedyProgress::Blocked
    );
    assert_eq!(
        progress(&asked, |all| all.guard = AdmissionGuard::BindingMissing),
        RemedyProgress::Blocked
    );
    let own = ApprovalRecord {
        approved_by: authorities().own_users.remove(0),
        ..approval(&asked)
    };
    assert_eq!(
        progress(&asked, |all| all.approvals = vec![own]),
        RemedyProgress::Blocked
    );
}

#[test]
fn what_everyone_agrees_to_is_approved_also_while_it_is_carried_out() {
    let automatic = plan(RemediationMode::Automatic, &[]);
    assert_eq!(progress(&automatic, |_| {}), RemedyProgress::Approved);
    let asked = plan(RemediationMode::RequireApproval, &[]);
    let given = approval(&asked);
    assert_eq!(
        progress(&asked, |all| all.approvals = vec![given.clone()]),
        RemedyProgress::Approved
    );
    let going_on = JournalRecord {
        approval: Some(given.uid.clone()),
        ..record(&asked, ChangePhase::Prepared)
    };
    let again = plan(RemediationMode::RequireApproval, std::slice::from_ref(&going_on));
    assert_eq!(
        progress(&again, |all| {
            all.approvals = vec![given];
            all.journal = vec![going_on];
        }),
        RemedyProgress::Approved
    );
}

#[test]
fn the_newest_change_for_the_service_account_tells_what_was_done() {
    let appended = plan(RemediationMode::Automatic, &[]);
    let live = role_of(&appended.edit.after);
    let of = |records: &[JournalRecord], subject: &RemedySubject| {
        RemedyProgress::of_journal(&Journal::new(records), &live, subject)
    };
    let with = |phase| record(&appended, phase);
    for (phase, expected) in [
        (ChangePhase::Prepared, Some(RemedyProgress::Approved)),
        (ChangePhase::Applied, Some(RemedyProgress::Applied)),
        (ChangePhase::Latched, Some(RemedyProgress::Blocked)),
        (ChangePhase::Refused, None),
        (ChangePhase::NotApplied, None),
        (ChangePhase::Abandoned, None),
    ] {
        assert_eq!(of(&[with(phase)], &subject()), expected, "{phase:?}");
    }
    let released = JournalRecord {
        released: Some(at(5)),
        ..with(ChangePhase::Latched)
    };
    assert_eq!(of(&[released], &subject()), None);
    let removed = JournalRecord {
        operation: RemedyOperation::Remove,
        sequence: 2,
        name: "removed".to_owned(),
        ..with(ChangePhase::Applied)
    };
    assert_eq!(
        of(&[removed, with(ChangePhase::Applied)], &subject()),
        Some(RemedyProgress::RolledBack)
    );
    let other = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    assert_eq!(of(&[with(ChangePhase::Applied)], &other), None);
}
