//! Kubernetes objects as the API server takes them.

use serde_json::{Value, json};

/// A ServiceAccount with the annotation that binds it to a role.
#[must_use]
pub fn service_account(namespace: &str, name: &str, role_arn: &str) -> Value {
    annotated(namespace, name, &json!({"eks.amazonaws.com/role-arn": role_arn}))
}

/// The same, of which the tokens have another audience than the usual one.
#[must_use]
pub fn service_account_for(namespace: &str, name: &str, role_arn: &str, audience: &str) -> Value {
    let annotations = json!({"eks.amazonaws.com/role-arn": role_arn, "eks.amazonaws.com/audience": audience});
    annotated(namespace, name, &annotations)
}

/// A ServiceAccount with any annotations.
#[must_use]
pub fn annotated(namespace: &str, name: &str, annotations: &Value) -> Value {
    let metadata = json!({"namespace": namespace, "name": name, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
}

/// A ServiceAccount without annotations.
#[must_use]
pub fn bare_service_account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}})
}

/// The ConfigMap by which a self-hosted webhook is told what to inject.
#[must_use]
pub fn webhook_config_map(config: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "kube-system", "name": "pod-identity-webhook"},
        "data": {"config": config.to_string()},
    })
}

/// The registration of the pod identity webhook as EKS has it. No server answers it here, which the API server ignores: see
/// [`pod`].
#[must_use]
pub fn webhook() -> Value {
    let rule =
        json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook"},
        "webhooks": [{
            "name": "iam-for-pods.amazonaws.com",
            "clientConfig": {"url": "https://127.0.0.1:23443/mutate"},
            "failurePolicy": "Ignore",
            "timeoutSeconds": 1,
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    })
}

/// An `IrsaAudit` that somebody wrote.
#[must_use]
pub fn audit(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "IrsaAudit",
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    })
}

/// A Deployment, of which no controller makes pods here: see [`pod`].
#[must_use]
pub fn deployment(namespace: &str, name: &str, service_account: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "serviceAccountName": service_account,
                    "containers": [{"name": "app", "image": "registry.example/app:1"}],
                },
            },
        },
    })
}

/// What the webhook puts into a pod.
#[derive(Debug, Clone, Copy)]
pub struct Injected<'a> {
    /// The role.
    pub role_arn: &'a str,
    /// The audience of the token.
    pub audience: &'a str,
}

/// A running, ready pod of a Deployment: as the webhook leaves it, or without anything injected.
#[must_use]
pub fn pod(
    namespace: &str,
    deployment: &str,
    suffix: &str,
    service_account: &str,
    injected: Option<Injected<'_>>,
) -> Value {
    const HASH: &str = "5d9c7b8f4";
    const FOLDER: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    let (env, mounts, volumes) = match injected {
        None => (json!([]), json!([]), json!([])),
        Some(Injected { role_arn, audience }) => {
            let token = json!({"audience": audience, "expirationSeconds": 86400, "path": "token"});
            (
                json!([
                    {"name": "AWS_ROLE_ARN", "value": role_arn},
                    {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{FOLDER}/token")},
                ]),
                json!([{"name": "aws-iam-token", "mountPath": FOLDER, "readOnly": true}]),
                json!([{"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": token}]}}]),
            )
        }
    };
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": namespace,
            "name": format!("{deployment}-{HASH}-{suffix}"),
            "labels": {"app": deployment, "pod-template-hash": HASH},
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": format!("{deployment}-{HASH}"),
                "uid": "00000000-0000-4000-8000-000000000001",
                "controller": true,
            }],
        },
        "spec": {
            "serviceAccountName": service_account,
            "containers": [{"name": "app", "image": "registry.example/app:1", "env": env, "volumeMounts": mounts}],
            "volumes": volumes,
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}
