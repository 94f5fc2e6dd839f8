use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{
    Access, BindingKey, Clusters, EksIssuer, FailureKind, LastUsed, PodIdentityAssociation, Provider, Role,
    RoleLookup, RolePolicies, TrustingRoles,
};
use audit_core::snapshot::Accounts;
use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::concern::Concern;
use crate::evidence::{self, Answered, PodIdentity, Policies};
use crate::failure::Failure;
use crate::reading::{Listed, ListedRole, Reading};

const ID: &str = "111122223333";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn failure(kind: FailureKind) -> Failure {
    Failure::new(kind, "no")
}

/// Puts a reading into accounts. Returns whom it concerns that something changed.
fn apply(accounts: &mut Accounts, reading: Reading) -> Vec<Concern> {
    super::apply(accounts, reading).changed
}

/// A role; its trust policy's text is all that tells variants apart.
fn role(name: &str, id: &str, trust: &str) -> Arc<Role> {
    let arn = RoleArn::parse(&format!("arn:aws:iam::{ID}:role/{name}")).unwrap();
    Arc::new(Role {
        arn,
        id: id.into(),
        boundary: None,
        tags: None,
        trust_text: trust.into(),
        created: None,
        last_used: LastUsed::Unseen,
        told_after: None,
    })
}

fn found(name: &str, trust: &str) -> RoleLookup {
    RoleLookup::Found(role(name, "AROA1", trust))
}

fn used(name: &str, trust: &str, last_used: LastUsed) -> RoleLookup {
    let role = role(name, "AROA1", trust);
    RoleLookup::Found(Arc::new(Role {
        last_used,
        ..(*role).clone()
    }))
}

fn role_read(name: &str, second: i64, result: Result<RoleLookup, Failure>) -> Reading {
    let (name, with_documents) = (name.into(), false);
    Reading::piece(ID, evidence::Role { name, with_documents }, at(second), result)
}

fn policies(attached: &[&str]) -> RolePolicies {
    RolePolicies {
        attached: attached.iter().map(|&arn| arn.into()).collect(),
        inline: vec![],
    }
}

fn policies_read(name: &str, second: i64, result: Result<RolePolicies, Failure>) -> Reading {
    let (role, documents) = (name.into(), None);
    Reading::piece(ID, Policies { role, documents }, at(second), result)
}

fn provider_read(second: i64, result: Result<Option<Provider>, Failure>) -> Reading {
    Reading::piece(ID, evidence::Provider { arn: "arn".into() }, at(second), result)
}

fn provider(client_id: &str) -> Provider {
    Provider {
        arn: "arn".into(),
        url: "oidc.example.com".into(),
        client_ids: vec![client_id.into()],
    }
}

fn listed_role(name: &str, second: i64, trust: &str, subjects: &[&str]) -> ListedRole {
    ListedRole {
        name: name.into(),
        at: at(second),
        role: Ok(role(name, "AROA1", trust)),
        policies: policies(&["p"]),
        inline: None,
        subjects: subjects.iter().map(|&subject| subject.into()).collect(),
    }
}

/// A listing that went on from one second to another.
fn listing(from: i64, to: i64, roles: Vec<ListedRole>, absent: &[&str]) -> Reading {
    let absent: BTreeSet<String> = absent.iter().map(|&name| name.into()).collect();
    let total = 10;
    Reading::Listing {
        account: ID.into(),
        at: at(to),
        started_at: at(from),
        result: Ok(Listed {
            roles,
            absent,
            total,
            managed: [].into(),
            unlisted: [].into(),
            trusted_issuers: [].into(),
        }),
    }
}

fn failed_listing(second: i64, kind: FailureKind) -> Reading {
    Reading::Listing {
        account: ID.into(),
        at: at(second),
        started_at: at(second),
        result: Err(failure(kind)),
    }
}

fn role_change(name: &str) -> Concern {
    Concern::Role {
        account: ID.into(),
        name: name.into(),
    }
}

fn listing_change() -> Concern {
    Concern::Account { account: ID.into() }
}

/// Whether a role is there (its trust policy's text) or absent, and since when it was seen so.
fn seen(accounts: &Accounts, name: &str) -> Option<(Option<String>, i64)> {
    let (lookup, at) = accounts[ID].roles.get(name)?.value.as_ref()?;
    let text = match lookup {
        RoleLookup::Found(role) => Some(role.trust_text.to_string()),
        RoleLookup::Absent => None,
    };
    Some((text, at.as_second()))
}

#[test]
fn a_use_of_a_role_is_a_change() {
    let mut accounts = Accounts::default();
    let mut read = |second, last_used| {
        let reading = role_read("app", second, Ok(used("app", "a", last_used)));
        !apply(&mut accounts, reading).is_empty()
    };
    assert!(read(1, LastUsed::Never));
    assert!(!read(2, LastUsed::Never));
    assert!(read(3, LastUsed::At(at(2))));
    assert!(!read(4, LastUsed::At(at(2))));
}

/// What happens, the reading at a second, and what it changes.
type Step = (&'static str, Box<dyn Fn(i64) -> Reading>, Vec<Concern>);

#[test]
fn only_what_means_something_else_is_a_change() {
    let denied = || {
        failure(FailureKind::AccessDenied {
            action: "iam:GetRole".into(),
        })
    };
    let throttled = || failure(FailureKind::Throttled);
    let role = || vec![role_change("app")];
    let none = Vec::new;
    let provider_change = || vec![Concern::Account { account: ID.into() }];
    let mut accounts = Accounts::default();
    let mut second = 0;
    let steps: Vec<Step> = vec![
        (
            "first found",
            Box::new(|s| role_read("app", s, Ok(found("app", "a")))),
            role(),
        ),
        (
            "the same, younger",
            Box::new(|s| role_read("app", s, Ok(found("app", "a")))),
            none(),
        ),
        (
            "other trust",
            Box::new(|s| role_read("app", s, Ok(found("app", "b")))),
            role(),
        ),
        (
            "failure begins",
            Box::new(move |s| role_read("app", s, Err(throttled()))),
            role(),
        ),
        (
            "failure goes on",
            Box::new(move |s| role_read("app", s, Err(throttled()))),
            none(),
        ),
        (
            "other failure",
            Box::new(move |s| role_read("app", s, Err(denied()))),
            role(),
        ),
        (
            "failure ends",
            Box::new(|s| role_read("app", s, Ok(found("app", "b")))),
            role(),
        ),
        (
            "policies",
            Box::new(|s| policies_read("app", s, Ok(policies(&["p"])))),
            role(),
        ),
        (
            "same policies",
            Box::new(|s| policies_read("app", s, Ok(policies(&["p"])))),
            none(),
        ),
        (
            "no policies",
            Box::new(|s| policies_read("app", s, Ok(policies(&[])))),
            role(),
        ),
        (
            "absent",
            Box::new(|s| role_read("app", s, Ok(RoleLookup::Absent))),
            role(),
        ),
        (
            "still absent",
            Box::new(|s| role_read("app", s, Ok(RoleLookup::Absent))),
            none(),
        ),
        (
            "provider",
            Box::new(|s| provider_read(s, Ok(Some(provider("a"))))),
            provider_change(),
        ),
        (
            "same provider",
            Box::new(|s| provider_read(s, Ok(Some(provider("a"))))),
            none(),
        ),
        (
            "other client ids",
            Box::new(|s| provider_read(s, Ok(Some(provider("b"))))),
            provider_change(),
        ),
        (
            "no provider",
            Box::new(|s| provider_read(s, Ok(None))),
            provider_change(),
        ),
    ];
    for (step, reading, expected) in steps {
        second += 1;
        assert_eq!(apply(&mut accounts, reading(second)), expected, "{step}");
    }
}

#[test]
fn a_failure_leaves_the_value_to_grow_old() {
    let mut accounts = Accounts::default();
    apply(&mut accounts, role_read("app", 1, Ok(found("app", "a"))));
    apply(
        &mut accounts,
        role_read("app", 2, Err(failure(FailureKind::Throttled))),
    );
    assert_eq!(seen(&accounts, "app"), Some((Some("a".into()), 1)));
    assert_eq!(
        accounts[ID].roles["app"].failure.as_ref().unwrap().kind,
        FailureKind::Throttled
    );
    apply(&mut accounts, role_read("app", 3, Ok(found("app", "a"))));
    assert_eq!(seen(&accounts, "app"), Some((Some("a".into()), 3)));
}

#[test]
fn a_role_read_again_shares_what_was_parsed_before() {
    let mut accounts = Accounts::default();
    apply(&mut accounts, role_read("app", 1, Ok(found("app", "a"))));
    let parsed = |accounts: &Accounts| match accounts[ID].roles["app"].latest() {
        Some(RoleLookup::Found(role)) => Arc::clone(&role.trust_text),
        other => panic!("{other:?}"),
    };
    let before = parsed(&accounts);
    apply(&mut accounts, role_read("app", 2, Ok(found("app", "a"))));
    assert!(Arc::ptr_eq(&before, &parsed(&accounts)));
}

#[test]
fn policies_of_a_role_do_not_pass_to_another_of_its_name() {
    for (second_role, kept) in [
        (found("app", "other trust"), true),
        (RoleLookup::Absent, false),
        (RoleLookup::Found(role("app", "AROA2", "a")), false),
    ] {
        let mut accounts = Accounts::default();
        apply(&mut accounts, role_read("app", 1, Ok(found("app", "a"))));
        apply(&mut accounts, policies_read("app", 1, Ok(policies(&["p"]))));
        apply(&mut accounts, role_read("app", 2, Ok(second_role.clone())));
        assert_eq!(accounts[ID].policies.contains_key("app"), kept, "{second_role:?}");
    }
}

#[test]
fn access_follows_what_the_directory_found() {
    let mut accounts = Accounts::default();
    let change = vec![Concern::Account { account: ID.into() }];
    let not_configured = || Reading::NotConfigured { account: ID.into() };
    assert_eq!(apply(&mut accounts, not_configured()), change);
    assert_eq!(apply(&mut accounts, not_configured()), []);
    assert_eq!(accounts[ID].access, Access::NotConfigured);
    let changes = apply(&mut accounts, role_read("app", 1, Ok(RoleLookup::Absent)));
    assert_eq!(changes, [role_change("app"), change[0].clone()]);
    assert_eq!(accounts[ID].access, Access::Configured);
}

#[test]
fn a_listing_gives_roles_policies_and_absence() {
    let mut accounts = Accounts::default();
    let changes = apply(
        &mut accounts,
        listing(1, 3, vec![listed_role("app", 2, "a", &[])], &["gone"]),
    );
    assert_eq!(
        changes,
        [role_change("app"), role_change("gone"), listing_change()]
    );
    assert_eq!(seen(&accounts, "app"), Some((Some("a".into()), 2)));
    assert_eq!(seen(&accounts, "gone"), Some((None, 1)));
    assert_eq!(accounts[ID].policies["app"].latest(), Some(&policies(&["p"])));
    assert_eq!(accounts[ID].listing.latest(), Some(&10));
    let again = apply(
        &mut accounts,
        listing(11, 13, vec![listed_role("app", 12, "a", &[])], &["gone"]),
    );
    assert_eq!(again, []);
    assert_eq!(
        (
            seen(&accounts, "app").unwrap().1,
            seen(&accounts, "gone").unwrap().1
        ),
        (12, 11)
    );
}

#[test]
fn the_younger_of_listing_and_single_read_stands() {
    // The listing went on from 10 to 20 and showed the role at 15, or not at all.
    for (read_at, after_found, after_absent) in [
        (9, (Some("listed"), 15), (None, 10)),
        (12, (Some("listed"), 15), (Some("read"), 12)),
        (17, (Some("read"), 17), (Some("read"), 17)),
        // The clock was set back after this read.
        (99, (Some("listed"), 15), (None, 10)),
    ] {
        let expected = |(text, at): (Option<&str>, i64)| Some((text.map(str::to_owned), at));
        let mut before = Accounts::default();
        apply(&mut before, role_read("app", read_at, Ok(found("app", "read"))));
        let mut accounts = before.clone();
        apply(
            &mut accounts,
            listing(10, 20, vec![listed_role("app", 15, "listed", &[])], &[]),
        );
        assert_eq!(
            seen(&accounts, "app"),
            expected(after_found),
            "found, read at {read_at}"
        );
        let mut accounts = before;
        apply(&mut accounts, listing(10, 20, vec![], &["app"]));
        assert_eq!(
            seen(&accounts, "app"),
            expected(after_absent),
            "absent, read at {read_at}"
        );
    }
}

#[test]
fn a_listing_mends_a_failed_single_read() {
    let mut accounts = Accounts::default();
    apply(
        &mut accounts,
        role_read("app", 17, Err(failure(FailureKind::Throttled))),
    );
    apply(
        &mut accounts,
        listing(10, 20, vec![listed_role("app", 15, "a", &[])], &[]),
    );
    assert_eq!(seen(&accounts, "app"), Some((Some("a".into()), 15)));
    assert_eq!(accounts[ID].failures().count(), 0);
}

#[test]
fn a_listing_forgets_what_nobody_looks_up() {
    let mut accounts = Accounts::default();
    apply(&mut accounts, role_read("old", 1, Ok(found("old", "a"))));
    apply(&mut accounts, policies_read("old", 1, Ok(policies(&["p"]))));
    apply(
        &mut accounts,
        role_read("old failure", 1, Err(failure(FailureKind::Throttled))),
    );
    apply(&mut accounts, role_read("new", 12, Ok(found("new", "a"))));
    apply(
        &mut accounts,
        role_read("new failure", 12, Err(failure(FailureKind::Throttled))),
    );
    let changes = apply(&mut accounts, listing(10, 20, vec![], &[]));
    assert_eq!(
        changes,
        [role_change("old"), role_change("old failure"), listing_change()]
    );
    let kept: Vec<&String> = accounts[ID].roles.keys().collect();
    assert_eq!(kept, ["new", "new failure"]);
    assert!(accounts[ID].policies.is_empty());
}

#[test]
fn a_role_that_iam_describes_badly_fails_alone() {
    let mut accounts = Accounts::default();
    let bad = ListedRole {
        role: Err(failure(FailureKind::Unavailable)),
        ..listed_role("bad", 1, "", &[])
    };
    apply(
        &mut accounts,
        listing(1, 1, vec![bad, listed_role("app", 1, "a", &[])], &[]),
    );
    assert!(accounts[ID].roles["bad"].failure.is_some());
    assert!(accounts[ID].roles["app"].failure.is_none());
}

#[test]
fn subjects_are_those_of_the_last_listing() {
    let subject = |name: &str| Concern::Subject(name.to_owned());
    let mut accounts = Accounts::default();
    let roles = vec![
        listed_role("b", 1, "x", &["s1", "s2"]),
        listed_role("a", 1, "x", &["s1"]),
    ];
    let changes = apply(&mut accounts, listing(1, 1, roles, &[]));
    assert_eq!(changes[2..4], [subject("s1"), subject("s2")]);
    let trusted = &accounts[ID].trusted_subjects;
    assert_eq!(
        (trusted["s1"].join(" "), trusted["s2"].join(" ")),
        ("a b".into(), "b".into())
    );

    let roles = vec![
        listed_role("b", 2, "x", &["s1", "s3"]),
        listed_role("a", 2, "x", &["s1"]),
    ];
    assert_eq!(
        apply(&mut accounts, listing(2, 2, roles, &[])),
        [subject("s2"), subject("s3")]
    );
    assert!(!accounts[ID].trusted_subjects.contains_key("s2"));
}

#[test]
fn a_failed_listing_leaves_everything_as_it_was() {
    let denied = FailureKind::AccessDenied {
        action: "iam:GetAccountAuthorizationDetails".into(),
    };
    let mut accounts = Accounts::default();
    assert_eq!(
        apply(&mut accounts, failed_listing(1, denied.clone())),
        [listing_change()]
    );
    assert_eq!(apply(&mut accounts, failed_listing(2, denied)), []);
    assert_eq!(accounts[ID].listing.failure.as_ref().unwrap().since, at(1));
    assert!(accounts[ID].listing_is_missing());

    apply(
        &mut accounts,
        listing(3, 3, vec![listed_role("app", 3, "a", &["s"])], &[]),
    );
    assert_eq!(
        apply(&mut accounts, failed_listing(4, FailureKind::Throttled)),
        [listing_change()]
    );
    assert_eq!(seen(&accounts, "app"), Some((Some("a".into()), 3)));
    assert!(accounts[ID].trusted_subjects.contains_key("s"));
    assert_eq!(accounts[ID].listing.observed_at(), Some(at(3)));
}

#[test]
fn associations_concern_those_for_whom_they_changed() {
    let mut accounts = Accounts::default();
    let key = |name: &str| BindingKey::new("shop", name);
    let association = |role_arn: Option<&str>| PodIdentityAssociation {
        is_described: true,
        id: "a-1".into(),
        role_arn: role_arn.map(str::to_owned),
        has_session_tags: true,
    };
    let asked = PodIdentity {
        cluster_name: "prod".into(),
        wanted: [].into(),
    };
    let read = |second: i64, result, trouble| Reading::Piece {
        account: ID.into(),
        answer: Answered {
            trouble,
            ..Answered::new(asked.clone(), at(second), result)
        }
        .into(),
    };
    let changed = |changes: Vec<Concern>| {
        let keys = changes.into_iter().filter_map(|change| match change {
            Concern::Binding(key) => Some(key.service_account),
            _ => None,
        });
        keys.collect::<Vec<_>>()
    };
    let both: BTreeMap<_, _> = [(key("a"), association(None)), (key("b"), association(None))].into();
    assert_eq!(
        changed(apply(&mut accounts, read(1, Ok(both.clone()), None))),
        ["a", "b"]
    );
    let mut other = both;
    other.insert(key("b"), association(Some("arn")));
    let trouble = failure(FailureKind::Throttled);
    assert_eq!(
        changed(apply(
            &mut accounts,
            read(2, Ok(other.clone()), Some(trouble.clone()))
        )),
        ["b"]
    );
    let seen = &accounts[ID].pod_identity;
    assert!(
        seen.latest() == Some(&other) && seen.failure.is_some(),
        "both count"
    );
    assert_eq!(
        changed(apply(&mut accounts, read(3, Err(trouble), None))),
        [""; 0]
    );
    assert_eq!(
        accounts[ID].pod_identity.latest(),
        Some(&other),
        "what was seen stands"
    );
    assert_eq!(
        changed(apply(&mut accounts, read(4, Ok(BTreeMap::new()), None))),
        ["a", "b"]
    );
}

fn clusters_read(second: i64, result: Result<&[&str], Failure>) -> Reading {
    let clusters = |ids: &[&str]| Clusters {
        issuers: ids.iter().map(|id| eks_issuer(id)).collect(),
        is_whole: true,
    };
    let region = "eu-west-1".into();
    Reading::piece(
        ID,
        evidence::Clusters { region },
        at(second),
        result.map(clusters),
    )
}

fn eks_issuer(id: &str) -> EksIssuer {
    EksIssuer::parse(&format!("oidc.eks.eu-west-1.amazonaws.com/id/{id}")).unwrap()
}

#[test]
fn clusters_concern_no_binding_and_a_failure_leaves_those_that_were_seen() {
    let mut accounts = Accounts::default();
    assert_eq!(apply(&mut accounts, clusters_read(1, Ok(&["A"]))), []);
    let denied = failure(FailureKind::AccessDenied {
        action: "eks:ListClusters".into(),
    });
    assert_eq!(apply(&mut accounts, clusters_read(2, Err(denied))), []);
    let seen = &accounts[ID].clusters["eu-west-1"];
    assert!(seen.failure.is_some() && seen.observed_at() == Some(at(1)));
    let clusters = seen.latest().unwrap();
    assert!(clusters.is_whole && clusters.issuers.contains(&eks_issuer("A")));
    assert_eq!(accounts[ID].failures().count(), 1);
}

#[test]
fn an_issuer_is_trusted_since_the_end_of_the_first_listing_in_a_row_that_shows_it() {
    let mut accounts = Accounts::default();
    let mut listed = |from: i64, to: i64, ids: &[&str]| {
        let mut reading = listing(from, to, vec![], &[]);
        if let Reading::Listing {
            result: Ok(listed), ..
        } = &mut reading
        {
            let roles = |id: &&str| (eks_issuer(id), TrustingRoles::new(id));
            listed.trusted_issuers = ids.iter().map(roles).collect();
        }
        apply(&mut accounts, reading);
        let trusted = &accounts[ID].trusted_issuers;
        trusted.values().map(|trusted| trusted.since).collect::<Vec<_>>()
    };
    assert_eq!(listed(1, 2, &["A"]), [at(2)]);
    assert_eq!(listed(10, 12, &["A", "B"]), [at(2), at(12)]);
    assert_eq!(listed(20, 22, &["B"]), [at(12)]);
    assert_eq!(listed(30, 32, &["A", "B"]), [at(32), at(12)]);
}
