use audit_core::model::Pod;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::prune;

const PREFIX: &str = "eks.amazonaws.com";

/// In every text that must not be kept.
const MARKER: &str = "m4rk3r";

fn scope() -> Scope {
    Scope {
        prefix: PREFIX.to_owned(),
        webhook_namespace: "kube-system".to_owned(),
    }
}

fn reduced(resource: &str, object: &Value) -> Value {
    let kinds = kinds(&scope(), None);
    let kind = kinds.iter().find(|kind| kind.resource == resource).unwrap();
    kind.reduced(object.clone()).unwrap()
}

fn without_marker(resource: &str, object: &Value) -> Value {
    let kept = reduced(resource, object);
    assert!(!kept.to_string().contains(MARKER), "{kept}");
    kept
}

/// What an API server and controllers add to any object, with free texts.
fn metadata(kept: &Value) -> Value {
    let mut metadata = json!({
        "name": "cart", "namespace": "shop", "uid": "0a1b", "resourceVersion": MARKER, "generateName": MARKER, "selfLink": MARKER,
        "creationTimestamp": "2026-11-23T07:00:00Z", "finalizers": [MARKER],
        "managedFields": [{"manager": MARKER, "fieldsV1": {format!("f:{MARKER}"): {}}}],
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"password\":\"{MARKER}\"}}"),
            "meta.helm.sh/release-name": MARKER, MARKER: MARKER,
        },
    });
    for (field, value) in kept.as_object().into_iter().flatten() {
        match metadata.get_mut(field).and_then(Value::as_object_mut) {
            Some(fields) => fields.extend(value.as_object().unwrap().clone()),
            None => metadata[field] = value.clone(),
        }
    }
    metadata
}

fn read(pod: &Value) -> Pod {
    prune::pod(pod.clone(), PREFIX).unwrap()
}

fn same_pod(pod: &Value) -> Value {
    let kept = without_marker("pods", pod);
    assert_eq!(read(&kept), read(pod), "{kept}");
    assert_eq!(reduced("pods", &kept), kept, "what was kept is kept again");
    kept
}

/// A pod of which every free text holds the marker that no rule reads.
fn hostile(env: &Value) -> Value {
    let container = json!({
        "name": "app", "image": MARKER, "command": [MARKER], "args": [format!("--password={MARKER}")], "workingDir": MARKER,
        "env": env,
        "envFrom": [{"prefix": "A_", "secretRef": {"name": "db", "optional": true}}, {"configMapRef": {"name": "env"}}],
        "volumeMounts": [
            {"name": "aws-iam-token", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount", "readOnly": true},
            {"name": "aws", "mountPath": "/root/.aws", "subPath": "x"}, {"name": "tmp", "mountPath": "/tmp", "subPathExpr": "$(POD)"},
        ],
        "livenessProbe": {"exec": {"command": [MARKER]}, "httpGet": {"httpHeaders": [{"name": "Authorization", "value": MARKER}]}},
        "lifecycle": {"postStart": {"exec": {"command": [MARKER]}}}, "terminationMessagePath": MARKER,
    });
    let mut init = container.clone();
    (init["name"], init["restartPolicy"]) = (json!("copy"), json!("Always"));
    let volumes = json!([
        {"name": "aws-iam-token", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}},
            {"secret": {"name": MARKER, "items": [{"key": "k", "path": "p"}]}},
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": MARKER}}]}},
            {"configMap": {"name": "ca"}}, {"clusterTrustBundle": {"name": MARKER}},
        ]}},
        {"name": "aws", "configMap": {"name": "profiles", "items": [{"key": "config", "path": "config"}]}},
        {"name": "keys", "secret": {"secretName": "keys"}}, {"name": "tmp", "emptyDir": {"medium": MARKER}},
        {"name": "store", "csi": {"driver": "secrets-store.csi.k8s.io", "nodePublishSecretRef": {"name": MARKER},
            "volumeAttributes": {"secretProviderClass": "db", MARKER: MARKER}}},
        {"name": "disk", "csi": {"driver": MARKER, "volumeAttributes": {"password": MARKER, "secretProviderClass": MARKER}}},
        {"name": "nfs", "nfs": {"server": MARKER, "path": MARKER}},
    ]);
    let affinity = json!({
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]},
            {"key": MARKER, "operator": "In", "values": [MARKER]},
        ]}]}},
        "podAffinity": {"x": MARKER},
    });
    let status = json!({
        "phase": "Running", "message": MARKER, "reason": MARKER, "podIP": MARKER, "hostIP": MARKER,
        "conditions": [{"type": "Ready", "status": "True", "message": MARKER, "reason": MARKER}, {"type": MARKER, "status": MARKER}],
        "containerStatuses": [{"name": "app", "imageID": MARKER, "state": {"waiting": {"message": MARKER}}}],
    });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": metadata(&json!({
            "labels": {"app": "cart", "pod-template-hash": "5d4f", "job-name": MARKER, "controller-uid": MARKER},
            "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart", "kubernetes.io/config.hash": MARKER},
            "deletionTimestamp": "2026-11-24T07:00:00Z",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": MARKER, "name": MARKER, "uid": MARKER},
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-5d4f", "uid": MARKER, "controller": true},
            ],
        })),
        "spec": {
            "serviceAccountName": "cart", "serviceAccount": "cart", "automountServiceAccountToken": false, "hostname": MARKER,
            "nodeName": MARKER, "schedulerName": MARKER, "priorityClassName": MARKER, "imagePullSecrets": [{"name": MARKER}],
            "nodeSelector": {"kubernetes.io/os": "windows", MARKER: MARKER}, "os": {"name": "windows"},
            "affinity": affinity,
            "tolerations": [{"key": MARKER, "value": MARKER}], "hostAliases": [{"ip": MARKER}], "dnsConfig": {"searches": [MARKER]},
            "initContainers": [init], "containers": [container], "ephemeralContainers": [{"name": MARKER, "env": [{"name": "A", "value": MARKER}]}],
            "volumes": volumes,
        },
        "status": status,
    })
}

fn env(variables: &[(&str, &str)]) -> Value {
    let one = |(name, value): &(&str, &str)| json!({"name": name, "value": value});
    variables.iter().map(one).collect()
}

#[test]
fn of_a_pod_only_what_is_read_is_kept() {
    let kept = same_pod(&hostile(&env(&[
        ("DB_PASSWORD", MARKER),
        (MARKER, "1"),
        ("AWS_ACCESS_KEY_ID", MARKER),
        ("AWS_SECRET_ACCESS_KEY", MARKER),
        ("AWS_SESSION_TOKEN", MARKER),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", MARKER),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", MARKER),
        ("AWS_REGION", MARKER),
        (
            "AWS_ENDPOINT_URL",
            "http://m4rk3r:m4rk3r@minio:9000/m4rk3r?m4rk3r",
        ),
        ("AWS_ENDPOINT_URL_S3", MARKER),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/cart"),
        (
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
        ),
    ])));
    assert_eq!(kept["metadata"]["uid"], "0a1b");
    assert_eq!(
        read(&kept).containers[1].role_arn.as_deref(),
        Some("arn:aws:iam::111122223333:role/cart")
    );
}

#[test]
fn values_that_name_other_variables_are_read_the_same() {
    for value in [
        "arn:aws:iam::$(ACCOUNT):role/cart",
        "$$(ACCOUNT)",
        "$(UNSEEN)",
        "a$",
        "$(SECRET)",
        "$(FIELD)",
        "$(OPTIONAL)",
        "",
    ] {
        let env = json!([
            {"name": "ACCOUNT", "value": "111122223333"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": MARKER, "key": MARKER}}},
            {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": MARKER}}},
            {"name": "OPTIONAL", "valueFrom": {"configMapKeyRef": {"name": MARKER, "key": MARKER, "optional": true}}},
            {"name": "AWS_ROLE_ARN", "value": value},
            {"name": "AWS_PROFILE", "valueFrom": {"secretKeyRef": {"name": MARKER, "key": MARKER, "optional": true}}},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "valueFrom": {"fieldRef": {"fieldPath": MARKER}}},
        ]);
        same_pod(&hostile(&env));
    }
}

#[test]
fn fixtures_are_read_the_same() {
    for text in [
        include_str!("../../fixtures/pod-irsa.json"),
        include_str!("../../fixtures/pod-pod-identity.json"),
    ] {
        same_pod(&serde_json::from_str(text).unwrap());
    }
    let mut mirror = hostile(&json!([]));
    mirror["metadata"]["annotations"]["kubernetes.io/config.mirror"] = json!(MARKER);
    assert_eq!(read(&same_pod(&mirror)).service_account, "");
}

/// The names of variables that are read, and some that are not.
const NAMES: [&str; 18] = [
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ROLE_SESSION_NAME",
    "A",
    "B",
];

fn any_env() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("$(A)".to_owned()),
        Just("/root/.aws/config".to_owned()),
        Just("shop/$(A)".to_owned()),
        Just("http://169.254.170.23/v1/credentials".to_owned()),
        Just("http://u:$(A)@minio:9000/x".to_owned()),
        "[a$()/]{0,8}",
    ];
    let value = text.prop_map(|text| json!({"value": text}));
    let elsewhere = any::<bool>().prop_map(|optional| {
        json!({"valueFrom": {"secretKeyRef": {"name": MARKER, "key": MARKER, "optional": optional}}})
    });
    let variable =
        (0..NAMES.len(), prop_oneof![3 => value, 1 => elsewhere]).prop_map(|(name, mut variable)| {
            variable["name"] = NAMES[name].into();
            variable
        });
    prop::collection::vec(variable, 0..8).prop_map(Value::from)
}

proptest! {
    #[test]
    fn any_environment_is_read_the_same(env in any_env()) {
        same_pod(&hostile(&env));
    }

    #[test]
    fn no_value_of_a_variable_that_is_not_read_is_kept(names in prop::collection::vec("[A-Z_]{1,24}", 0..6)) {
        let variables: Vec<(&str, &str)> = names
            .iter()
            .filter(|name| !NAMES.contains(&name.as_str()))
            .map(|name| (name.as_str(), MARKER))
            .collect();
        same_pod(&hostile(&env(&variables)));
    }
}

#[test]
fn of_other_kinds_only_what_is_read_is_kept() {
    let account = json!({
        "metadata": metadata(&json!({"labels": {MARKER: MARKER}, "annotations": {"eks.amazonaws.com/audience": "mesh"}})),
        "secrets": [{"name": MARKER}], "imagePullSecrets": [{"name": MARKER}], "automountServiceAccountToken": false,
    });
    let kept = without_marker("serviceaccounts", &account);
    let read = |object: &Value| prune::service_account(object.clone(), PREFIX).unwrap();
    assert_eq!(read(&kept), read(&account));

    let namespace =
        json!({"metadata": metadata(&json!({"labels": {"team": "shop"}})), "status": {"phase": MARKER}});
    let kept = without_marker("namespaces", &namespace);
    assert_eq!(
        prune::namespace(kept).unwrap(),
        prune::namespace(namespace).unwrap()
    );

    let role = json!({
        "metadata": metadata(&json!({"labels": {MARKER: MARKER}})),
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {MARKER: MARKER}}]},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["a"]},
            {"nonResourceURLs": [MARKER], "verbs": ["get"]},
        ],
    });
    let kept = without_marker("roles", &role);
    assert_eq!(
        prune::role(kept).unwrap().rules,
        prune::role(role.clone()).unwrap().rules
    );
    assert_eq!(without_marker("clusterroles", &role)["kind"], "ClusterRole");

    let binding = json!({
        "metadata": metadata(&json!({"labels": {MARKER: MARKER}})),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "cart"}, {"kind": "Group", "name": "g", "apiGroup": MARKER}],
    });
    let kept = without_marker("rolebindings", &binding);
    assert_eq!(
        prune::role_binding(kept).unwrap(),
        prune::role_binding(binding.clone()).unwrap()
    );
    let kept = without_marker("clusterrolebindings", &binding);
    assert_eq!(
        prune::cluster_role_binding(kept).unwrap(),
        prune::cluster_role_binding(binding).unwrap()
    );
}

#[test]
fn of_webhooks_and_their_config_map_only_the_own_ones_are_kept() {
    let own = json!({
        "name": "pod-identity-webhook.amazonaws.com", "sideEffects": MARKER, "admissionReviewVersions": [MARKER],
        "clientConfig": {"caBundle": MARKER, "service": {"name": "pod-identity-webhook", "namespace": MARKER, "path": MARKER}},
        "namespaceSelector": {"matchLabels": {"irsa": "on"}}, "failurePolicy": "Ignore",
        "objectSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": "*"}],
        "matchConditions": [{"name": MARKER, "expression": MARKER}],
    });
    let mut other = own.clone();
    other["name"] = json!(MARKER);
    other["clientConfig"] = json!({"url": format!("https://{MARKER}.example.com")});
    let configuration =
        json!({"metadata": {"name": "irsa", "labels": {MARKER: MARKER}}, "webhooks": [own, other]});
    let kept = without_marker("mutatingwebhookconfigurations", &configuration);
    let read = |object: &Value| prune::webhook(object.clone()).unwrap();
    assert_eq!(read(&kept), read(&configuration));
    assert_eq!(read(&kept).registrations.len(), 1);

    let map = json!({
        "metadata": metadata(&Value::Null),
        "data": {"config": json!({"shop/cart": {"RoleARN": "arn", "audience": "mesh", "Note": MARKER}}).to_string(), "other": MARKER},
        "binaryData": {"x": MARKER},
    });
    let kept = without_marker("configmaps", &map);
    assert_eq!(prune::config_map(kept).unwrap(), prune::config_map(map).unwrap());
}

#[test]
fn of_the_own_kinds_the_status_is_left_out() {
    let audit = json!({
        "apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAudit",
        "metadata": metadata(&json!({"labels": {"app.kubernetes.io/name": MARKER}})),
        "spec": {"serviceAccountName": "cart", "expect": {"roleArn": "arn:aws:iam::111122223333:role/cart",
            "workloads": [{"kind": "Deployment", "name": "cart"}]}},
        "status": {"verdict": "Working", "message": MARKER},
    });
    let kept = without_marker("irsaaudits", &audit);
    let read = |object: &Value| prune::audit(object.clone()).unwrap().request;
    assert_eq!(read(&kept), read(&audit));
    let fixture: Value = serde_json::from_str(include_str!("../../fixtures/irsa-audit.json")).unwrap();
    assert_eq!(read(&reduced("irsaaudits", &fixture)), read(&fixture));

    let policy = json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy",
        "metadata": {"name": "default", "annotations": {MARKER: MARKER}}, "spec": {"exclude": {"namespaces": ["kube-system"]}}});
    let kept = without_marker("irsaauditpolicies", &policy);
    assert_eq!(prune::policy(kept).unwrap(), prune::policy(policy).unwrap());
}

#[test]
fn every_kind_that_is_listed_live_is_captured() {
    let mut resources: Vec<String> = kinds(&scope(), None)
        .into_iter()
        .map(|kind| kind.resource)
        .collect();
    resources.sort_unstable();
    let expected = [
        "clusterrolebindings",
        "clusterroles",
        "configmaps",
        "irsaauditpolicies",
        "irsaaudits",
        "mutatingwebhookconfigurations",
        "namespaces",
        "pods",
        "rolebindings",
        "roles",
        "serviceaccounts",
    ];
    assert_eq!(resources, expected);
}
