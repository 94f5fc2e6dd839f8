use super::*;
use crate::journal::record_name;
use crate::testing::{EC2, at, document, plan, plan_with, record, role, role_of, subject};

use ChangePhase as P;

const ALL: [ChangePhase; 6] = [
    P::Prepared,
    P::Applied,
    P::Refused,
    P::NotApplied,
    P::Abandoned,
    P::Latched,
];

#[test]
fn each_record_raises_the_counter_in_every_phase_and_none_lowers_it() {
    assert_eq!(Journal::new(&[]).counter(&role()), 0);
    for phase in ALL {
        let first = record(&plan(), phase);
        assert_eq!(Journal::new(std::slice::from_ref(&first)).counter(&role()), 1);
        // An old record may be gone after its time.
        let later = JournalRecord { sequence: 7, ..first };
        assert_eq!(Journal::new(&[later]).counter(&role()), 7);
    }
}

#[test]
fn a_role_that_was_created_again_inherits_what_is_known_of_its_name() {
    let latched = record(&plan(), P::Latched);
    let successor = LiveRole {
        id: "AROANEW".to_owned(),
        ..role()
    };
    let records = [latched];
    let journal = Journal::new(&records);
    assert_eq!(journal.counter(&successor), 1);
    assert!(journal.latched(&successor).is_some());
    let other = LiveRole {
        id: "AROANEW".to_owned(),
        arn: iam_policy::RoleArn::parse("arn:aws:iam::111122223333:role/other").unwrap(),
        ..role()
    };
    assert_eq!(journal.counter(&other), 0);
    assert!(journal.latched(&other).is_none());
}

#[test]
fn hash_and_approval_are_spent_by_the_record_in_any_phase() {
    for phase in ALL {
        let spent = JournalRecord {
            approval: Some("a-1".to_owned()),
            ..record(&plan(), phase)
        };
        let records = [spent];
        let journal = Journal::new(&records);
        assert!(journal.spent_hash(&plan().hash).is_some(), "{phase:?}");
        assert!(journal.spent_approval("a-1").is_some(), "{phase:?}");
        assert!(journal.spent_approval("a-").is_none());
        let name = records[0].name.clone();
        assert!(
            journal.before(&name).spent_hash(&plan().hash).is_none(),
            "its own record does not count against itself"
        );
    }
}

#[test]
fn only_an_open_record_is_in_flight_and_only_a_latch_that_stands_latches() {
    for phase in ALL {
        let records = [record(&plan(), phase)];
        let journal = Journal::new(&records);
        assert_eq!(
            journal.in_flight(&role()).is_some(),
            phase == P::Prepared,
            "{phase:?}"
        );
        assert_eq!(
            journal.open().count(),
            usize::from(phase == P::Prepared),
            "{phase:?}"
        );
        assert_eq!(
            journal.latched(&role()).is_some(),
            phase == P::Latched,
            "{phase:?}"
        );
        assert_eq!(
            journal.last_latch(&role()).is_some(),
            phase == P::Latched,
            "{phase:?}"
        );
        let released = [JournalRecord {
            released: Some(at(5)),
            ..records[0].clone()
        }];
        assert!(Journal::new(&released).latched(&role()).is_none());
        assert_eq!(
            Journal::new(&released).last_latch(&role()).is_some(),
            phase == P::Latched
        );
    }
}

#[test]
fn the_hour_of_a_policy_ends_after_an_hour() {
    let of = |created, policy: &str| JournalRecord {
        created: at(created),
        policies: vec!["x".to_owned(), policy.to_owned()],
        ..record(&plan(), P::Abandoned)
    };
    let records = [
        of(100, "apps"),
        of(0, "apps"),
        of(1, "apps"),
        of(100, "other"),
        of(9000, "apps"),
    ];
    let within = Journal::new(&records).within_hour("apps", at(3600));
    assert_eq!(within, [at(1), at(100), at(9000)], "one from the future counts");
}

#[test]
fn a_statement_of_ours_that_is_gone_has_vanished() {
    let applied = record(&plan(), P::Applied);
    let with = role_of(&applied.after);
    let records = [applied.clone()];
    let journal = Journal::new(&records);
    assert!(journal.vanished(&with, &subject()).is_none());
    assert!(journal.vanished(&role(), &subject()).is_some());
    // Somebody changed it.
    let changed = role_of(&applied.after.replace("shop:cart", "shop:till"));
    assert!(journal.vanished(&changed, &subject()).is_some());
    // It was never there, as far as anyone knows; or it may have been.
    for (phase, vanished) in [
        (P::Prepared, false),
        (P::Refused, false),
        (P::NotApplied, false),
        (P::Abandoned, false),
        (P::Latched, true),
    ] {
        let records = [record(&plan(), phase)];
        assert_eq!(
            Journal::new(&records).vanished(&role(), &subject()).is_some(),
            vanished,
            "{phase:?}"
        );
    }
    // Somebody else's statement is nobody's business here.
    let till = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    assert!(journal.vanished(&role(), &till).is_none());
}

#[test]
fn only_our_own_statement_for_the_account_is_removable_while_it_is_there() {
    let applied = record(&plan(), P::Applied);
    let records = [applied.clone()];
    let journal = Journal::new(&records);
    let with = role_of(&applied.after);
    assert_eq!(journal.removable(&with, &subject()), Some(&applied));
    assert_eq!(journal.removable(&role(), &subject()), None);
    let till = RemedySubject {
        name: "till".to_owned(),
        ..subject()
    };
    assert_eq!(journal.removable(&with, &till), None);
    let successor = LiveRole {
        id: "AROANEW".to_owned(),
        ..with.clone()
    };
    assert_eq!(
        journal.removable(&successor, &subject()),
        None,
        "a role that was created again"
    );
    let other_cluster = [JournalRecord {
        issuer: "https://other.example.com".to_owned(),
        ..applied
    }];
    assert_eq!(Journal::new(&other_cluster).removable(&with, &subject()), None);
}

#[test]
fn the_newest_of_several_statements_is_removed_first() {
    let first = record(&plan(), P::Applied);
    let without = role_of(&document(&[EC2]));
    let second = record(
        &plan_with(&subject(), &without, std::slice::from_ref(&first)),
        P::Applied,
    );
    assert_ne!(first.statement, second.statement);
    let both = role_of(&document(&[
        EC2,
        &first.statement.to_string(),
        &second.statement.to_string(),
    ]));
    let records = [second.clone(), first];
    assert_eq!(Journal::new(&records).removable(&both, &subject()), Some(&second));
    assert_eq!(Journal::new(&records).newest(&both), Some(&second));
}

#[test]
fn names_of_records_are_one_for_each_change_of_a_role_and_fit_kubernetes() {
    assert_eq!(record_name("AROAEXAMPLE", 1), "aroaexample-000001");
    assert_ne!(record_name("AROAEXAMPLE", 1), record_name("AROAEXAMPLE", 2));
    assert_ne!(record_name("AROAEXAMPLE", 1), record_name("AROAOTHER", 1));
    let odd = record_name("AROA/../x Y", 1);
    assert!(
        odd.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
        "{odd}"
    );
}
