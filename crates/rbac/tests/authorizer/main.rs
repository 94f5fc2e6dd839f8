//! The authorizer's rules, case by case.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests say what they do by their names"
)]

mod limits;
mod reviews;
mod support;
mod takers;

use std::collections::BTreeSet;

use rbac::matching::allows;
use rbac::nearest::nearest;
use rbac::takers::takers;
use rbac::{
    AccessRequest, AggregationRequirement, AggregationSelector, DenialCause, Evaluated, Extent, HeldBindings,
    Identity, KubernetesExpectation, ObjectId, PermissionDecision, PolicyRule, Rbac, RbacKind, RbacRole,
    RbacSight, RoleBinding, Subject, Text, Unseen, answers, least, questions, requests,
};
use support::{account, binding, role, rule};

fn cart() -> Identity {
    Identity::of("shop", "cart")
}

/// `verb [group/]resource[/sub] [name] [@namespace]`, with `core` for the core group.
fn request(text: &'static str) -> AccessRequest<'static> {
    let mut parts = text.split(' ');
    let (verb, path) = (parts.next().unwrap(), parts.next().unwrap());
    let mut pieces = path.split('/');
    let group = pieces.next().unwrap();
    let mut request = AccessRequest {
        verb,
        api_group: if group == "core" { "" } else { group },
        resource: pieces.next().unwrap(),
        subresource: pieces.next().unwrap_or_default(),
        name: "",
        namespace: None,
    };
    for part in parts {
        match part.strip_prefix('@') {
            Some(namespace) => request.namespace = Some(namespace),
            None => request.name = part,
        }
    }
    request
}

fn rbac(roles: &[RbacRole], bindings: &[RoleBinding]) -> Rbac {
    let mut rbac = Rbac::default();
    for role in roles {
        rbac.put_role(role.clone());
    }
    for binding in bindings {
        rbac.put_binding(binding);
    }
    rbac
}

fn is_allowed(rbac: &Rbac, text: &'static str) -> bool {
    rbac.grant(&cart(), &request(text)).is_some()
}

#[test]
fn a_rule_matches_letter_by_letter() {
    for (text, asked, allowed) in [
        ("get core pods", "get core/pods", true),
        ("Get core pods", "get core/pods", false),
        ("* * *", "get apps/deployments/scale x", true),
        ("get * pods", "get metrics.k8s.io/pods", true),
        ("get core pods", "get apps/pods", false),
        ("get core pods", "get core/pods/log", false),
        ("get core pods/log", "get core/pods/log", true),
        ("get core pods/log", "get core/pods", false),
        ("get core pods/*", "get core/pods/log", false),
        ("get core */log", "get core/pods/log", true),
        ("get core */log", "get core/pods", false),
        ("get core *", "get core/pods/log", true),
        ("g* core pods", "get core/pods", false),
        ("get core pods a,b", "get core/pods b", true),
        ("get core pods a,b", "get core/pods", false),
        ("get core pods *", "get core/pods b", false),
        ("get core pods", "* core/pods", false),
        ("* core pods", "* core/pods", true),
        ("get core", "get core/pods", false),
        (" core pods", "get core/pods", false),
        ("get  pods", "get core/pods", false),
    ] {
        assert_eq!(allows(&rule(text), &request(asked)), allowed, "{text} | {asked}");
    }
    let unnamed = PolicyRule {
        resource_names: [Text::from("")].into(),
        ..rule("list core pods")
    };
    assert!(allows(&unnamed, &request("list core/pods")));
}

#[test]
fn bindings_are_in_force_in_their_scope() {
    let reads = ["get core pods,nodes"];
    let roles = [
        role("shop", "r", &reads),
        role("", "r", &reads),
        role("other", "r", &reads),
    ];
    for (binding, [here, there, everywhere]) in [
        (
            binding("shop", "b", "r", &[account("shop", "cart")]),
            [true, false, false],
        ),
        (
            binding("shop", "b", "/r", &[account("shop", "cart")]),
            [true, false, false],
        ),
        (
            binding("other", "b", "r", &[account("shop", "cart")]),
            [false, true, false],
        ),
        (
            binding("", "b", "/r", &[account("shop", "cart")]),
            [true, true, true],
        ),
        (
            binding("", "b", "/gone", &[account("shop", "cart")]),
            [false, false, false],
        ),
        (
            binding("shop", "b", "r", &[account("other", "cart")]),
            [false, false, false],
        ),
        (binding("shop", "b", "r", &[]), [false, false, false]),
    ] {
        let rbac = rbac(&roles, std::slice::from_ref(&binding));
        let found = ["get core/pods @shop", "get core/pods @other", "get core/pods"]
            .map(|text| is_allowed(&rbac, text));
        assert_eq!(found, [here, there, everywhere], "{binding:?}");
    }
}

#[test]
fn all_its_names_mean_a_service_account() {
    let group = |name: &str| Subject::Group(name.into());
    for (subject, meant) in [
        (Subject::User("system:serviceaccount:shop:cart".into()), true),
        (Subject::User("cart".into()), false),
        (group("system:serviceaccounts"), true),
        (group("system:serviceaccounts:shop"), true),
        (group("system:serviceaccounts:other"), false),
        (group("system:authenticated"), true),
        (group("system:unauthenticated"), false),
        (group("*"), false),
    ] {
        let rbac = rbac(
            &[role("", "r", &["get core pods"])],
            &[binding("", "b", "/r", std::slice::from_ref(&subject))],
        );
        assert_eq!(is_allowed(&rbac, "get core/pods @shop"), meant, "{subject:?}");
    }
}

#[test]
fn what_a_cluster_role_aggregates_counts_where_nobody_has_filled_it_in() {
    let labelled = |name: &str, label: &str, rules: &[&str]| RbacRole {
        labels: [(label.to_owned(), "true".to_owned())].into(),
        ..role("", name, rules)
    };
    let collecting = |role: RbacRole, label: &str| RbacRole {
        aggregates: [AggregationSelector {
            requirements: vec![AggregationRequirement::Exists(label.to_owned())],
            ..AggregationSelector::default()
        }]
        .into(),
        ..role
    };
    let bound = [binding("", "b", "/top", &[account("shop", "cart")])];
    let roles = [
        collecting(role("", "top", &[]), "to-top"),
        collecting(labelled("middle", "to-top", &[]), "to-middle"),
        labelled("leaf", "to-middle", &["get core pods"]),
        labelled("round", "to-middle", &[]),
    ];
    assert!(is_allowed(&rbac(&roles, &bound), "get core/pods"));
    let in_circles = [
        collecting(labelled("top", "x", &[]), "x"),
        collecting(labelled("other", "x", &[]), "x"),
    ];
    assert!(!is_allowed(&rbac(&in_circles, &bound), "get core/pods"));
    let filled = [
        collecting(role("", "top", &["get core nodes"]), "to-top"),
        roles[2].clone(),
        roles[1].clone(),
    ];
    assert!(
        !is_allowed(&rbac(&filled, &bound), "get core/pods"),
        "the controller has the last word"
    );
}

#[test]
fn what_changes_and_goes_is_forgotten() {
    let mut rbac = rbac(
        &[role("shop", "r", &["create core pods"])],
        &[binding(
            "shop",
            "b",
            "r",
            &[
                account("shop", "cart"),
                account("shop", "cart"),
                account("x", "y"),
            ],
        )],
    );
    let b = binding(
        "shop",
        "b",
        "r",
        &[
            account("shop", "cart"),
            account("shop", "cart"),
            account("x", "y"),
        ],
    );
    assert!(!rbac.put_binding(&b), "nothing is new");
    assert!(!rbac.put_role(role("shop", "r", &["create core pods"])));
    assert_eq!(HeldBindings::by(&rbac, &cart()).own_in_namespaces().count(), 1);
    assert!(rbac.put_binding(&binding("shop", "b", "r", &[account("x", "y")])));
    assert!(!is_allowed(&rbac, "create core/pods @shop"));
    assert_eq!(takers(&rbac, &cart(), 9).0, 1);
    assert!(rbac.put_role(role("shop", "r", &["get core pods"])));
    assert_eq!(takers(&rbac, &cart(), 9).0, 0);
    assert!(rbac.put_role(role("shop", "r", &["create core pods"])));
    assert_eq!(takers(&rbac, &cart(), 9).0, 1);
    assert!(rbac.remove_role(&ObjectId::new("shop", "r")) && !rbac.remove_role(&ObjectId::new("shop", "r")));
    assert_eq!(takers(&rbac, &cart(), 9).0, 0);
    let kept: BTreeSet<ObjectId> = [].into();
    assert!(!rbac.retain(RbacKind::ClusterRoleBinding, &kept));
    assert!(rbac.retain(RbacKind::RoleBinding, &kept));
    assert!(rbac.is_empty());
}

fn cause_of(roles: &[RbacRole], bindings: &[RoleBinding], asked: &'static str) -> DenialCause {
    let rbac = rbac(roles, bindings);
    let identity = cart();
    assert!(
        rbac.grant(&identity, &request(asked)).is_none(),
        "{asked} is allowed"
    );
    let exists = |account: &ObjectId| matches!(&*account.name, "orders" | "carts");
    nearest(
        &HeldBindings::by(&rbac, &identity),
        &identity,
        &request(asked),
        &exists,
    )
    .cause
}

/// A binding of `shop/cart` in a namespace.
fn own(namespace: &str, role: &str) -> RoleBinding {
    binding(namespace, "b", role, &[account("shop", "cart")])
}

#[test]
fn a_whole_grant_elsewhere_comes_before_a_part_of_one_here() {
    let reads = |namespace: &str| role(namespace, "reads", &["get,list core pods"]);
    let part = || role("shop", "part", &["list core pods"]);
    let ask = "get core/pods @shop";
    for (roles, bindings, asked, cause) in [
        (vec![], vec![], ask, DenialCause::NoBinding),
        (
            vec![reads("other")],
            vec![own("other", "reads")],
            ask,
            DenialCause::Namespace,
        ),
        (
            vec![reads("shop")],
            vec![own("shop", "reads")],
            "get core/pods",
            DenialCause::Scope,
        ),
        (
            vec![reads("")],
            vec![own("shop", "/reads")],
            "list core/pods",
            DenialCause::Scope,
        ),
        (
            vec![reads("shop")],
            vec![own("shop", "gone")],
            ask,
            DenialCause::RoleMissing,
        ),
        (
            vec![reads("other"), part()],
            vec![own("other", "reads"), own("shop", "part")],
            ask,
            DenialCause::Namespace,
        ),
    ] {
        assert_eq!(
            cause_of(&roles, &bindings, asked),
            cause,
            "{roles:?} {bindings:?} {asked}"
        );
    }
}

#[test]
fn of_the_rules_in_force_the_one_that_misses_least_is_the_cause() {
    for (rules, asked, cause) in [
        (
            &["get,list core pods"][..],
            "delete core/pods @shop",
            DenialCause::Verb,
        ),
        (
            &["get core deployments"],
            "get apps/deployments @shop",
            DenialCause::Group,
        ),
        (
            &["get core deployments"],
            "list apps/deployments @shop",
            DenialCause::Group,
        ),
        (
            &["get,list core pods"],
            "get core/pods/log @shop",
            DenialCause::Resource,
        ),
        (
            &["get,list core pods/*"],
            "get core/pods/log @shop",
            DenialCause::Resource,
        ),
        (&["get core pod"], "get core/pods @shop", DenialCause::Resource),
        (
            &["get,list core pods"],
            "get core/secrets @shop",
            DenialCause::Resource,
        ),
        (
            &["get core pods a"],
            "get core/pods b @shop",
            DenialCause::Resource,
        ),
        (&["get core pods a"], "get core/pods @shop", DenialCause::Resource),
        (&["* apps *"], "get core/pods @shop", DenialCause::Resource),
        (&[], "get core/pods @shop", DenialCause::NoBinding),
        // Two rules miss one thing each: the cause that stands first.
        (
            &["get core pods/log", "list core pods"],
            "get core/pods @shop",
            DenialCause::Verb,
        ),
        (
            &["get apps pods", "get core pods/log"],
            "get core/pods @shop",
            DenialCause::Group,
        ),
    ] {
        let roles = [role("shop", "r", rules)];
        assert_eq!(
            cause_of(&roles, &[own("shop", "r")], asked),
            cause,
            "{rules:?} {asked}"
        );
    }
}

#[test]
fn what_everybody_has_got_is_no_near_miss_unless_it_is_about_the_same() {
    let everybody = binding(
        "",
        "all",
        "/basic",
        &[Subject::Group("system:authenticated".into())],
    );
    let basic = role(
        "",
        "basic",
        &["create authorization.k8s.io selfsubjectaccessreviews"],
    );
    for (asked, cause) in [
        ("get core/pods @shop", DenialCause::NoBinding),
        (
            "get authorization.k8s.io/selfsubjectaccessreviews",
            DenialCause::Verb,
        ),
    ] {
        let bindings = std::slice::from_ref(&everybody);
        assert_eq!(cause_of(std::slice::from_ref(&basic), bindings, asked), cause);
    }
}

#[test]
fn near_misses_of_the_subject() {
    let user = |name: &str| Subject::User(name.into());
    for (subject, near) in [
        (account("other", "cart"), true),
        (account("shop", "cart2"), true),
        (account("shop", "carts"), false),
        (account("shop", "orders"), false),
        (account("other", "orders"), false),
        (user("cart"), true),
        (user("shop:cart"), true),
        (user("shop/cart"), true),
        (user("system:serviceaccounts:shop:cart"), true),
        (user("system:serviceaccount:other:cart"), false),
        (user("jane"), false),
        (Subject::Group("system:serviceaccount:shop:cart".into()), true),
    ] {
        for (namespace, role_name) in [("shop", "r"), ("", "/r")] {
            let roles = [
                role("shop", "r", &["get core pods"]),
                role("", "r", &["get core pods"]),
            ];
            let bindings = [binding(namespace, "b", role_name, std::slice::from_ref(&subject))];
            let expected = if near {
                DenialCause::Subject
            } else {
                DenialCause::NoBinding
            };
            assert_eq!(
                cause_of(&roles, &bindings, "get core/pods @shop"),
                expected,
                "{subject:?} {namespace}"
            );
            assert_eq!(
                cause_of(&roles, &bindings, "get core/secrets @shop"),
                DenialCause::NoBinding,
                "it would not help"
            );
        }
    }
}

fn expectation(verbs: &str, group: &str, resource: &str, namespace: Option<&str>) -> KubernetesExpectation {
    KubernetesExpectation {
        verbs: verbs.split(',').map(str::to_owned).collect(),
        api_group: group.to_owned(),
        resource: resource.to_owned(),
        subresource: None,
        resource_names: Vec::new(),
        namespace: namespace.map(str::to_owned),
    }
}

#[test]
fn what_was_not_seen_is_neither_allowed_nor_denied() {
    let expected = [expectation("get", "", "pods", Some("shop"))];
    let decide = |extent, rbac: &Rbac| {
        let sight = RbacSight { rbac, extent };
        answers(sight, &cart(), &expected, &[], &|_| false)[0]
            .decision
            .clone()
    };
    let is_unseen = |extent, rbac: &Rbac| matches!(decide(extent, rbac), PermissionDecision::Unseen(_));
    let granting = rbac(
        &[role("shop", "r", &["get core pods"])],
        &[binding("shop", "b", "r", &[account("shop", "cart")])],
    );
    let mut watched = Rbac::default();
    for kind in RbacKind::ALL {
        assert!(
            is_unseen(Extent::Watched, &watched),
            "{kind:?} has not been listed"
        );
        assert!(watched.set_listed(kind));
    }
    assert_eq!(decide(Extent::Watched, &watched), PermissionDecision::Denied);
    assert_eq!(decide(Extent::Watched, &granting), PermissionDecision::Allowed);
    assert!(is_unseen(Extent::PartialFiles, &Rbac::default()));
    // Every cluster has `view`, and few files.
    let mut viewing = rbac(&[], &[binding("shop", "b", "/view", &[account("shop", "cart")])]);
    assert!(is_unseen(Extent::ClusterFiles, &viewing));
    for kind in RbacKind::ALL {
        viewing.set_listed(kind);
    }
    assert_eq!(decide(Extent::Watched, &viewing), PermissionDecision::Denied);
}

/// A cluster of which everything was listed.
fn listed(mut rbac: Rbac) -> Rbac {
    for kind in RbacKind::ALL {
        rbac.set_listed(kind);
    }
    rbac
}

#[test]
fn what_is_too_large_to_be_kept_may_allow_anything() {
    let expected = [expectation("get", "", "pods", Some("shop"))];
    let decide = |rbac: &Rbac| {
        let sight = RbacSight {
            rbac,
            extent: Extent::Watched,
        };
        let answers = answers(sight, &cart(), &expected, &[], &|_| false);
        let reviewed = questions(&answers, 1)[0].evaluated;
        (answers[0].decision.clone(), reviewed)
    };
    let long = |namespace: &str, rules: &[&str]| RbacRole {
        has_more: true,
        ..role(namespace, "r", rules)
    };
    let many = |namespace: &str| RoleBinding {
        has_more: true,
        ..binding(namespace, "many", "r", &[account("shop", "other")])
    };
    let with = |role: RbacRole, bindings: &[RoleBinding]| listed(rbac(&[role], bindings));
    let held = |namespace: &str| binding(namespace, "b", "r", &[account("shop", "cart")]);
    let own = [held("shop")];
    let of_role = |decision: &PermissionDecision| {
        matches!(decision, PermissionDecision::Unseen(Unseen::LongRole { .. }))
    };
    let of_binding = |decision: &PermissionDecision| {
        matches!(decision, PermissionDecision::Unseen(Unseen::LongBinding(_)))
    };
    let (decision, evaluated) = decide(&with(long("shop", &["list core pods"]), &own));
    assert!(
        of_role(&decision) && evaluated == Evaluated::Unseen,
        "{decision:?}"
    );
    let (decision, _) = decide(&with(long("shop", &["get core pods"]), &own));
    assert_eq!(decision, PermissionDecision::Allowed);
    // A role that nothing gives to the ServiceAccount in the namespace.
    for role in [long("shop", &[]), long("other", &[])] {
        assert_eq!(
            decide(&with(role, &[held("other")])).0,
            PermissionDecision::Denied
        );
    }
    let reading = || role("shop", "r", &["list core pods"]);
    for namespace in ["shop", ""] {
        assert!(of_binding(&decide(&with(reading(), &[many(namespace)])).0));
    }
    let mut rbac = with(reading(), &[many("other"), many("shop")]);
    assert!(of_binding(&decide(&rbac).0));
    rbac.remove_binding(&many("shop").id);
    assert_eq!(decide(&rbac).0, PermissionDecision::Denied);
}

#[test]
fn a_role_that_collects_one_that_is_too_large_may_allow_anything() {
    let collecting = RbacRole {
        aggregates: [AggregationSelector::default()].into(),
        ..role("", "top", &[])
    };
    let long = RbacRole {
        has_more: true,
        ..role("", "leaf", &[])
    };
    let rbac = listed(rbac(
        &[collecting, long],
        &[binding("", "b", "/top", &[account("shop", "cart")])],
    ));
    let expected = [expectation("get", "", "pods", Some("shop"))];
    let sight = RbacSight {
        rbac: &rbac,
        extent: Extent::Watched,
    };
    let decision = &answers(sight, &cart(), &expected, &[], &|_| false)[0].decision;
    assert!(
        matches!(decision, PermissionDecision::Unseen(Unseen::LongRole { .. })),
        "{decision:?}"
    );
}

#[test]
fn a_kind_of_which_files_hold_nothing_was_not_given() {
    use RbacKind::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
    let jane = Subject::User("jane".into());
    let own = [account("shop", "cart")];
    let roles = [
        role("shop", "r", &["get core pods"]),
        role("", "c", &["get core pods"]),
    ];
    let in_shop = || binding("shop", "b", "r", &own);
    let in_cluster = || binding("", "b", "/c", std::slice::from_ref(&jane));
    let unseen = |rbac: &Rbac, namespace: Option<&str>| {
        let expected = [expectation("list", "", "secrets", namespace)];
        let sight = RbacSight {
            rbac,
            extent: Extent::ClusterFiles,
        };
        match answers(sight, &cart(), &expected, &[], &|_| false)[0]
            .decision
            .clone()
        {
            PermissionDecision::Unseen(Unseen::NotInFiles(kinds)) => kinds,
            PermissionDecision::Denied => Vec::new(),
            other => panic!("{other:?}"),
        }
    };
    for (roles, bindings, here, anywhere) in [
        (
            &[][..],
            vec![],
            vec![RoleBinding, ClusterRoleBinding],
            vec![ClusterRoleBinding],
        ),
        (
            &roles,
            vec![],
            vec![RoleBinding, ClusterRoleBinding],
            vec![ClusterRoleBinding],
        ),
        (
            &roles,
            vec![in_shop()],
            vec![ClusterRoleBinding],
            vec![ClusterRoleBinding],
        ),
        (&roles, vec![in_cluster()], vec![RoleBinding], vec![]),
        (&roles, vec![in_shop(), in_cluster()], vec![], vec![]),
        (&roles[1..], vec![in_shop(), in_cluster()], vec![Role], vec![]),
        (&roles[..1], vec![in_shop(), in_cluster()], vec![], vec![]),
        (
            &roles[..1],
            vec![in_shop(), binding("", "b", "/c", &own)],
            vec![ClusterRole],
            vec![ClusterRole],
        ),
    ] {
        let rbac = rbac(roles, &bindings);
        assert_eq!(unseen(&rbac, Some("shop")), here, "{bindings:?}");
        assert_eq!(unseen(&rbac, None), anywhere, "{bindings:?}");
    }
}

#[test]
fn the_least_grant_allows_what_is_expected_and_nothing_else() {
    let used = rbac(&[role("shop", "cart-expected", &[])], &[]);
    let expected = [
        expectation("list,get", "", "pods", Some("shop")),
        expectation("get,list", "", "services", Some("shop")),
        KubernetesExpectation {
            resource_names: vec!["a".into()],
            ..expectation("update", "", "configmaps", Some("shop"))
        },
        expectation("get", "", "nodes", None),
    ];
    let asked: Vec<AccessRequest<'_>> = expected.iter().flat_map(requests).collect();
    let grants = least::grants(&used, &cart(), &asked).unwrap();
    let ids: Vec<String> = grants.iter().map(|grant| grant.role.id.to_string()).collect();
    assert_eq!(ids, ["shop-cart-expected", "shop/cart-expected-2"]);
    assert_eq!(
        *grants[1].role.rules,
        [
            rule("get,list core pods,services"),
            rule("update core configmaps a")
        ]
    );
    let mut alone = Rbac::default();
    for grant in &grants {
        alone.put_role(grant.role.clone());
        alone.put_binding(&grant.binding);
    }
    for (text, allowed) in [
        ("get core/pods @shop", true),
        ("delete core/pods @shop", false),
        ("get core/pods @other", false),
        ("update core/configmaps a @shop", true),
        ("update core/configmaps b @shop", false),
        ("list core/nodes", false),
    ] {
        assert_eq!(is_allowed(&alone, text), allowed, "{text}");
    }
}
