use audit_core::model::{Container, Pod, PodPhase, TokenMount, Workload};
use serde_json::{Value, json};

use crate::prune::{Undecodable, pod};

const PREFIX: &str = "eks.amazonaws.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/orders";
const FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

fn irsa_pod() -> Value {
    serde_json::from_str(include_str!("../../fixtures/pod-irsa.json")).unwrap()
}

fn pruned(object: Value) -> Pod {
    pod(object, PREFIX).unwrap()
}

fn refused(object: Value) -> Undecodable {
    pod(object, PREFIX).unwrap_err()
}

/// A pod with one container, which has these fields.
fn with_container(fields: Value) -> Value {
    let mut container = json!({ "name": "app" });
    let Value::Object(fields) = fields else {
        panic!("no object: {fields}")
    };
    container.as_object_mut().unwrap().extend(fields);
    json!({ "metadata": { "namespace": "shop", "name": "p" }, "spec": {
        "containers": [container],
        "volumes": [
            { "name": "api", "projected": { "sources": [{ "serviceAccountToken": { "path": "token" } }, { "configMap": {} }] } },
            { "name": "sts", "projected": { "sources": [
                { "serviceAccountToken": { "audience": "sts.amazonaws.com", "path": "token" } },
                { "serviceAccountToken": { "audience": "vault", "path": "vault-token" } }
            ] } },
            { "name": "config", "projected": { "sources": [{ "configMap": {} }] } },
            { "name": "scratch", "emptyDir": {} }
        ]
    } })
}

fn container(fields: Value) -> Container {
    pruned(with_container(fields)).containers.remove(0)
}

#[test]
fn a_pod_that_the_webhook_injected_keeps_what_rules_read_and_nothing_else() {
    let mount = TokenMount {
        path: "/var/run/secrets/eks.amazonaws.com/serviceaccount".into(),
        audience: Some("sts.amazonaws.com".into()),
        file: "token".into(),
    };
    let injected = |name: &str, init| Container {
        name: name.into(),
        init,
        role_arn: Some(ROLE.into()),
        token_file: Some(FILE.into()),
        opaque_env: false,
        pod_identity: false,
        tokens: vec![mount.clone()],
    };
    let expected = Pod {
        namespace: "shop".into(),
        name: "orders-7d9c8b6f5-x2x7q".into(),
        uid: "1f0c9d0e-6c8e-4e55-9d52-3a0d2d1b7c44".into(),
        created: Some("2026-11-20T08:14:03Z".parse().unwrap()),
        service_account: "orders".into(),
        workload: Workload {
            kind: "Deployment".into(),
            name: "orders".into(),
        },
        phase: PodPhase::Running,
        ready: true,
        terminating: false,
        webhook_opt_out: false,
        containers: vec![injected("migrate", true), injected("app", false)],
    };
    assert_eq!(pruned(irsa_pod()), expected);
}

#[test]
fn pod_identity_is_seen() {
    let pod = pruned(serde_json::from_str(include_str!("../../fixtures/pod-pod-identity.json")).unwrap());
    assert_eq!(
        pod.workload,
        Workload {
            kind: "StatefulSet".into(),
            name: "ledger".into()
        }
    );
    assert!(pod.uses_pod_identity());
    assert!(!pod.ready);
    assert_eq!(pod.role_arns(), Vec::<&str>::new());
    let audiences: Vec<_> = pod.containers[0]
        .tokens
        .iter()
        .map(|t| t.audience.as_deref())
        .collect();
    assert_eq!(audiences, [Some("pods.eks.amazonaws.com")]);
}

#[test]
fn the_label_opts_out_by_being_there_under_the_prefix() {
    for value in ["true", "false", ""] {
        let mut object = irsa_pod();
        object["metadata"]["labels"]["eks.amazonaws.com/skip-pod-identity-webhook"] = value.into();
        assert!(pod(object.clone(), PREFIX).unwrap().webhook_opt_out);
        assert!(!pod(object, "irsa.example.com").unwrap().webhook_opt_out);
    }
    let mut object = irsa_pod();
    object["metadata"]["labels"]["eks.amazonaws.com/no-skip-pod-identity-webhook"] = "true".into();
    object["metadata"]["labels"]["skip-pod-identity-webhook"] = "true".into();
    assert!(!pruned(object).webhook_opt_out);
}

#[test]
fn a_partially_preset_container_keeps_the_half_that_is_there() {
    let app = container(json!({
        "env": [{ "name": "AWS_ROLE_ARN", "value": ROLE }],
        "volumeMounts": [{ "name": "sts", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount" }]
    }));
    assert_eq!(
        (app.role_arn.as_deref(), app.token_file.as_deref(), app.opaque_env),
        (Some(ROLE), None, false)
    );
}

#[test]
fn variables_from_elsewhere_are_opaque() {
    let opaque = |fields| {
        let c = container(fields);
        (c.opaque_env, c.role_arn.is_some())
    };
    assert_eq!(
        opaque(json!({ "envFrom": [{ "configMapRef": { "name": "aws" } }] })),
        (true, false)
    );
    assert_eq!(opaque(json!({ "envFrom": [] })), (false, false));
    assert_eq!(opaque(json!({ "envFrom": null })), (false, false));
    let from = json!({ "configMapKeyRef": { "name": "aws", "key": "role" } });
    assert_eq!(
        opaque(json!({ "env": [{ "name": "AWS_ROLE_ARN", "valueFrom": from }] })),
        (true, false)
    );
    assert_eq!(
        opaque(json!({ "env": [{ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "valueFrom": from }] })),
        (true, false)
    );
    assert_eq!(
        opaque(json!({ "env": [{ "name": "OTHER", "valueFrom": from }] })),
        (false, false)
    );
    assert_eq!(
        opaque(
            json!({ "env": [{ "name": "AWS_ROLE_ARN", "value": "arn:aws:iam::$(ACCOUNT):role/orders" }] })
        ),
        (true, false)
    );
}

#[test]
fn the_last_of_two_variables_counts() {
    let from = json!({ "fieldRef": { "fieldPath": "metadata.name" } });
    let env = |first: Value, second: Value| container(json!({ "env": [first, second] }));
    let literal = |value: &str| json!({ "name": "AWS_ROLE_ARN", "value": value });
    let elsewhere = json!({ "name": "AWS_ROLE_ARN", "valueFrom": from });
    assert_eq!(env(literal("old"), literal(ROLE)).role_arn.as_deref(), Some(ROLE));
    let now_literal = env(elsewhere.clone(), literal(ROLE));
    assert_eq!(
        (now_literal.role_arn.as_deref(), now_literal.opaque_env),
        (Some(ROLE), false)
    );
    let now_elsewhere = env(literal(ROLE), elsewhere);
    assert_eq!((now_elsewhere.role_arn, now_elsewhere.opaque_env), (None, true));
}

#[test]
fn an_empty_variable_is_none() {
    let app = container(
        json!({ "env": [{ "name": "AWS_ROLE_ARN" }, { "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "" }] }),
    );
    assert_eq!(
        (app.role_arn, app.token_file, app.opaque_env),
        (None, None, false)
    );
}

#[test]
fn the_token_for_the_api_server_is_a_credential_only_where_the_pod_points_there() {
    let api = "/var/run/secrets/kubernetes.io/serviceaccount";
    let tokens = |path: &str, file: Option<&str>| {
        let env: Vec<_> = file
            .iter()
            .map(|f| json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f }))
            .collect();
        container(json!({ "env": env, "volumeMounts": [{ "name": "api", "mountPath": path }] }))
            .tokens
            .len()
    };
    assert_eq!(tokens(api, None), 0);
    assert_eq!(tokens(api, Some(FILE)), 0);
    assert_eq!(
        tokens(api, Some("/var/run/secrets/kubernetes.io/serviceaccount/token")),
        1
    );
    assert_eq!(tokens("/tokens/", Some("/tokens/token")), 1);
    assert_eq!(tokens("/tokens", Some("/tokens2/token")), 0);
    assert_eq!(tokens("/tokens/token", Some("/tokens/token")), 1);
}

#[test]
fn every_token_with_an_audience_counts_and_other_volumes_do_not() {
    let mounts = |names: &[&str]| {
        let mounts: Vec<_> = names
            .iter()
            .map(|name| json!({ "name": name, "mountPath": format!("/{name}") }))
            .collect();
        container(json!({ "volumeMounts": mounts })).tokens
    };
    let found: Vec<_> = mounts(&["sts", "config", "scratch", "nowhere"])
        .into_iter()
        .map(|t| (t.path, t.audience, t.file))
        .collect();
    assert_eq!(
        found,
        [
            (
                "/sts".to_owned(),
                Some("sts.amazonaws.com".to_owned()),
                "token".to_owned()
            ),
            (
                "/sts".to_owned(),
                Some("vault".to_owned()),
                "vault-token".to_owned()
            ),
        ]
    );
}

#[test]
fn workloads_are_what_somebody_would_restart() {
    let workload = |owners: Value, labels: Value| {
        let object = json!({
            "metadata": { "namespace": "shop", "name": "p", "ownerReferences": owners, "labels": labels },
            "spec": {}
        });
        let workload = pruned(object).workload;
        format!("{}/{}", workload.kind, workload.name)
    };
    let owner = |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "controller": true }]);
    let hash = |hash: &str| json!({ "pod-template-hash": hash });
    assert_eq!(
        workload(owner("ReplicaSet", "web-api-6f5"), hash("6f5")),
        "Deployment/web-api"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "web-6f5"), hash("7a1")),
        "ReplicaSet/web-6f5"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "web6f5"), hash("6f5")),
        "ReplicaSet/web6f5"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "-6f5"), hash("6f5")),
        "ReplicaSet/-6f5"
    );
    assert_eq!(workload(owner("ReplicaSet", "web-"), hash("")), "ReplicaSet/web-");
    assert_eq!(
        workload(
            owner("ReplicaSet", "web-6f5"),
            json!({ "rollouts-pod-template-hash": "6f5" })
        ),
        "ReplicaSet/web-6f5"
    );
    assert_eq!(
        workload(owner("DaemonSet", "agent-6f5"), hash("6f5")),
        "DaemonSet/agent-6f5"
    );
    assert_eq!(
        workload(owner("Job", "backup-29387160"), json!(null)),
        "Job/backup-29387160"
    );
    assert_eq!(
        workload(json!([{ "kind": "ReplicaSet", "name": "x" }]), json!(null)),
        "Pod/p"
    );
    assert_eq!(workload(json!(null), json!(null)), "Pod/p");
}

#[test]
fn the_service_account_defaults() {
    let account = |spec: Value| {
        pruned(json!({ "metadata": { "namespace": "n", "name": "p" }, "spec": spec })).service_account
    };
    assert_eq!(account(json!({})), "default");
    assert_eq!(
        account(json!({ "serviceAccountName": "", "serviceAccount": null })),
        "default"
    );
    assert_eq!(account(json!({ "serviceAccount": "old" })), "old");
    assert_eq!(
        account(json!({ "serviceAccountName": "new", "serviceAccount": "old" })),
        "new"
    );
}

#[test]
fn the_life_of_a_pod() {
    let with = |status: Value| {
        let mut object = irsa_pod();
        object["status"] = status;
        pruned(object)
    };
    for (phase, expected) in [
        (json!("Pending"), PodPhase::Pending),
        (json!("Running"), PodPhase::Running),
        (json!("Succeeded"), PodPhase::Succeeded),
        (json!("Failed"), PodPhase::Failed),
        (json!("Unknown"), PodPhase::Unknown),
        (json!("Hibernating"), PodPhase::Unknown),
        (json!(null), PodPhase::Pending),
    ] {
        assert_eq!(with(json!({ "phase": phase })).phase, expected);
    }
    assert!(!with(json!({ "conditions": [{ "type": "Ready", "status": "False" }] })).ready);
    assert!(!with(json!({ "conditions": [{ "type": "ContainersReady", "status": "True" }] })).ready);
    assert!(!with(json!({ "conditions": null })).ready);
    assert_eq!(with(Value::Null).phase, PodPhase::Pending);
    let mut leaving = irsa_pod();
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T08:00:00Z".into();
    assert!(pruned(leaving).terminating);
}

#[test]
fn null_lists_are_empty() {
    let object = json!({
        "metadata": { "namespace": "n", "name": "p", "uid": null, "labels": null, "ownerReferences": null },
        "spec": { "containers": [{ "name": "a", "env": null, "envFrom": null, "volumeMounts": null }],
            "initContainers": null, "volumes": [{ "name": "v", "projected": { "sources": null } }] }
    });
    assert_eq!(
        pruned(object).containers,
        [Container {
            name: "a".into(),
            ..Container::default()
        }]
    );
}

#[test]
fn what_is_malformed_is_named_with_its_place() {
    let set = |pointer: &str, value: Value| {
        let mut object = irsa_pod();
        *object.pointer_mut(pointer).unwrap() = value;
        refused(object)
    };
    for (pointer, place) in [
        ("/metadata/labels", "metadata.labels"),
        ("/metadata/creationTimestamp", "metadata.creationTimestamp"),
        (
            "/metadata/ownerReferences/0/kind",
            "metadata.ownerReferences[0].kind",
        ),
        ("/spec", "spec"),
        ("/spec/serviceAccountName", "spec.serviceAccountName"),
        ("/spec/containers", "spec.containers"),
        (
            "/spec/containers/0/env/5/value",
            "spec.containers[0].env[5].value",
        ),
        (
            "/spec/initContainers/0/volumeMounts",
            "spec.initContainers[0].volumeMounts",
        ),
        (
            "/spec/volumes/0/projected/sources",
            "spec.volumes[0].projected.sources",
        ),
        ("/status/conditions/0/status", "status.conditions[0].status"),
    ] {
        let error = set(pointer, json!(7));
        assert_eq!(
            (error.namespace.as_str(), error.name.as_str()),
            ("shop", "orders-7d9c8b6f5-x2x7q")
        );
        assert!(
            error.reason.starts_with(&format!("{place}: ")),
            "{pointer}: {}",
            error.reason
        );
    }
    let error = set("/metadata/name", json!(7));
    assert_eq!((error.namespace.as_str(), error.name.as_str()), ("shop", ""));
}

#[test]
fn what_is_no_object_is_refused() {
    for object in [
        Value::Null,
        json!([]),
        json!("pod"),
        json!({}),
        json!({ "metadata": null }),
        json!({ "metadata": { "name": "p", "namespace": "n" } }),
    ] {
        refused(object);
    }
}

#[test]
fn a_refusal_is_safe_to_show() {
    let mut object = irsa_pod();
    object["metadata"]["name"] = "a\u{1b}[31m".into();
    object["status"]["conditions"] = "\u{202e}\n".into();
    let error = refused(object);
    assert!(
        error
            .to_string()
            .chars()
            .all(|c| !c.is_control() && c != '\u{202e}'),
        "{error:?}"
    );
}
