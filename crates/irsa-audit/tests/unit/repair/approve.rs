use audit_remedy::{ChangePhase, RemediationMode};

use super::super::testing::{Stage, approval, record};
use super::*;

fn no_use_of(stage: &Stage) -> Option<String> {
    no_use(&stage.case(), &stage.plan())
}

#[test]
fn an_approval_is_of_use_where_the_plan_needs_one_whatever_else_blocks_it() {
    assert_eq!(no_use_of(&Stage::broken()), None);
    assert_eq!(no_use_of(&Stage::applied()), None);
    let blocked = Stage::with(|stage| {
        stage.role.tags.clear();
        stage.subject.opt_in = RemediationMode::Propose;
    });
    assert_eq!(no_use_of(&blocked), None);
}

#[test]
fn an_approval_ends_the_wait_for_a_role_whose_writes_failed() {
    let plan = Stage::broken().plan();
    let failed = Stage::with(|stage| {
        stage.subject.opt_in = RemediationMode::Automatic;
        stage
            .authorities
            .journal
            .push(record(&plan, ChangePhase::Refused));
    });
    assert_eq!(no_use_of(&failed), None);
}

#[test]
fn an_approval_that_could_change_nothing_is_not_created() {
    let plan = Stage::broken().plan();
    let approved = Stage::with(|stage| stage.authorities.approvals.push(approval(&plan)));
    assert!(no_use_of(&approved).is_some());
    let automatic = Stage::with(|stage| stage.subject.opt_in = RemediationMode::Automatic);
    assert!(no_use_of(&automatic).is_some());
    // A record of a different role spent the same hash.
    let spent = Stage::with(|stage| {
        let mut other = record(&plan, ChangePhase::NotApplied);
        "AROAOTHER".clone_into(&mut other.role_id);
        "arn:aws:iam::111122223333:role/other".clone_into(&mut other.role_arn);
        stage.authorities.journal.push(other);
    });
    assert_eq!(spent.plan().hash, plan.hash);
    assert!(no_use_of(&spent).is_some());
}

#[test]
fn hashes_are_compared_whole() {
    let plan = Stage::broken().plan();
    assert_eq!(other_plan(&plan.hash, &plan), None);
    let mut digits: Vec<char> = plan.hash.as_str().chars().collect();
    let last = digits.last_mut().unwrap();
    *last = if *last == '0' { '1' } else { '0' };
    let near = PlanHash::parse(&digits.into_iter().collect::<String>()).unwrap();
    assert!(other_plan(&near, &plan).is_some());
}
