//! The operator on a real API server with 1,000 bindings and 5,000 pods.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use fake_aws::{FakeAws, Role};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use test_kit::{ControlPlane, Launch, Process};
use tokio::sync::mpsc;

use super::Error;
use super::machine::memory;
use super::percentile::summary;

const ACCOUNT: &str = "111122223333";
const NAMESPACES: usize = 20;
const BINDINGS: usize = 1000;
const PODS_EACH: usize = 5;
const CHANGES: usize = 600;
/// Changes a second: a busy cluster, not a flood.
const RATE: u32 = 20;

fn world(error: impl std::fmt::Display) -> Error {
    Error::World(error.to_string())
}

/// Measures; prints the figures.
///
/// # Errors
/// When the world around the operator breaks.
pub async fn run(root: &Path) -> Result<(), Error> {
    let plane = ControlPlane::start().await.map_err(world)?;
    let aws = FakeAws::start().await.map_err(world)?;
    let client = plane.client().await.map_err(world)?;
    for (_, crd) in audit_api::crds::all() {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        api.create(&PostParams::default(), &crd).await.map_err(world)?;
    }
    println!("seeding {BINDINGS} bindings and {} pods …", BINDINGS * PODS_EACH);
    seed_aws(&aws, plane.issuer());
    seed_cluster(&client).await?;

    let begin = Instant::now();
    let operator = start_operator(root, &plane, &aws)?;
    let (changes, mut seen) = mpsc::unbounded_channel();
    tokio::spawn(watch_statuses(client.clone(), changes));
    let mut working = HashSet::new();
    while working.len() < BINDINGS {
        let (name, verdict, _) = next(&mut seen).await?;
        if verdict == VerdictName::Working {
            working.insert(name);
        }
    }
    println!("start -> all {BINDINGS} bindings Working: {:?}", begin.elapsed());
    println!("AWS calls until then: {}", aws.calls().len());

    idle(&client, &aws).await?;
    println!(
        "memory after start: {:.1} MiB resident, {:.1} MiB at most",
        rss(&operator),
        peak(&operator)
    );
    println!(
        "ServiceAccount changed -> status written: {}",
        annotations(&client, &mut seen).await?
    );
    println!(
        "pod created or deleted -> status written: {}",
        pods(&client, &mut seen).await?
    );
    println!(
        "memory at the end: {:.1} MiB resident, {:.1} MiB at most",
        rss(&operator),
        peak(&operator)
    );
    Ok(())
}

fn rss(operator: &Process) -> f64 {
    memory(operator.pid(), "VmRSS")
}

fn peak(operator: &Process) -> f64 {
    memory(operator.pid(), "VmHWM")
}

fn namespace(binding: usize) -> String {
    format!("team-{}", binding % NAMESPACES)
}

fn account(binding: usize) -> String {
    format!("app-{binding}")
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// Each ServiceAccount's own role, and another that trusts somebody else.
fn seed_aws(aws: &FakeAws, issuer: &str) {
    let host = issuer.trim_start_matches("https://");
    let trust = |namespace: &str, name: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}")},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{host}:sub"): format!("system:serviceaccount:{namespace}:{name}"),
                    format!("{host}:aud"): "sts.amazonaws.com"
                }}
            }]
        })
        .to_string()
    };
    let reading =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    aws.aws_managed_policy("ReadOnlyAccess", reading);
    let seeds = aws.account(ACCOUNT);
    seeds.provider(issuer, ["sts.amazonaws.com"]);
    for binding in 0..BINDINGS {
        let (namespace, name) = (namespace(binding), account(binding));
        let policy = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        seeds.role(
            Role::named(&name)
                .trust(trust(&namespace, &name))
                .attached(policy),
        );
        seeds.role(
            Role::named(format!("{name}-other"))
                .trust(trust("elsewhere", &name))
                .attached(policy),
        );
    }
}

async fn seed_cluster(client: &Client) -> Result<(), Error> {
    for index in 0..NAMESPACES {
        let body = from(json!({"metadata": {"name": format!("team-{index}")}}))?;
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &body)
            .await
            .map_err(world)?;
    }
    let bindings = stream::iter(0..BINDINGS).map(|binding| async move {
        let body: ServiceAccount = from(json!({"metadata": {
            "name": account(binding),
            "annotations": {"eks.amazonaws.com/role-arn": role_arn(&account(binding))}
        }}))?;
        let api = Api::<ServiceAccount>::namespaced(client.clone(), &namespace(binding));
        api.create(&PostParams::default(), &body).await.map_err(world)?;
        for replica in 0..PODS_EACH {
            create_pod(client, binding, &format!("{}-{replica}", account(binding)), true).await?;
        }
        Ok::<_, Error>(())
    });
    bindings
        .buffer_unordered(16)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(world)
}

/// A pod as the webhook leaves it on EKS, or as it looks without.
fn pod(binding: usize, name: &str, injected: bool) -> Value {
    let mut env = vec![
        json!({"name": "LOG_LEVEL", "value": "info"}),
        json!({"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}),
    ];
    let mut mounts = vec![json!({"name": "config", "mountPath": "/etc/app"})];
    let mut volumes = vec![json!({"name": "config", "configMap": {"name": "app"}})];
    if injected {
        let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
        env.push(json!({"name": "AWS_ROLE_ARN", "value": role_arn(&account(binding))}));
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
            "labels": {"app.kubernetes.io/name": account(binding), "pod-template-hash": "7d4b9c5f6d"},
            "annotations": {"prometheus.io/scrape": "true", "checksum/config": "0123456789abcdef0123456789abcdef"}
        },
        "spec": {
            "serviceAccountName": account(binding),
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

async fn create_pod(client: &Client, binding: usize, name: &str, injected: bool) -> Result<(), Error> {
    let body: Pod = from(pod(binding, name, injected))?;
    let api = Api::<Pod>::namespaced(client.clone(), &namespace(binding));
    api.create(&PostParams::default(), &body)
        .await
        .map(drop)
        .map_err(world)
}

fn start_operator(root: &Path, plane: &ControlPlane, aws: &FakeAws) -> Result<Process, Error> {
    let (key, secret) = aws.credentials(ACCOUNT);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    Launch::new("operator", target.join("release/irsa-audit"))
        .map_err(world)?
        .args(["operator", "--metrics-addr", "127.0.0.1:0", "--refresh", "1h"])
        .env("KUBECONFIG", plane.kubeconfig_path())
        .env("AWS_ENDPOINT_URL", aws.endpoint())
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env("AWS_REGION", "eu-west-1")
        .start()
        .map_err(world)
}

type Seen = (String, VerdictName, Instant);

/// Tells each verdict when it arrives.
async fn watch_statuses(client: Client, sender: mpsc::UnboundedSender<Seen>) {
    // Without a pause after errors, a watch of a server that has stopped would never yield, and the runtime never end.
    let mut events = watcher(Api::<IrsaAudit>::all(client), watcher::Config::default())
        .default_backoff()
        .boxed();
    while let Some(event) = events.next().await {
        let now = Instant::now();
        if let Ok(watcher::Event::Apply(audit) | watcher::Event::InitApply(audit)) = event
            && let Some(verdict) = audit.status.as_ref().and_then(|status| status.verdict)
        {
            let _ = sender.send((audit.name_any(), verdict, now));
        }
    }
}

async fn next(seen: &mut mpsc::UnboundedReceiver<Seen>) -> Result<Seen, Error> {
    match tokio::time::timeout(Duration::from_mins(2), seen.recv()).await {
        Ok(Some(seen)) => Ok(seen),
        _ => Err(world("no status was written for two minutes")),
    }
}

/// What healthy bindings cost while nothing happens.
async fn idle(client: &Client, aws: &FakeAws) -> Result<(), Error> {
    let api = Api::<IrsaAudit>::all(client.clone());
    let versions = || async {
        let list = api.list_metadata(&ListParams::default()).await.map_err(world)?;
        let versions: Vec<_> = list
            .items
            .into_iter()
            .map(|o| (o.name_any(), o.resource_version()))
            .collect();
        Ok::<_, Error>(versions)
    };
    // Whatever the start left behind settles first.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (before, calls) = (versions().await?, aws.calls().len());
    let span = Duration::from_secs(150);
    tokio::time::sleep(span).await;
    let after = versions().await?;
    let written = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    println!(
        "idle for {span:?}: {written} status writes, {} AWS calls",
        aws.calls().len() - calls
    );
    Ok(())
}

/// Annotations that change between a role that trusts and one that does not.
async fn annotations(client: &Client, seen: &mut mpsc::UnboundedReceiver<Seen>) -> Result<String, Error> {
    let change = |binding: usize, broken: bool| {
        let suffix = if broken { "-other" } else { "" };
        let arn = role_arn(&format!("{}{suffix}", account(binding)));
        let patch = json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": arn}}});
        let api = Api::<ServiceAccount>::namespaced(client.clone(), &namespace(binding));
        async move {
            let patch = Patch::Merge(&patch);
            api.patch(&account(binding), &PatchParams::default(), &patch)
                .await
                .map(drop)
                .map_err(world)
        }
    };
    measure(seen, change).await
}

/// Pods without credentials that come and go.
async fn pods(client: &Client, seen: &mut mpsc::UnboundedReceiver<Seen>) -> Result<String, Error> {
    let change = |binding: usize, broken: bool| {
        let client = client.clone();
        async move {
            let name = format!("{}-bare", account(binding));
            if broken {
                return create_pod(&client, binding, &name, false).await;
            }
            let now = DeleteParams {
                grace_period_seconds: Some(0),
                ..DeleteParams::default()
            };
            let api = Api::<Pod>::namespaced(client, &namespace(binding));
            api.delete(&name, &now).await.map(drop).map_err(world)
        }
    };
    measure(seen, change).await
}

/// Breaks and mends one binding after another at a steady rate; times each from before the request to the arrival of
/// the new verdict at a watch.
async fn measure<F: Future<Output = Result<(), Error>>>(
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    change: impl Fn(usize, bool) -> F,
) -> Result<String, Error> {
    while seen.try_recv().is_ok() {}
    let mut durations = Vec::new();
    for broken in [true, false] {
        let wanted = if broken {
            VerdictName::Broken
        } else {
            VerdictName::Working
        };
        let mut sent: HashMap<String, Instant> = HashMap::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
        for index in 0..CHANGES / 2 {
            ticks.tick().await;
            let binding = index * 3 % BINDINGS;
            sent.insert(account(binding), Instant::now());
            change(binding, broken).await?;
        }
        while !sent.is_empty() {
            let (name, verdict, at) = next(seen).await?;
            if verdict == wanted
                && let Some(begin) = sent.remove(&name)
            {
                durations.push(at.duration_since(begin));
            }
        }
    }
    Ok(summary(durations))
}
