//! The credentials work, and Kubernetes itself says 403.

use serde_json::{Value, json};

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::objects;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn all() -> Vec<Scenario> {
    let pods = json!({"verbs": ["get", "list"], "resource": "pods"});
    let read_pods = [rule("", "pods", &["get", "list"])];
    let mut all = vec![
        expecting("rbac-no-binding", "who was to give it the rights?", &pods, vec![])
            .broken("IRSA601", "RbacNoBinding"),
        expecting(
            "rbac-namespace",
            "the RoleBinding is there, I can see it",
            &pods,
            vec![
                role("default", "rbac-namespace", &read_pods),
                binding(
                    "default",
                    "rbac-namespace",
                    "Role",
                    &account("rbac-namespace", APP),
                ),
            ],
        )
        .broken("IRSA602", "RbacWrongNamespace"),
        expecting(
            "rbac-verb",
            "it can get the pod, and the informer says forbidden",
            &pods,
            vec![
                role("rbac-verb", "r", &[rule("", "pods", &["get"])]),
                own("rbac-verb", "Role"),
            ],
        )
        .broken("IRSA604", "RbacVerbMissing"),
        expecting(
            "rbac-api-group",
            "the role lists deployments",
            &json!({"verbs": ["get"], "apiGroup": "apps", "resource": "deployments"}),
            vec![
                role("rbac-api-group", "r", &[rule("", "deployments", &["get"])]),
                own("rbac-api-group", "Role"),
            ],
        )
        .broken("IRSA605", "RbacApiGroupMismatch"),
        expecting(
            "rbac-subject",
            "the binding names it",
            &pods,
            vec![
                role("rbac-subject", "r", &read_pods),
                binding(
                    "rbac-subject",
                    "r",
                    "Role",
                    &json!({"apiGroup": GROUP, "kind": "User", "name": APP}),
                ),
            ],
        )
        .broken("IRSA606", "RbacSubjectMismatch"),
        expecting(
            "rbac-role-gone",
            "the binding is still there",
            &pods,
            vec![own("rbac-role-gone", "Role")],
        )
        .broken("IRSA607", "RbacRoleMissing"),
        expecting(
            "rbac-subresource",
            "it may get pods, and no logs",
            &json!({"verbs": ["get"], "resource": "pods", "subresource": "log"}),
            vec![
                role("rbac-subresource", "r", &read_pods),
                own("rbac-subresource", "Role"),
            ],
        )
        .broken("IRSA608", "RbacResourceMismatch"),
    ];
    let mut nodes = expecting(
        "rbac-scope",
        "it has a ClusterRole that reads nodes",
        &json!({"verbs": ["list"], "resource": "nodes"}),
        vec![
            json!({"apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": {"name": "r"},
                "rules": [rule("", "nodes", &["list"])]}),
            own("rbac-scope", "ClusterRole"),
        ],
    );
    for object in &mut nodes.objects {
        if let Some(expected) = object
            .pointer_mut("/spec/expect/kubernetes/0")
            .and_then(Value::as_object_mut)
        {
            expected.remove("namespace");
        }
    }
    all.push(nodes.broken("IRSA603", "RbacScopeMismatch"));
    all.iter_mut().for_each(repaired);
    all
}

/// How a scenario is repaired: what reaches beyond the ServiceAccount's own namespace is proposed to the cluster's administrators.
fn repaired(scenario: &mut Scenario) {
    scenario.fix = if scenario.namespace == "rbac-scope" {
        Fix::ByHand(
            "kubectl create clusterrolebinding rbac-scope --clusterrole=r --serviceaccount=rbac-scope:app",
        )
    } else {
        Fix::KUBECTL
    };
}

/// A binding whose AWS side works, and what is expected of it in its namespace.
fn expecting(namespace: &'static str, title: &'static str, expected: &Value, rbac: Vec<Value>) -> Scenario {
    let mut scenario = Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)));
    let mut expected = expected.clone();
    if let Some(expected) = expected.as_object_mut() {
        expected.insert("namespace".to_owned(), namespace.into());
    }
    let spec = json!({"serviceAccountName": APP, "expect": {"kubernetes": [expected]}});
    // Before the ServiceAccount, for which the operator would write one by itself.
    scenario.objects.insert(0, objects::audit(namespace, APP, &spec));
    scenario.objects.extend(rbac);
    scenario
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "verbs": verbs})
}

fn role(namespace: &str, name: &str, rules: &[Value]) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": {"namespace": namespace, "name": name},
        "rules": rules})
}

/// A RoleBinding of the ServiceAccount in its namespace.
fn own(namespace: &str, kind: &str) -> Value {
    binding(namespace, "r", kind, &account(namespace, APP))
}

/// A RoleBinding to a role of the same name.
fn binding(namespace: &str, name: &str, kind: &str, subject: &Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding", "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}, "subjects": [subject]})
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}
