//! What whoever may edit one namespace can make others wait for: counted in steps and words, not in seconds.

use rbac::{
    Extent, HeldBindings, ObjectId, PermissionDecision, PolicyRule, Rbac, RbacSight, Subject, Text, Unseen,
};
use rbac::{KubernetesExpectation, answers};

use super::support::{account, binding, role};
use super::{cart, nearest, rbac, takers};

/// A rule with so many names or resources, all of one length and like no other.
fn words(count: usize) -> impl Iterator<Item = Text> {
    (0..count).map(|n| Text::from(format!("{n:0>62}")))
}

/// So many users.
fn users(count: usize) -> Vec<Subject> {
    (0..count)
        .map(|n| Subject::User(format!("user-{n}").into()))
        .collect()
}

fn expected(resource: &str, verbs: usize) -> KubernetesExpectation {
    KubernetesExpectation {
        verbs: (0..verbs).map(|n| format!("verb{n}")).collect(),
        api_group: String::new(),
        resource: resource.to_owned(),
        subresource: None,
        resource_names: Vec::new(),
        namespace: Some("shop".to_owned()),
    }
}

#[test]
fn a_role_of_many_names_is_not_filed_for_each_of_many_subjects() {
    let names: Vec<Text> = words(1_000).chain([Text::from("cart")]).collect();
    let mint = PolicyRule {
        verbs: ["create".into(), "update".into(), "impersonate".into()].into(),
        api_groups: ["".into()].into(),
        resources: ["serviceaccounts".into(), "serviceaccounts/token".into()].into(),
        resource_names: names.into(),
    };
    let mut by_names = role("shop", "r", &[]);
    by_names.rules = [mint].into();
    let before = counted::steps();
    let all = rbac(&[by_names], &[binding("shop", "b", "r", &users(500))]);
    let (count, shown) = takers(&all, &cart(), 3);
    assert_eq!((count, shown.len(), shown[0].ways.len()), (500, 3, 3));
    assert!(
        counted::steps() - before < 10_000,
        "{}",
        counted::steps() - before
    );
}

#[test]
fn of_many_who_can_take_one_identity_thousands_are_counted() {
    let mint = role("shop", "r", &["create core serviceaccounts/token cart"]);
    let mut all = rbac(&[mint], &[]);
    for n in 0..20 {
        let own = (0..1_000).map(|user| Subject::User(format!("user-{n}-{user}").into()));
        all.put_binding(&binding("shop", &format!("b-{n}"), "r", &own.collect::<Vec<_>>()));
    }
    let before = counted::steps();
    let (count, shown) = takers(&all, &cart(), 3);
    assert_eq!((count, shown.len()), (4_096, 3));
    assert!(
        counted::steps() - before < 10_000,
        "{}",
        counted::steps() - before
    );
}

/// So many Roles of 4,000 words that are nearly as long as what is asked for, each bound to the ServiceAccount.
fn long_roles(count: usize) -> Rbac {
    let mut all = Rbac::default();
    for n in 0..count {
        let mut long = role("shop", &format!("r-{n}"), &[]);
        long.rules = [PolicyRule {
            verbs: ["get".into()].into(),
            api_groups: ["".into()].into(),
            resources: words(4_000).collect(),
            resource_names: [].into(),
        }]
        .into();
        let id = long.id.clone();
        all.put_role(long);
        all.put_binding(&binding(
            "shop",
            &format!("b-{n}"),
            &id.name,
            &[account("shop", "cart")],
        ));
    }
    all
}

#[test]
fn what_roles_beyond_the_limit_allow_is_unknown() {
    let expectations = [expected("pods", 1)];
    for (roles, is_denied) in [(4, true), (5, false)] {
        let mut all = long_roles(roles);
        for kind in rbac::RbacKind::ALL {
            all.set_listed(kind);
        }
        let sight = RbacSight {
            rbac: &all,
            extent: Extent::Watched,
        };
        let found = answers(sight, &cart(), &expectations, &[], &|_| false);
        match &found[0].decision {
            PermissionDecision::Denied => assert!(is_denied),
            PermissionDecision::Unseen(Unseen::LongRole { role, .. }) => {
                assert!(!is_denied);
                assert_eq!(*role, ObjectId::new("shop", "r-4"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_role_of_the_cluster_is_no_tenants() {
    let mut all = long_roles(4);
    all.put_role(role("", "reads", &["get core pods"]));
    all.put_binding(&binding("", "z", "reads", &[account("shop", "cart")]));
    let held = HeldBindings::by(&all, &cart());
    assert!(held.grant(&super::request("get core/pods @shop")).is_some());
}

#[test]
fn to_explain_what_is_denied_takes_so_many_words_and_no_more() {
    let all = long_roles(4);
    let expectations: Vec<_> = (0..8).map(|n| expected(&format!("{n:x>62}"), 32)).collect();
    let sight = RbacSight {
        rbac: &all,
        extent: Extent::Watched,
    };
    let held = HeldBindings::by(&all, &cart());
    for expectation in &expectations {
        for request in rbac::requests(expectation) {
            drop(nearest(&held, &cart(), &request, &|_| false));
        }
    }
    assert_eq!(held.effort_left(), 0);
    let found = answers(sight, &cart(), &expectations, &[], &|_| false);
    assert_eq!(found.len(), 8);
}
