//! What a neighbour does: one function each, which makes the objects, probes, and takes them away again.

use std::time::{Duration, Instant};

use audit_api::{CLUSTER_AUDIT_NAME, ClusterIrsaAudit, IrsaAudit};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota, ServiceAccount};
use k8s_openapi::api::rbac::v1 as rbac;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::Error;
use super::super::world::{ACCOUNT, annotate, create_account, create_pod, from, pod, world};
use super::probe::Victims;
use super::{GREEDY, Stage};

/// Requests at once while objects are made.
const AT_ONCE: usize = 16;

/// Every shape.
///
/// # Errors
/// When the world breaks.
pub async fn all(stage: &mut Stage<'_>) -> Result<(), Error> {
    large_expectations(stage).await?;
    many_expectations(stage).await?;
    large_pods(stage).await?;
    large_audits(stage).await?;
    large_annotations(stage).await?;
    many_containers(stage).await?;
    one_role(stage).await?;
    renamed_roles(stage).await?;
    missing_roles(stage).await?;
    many_accounts(stage).await?;
    deleted_audits(stage).await?;
    refused_audits(stage).await?;
    forged_statuses(stage).await?;
    recreated_audits(stage).await?;
    backlog(stage).await
}

fn in_greedy<K>(client: &Client) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    Api::namespaced(client.clone(), GREEDY)
}

pub(super) async fn create<K>(client: &Client, body: Value) -> Result<K, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + serde::Serialize
        + Clone
        + std::fmt::Debug,
{
    let body: K = from(body)?;
    in_greedy::<K>(client)
        .create(&PostParams::default(), &body)
        .await
        .map_err(world)
}

async fn delete_all<K>(client: &Client) -> Result<(), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    in_greedy::<K>(client)
        .delete_collection(&now, &ListParams::default())
        .await
        .map(drop)
        .map_err(world)
}

/// Takes away what a shape has made.
pub(super) async fn clear(client: &Client) -> Result<(), Error> {
    delete_all::<ServiceAccount>(client).await?;
    delete_all::<Pod>(client).await?;
    delete_all::<IrsaAudit>(client).await?;
    delete_all::<rbac::Role>(client).await?;
    delete_all::<rbac::RoleBinding>(client).await?;
    delete_all::<ResourceQuota>(client).await
}

/// Makes many objects.
pub(super) async fn many<F: Future<Output = Result<(), Error>>>(
    count: usize,
    make: impl Fn(usize) -> F,
) -> Result<(), Error> {
    stream::iter(0..count)
        .map(make)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

/// Does something again and again until it is dropped.
fn again<F>(every: Duration, act: impl Fn(usize) -> F + Send + 'static) -> tokio::task::JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(every);
        for round in 0.. {
            ticks.tick().await;
            act(round).await;
        }
    })
}

/// Gives the Role `r` another state again and again, until it is dropped.
pub(super) fn edited_role(
    client: &Client,
    every: Duration,
    state: impl Fn(usize) -> Value + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    let client = client.clone();
    again(every, move |round| {
        let (client, body) = (client.clone(), state(round));
        async move {
            let api = in_greedy::<rbac::Role>(&client);
            let _ = api
                .patch("r", &PatchParams::default(), &Patch::Merge(&body))
                .await;
        }
    })
}

async fn touch(client: Client, name: String, round: usize) {
    let patch = json!({"metadata": {"labels": {"round": round.to_string()}}});
    let api = in_greedy::<ServiceAccount>(&client);
    let _ = api
        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await;
}

/// Waits until something holds. Returns how long that took; nothing where it does not hold within the time.
async fn until<F: Future<Output = Result<bool, Error>>>(
    within: Duration,
    holds: impl Fn() -> F,
) -> Result<Option<Duration>, Error> {
    let begin = Instant::now();
    while begin.elapsed() < within {
        if holds().await? {
            return Ok(Some(begin.elapsed()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(None)
}

/// One `IrsaAudit` that expects as much as it may, and one that expects more.
async fn large_expectations(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let actions: Vec<String> = (0..64).map(|n| format!("s3:Get*{n}*")).collect();
    let resources: Vec<String> = (0..64).map(|n| format!("arn:aws:s3:::bucket-*{n}*/*")).collect();
    let audit = |aws: Value| json!({"metadata": {"name": "large"}, "spec": {"serviceAccountName": "large", "expect": {"aws": aws}}});
    let too_much: Vec<Value> = (0..32)
        .map(|_| json!({"actions": actions, "resources": resources}))
        .collect();
    let refused = create::<IrsaAudit>(&client, audit(json!(too_much)))
        .await
        .is_err();
    let statements: Vec<Value> = (0..50)
        .map(|n| json!({"Effect": "Allow", "Action": format!("s3:*{n}*t*"), "Resource": format!("arn:aws:s3:::b*{n}*e*/*")}))
        .collect();
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let role = stage.world.role("large", &[format!("{GREEDY}:large")]);
    stage.aws().account(ACCOUNT).role(role.inline("p", policy));
    create_account(&client, GREEDY, "large", "large").await?;
    let most = json!([{"actions": actions, "resources": resources.iter().take(8).collect::<Vec<_>>()}]);
    create::<IrsaAudit>(&client, audit(most)).await?;
    let operator = stage.settled().await?;
    let greedy = client.clone();
    let neighbour = again(Duration::from_millis(200), move |round| {
        touch(greedy.clone(), "large".to_owned(), round)
    });
    let probe = stage.probe(&operator).await?;
    neighbour.abort();
    println!("expect.aws 32 × 64 × 64 refused: {refused}; 512 questions, edited 5 times a second: {probe}");
    clear(&client).await
}

/// 200 `IrsaAudit`s with expectations in Kubernetes, and a Role that changes ten times a second.
async fn many_expectations(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let role = |round: usize| json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": [format!("p{round}")]}]});
    create::<rbac::Role>(&client, role(0)).await?;
    let subjects: Vec<Value> = (0..200)
        .map(|n| json!({"kind": "ServiceAccount", "name": format!("e{n}"), "namespace": GREEDY}))
        .collect();
    create::<rbac::RoleBinding>(&client, json!({"metadata": {"name": "r"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": subjects})).await?;
    many(200, |n| {
        let client = &client;
        async move {
            let name = format!("e{n}");
            create::<ServiceAccount>(client, json!({"metadata": {"name": name}})).await?;
            let expected: Vec<Value> = (0..16)
                .map(|m| json!({"verbs": ["get"], "resource": "pods", "resourceNames": [format!("p{m}")]}))
                .collect();
            let spec = json!({"serviceAccountName": name, "expect": {"kubernetes": expected}});
            create::<IrsaAudit>(client, json!({"metadata": {"name": name}, "spec": spec})).await?;
            Ok(())
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let before = operator.metric("irsa_audit_access_reviews_total", &[]).await?;
    let begin = Instant::now();
    let neighbour = edited_role(&client, Duration::from_millis(100), role);
    let probe = stage.probe(&operator).await?;
    neighbour.abort();
    let reviews = operator.metric("irsa_audit_access_reviews_total", &[]).await? - before;
    let rate = reviews / begin.elapsed().as_secs_f64();
    println!(
        "200 × 16 expect.kubernetes, a Role edited 10 times a second: {probe}; {rate:.0} reviews a second"
    );
    clear(&client).await
}

/// 200 pods with one variable of 1.2 MB, and a start beside them.
async fn large_pods(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    many(200, |n| {
        let client = &client;
        async move {
            let mut body = pod(&format!("large-{n}"), "default", None);
            if let Some(env) = body.pointer_mut("/spec/containers/0/env") {
                *env = json!([{"name": "LARGE", "value": "x".repeat(1_200_000)}]);
            }
            create_pod(client, GREEDY, body).await
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    println!("200 pods with a variable of 1.2 MB, after a start: {probe}");
    clear(&client).await
}

/// `IrsaAudit`s with a context of 1.1 MB, and 150 with as much as they may expect and 200 KB of annotations.
async fn large_audits(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let context: serde_json::Map<String, Value> = (0..1_000)
        .map(|n| (format!("aws:RequestTag/{n}"), json!("x".repeat(1_100))))
        .collect();
    let body = json!({"metadata": {"name": "l"}, "spec": {"serviceAccountName": "l", "expect": {"aws": [{"actions": ["s3:GetObject"], "context": context}]}}});
    let refused = create::<IrsaAudit>(&client, body).await.is_err();
    many(150, |n| {
        let client = &client;
        async move {
            let resources: Vec<String> = (0..32)
                .map(|m| format!("arn:aws:s3:::{}{m}", "x".repeat(2_000)))
                .collect();
            let expected = json!([{"actions": ["s3:GetObject", "s3:PutObject"], "resources": resources}]);
            let spec = json!({"serviceAccountName": format!("l{n}"), "expect": {"aws": expected}});
            let metadata = json!({"name": format!("l{n}"), "annotations": {"large": "x".repeat(200_000)}});
            create::<IrsaAudit>(client, json!({"metadata": metadata, "spec": spec}))
                .await
                .map(drop)
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    clear(&client).await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let after = operator.memory();
    println!(
        "a context of 1.1 MB refused: {refused}; 150 IrsaAudits of 265 KB: {probe}; {after:.1} MiB when they are gone"
    );
    Ok(())
}

/// 1,000 ServiceAccounts with 250 KB of annotations below the webhook's prefix.
async fn large_annotations(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    many(1_000, |n| {
        let client = &client;
        async move {
            let name = format!("a{n}");
            let annotations = json!({"eks.amazonaws.com/x": "x".repeat(125_000), "eks.amazonaws.com/audience": "y".repeat(125_000)});
            let metadata = json!({"name": name, "annotations": annotations});
            create::<ServiceAccount>(client, json!({"metadata": metadata})).await.map(drop)
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    println!("1,000 ServiceAccounts with 250 KB of annotations: {probe}");
    clear(&client).await
}

/// 12 pods of 3,000 containers, each with a role of its own, of a ServiceAccount that is edited five times a second.
async fn many_containers(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    create_account(&client, GREEDY, "many", "many").await?;
    many(12, |n| {
        let client = &client;
        async move {
            let container = |m: usize| {
                let role = format!("arn:aws:iam::{ACCOUNT}:role/c-{n}-{m}");
                let file = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
                json!({"name": format!("c{m}"), "image": "x", "env": [
                    {"name": "AWS_ROLE_ARN", "value": role}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": file}]})
            };
            let mut body = pod(&format!("many-{n}"), "many", None);
            if let Some(containers) = body.pointer_mut("/spec/containers") {
                *containers = (0..3_000).map(container).collect();
            }
            create_pod(client, GREEDY, body).await
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let greedy = client.clone();
    let neighbour = again(Duration::from_millis(200), move |round| {
        touch(greedy.clone(), "many".to_owned(), round)
    });
    let probe = stage.probe(&operator).await?;
    neighbour.abort();
    println!("12 pods of 3,000 containers with a role each, edited 5 times a second: {probe}");
    clear(&client).await
}

/// 2,000 ServiceAccounts that name the role of a binding elsewhere, which changes meanwhile.
async fn one_role(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    many(2_000, |n| {
        let client = &client;
        async move { create_account(client, GREEDY, &format!("v{n}"), &Victims::role()).await }
    })
    .await?;
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    println!("2,000 ServiceAccounts that name a role of others: {probe}");
    clear(&client).await
}

/// 60 ServiceAccounts, each of which names another role every second.
async fn renamed_roles(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let _operator = stage.settled().await?;
    many(60, |n| {
        let client = &client;
        async move { create_account(client, GREEDY, &format!("r{n}"), "renamed").await }
    })
    .await?;
    let greedy = client.clone();
    let neighbour = again(Duration::from_secs(1), move |round| {
        let client = greedy.clone();
        async move {
            let renamed = |n: usize| {
                let client = &client;
                async move { annotate(client, GREEDY, &format!("r{n}"), &format!("renamed-{round}-{n}")).await }
            };
            let _ = many(60, renamed).await;
        }
    });
    let calls = || {
        let calls = stage.aws().calls();
        let of = |call: &&fake_aws::Call| call.operation == "GetAccountAuthorizationDetails";
        (calls.len(), calls.iter().filter(of).count())
    };
    let before = calls();
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    for round in 0..6 {
        longest = longest.max(new_roles(stage, &format!("fresh-{round}")).await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let after = calls();
    neighbour.abort();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let rate = (after.0 - before.0) as f64 / seconds;
    println!(
        "60 roles renamed each second: a new role elsewhere is Working after at most {longest:.0?}; {rate:.1} calls to AWS a second, of which {} in {seconds:.0} s list the account",
        after.1 - before.1
    );
    clear(&client).await
}

/// 2,000 ServiceAccounts that name roles that do not exist; elsewhere, new roles for new ServiceAccounts.
async fn missing_roles(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let _operator = stage.settled().await?;
    let greedy = client.clone();
    let neighbour = tokio::spawn(async move {
        let made = &greedy;
        many(2_000, |n| async move {
            create_account(made, GREEDY, &format!("m{n}"), &format!("missing-{n}")).await
        })
        .await
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    let during = new_roles(stage, "during").await?;
    neighbour.await.map_err(world)??;
    let beside = new_roles(stage, "beside").await?;
    clear(&client).await?;
    let calls = stage.aws().calls().len();
    let after = new_roles(stage, "after").await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let left = stage.aws().calls().len() - calls;
    println!(
        "2,000 ServiceAccounts name roles that do not exist: a new role elsewhere is Working after at most {during:.0?} while they are made, {beside:.0?} beside them, {after:.0?} when they are gone; {left} calls in the time after"
    );
    Ok(())
}

/// New roles, each with a new ServiceAccount, one after the other: the longest time until one is Working.
async fn new_roles(stage: &Stage<'_>, prefix: &str) -> Result<Duration, Error> {
    let client = &stage.world.client;
    let mut longest = Duration::ZERO;
    for n in 0..10 {
        let (namespace, name) = ("shop-0", format!("{prefix}-{n}"));
        stage
            .aws()
            .account(ACCOUNT)
            .role(stage.world.role(&name, &[format!("{namespace}:{name}")]));
        let begin = Instant::now();
        create_account(client, namespace, &name, &name).await?;
        let api: Api<IrsaAudit> = Api::namespaced(client.clone(), namespace);
        let is_working = || async {
            let audit = api.get_opt(&name).await.map_err(world)?;
            let verdict = audit.and_then(|audit| audit.status?.verdict);
            Ok(verdict == Some(audit_api::irsa_audit::VerdictName::Working))
        };
        until(Duration::from_mins(2), is_working).await?;
        longest = longest.max(begin.elapsed());
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
        accounts
            .delete(&name, &DeleteParams::default())
            .await
            .map_err(world)?;
        // The operator may have been faster.
        let _ = api.delete(&name, &DeleteParams::default()).await;
    }
    Ok(longest)
}

/// 2,000 ServiceAccounts that name 2,000 accounts.
async fn many_accounts(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    many(2_000, |n| {
        let client = &client;
        async move {
            let arn = format!("arn:aws:iam::{:012}:role/r", 500_000_000_000_u64 + n as u64);
            let metadata =
                json!({"name": format!("a{n}"), "annotations": {"eks.amazonaws.com/role-arn": arn}});
            create::<ServiceAccount>(client, json!({"metadata": metadata}))
                .await
                .map(drop)
        }
    })
    .await?;
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    let status = cluster_status(&client).await?;
    println!(
        "2,000 ServiceAccounts name 2,000 accounts: {probe}; Ready {}, accounts {}, others {}, findings {}",
        status.pointer("/conditions/0/status").unwrap_or(&Value::Null),
        status
            .pointer("/accounts")
            .and_then(Value::as_array)
            .map_or(0, Vec::len),
        status.pointer("/otherAccounts").unwrap_or(&Value::Null),
        status
            .pointer("/findings")
            .and_then(Value::as_array)
            .map_or(0, Vec::len),
    );
    clear(&client).await
}

async fn cluster_status(client: &Client) -> Result<Value, Error> {
    let api: Api<ClusterIrsaAudit> = Api::all(client.clone());
    let cluster = api.get(CLUSTER_AUDIT_NAME).await.map_err(world)?;
    serde_json::to_value(&cluster.status).map_err(world)
}

/// Its `IrsaAudit`s are deleted as fast as they come.
async fn deleted_audits(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    many(100, |n| {
        let client = &client;
        async move { create_account(client, GREEDY, &format!("d{n}"), "missing").await }
    })
    .await?;
    let operator = stage.settled().await?;
    let before = operator
        .metric("irsa_audit_writes_total", &["write=\"create\""])
        .await?;
    let begin = Instant::now();
    let greedy = client.clone();
    let neighbour = again(Duration::from_millis(50), move |_| {
        let client = greedy.clone();
        async move {
            let _ = delete_all::<IrsaAudit>(&client).await;
        }
    });
    let probe = stage.probe(&operator).await?;
    neighbour.abort();
    let created = operator
        .metric("irsa_audit_writes_total", &["write=\"create\""])
        .await?
        - before;
    println!(
        "100 IrsaAudits deleted as fast as they come: {probe}; {:.1} creates a second",
        created / begin.elapsed().as_secs_f64()
    );
    clear(&client).await
}

/// A quota of no `IrsaAudit`s, and suspended ones.
async fn refused_audits(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    for n in 0..5 {
        let name = format!("s{n}");
        create_account(&client, GREEDY, &name, "missing").await?;
        let spec = json!({"serviceAccountName": name, "suspend": true});
        create::<IrsaAudit>(&client, json!({"metadata": {"name": name}, "spec": spec})).await?;
    }
    let hard = json!({"count/irsaaudits.irsa-audit.dev": "0"});
    create::<ResourceQuota>(
        &client,
        json!({"metadata": {"name": "none"}, "spec": {"hard": hard}}),
    )
    .await?;
    // What the controller of quotas, which is not here, would write.
    let status = json!({"status": {"hard": hard, "used": {"count/irsaaudits.irsa-audit.dev": "5"}}});
    in_greedy::<ResourceQuota>(&client)
        .patch_status("none", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .map_err(world)?;
    for n in 0..5 {
        create_account(&client, GREEDY, &format!("q{n}"), "missing").await?;
    }
    let operator = stage.settled().await?;
    let probe = stage.probe(&operator).await?;
    let status = cluster_status(&client).await?;
    let count = |reason: String| {
        let operator = &operator;
        async move { operator.metric("irsa_audit_unaudited_bindings", &[&reason]).await }
    };
    println!(
        "5 IrsaAudits refused by a quota, 5 suspended: {probe}; series: {} refused, {} suspended; ClusterIrsaAudit: {}",
        count("reason=\"Refused\"".to_owned()).await?,
        count("reason=\"Suspended\"".to_owned()).await?,
        status.pointer("/unaudited").unwrap_or(&Value::Null)
    );
    clear(&client).await
}

/// Status fields that somebody else writes: how long they stay.
async fn forged_statuses(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    create_account(&client, GREEDY, "f", "missing").await?;
    let _operator = stage.settled().await?;
    let api = in_greedy::<IrsaAudit>(&client);
    let status = || async {
        let audit = api.get_opt("f").await.map_err(world)?;
        serde_json::to_value(audit.and_then(|audit| audit.status)).map_err(world)
    };
    until(Duration::from_mins(1), || async {
        Ok(status().await?.pointer("/verdict").is_some())
    })
    .await?;
    let mut longest = Some(Duration::ZERO);
    for (field, value) in [
        ("message", json!("all is well")),
        ("lastAuditTime", json!("2200-01-01T00:00:00Z")),
        ("findings", json!([])),
        (
            "conditions",
            json!([{"type": "Ready", "status": "True", "reason": "Working", "message": "", "lastTransitionTime": "2020-01-01T00:00:00Z", "observedGeneration": 1}]),
        ),
        ("verdict", json!("Working")),
    ] {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let patch = json!({"status": {field: value}});
        api.patch_status("f", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map_err(world)?;
        let mended = until(Duration::from_secs(30), || async {
            Ok(status().await?.get(field) != Some(&value))
        });
        longest = longest.zip(mended.await?).map(|(a, b)| a.max(b));
    }
    println!("forged status fields stay for at most {longest:.1?}");
    clear(&client).await
}

/// `IrsaAudit`s that are deleted and made again under one name, for a healthy and for a broken ServiceAccount in turn.
async fn recreated_audits(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    let account = stage.aws().account(ACCOUNT);
    account.role(stage.world.role("good", &[format!("{GREEDY}:good")]));
    create_account(&client, GREEDY, "good", "good").await?;
    create_account(&client, GREEDY, "bad", "missing").await?;
    let _operator = stage.settled().await?;
    let api = in_greedy::<IrsaAudit>(&client);
    let mut wrong = 0;
    for round in 0..150 {
        let account = if round % 2 == 0 { "good" } else { "bad" };
        let spec = json!({"serviceAccountName": account});
        create::<IrsaAudit>(&client, json!({"metadata": {"name": "again"}, "spec": spec})).await?;
        let is_ready = || async {
            let audit = api.get("again").await.map_err(world)?;
            let status = serde_json::to_value(&audit.status).map_err(world)?;
            let ready = status.pointer("/conditions/0/status").and_then(Value::as_str);
            Ok(ready == Some("True"))
        };
        let within = if account == "good" {
            Duration::from_secs(5)
        } else {
            Duration::from_millis(300)
        };
        let ready = until(within, is_ready).await?;
        wrong += usize::from(account == "bad" && ready.is_some());
        api.delete("again", &DeleteParams::default())
            .await
            .map_err(world)?;
    }
    println!("150 recreated IrsaAudits: {wrong} show the former one's Ready=True");
    clear(&client).await
}

/// The account may not be listed, and 2,000 roles are read one by one after a start.
async fn backlog(stage: &mut Stage<'_>) -> Result<(), Error> {
    let client = stage.world.client.clone();
    stage.aws().deny(ACCOUNT, "iam:GetAccountAuthorizationDetails");
    for n in 0..2_000 {
        let name = format!("b{n}");
        stage
            .aws()
            .account(ACCOUNT)
            .role(stage.world.role(&name, &[format!("{GREEDY}:{name}")]));
    }
    many(2_000, |n| {
        let client = &client;
        async move { create_account(client, GREEDY, &format!("b{n}"), &format!("b{n}")).await }
    })
    .await?;
    let _operator = stage.operator().await?;
    let mut longest = Duration::ZERO;
    for n in 0..10 {
        let (namespace, name, role) = ("shop-1", "cart-1", format!("backlog-{n}"));
        let trusts = n % 2 == 0;
        let admitted = if trusts {
            format!("{namespace}:{name}")
        } else {
            "else:where".to_owned()
        };
        stage
            .aws()
            .account(ACCOUNT)
            .role(stage.world.role(&role, &[admitted]));
        let begin = Instant::now();
        annotate(&client, namespace, name, &role).await?;
        let api: Api<IrsaAudit> = Api::namespaced(client.clone(), namespace);
        let is_told = || async {
            let status = api.get(name).await.map_err(world)?.status;
            let status = serde_json::to_value(&status).map_err(world)?;
            let told = status.pointer("/binding/roleArn").and_then(Value::as_str);
            let verdict = status.pointer("/verdict").and_then(Value::as_str);
            // Its pod carries the former role, so that it is not Working; what is Unknown was not read yet.
            Ok(told.is_some_and(|arn| arn.ends_with(&role))
                && verdict.is_some_and(|verdict| verdict != "Unknown"))
        };
        let told = until(Duration::from_mins(5), is_told).await?;
        longest = longest.max(told.unwrap_or_else(|| begin.elapsed()));
    }
    println!(
        "no listing, 2,000 roles read one by one after a start: a change elsewhere is told after at most {longest:.1?}"
    );
    stage.aws().allow(ACCOUNT, "iam:GetAccountAuthorizationDetails");
    clear(&client).await
}
