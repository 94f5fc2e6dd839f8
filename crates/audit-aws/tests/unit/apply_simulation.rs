//! What IAM's policy simulator says, into a snapshot.

use std::sync::Arc;

use audit_core::model::{
    FailureKind, Inquiry, LastUsed, Role, RoleLookup, Simulated, SimulatedAnswer, SimulatedDecision,
    Simulation,
};
use audit_core::snapshot::Accounts;
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::apply;
use crate::concern::Concern;
use crate::evidence;
use crate::failure::Failure;
use crate::reading::Reading;

const ID: &str = "111122223333";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn inquiry(action: &str) -> Arc<Inquiry> {
    Arc::new(Inquiry {
        actions: vec![action.to_owned()],
        resources: Vec::new(),
        context: Vec::new(),
    })
}

fn asked(state: u64) -> evidence::Simulation {
    evidence::Simulation {
        role: "app".into(),
        role_arn: format!("arn:aws:iam::{ID}:role/app"),
        state,
        inquiries: [].into(),
    }
}

fn heard(second: i64, state: u64, said: &[(&str, SimulatedDecision)]) -> Reading {
    let answer = |(action, decision): &(&str, SimulatedDecision)| {
        let answer = SimulatedAnswer {
            action: (*action).to_owned(),
            resource: "*".to_owned(),
            decision: *decision,
            missing_keys: Vec::new(),
        };
        let simulated = Simulated {
            answers: vec![answer],
            since: at(second),
        };
        (inquiry(action), simulated)
    };
    let answers = said.iter().map(answer).collect();
    Reading::piece(ID, asked(state), at(second), Ok(Simulation { state, answers }))
}

fn since(accounts: &Accounts, action: &str) -> Option<i64> {
    let simulation = accounts[ID].simulations.get("app")?.latest()?;
    Some(simulation.answers.get(&inquiry(action))?.since.as_second())
}

#[test]
fn answers_have_been_the_same_since_they_last_changed() {
    use SimulatedDecision::{Allowed, DeniedImplicitly};
    let mut accounts = Accounts::default();
    for (reading, a, b) in [
        (heard(1, 7, &[("a:A", Allowed)]), Some(1), None),
        (
            heard(2, 7, &[("a:A", Allowed), ("b:B", Allowed)]),
            Some(1),
            Some(2),
        ),
        (
            heard(3, 7, &[("a:A", Allowed), ("b:B", DeniedImplicitly)]),
            Some(1),
            Some(3),
        ),
        // The role has other policies: nothing that was said counts.
        (
            heard(4, 8, &[("a:A", Allowed), ("b:B", DeniedImplicitly)]),
            Some(4),
            Some(4),
        ),
        (heard(5, 8, &[("b:B", DeniedImplicitly)]), None, Some(4)),
    ] {
        apply(&mut accounts, reading);
        assert_eq!((since(&accounts, "a:A"), since(&accounts, "b:B")), (a, b));
    }
}

#[test]
fn a_failure_keeps_what_was_said_and_is_no_failure_of_the_account() {
    let mut accounts = Accounts::default();
    apply(&mut accounts, heard(1, 7, &[("a:A", SimulatedDecision::Allowed)]));
    let failure = Failure::new(FailureKind::Unavailable, "no");
    let failed = Reading::piece(ID, asked(7), at(2), Err(failure));
    let applied = apply(&mut accounts, failed);
    let (account, name) = (ID.to_owned(), "app".to_owned());
    let concern = [Concern::Role { account, name }];
    assert_eq!(
        (&*applied.changed, &*applied.confirmed),
        (&concern[..], &concern[..])
    );
    assert_eq!(since(&accounts, "a:A"), Some(1));
    assert_eq!(accounts[ID].failures().count(), 0);
}

#[test]
fn another_role_of_the_same_name_was_not_simulated() {
    let read = |id: &str, second| {
        let found = RoleLookup::Found(Arc::new(Role {
            arn: RoleArn::parse(&format!("arn:aws:iam::{ID}:role/app")).unwrap(),
            id: id.into(),
            boundary: None,
            tags: None,
            trust_text: "{}".into(),
            created: None,
            last_used: LastUsed::Unseen,
            told_after: None,
        }));
        let (name, with_documents) = ("app".into(), false);
        Reading::piece(ID, evidence::Role { name, with_documents }, at(second), Ok(found))
    };
    let mut accounts = Accounts::default();
    apply(&mut accounts, read("AROA1", 1));
    apply(&mut accounts, heard(2, 7, &[("a:A", SimulatedDecision::Allowed)]));
    apply(&mut accounts, read("AROA2", 3));
    assert_eq!(since(&accounts, "a:A"), None);
}
