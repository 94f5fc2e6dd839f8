//! What Kubernetes allows: expected permissions follow the roles at once, and nobody else is written to for them.

use super::*;

pub(super) fn role(verbs: &[&str]) -> Observation {
    let role = json!({
        "metadata": {"namespace": NS, "name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}],
    });
    Observation::Role(Kind::Role, WatchChange::Applied(prune::role(role).unwrap()))
}

pub(super) fn role_binding() -> Observation {
    role_binding_of(&["app"])
}

pub(super) fn role_binding_of(names: &[&str]) -> Observation {
    let subjects: Vec<Value> = names
        .iter()
        .map(|name| json!({"kind": "ServiceAccount", "name": name}))
        .collect();
    let binding = json!({
        "metadata": {"namespace": NS, "name": "reader"},
        "roleRef": {"kind": "Role", "name": "reader"},
        "subjects": subjects,
    });
    Observation::RoleBinding(
        Kind::RoleBinding,
        WatchChange::Applied(prune::role_binding(binding).unwrap()),
    )
}

impl Lab {
    /// A healthy binding of which somebody expects that it can read pods.
    fn expecting() -> Self {
        let mut lab = Lab::healthy();
        lab.declare("mine", "app");
        lab.edit("mine", |stored| {
            stored["spec"]["expect"] =
                json!({"kubernetes": [{"verbs": ["get"], "resource": "pods", "namespace": NS}]});
        });
        lab.settle();
        lab.forget();
        lab
    }
}

#[test]
fn expectations_follow_the_roles() {
    let mut lab = Lab::expecting();
    let mut reasons = vec![lab.reason("mine")];
    for observation in [role(&["list"]), role_binding(), role(&["get"])] {
        lab.see(observation);
        lab.pass(2);
        reasons.push(lab.reason("mine"));
    }
    let reasons: Vec<&str> = reasons.iter().filter_map(|reason| reason.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            "RbacNoBinding",
            "RbacNoBinding",
            "RbacVerbMissing",
            "AllLinksPass"
        ]
    );
    assert!(lab.short_reads().is_empty(), "AWS has nothing to do with it");
}

#[test]
fn roles_that_concern_nobody_are_no_work() {
    let mut lab = Lab::healthy();
    for n in 0..10 {
        lab.see(role(&["create", if n % 2 == 0 { "get" } else { "list" }]));
        lab.see(role_binding());
        lab.settle();
    }
    assert!(lab.short_writes().is_empty() && lab.short_reads().is_empty());
}

#[test]
fn who_may_not_list_roles_is_told_so_and_audits_the_rest() {
    let mut lab = Lab::starting();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.of_rbac().is_none()) {
        lab.see_listing(kind);
    }
    lab.sync_audits();
    for kind in [
        Kind::Role,
        Kind::ClusterRole,
        Kind::RoleBinding,
        Kind::ClusterRoleBinding,
    ] {
        lab.see(Observation::WatchFailed {
            kind,
            message: "forbidden".to_owned(),
        });
    }
    lab.engine.set_leading(true);
    lab.binding("app");
    lab.settle();
    assert_eq!(lab.verdict("app"), Some(VerdictName::Working));
    lab.declare("mine", "app");
    lab.edit("mine", |stored| {
        stored["spec"]["expect"] =
            json!({"kubernetes": [{"verbs": ["get"], "resource": "pods", "namespace": NS}]});
    });
    lab.settle();
    assert_eq!(lab.reason("mine").as_deref(), Some("RbacNotSeen"));
    // What it does not see, the API server may tell.
    lab.rules = reviews::allows;
    lab.pass(REFRESH);
    assert_eq!(lab.reason("mine").as_deref(), Some("AllLinksPass"));
}
