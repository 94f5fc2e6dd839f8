//! What IAM's policy simulator says, into a snapshot.

use std::collections::BTreeMap;

use audit_core::model::{Account, Simulated, Simulation};

use super::{Change, configured, put};
use crate::reading::Reading;

/// Puts an answer of the simulator into its account. What it says again, of a role with the same policies, it has been saying since it
/// was first heard.
pub(super) fn apply(accounts: &mut BTreeMap<String, Account>, reading: Reading) -> Vec<Change> {
    let Reading::Simulation {
        account,
        name,
        state,
        at,
        result,
    } = reading
    else {
        return Vec::new();
    };
    let (entry, access) = configured(accounts, &account);
    let seen = entry.simulations.entry(name.clone()).or_default();
    let old = seen.latest().filter(|old| old.state == state);
    let result = result.map(|heard| {
        let mut answers = BTreeMap::new();
        for (inquiry, said) in heard {
            let before = old.and_then(|old| old.answers.get(&inquiry));
            let before = before.filter(|before| before.answers == said);
            let simulated = Simulated {
                since: before.map_or(at, |before| before.since),
                answers: said,
            };
            answers.insert(inquiry, simulated);
        }
        Simulation { state, answers }
    });
    let changed = put(seen, result, at, |old, new| old == new);
    access
        .into_iter()
        .chain(changed.then_some(Change::Simulation { account, name }))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use audit_core::model::{
        FailureKind, Inquiry, LastUsed, Role, RoleLookup, SimulatedAnswer, SimulatedDecision,
    };
    use iam_policy::RoleArn;
    use jiff::Timestamp;

    use super::*;
    use crate::apply::apply;
    use crate::reading::Failure;

    const ID: &str = "111122223333";

    type Accounts = BTreeMap<String, Account>;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn inquiry(action: &str) -> Inquiry {
        Inquiry {
            actions: vec![action.to_owned()],
            resources: Vec::new(),
            context: Vec::new(),
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
            (inquiry(action), vec![answer])
        };
        Reading::Simulation {
            account: ID.into(),
            name: "app".into(),
            state,
            at: at(second),
            result: Ok(said.iter().map(answer).collect()),
        }
    }

    fn since(accounts: &Accounts, action: &str) -> Option<i64> {
        let simulation = accounts[ID].simulations.get("app")?.latest()?;
        Some(simulation.answers.get(&inquiry(action))?.since.as_second())
    }

    #[test]
    fn answers_have_been_the_same_since_they_last_changed() {
        use SimulatedDecision::{Allowed, DeniedImplicitly};
        let mut accounts = Accounts::new();
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
        let mut accounts = Accounts::new();
        apply(&mut accounts, heard(1, 7, &[("a:A", SimulatedDecision::Allowed)]));
        let failed = Reading::Simulation {
            account: ID.into(),
            name: "app".into(),
            state: 7,
            at: at(2),
            result: Err(Failure {
                kind: FailureKind::Unavailable,
                message: "no".to_owned(),
            }),
        };
        let changes = apply(&mut accounts, failed);
        let (account, name) = (ID.to_owned(), "app".to_owned());
        assert_eq!(changes, [Change::Simulation { account, name }]);
        assert_eq!(since(&accounts, "a:A"), Some(1));
        assert_eq!(accounts[ID].failures().count(), 0);
    }

    #[test]
    fn another_role_of_the_same_name_was_not_simulated() {
        let read = |id: &str, second| Reading::Role {
            account: ID.into(),
            name: "app".into(),
            at: at(second),
            result: Ok(RoleLookup::Found(Arc::new(Role {
                arn: RoleArn::parse(&format!("arn:aws:iam::{ID}:role/app")).unwrap(),
                id: id.into(),
                boundary: None,
                trust_text: "{}".into(),
                created: None,
                last_used: LastUsed::Unseen,
                told_after: None,
            }))),
        };
        let mut accounts = Accounts::new();
        apply(&mut accounts, read("AROA1", 1));
        apply(&mut accounts, heard(2, 7, &[("a:A", SimulatedDecision::Allowed)]));
        apply(&mut accounts, read("AROA2", 3));
        assert_eq!(since(&accounts, "a:A"), None);
    }
}
