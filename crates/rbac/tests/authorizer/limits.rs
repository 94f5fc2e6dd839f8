//! What whoever may edit one namespace can make others wait for: counted in steps and words, not in seconds.

use std::sync::{Arc, Weak};

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
fn users_of(count: usize) -> Vec<Subject> {
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
    let all = rbac(&[by_names], &[binding("shop", "b", "r", &users_of(500))]);
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

/// A RoleBinding of a thousand users of its own to the Role `r`.
fn crowd(n: usize) -> rbac::RoleBinding {
    let own = (0..1_000).map(|user| Subject::User(format!("user-{n}-{user}").into()));
    binding("shop", &format!("b-{n}"), "r", &own.collect::<Vec<_>>())
}

fn kept_subjects(all: &Rbac) -> usize {
    all.bindings().map(|binding| binding.subjects.len()).sum()
}

#[test]
fn the_large_bindings_of_one_namespace_have_a_limit_together() {
    let pods = || role("shop", "r", &["create core pods"]);
    let mut all = rbac(&[pods()], &[]);
    for n in 0..200 {
        assert!(all.put_binding(&crowd(n)));
        assert!(!all.put_binding(&crowd(n)), "nothing is new");
    }
    let kept = kept_subjects(&all);
    assert!((6_000..9_000).contains(&kept), "{kept}");
    let cut = |all: &Rbac| all.bindings().filter(|binding| binding.has_more).count();
    assert_eq!(cut(&all), 200 - kept / 1_000);
    // Small ones, those of other namespaces and the cluster's are no part of it.
    for (namespace, users) in [("shop", 20), ("elsewhere", 1_000), ("", 60_000)] {
        assert!(all.put_binding(&binding(namespace, "another", "/r", &users_of(users))));
        let another = all.binding(&ObjectId::new(namespace, "another")).unwrap();
        assert_eq!((another.subjects.len(), another.has_more), (users, false));
    }
    // What its role allows now and then is filed for those that are kept.
    let mut toggle = || {
        let before = counted::steps();
        all.remove_role(&pods().id);
        all.put_role(pods());
        usize::try_from(counted::steps() - before).unwrap()
    };
    // The first one sweeps out words that nothing needs.
    let steps = [toggle(), toggle()];
    assert!(steps[1] < 3 * kept, "{steps:?}");
    // There is room again where something goes.
    for n in 0..200 {
        assert!(all.remove_binding(&ObjectId::new("shop", format!("b-{n}"))));
    }
    assert!(all.put_binding(&crowd(7)));
    assert!(!all.binding(&crowd(7).id).unwrap().has_more);
}

#[test]
fn the_large_roles_of_one_namespace_have_a_limit_together() {
    let kept = |all: &Rbac| all.roles().filter(|role| !role.has_more).count();
    let mut all = long_roles(40);
    assert!((8..30).contains(&kept(&all)), "{}", kept(&all));
    let last = all.role(&ObjectId::new("shop", "r-39"));
    assert!(last.is_some_and(|role| role.has_more && role.rules.is_empty()));
    for n in 0..40 {
        all.remove_role(&ObjectId::new("shop", format!("r-{n}")));
    }
    let long = long_roles(1).roles().next().cloned().unwrap();
    assert!(all.put_role(long.clone()) && !all.put_role(long));
    assert_eq!(kept(&all), 1);
    for n in 0..1_000 {
        all.put_role(role("shop", &format!("small-{n}"), &["get core pods"]));
    }
    assert_eq!(kept(&all), 1_001);
}

/// A power over each of so many names, which are like those of no other round.
fn over_names(round: usize, count: usize) -> PolicyRule {
    let names = (0..count).map(|n| Text::from(format!("{round}-{n:0>40}")));
    PolicyRule {
        verbs: ["impersonate".into()].into(),
        api_groups: ["".into()].into(),
        resources: ["serviceaccounts".into()].into(),
        resource_names: names.collect(),
    }
}

#[test]
fn names_that_a_role_gives_power_over_count_for_what_they_take() {
    let mut all = Rbac::default();
    for round in 0..20 {
        let mut role = role("shop", &format!("r-{round}"), &[]);
        role.rules = [over_names(round, 4_000)].into();
        all.put_role(role);
    }
    let kept = all.roles().filter(|role| !role.has_more).count();
    assert!((1..4).contains(&kept), "{kept}");
}

#[test]
fn what_one_object_was_before_is_let_go_of() {
    let mut all = Rbac::default();
    let role_of = |round: usize, count: usize| {
        let mut role = role("shop", "r", &[]);
        role.rules = [over_names(round, count)].into();
        role
    };
    let long = "U".repeat(100_000);
    let (mut rules, mut names) = (Vec::new(), Vec::new());
    for round in 0..40 {
        all.put_role(role_of(round, 4_000));
        let user = Subject::User(format!("{long}{round}").into());
        all.put_binding(&binding("shop", "b", "r", &[user]));
        rules.push(Arc::downgrade(
            &all.role(&ObjectId::new("shop", "r")).unwrap().rules,
        ));
        let subject = &all.binding(&ObjectId::new("shop", "b")).unwrap().subjects[0];
        names.extend(matches_user(subject).map(Arc::downgrade));
    }
    // Of forty Roles of 400 KB, and forty names of 200 KB.
    let left = (kept(&rules), kept(&names));
    assert!(left.0 < 10 && left.1 < 10, "{left:?}");
}

fn matches_user(subject: &Subject) -> Option<&Text> {
    match subject {
        Subject::User(name) => Some(name),
        _ => None,
    }
}

/// How many of these are still there.
fn kept<T: ?Sized>(all: &[Weak<T>]) -> usize {
    all.iter().filter(|one| one.strong_count() > 0).count()
}

#[test]
fn a_role_without_room_is_told_where_its_rules_may_let_others_take_an_identity() {
    let mut all = long_roles(40);
    let powers = role("shop", "last", &["create core pods"]);
    let filler = long_roles(1).roles().next().unwrap().rules[0].clone();
    let rules = powers.rules.iter().cloned().chain([filler]).collect();
    all.put_role(rbac::RbacRole { rules, ..powers });
    assert!(all.role(&ObjectId::new("shop", "last")).unwrap().rules.is_empty());
    for n in 0..40 {
        all.remove_binding(&ObjectId::new("shop", format!("b-{n}")));
    }
    let identity = cart();
    assert_eq!(rbac::takers::unread_takers(&all, &identity), None);
    all.put_binding(&binding("shop", "b", "last", &users_of(1)));
    let unread = rbac::takers::unread_takers(&all, &identity);
    assert!(matches!(unread, Some(Unseen::LongRole { role, .. }) if &*role.name == "last"));
    all.remove_role(&ObjectId::new("shop", "last"));
    assert_eq!(rbac::takers::unread_takers(&all, &identity), None);
}
