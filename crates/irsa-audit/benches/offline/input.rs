//! What is audited: a cluster of 10,000 bindings and 100,000 pods, as `kubectl get` prints it with `--show-managed-fields`, and an account
//! with 5,000 roles, as `aws iam get-account-authorization-details` prints it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const HOST_PATH: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
/// The issuer of the cluster.
pub const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

/// ServiceAccounts, each annotated with a role.
pub const BINDINGS: usize = 10_000;
/// Pods of one ServiceAccount.
pub const PODS_EACH: usize = 10;
/// ServiceAccounts of one namespace.
const PER_NAMESPACE: usize = 20;
/// Bindings that have one role.
const PER_ROLE: usize = 2;
/// What the names of a pod are replaced with: its number is no part of what pods of one ServiceAccount have in common.
const POD: &str = "@pod@";

/// Writes the objects of the cluster.
///
/// # Errors
/// When the file cannot be written.
pub fn objects(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?;
    for binding in 0..BINDINGS {
        let pod = pretty(&pod(binding), 2)?;
        let parts: Vec<&str> = pod.split(POD).collect();
        for number in 0..PODS_EACH {
            let separator = if binding + number == 0 { "" } else { "," };
            let pod = parts.join(&format!("{binding:05}{number:02}"));
            write!(file, "{separator}\n        {pod}")?;
        }
    }
    for binding in 0..BINDINGS {
        write!(file, ",\n        {}", pretty(&service_account(binding), 2)?)?;
    }
    write!(
        file,
        "\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {{\n        \"resourceVersion\": \"\"\n    }}\n}}\n"
    )?;
    file.flush()
}

/// Writes the account.
///
/// # Errors
/// When the file cannot be written.
pub fn account(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(
        file,
        "{{\n    \"UserDetailList\": [],\n    \"GroupDetailList\": [],\n    \"RoleDetailList\": ["
    )?;
    for at in 0..BINDINGS / PER_ROLE {
        let separator = if at == 0 { "" } else { "," };
        write!(file, "{separator}\n        {}", pretty(&role(at), 2)?)?;
    }
    write!(file, "\n    ],\n    \"Policies\": [")?;
    for at in 0..500 {
        let separator = if at == 0 { "" } else { "," };
        write!(file, "{separator}\n        {}", pretty(&managed_policy(at), 2)?)?;
    }
    write!(file, "\n    ]\n}}\n")?;
    file.flush()
}

/// What else there is to know of the account: its providers, and the one of the cluster.
#[must_use]
pub fn providers() -> [Value; 2] {
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}");
    [
        json!({ "OpenIDConnectProviderList": [{ "Arn": arn }] }),
        json!({ "Url": HOST_PATH, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [] }),
    ]
}

/// A value with four spaces for each level below `level`, as kubectl and the AWS CLI print it.
fn pretty(value: &Value, level: usize) -> io::Result<String> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut to = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut to)?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    Ok(text.replace('\n', &format!("\n{}", "    ".repeat(level))))
}

fn namespace(binding: usize) -> String {
    format!("team-{}", binding / PER_NAMESPACE)
}

fn role_arn(at: usize) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/payments-service-{at}")
}

fn service_account(binding: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "annotations": {
                "eks.amazonaws.com/role-arn": role_arn(binding / PER_ROLE),
                "meta.helm.sh/release-name": format!("app-{binding}"),
            },
            "creationTimestamp": "2026-05-04T09:12:44Z",
            "labels": { "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": format!("app-{binding}") },
            "managedFields": [{
                "apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "helm", "operation": "Update",
                "time": "2026-05-04T09:12:44Z",
                "fieldsV1": { "f:metadata": { "f:annotations": { ".": {}, "f:eks.amazonaws.com/role-arn": {} }, "f:labels": { ".": {} } } },
            }],
            "name": format!("app-{binding}"),
            "namespace": namespace(binding),
            "resourceVersion": "81723",
            "uid": format!("7e1f7b2c-0000-4000-8000-{binding:012}"),
        },
    })
}

/// A pod of a Deployment, with a sidecar and what the webhooks and the scheduler add.
fn pod(binding: usize) -> Value {
    let app = format!("app-{binding}");
    let hash = "6c9d7b8f5d";
    let fields = |names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| (format!("f:{name}"), json!({})))
            .collect()
    };
    let container_fields = json!({ ".": {}, "f:env": {}, "f:image": {}, "f:name": {}, "f:resources": {} });
    let conditions = ["Ready", "PodScheduled"].map(|kind| {
        json!({ "lastProbeTime": null, "lastTransitionTime": "2026-11-02T10:21:52Z", "status": "True", "type": kind })
    });
    let statuses = ["app"].map(|name| {
        let repository = format!("{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/{name}");
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0";
        json!({
            "containerID": format!("containerd://{digest}{POD}"), "image": format!("{repository}:4.17.2"),
            "imageID": format!("{repository}@sha256:{digest}0a08"), "lastState": {}, "name": name, "ready": true, "restartCount": 0,
            "started": true, "state": { "running": { "startedAt": "2026-11-02T10:21:45Z" } },
        })
    });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {
                "kubectl.kubernetes.io/restartedAt": "2026-10-01T07:00:00Z",
                "prometheus.io/port": "8080",
                "prometheus.io/scrape": "true",
            },
            "creationTimestamp": "2026-11-02T10:21:37Z",
            "generateName": format!("{app}-{hash}-"),
            "labels": {
                "app.kubernetes.io/instance": app, "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/name": app,
                "app.kubernetes.io/version": "4.17.2", "pod-template-hash": hash, "team": namespace(binding),
            },
            "managedFields": [
                {
                    "apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "kube-controller-manager", "operation": "Update",
                    "time": "2026-11-02T10:21:37Z",
                    "fieldsV1": {
                        "f:metadata": {
                            "f:generateName": {},
                            "f:labels": fields(&["app.kubernetes.io/instance", "app.kubernetes.io/name", "pod-template-hash", "team"]),
                        },
                        "f:spec": {
                            "f:containers": { "k:{\"name\":\"app\"}": container_fields },
                            "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
                        },
                    },
                },
            ],
            "name": format!("{app}-{hash}-{POD}"),
            "namespace": namespace(binding),
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet",
                "name": format!("{app}-{hash}"), "uid": "0b1c2d3e-4f50-4617-8899-aabbccddeeff",
            }],
            "resourceVersion": "918273645",
            "uid": format!("2f6a1c9e-0000-4000-8000-00000{POD}"),
        },
        "spec": {
            "containers": [container(binding)],
            "dnsPolicy": "ClusterFirst", "enableServiceLinks": true,
            "nodeName": format!("ip-10-12-{}-{}.eu-west-1.compute.internal", binding % 64, binding % 250),
            "preemptionPolicy": "PreemptLowerPriority", "priority": 0, "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": { "fsGroup": 2000, "runAsNonRoot": true }, "serviceAccount": app, "serviceAccountName": app,
            "terminationGracePeriodSeconds": 30,
            "volumes": [
                { "name": "aws-iam-token", "projected": { "defaultMode": 420, "sources": [
                    { "serviceAccountToken": { "audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token" } }] } },
                { "configMap": { "defaultMode": 420, "name": format!("{app}-config") }, "name": "config" },
                { "name": format!("kube-api-access-{POD}"), "projected": { "defaultMode": 420, "sources": [
                    { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                    { "configMap": { "items": [{ "key": "ca.crt", "path": "ca.crt" }], "name": "kube-root-ca.crt" } },
                    { "downwardAPI": { "items": [{ "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" }, "path": "namespace" }] } },
                ] } },
            ],
        },
        "status": {
            "conditions": conditions,
            "containerStatuses": statuses,
            "hostIP": "10.12.7.81", "phase": "Running", "podIP": "10.12.9.14", "qosClass": "Burstable",
            "startTime": "2026-11-02T10:21:37Z",
        },
    })
}

fn container(binding: usize) -> Value {
    let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    json!({
        "env": [
            { "name": "LOG_LEVEL", "value": "info" },
            { "name": "POD_IP", "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": "status.podIP" } } },
            { "name": "DATABASE_URL", "value": format!("postgres://db.team-{}.svc.cluster.local:5432/app", binding / PER_NAMESPACE) },
            { "name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional" },
            { "name": "AWS_DEFAULT_REGION", "value": "eu-west-1" },
            { "name": "AWS_REGION", "value": "eu-west-1" },
            { "name": "AWS_ROLE_ARN", "value": role_arn(binding / PER_ROLE) },
            { "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{folder}/token") },
        ],
        "image": format!("{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app:4.17.2"),
        "imagePullPolicy": "IfNotPresent",
        "name": "app",
        "ports": [{ "containerPort": 8080, "name": "http", "protocol": "TCP" }],
        "resources": { "limits": { "memory": "512Mi" }, "requests": { "cpu": "100m", "memory": "512Mi" } },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "volumeMounts": [
            { "mountPath": "/etc/config", "name": "config", "readOnly": true },
            { "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": format!("kube-api-access-{POD}"), "readOnly": true },
            { "mountPath": folder, "name": "aws-iam-token", "readOnly": true },
        ],
    })
}

/// A role that trusts the ServiceAccounts that are annotated with it, of one in a hundred another namespace's.
fn role(at: usize) -> Value {
    let subjects: Vec<String> = (at * PER_ROLE..(at + 1) * PER_ROLE)
        .map(|binding| {
            let namespace = if at.is_multiple_of(100) {
                "staging".to_owned()
            } else {
                namespace(binding)
            };
            format!("system:serviceaccount:{namespace}:app-{binding}")
        })
        .collect();
    let inline = |name: &str, actions: &[&str]| {
        json!({ "PolicyName": name, "PolicyDocument": {
        "Version": "2012-10-17", "Statement": [{ "Sid": "Own", "Effect": "Allow", "Action": actions,
            "Resource": [format!("arn:aws:s3:::payments-{at}"), format!("arn:aws:s3:::payments-{at}/*")] }] } })
    };
    json!({
        "Path": "/", "RoleName": format!("payments-service-{at}"), "RoleId": format!("AROA{at:017}"), "Arn": role_arn(at),
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST_PATH}") },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{HOST_PATH}:sub"): subjects, format!("{HOST_PATH}:aud"): "sts.amazonaws.com" } },
        }] },
        "InstanceProfileList": [],
        "RolePolicyList": [inline("objects", &["s3:GetObject", "s3:PutObject", "s3:ListBucket"]), inline("cleanup", &["s3:DeleteObject"])],
        "AttachedManagedPolicies": [{ "PolicyName": format!("team-{}", at % 500), "PolicyArn": format!("arn:aws:iam::{ACCOUNT}:policy/team-{}", at % 500) }],
        "Tags": [{ "Key": "team", "Value": format!("team-{}", at % 500) }, { "Key": "managed-by", "Value": "terraform" }],
        "RoleLastUsed": { "LastUsedDate": "2026-11-20T12:00:00+00:00", "Region": "eu-west-1" },
    })
}

/// A policy of a team, in the five versions that IAM keeps.
fn managed_policy(at: usize) -> Value {
    let statements: Vec<Value> = (0..12)
        .map(|table| json!({
            "Sid": format!("Table{table}"), "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            "Resource": format!("arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/team-{at}-{table}"),
        }))
        .collect();
    let version = |number: usize| {
        json!({
            "Document": { "Version": "2012-10-17", "Statement": statements }, "VersionId": format!("v{number}"),
            "IsDefaultVersion": number == 5, "CreateDate": "2026-03-01T00:00:00+00:00",
        })
    };
    let versions: Vec<Value> = (1..=5).rev().map(version).collect();
    json!({
        "PolicyName": format!("team-{at}"), "PolicyId": format!("ANPA{at:017}"), "Arn": format!("arn:aws:iam::{ACCOUNT}:policy/team-{at}"),
        "Path": "/", "DefaultVersionId": "v5", "AttachmentCount": 10, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
        "CreateDate": "2026-01-01T00:00:00+00:00", "UpdateDate": "2026-03-01T00:00:00+00:00",
        "PolicyVersionList": versions,
    })
}
