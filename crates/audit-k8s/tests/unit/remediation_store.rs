use audit_remedy::{PlanHash, RemedyOperation};
use jiff::SignedDuration;
use serde_json::json;

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/app";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn approval(name: &str, service_account: &str) -> ApprovalObject {
    ApprovalObject {
        name: name.to_owned(),
        binding: BindingKey::new("shop", service_account),
        record: Some(ApprovalRecord {
            uid: name.to_owned(),
            namespace: "shop".to_owned(),
            service_account: service_account.to_owned(),
            plan_hash: "0".repeat(64),
            valid_for: SignedDuration::from_hours(1),
            approved_by: "jane".to_owned(),
            created: at(0),
            is_guarded: true,
        }),
    }
}

fn change(name: &str, role_arn: &str, phase: ChangePhase, changed: i64) -> ChangeObject {
    ChangeObject {
        name: name.to_owned(),
        binding: BindingKey::new("shop", "cart"),
        record: Some(JournalRecord {
            name: name.to_owned(),
            sequence: 1,
            role_arn: role_arn.to_owned(),
            role_id: format!("id of {role_arn}"),
            issuer: "https://issuer.example".to_owned(),
            namespace: "shop".to_owned(),
            service_account: "cart".to_owned(),
            operation: RemedyOperation::Append,
            statement: json!({}),
            before: String::new(),
            after: String::new(),
            hash: PlanHash::parse(&"0".repeat(64)).unwrap(),
            approval: None,
            policies: Vec::new(),
            phase,
            created: at(changed),
            changed: at(changed),
            writer: "writer".to_owned(),
            found: None,
            released: None,
        }),
    }
}

fn names(records: &[JournalRecord]) -> Vec<&str> {
    records.iter().map(|record| record.name.as_str()).collect()
}

fn bindings(names: &[&str]) -> BTreeSet<BindingKey> {
    names.iter().map(|name| BindingKey::new("shop", *name)).collect()
}

#[test]
fn an_approval_concerns_its_binding_when_it_comes_changes_and_goes() {
    let mut store = RemediationStore::default();
    let mut dirty = RemediationDirty::default();
    store.put_approval(approval("a", "cart"), &mut dirty);
    assert_eq!(dirty.bindings, bindings(&["cart"]));
    assert_eq!(store.approvals(&BindingKey::new("shop", "cart")).count(), 1);
    // The same again is no news.
    let mut dirty = RemediationDirty::default();
    store.put_approval(approval("a", "cart"), &mut dirty);
    assert_eq!(dirty, RemediationDirty::default());
    // Another object of the same name is for another binding: both are concerned.
    store.put_approval(approval("a", "till"), &mut dirty);
    assert_eq!(dirty.bindings, bindings(&["cart", "till"]));
    assert_eq!(store.approvals(&BindingKey::new("shop", "cart")).count(), 0);
    let mut dirty = RemediationDirty::default();
    store.retain_approvals(|_| false, &mut dirty);
    assert_eq!(dirty.bindings, bindings(&["till"]));
    assert_eq!(store.approvals(&BindingKey::new("shop", "till")).count(), 0);
}

#[test]
fn a_change_that_ends_makes_what_is_known_of_its_role_old() {
    let mut store = RemediationStore::default();
    let mut dirty = RemediationDirty::default();
    store.put_change(change("one", ROLE, ChangePhase::Prepared, 0), &mut dirty);
    assert!(dirty.plans && dirty.ended.is_empty());
    store.put_change(change("one", ROLE, ChangePhase::Applied, 5), &mut dirty);
    let ended = EndedChange {
        role_arn: ROLE.to_owned(),
        at: at(5),
    };
    assert_eq!(dirty.ended, [(BindingKey::new("shop", "cart"), ended)].into());
    assert_eq!(store.changes_of(ROLE, "").len(), 1);
    store.remove_change("one", &mut dirty);
    assert_eq!(store.changes_of(ROLE, "").len(), 0);
    assert!(store.journal(ROLE, "", at(6)).is_empty());
}

#[test]
fn of_other_roles_those_records_count_that_a_limit_or_the_breaker_counts() {
    let mut store = RemediationStore::default();
    let mut dirty = RemediationDirty::default();
    let other = "arn:aws:iam::111122223333:role/other";
    for (name, role, phase, changed) in [
        ("own-old", ROLE, ChangePhase::Applied, -90_000),
        ("old", other, ChangePhase::Applied, -90_000),
        ("older-failure", other, ChangePhase::Refused, -80_000),
        ("well", other, ChangePhase::Applied, -7_200),
        ("given-up", other, ChangePhase::Abandoned, -6_000),
        ("failure", other, ChangePhase::Refused, -5_000),
        ("recent", other, ChangePhase::Applied, -10),
    ] {
        store.put_change(change(name, role, phase, changed), &mut dirty);
    }
    let id = format!("id of {ROLE}");
    assert_eq!(names(&store.journal(ROLE, &id, at(0))), ["own-old", "recent"]);
    // Without anything that ended well, all failures in a row are needed; what was given up is none, and counts for an hour only.
    store.remove_change("recent", &mut dirty);
    assert_eq!(
        names(&store.journal(ROLE, &id, at(0))),
        ["failure", "own-old", "well"]
    );
    store.put_change(change("given-up", other, ChangePhase::Abandoned, -60), &mut dirty);
    assert!(names(&store.journal(ROLE, &id, at(0))).contains(&"given-up"));
    // A role that was created anew is known by its ARN, and one that was renamed by its id.
    for (arn, id) in [(ROLE, "another"), ("another", id.as_str())] {
        assert!(names(&store.journal(arn, id, at(0))).contains(&"own-old"));
    }
}

#[test]
fn a_record_that_cannot_be_read_makes_the_journal_unreadable_until_it_is_gone() {
    let mut store = RemediationStore::default();
    let mut dirty = RemediationDirty::default();
    let broken = ChangeObject {
        record: None,
        ..change("one", ROLE, ChangePhase::Applied, 0)
    };
    store.put_change(broken, &mut dirty);
    assert!(!store.is_readable());
    store.put_change(change("one", ROLE, ChangePhase::Applied, 0), &mut dirty);
    assert!(store.is_readable());
}
