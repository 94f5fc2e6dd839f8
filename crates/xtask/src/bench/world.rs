//! What the benches of the operator have in common: a real API server, an AWS endpoint, bindings and their pods.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use fake_aws::{FakeAws, Role};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use test_kit::{ControlPlane, Launch, Process};
use tokio::sync::mpsc;

use super::Error;

/// The account of all roles.
pub const ACCOUNT: &str = "111122223333";

/// Where a ServiceAccount names its role.
pub const ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// What went wrong outside of the operator.
pub fn world(error: impl std::fmt::Display) -> Error {
    Error::World(error.to_string())
}

/// A typed value of a literal.
///
/// # Errors
/// When the literal is none.
pub fn from<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(world)
}

/// The ARN of a role by its name.
pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// A cluster and an AWS endpoint.
pub struct World {
    /// The API server and etcd.
    pub plane: ControlPlane,
    /// IAM, STS and EKS.
    pub aws: FakeAws,
    /// The administrator's client.
    pub client: Client,
}

impl World {
    /// Starts both, with the custom resources installed.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start() -> Result<Self, Error> {
        let plane = ControlPlane::start().await.map_err(world)?;
        let aws = FakeAws::start().await.map_err(world)?;
        let client = plane.client().await.map_err(world)?;
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        for (_, crd) in audit_api::crds::all() {
            api.create(&PostParams::default(), &crd).await.map_err(world)?;
        }
        aws.aws_managed_policy(
            "ReadOnlyAccess",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#,
        );
        aws.account(ACCOUNT)
            .provider(plane.issuer(), ["sts.amazonaws.com"]);
        Ok(Self { plane, aws, client })
    }

    /// A trust policy that admits these ServiceAccounts of the cluster, each as `namespace:name`.
    pub fn trust(&self, subjects: &[String]) -> String {
        let host = self.plane.issuer().trim_start_matches("https://");
        let subjects: Vec<String> = subjects
            .iter()
            .map(|subject| format!("system:serviceaccount:{subject}"))
            .collect();
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}")},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{host}:sub"): subjects,
                    format!("{host}:aud"): "sts.amazonaws.com"
                }}
            }]
        })
        .to_string()
    }

    /// A role that admits these ServiceAccounts, and may read.
    pub fn role(&self, name: &str, subjects: &[String]) -> Role {
        Role::named(name)
            .trust(self.trust(subjects))
            .attached("arn:aws:iam::aws:policy/ReadOnlyAccess")
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn namespace(&self, name: &str) -> Result<(), Error> {
        create_namespace(&self.client, name).await
    }

    /// Starts the operator of the release build.
    ///
    /// # Errors
    /// When it does not start.
    pub fn operator(&self, root: &Path) -> Result<Process, Error> {
        self.operator_refreshing(root, "1h")
    }

    /// Starts the release build of the operator, which reads everything anew in this interval.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn operator_refreshing(&self, root: &Path, refresh: &str) -> Result<Process, Error> {
        let (key, secret) = self.aws.credentials(ACCOUNT);
        Launch::new("operator", super::target(root).join("release/irsa-audit"))
            .map_err(world)?
            .args(["operator", "--metrics-addr", "127.0.0.1:0", "--refresh", refresh])
            .env("KUBECONFIG", self.plane.kubeconfig_path())
            .env("AWS_ENDPOINT_URL", self.aws.endpoint())
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", "eu-west-1")
            .start()
            .map_err(world)
    }
}

/// Creates a namespace.
///
/// # Errors
/// When the API server refuses.
pub async fn create_namespace(client: &Client, name: &str) -> Result<(), Error> {
    let body = from(json!({"metadata": {"name": name}}))?;
    let api = Api::<Namespace>::all(client.clone());
    api.create(&PostParams::default(), &body)
        .await
        .map(drop)
        .map_err(world)
}

/// Creates a ServiceAccount that names a role.
///
/// # Errors
/// When the API server refuses.
pub async fn create_account(client: &Client, namespace: &str, name: &str, role: &str) -> Result<(), Error> {
    let body: ServiceAccount = from(json!({"metadata": {
        "name": name,
        "annotations": {ANNOTATION: role_arn(role)}
    }}))?;
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &body)
        .await
        .map(drop)
        .map_err(world)
}

/// Has a ServiceAccount name another role.
///
/// # Errors
/// When the API server refuses.
pub async fn annotate(client: &Client, namespace: &str, name: &str, role: &str) -> Result<(), Error> {
    let patch = json!({"metadata": {"annotations": {ANNOTATION: role_arn(role)}}});
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(world)
}

/// A pod of a ServiceAccount, as the webhook leaves it on EKS where it has a role, or as it looks without.
pub fn pod(name: &str, account: &str, role: Option<&str>) -> Value {
    let mut env = vec![
        json!({"name": "LOG_LEVEL", "value": "info"}),
        json!({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
    ];
    let mut mounts = vec![json!({"name": "config", "mountPath": "/etc/app"})];
    let mut volumes = vec![json!({"name": "config", "configMap": {"name": "app"}})];
    if let Some(role) = role {
        let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
        env.push(json!({"name": "AWS_ROLE_ARN", "value": role_arn(role)}));
        env.push(json!({"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{folder}/token")}));
        mounts.push(json!({"name": "aws-iam-token", "mountPath": folder, "readOnly": true}));
        volumes.push(
            json!({"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": {
            "audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}]}}),
        );
    }
    json!({
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": account, "pod-template-hash": TEMPLATE_HASH},
            "annotations": {"prometheus.io/scrape": "true", "checksum/config": "0123456789abcdef0123456789abcdef"}
        },
        "spec": {
            "serviceAccountName": account,
            "containers": [{
                "name": "app",
                "image": "registry.example/app:1.0.0",
                "env": env,
                "volumeMounts": mounts,
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}}
            }],
            "volumes": volumes
        }
    })
}

/// What a Deployment's pods are called besides its name and their own suffixes.
const TEMPLATE_HASH: &str = "7d4b9c5f6d";

/// One of the pods of a Deployment.
pub fn replica(deployment: &str, number: usize, account: &str, role: Option<&str>) -> Value {
    let owner = format!("{deployment}-{TEMPLATE_HASH}");
    let mut body = pod(&format!("{owner}-{number:05}"), account, role);
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true});
        metadata.insert("ownerReferences".to_owned(), json!([owner]));
    }
    body
}

/// Creates a pod.
///
/// # Errors
/// When the API server refuses.
pub async fn create_pod(client: &Client, namespace: &str, pod: Value) -> Result<(), Error> {
    let body: Pod = from(pod)?;
    let api = Api::<Pod>::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &body)
        .await
        .map(drop)
        .map_err(world)
}

/// The versions of all `IrsaAudit`s, by name.
#[derive(Debug)]
pub struct Versions(HashMap<String, Option<String>>);

impl Versions {
    /// As they are now.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn list(client: &Client) -> Result<Self, Error> {
        let api = Api::<IrsaAudit>::all(client.clone());
        let list = api.list_metadata(&ListParams::default()).await.map_err(world)?;
        let versions = list.items.into_iter();
        Ok(Self(
            versions
                .map(|object| (object.name_any(), object.resource_version()))
                .collect(),
        ))
    }

    /// How many were written to since.
    pub fn written_since(&self, before: &Self) -> usize {
        let versions = self.0.iter();
        versions
            .filter(|(name, version)| before.0.get(*name) != Some(*version))
            .count()
    }
}

/// The verdict in a status, and when a watch showed it.
#[derive(Debug)]
pub struct Seen {
    /// The name of the `IrsaAudit`.
    pub name: String,
    /// What it says.
    pub verdict: VerdictName,
    /// When.
    pub at: Instant,
}

/// The verdicts of all bindings as a watch shows them.
pub struct Statuses {
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Statuses {
    /// Watches from now on.
    pub fn watch(client: Client) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        tokio::spawn(watch_statuses(client, sender));
        Self { seen }
    }

    /// The next verdict.
    ///
    /// # Errors
    /// When there is none for two minutes.
    pub async fn next(&mut self) -> Result<Seen, Error> {
        match tokio::time::timeout(Duration::from_mins(2), self.seen.recv()).await {
            Ok(Some(seen)) => Ok(seen),
            _ => Err(world("no status was written for two minutes")),
        }
    }

    /// Forgets what has been seen until now.
    pub fn clear(&mut self) {
        while self.seen.try_recv().is_ok() {}
    }
}

/// Tells each verdict when it arrives.
async fn watch_statuses(client: Client, sender: mpsc::UnboundedSender<Seen>) {
    // Without a pause after errors, a watch of a server that has stopped would never yield, and the runtime never end.
    let mut events = watcher(Api::<IrsaAudit>::all(client), watcher::Config::default())
        .default_backoff()
        .boxed();
    while let Some(event) = events.next().await {
        let at = Instant::now();
        if let Ok(watcher::Event::Apply(audit) | watcher::Event::InitApply(audit)) = event
            && let Some(verdict) = audit.status.as_ref().and_then(|status| status.verdict)
        {
            let name = audit.name_any();
            if sender.send(Seen { name, verdict, at }).is_err() {
                return;
            }
        }
    }
}
