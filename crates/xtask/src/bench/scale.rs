//! The operator in one of the largest clusters: 10,000 bindings, 100,000 pods, 5,000 roles with policies.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use audit_api::irsa_audit::VerdictName;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, DeleteParams};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;

use super::changes::measure;
use super::machine::memory;
use super::percentile::summary;
use super::process::{Operator, processor_time};
use super::world::{
    ACCOUNT, Statuses, Versions, World, annotate, create_account, create_pod, pod, replica, role_arn,
};
use super::{Error, bare};

const NAMESPACES: usize = 200;
const BINDINGS: usize = 10_000;
const PODS: usize = 100_000;

/// A role that admits none of them.
const OTHER: &str = "other";

/// So many of a hundred pods run as a ServiceAccount with a role.
const BOUND: usize = 30;

/// Requests at once while the cluster is made.
const AT_ONCE: usize = 32;

/// Pod changes a second in the background.
const CHURN: u32 = 200;

/// The most pods in the background that are on their way in or out.
const CHURNING: usize = 200;

/// Measures; prints the figures.
///
/// # Errors
/// When the world around the operator breaks.
pub async fn run(root: &Path) -> Result<(), Error> {
    partly_bound(root).await?;
    all_bound(root).await
}

/// Every figure, with pods of which most have no role.
async fn partly_bound(root: &Path) -> Result<(), Error> {
    let around = World::start().await?;
    let client = &around.client;
    println!("{BINDINGS} bindings, {PODS} pods of which {BOUND} % have a role");
    seed(&around, PODS * BOUND / 100).await?;

    let (operator, span) = cold_start(root, &around).await?;
    println!(
        "cold start to all statuses: {span:.1?}; AWS calls: {}",
        around.aws.calls().len()
    );
    settle().await;
    println!("after the start: {}", resident(&operator));
    drop(operator);
    let before = Versions::list(client).await?;
    let begin = Instant::now();
    let operator = Operator::new(around.operator(root)?).await?;
    operator.ready().await?;
    let ready = begin.elapsed();
    settle().await;
    let written = Versions::list(client).await?.written_since(&before);
    println!(
        "restart: ready after {ready:.1?}, {written} statuses written in the time after; {}",
        resident(&operator)
    );

    idle(&around, &operator).await?;
    let mut statuses = Statuses::watch(client.clone());
    settle().await;
    println!(
        "ServiceAccount changed -> status: {}",
        changes(client, &mut statuses).await?
    );
    let mut scrapes = Vec::new();
    for _ in 0..20 {
        scrapes.push(operator.get("/metrics").await?.1);
    }
    println!("/metrics: {}", summary(scrapes));
    let (used, begin) = (operator.processor_time(), Instant::now());
    beside_churn("the same", &around, &mut statuses).await?;
    let cores = (operator.processor_time() - used) / begin.elapsed().as_secs_f64();
    println!("processor of the operator meanwhile: {cores:.2} cores");
    println!("at the end: {}", resident(&operator));
    drop(operator);
    let (following, broken) = (client.clone(), role_arn(OTHER));
    let bare = tokio::spawn(async move { bare::follow(&following, &broken).await });
    settle().await;
    println!(
        "a bare client that follows ServiceAccounts, in place of the operator: {}",
        changes(client, &mut statuses).await?
    );
    beside_churn("the same", &around, &mut statuses).await?;
    bare.abort();
    let namespaces = (0..NAMESPACES).map(namespace);
    let bare = bare::cold_start(client, namespaces).await?;
    println!(
        "a bare client, the same creates and status writes: {bare:.1?}; ratio {:.2}",
        span.as_secs_f64() / bare.as_secs_f64()
    );
    Ok(())
}

/// Memory where every pod has a role.
async fn all_bound(root: &Path) -> Result<(), Error> {
    let around = World::start().await?;
    println!("{BINDINGS} bindings, {PODS} pods, all of which have a role");
    seed(&around, PODS).await?;
    let (operator, span) = cold_start(root, &around).await?;
    settle().await;
    println!("cold start to all statuses: {span:.1?}; {}", resident(&operator));
    Ok(())
}

/// What a start leaves behind comes to an end.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(20)).await;
}

fn resident(operator: &Operator) -> String {
    format!(
        "{:.1} MiB resident, {:.1} MiB at most",
        operator.memory(),
        operator.peak()
    )
}

fn namespace(binding: usize) -> String {
    format!("team-{}", binding % NAMESPACES)
}

fn account(binding: usize) -> String {
    format!("app-{binding}")
}

/// Two ServiceAccounts share a role.
fn role(binding: usize) -> String {
    format!("role-{}", binding / 2)
}

async fn seed(around: &World, bound: usize) -> Result<(), Error> {
    let seeds = around.aws.account(ACCOUNT);
    for first in (0..BINDINGS).step_by(2) {
        let subject = |binding: usize| format!("{}:{}", namespace(binding), account(binding));
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket", "sqs:SendMessage"],
            "Resource": format!("arn:aws:s3:::bucket-{first}/*")
        }]});
        let made = around.role(&role(first), &[subject(first), subject(first + 1)]);
        seeds.role(made.inline("app", policy.to_string()));
    }
    seeds.role(around.role(OTHER, &["elsewhere:app".to_owned()]));
    for index in 0..NAMESPACES {
        around.namespace(&format!("team-{index}")).await?;
    }
    let client = &around.client;
    all(BINDINGS, |binding| async move {
        create_account(client, &namespace(binding), &account(binding), &role(binding)).await
    })
    .await?;
    all(PODS, |number| async move {
        let binding = number % BINDINGS;
        let of_binding = number / BINDINGS;
        let body = if number < bound {
            let account = account(binding);
            replica(&account, of_binding, &account, Some(&role(binding)))
        } else {
            replica(&format!("plain-{binding}"), of_binding, "default", None)
        };
        create_pod(client, &namespace(binding), body).await
    })
    .await
}

/// Makes many requests, some at once.
async fn all<F: Future<Output = Result<(), Error>>>(
    count: usize,
    request: impl Fn(usize) -> F,
) -> Result<(), Error> {
    stream::iter(0..count)
        .map(request)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

/// Starts an operator in a cluster without statuses; how long it takes until all are there.
async fn cold_start(root: &Path, around: &World) -> Result<(Operator, Duration), Error> {
    let mut statuses = Statuses::watch(around.client.clone());
    let begin = Instant::now();
    let operator = Operator::new(around.operator(root)?).await?;
    let mut told = HashSet::new();
    while told.len() < BINDINGS {
        let seen = statuses.next().await?;
        if seen.verdict == VerdictName::Working {
            told.insert(seen.name);
        }
    }
    Ok((operator, begin.elapsed()))
}

/// What it costs while nothing happens.
async fn idle(around: &World, operator: &Operator) -> Result<(), Error> {
    let span = Duration::from_mins(1);
    let (before, calls) = (Versions::list(&around.client).await?, around.aws.calls().len());
    let (begin, used) = (Instant::now(), operator.processor_time());
    tokio::time::sleep(span).await;
    let share = (operator.processor_time() - used) / begin.elapsed().as_secs_f64();
    let written = Versions::list(&around.client).await?.written_since(&before);
    println!(
        "idle for {span:?}: {written} status writes, {} AWS calls, {:.2} % of a core",
        around.aws.calls().len() - calls,
        share * 100.0
    );
    Ok(())
}

/// Pods that come and go, as many a second as the rate says, or as many as the API server takes: on a slow machine they must not pile up.
async fn churn(client: &Client, count: &Arc<AtomicU32>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(2) / CHURN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let places = Arc::new(Semaphore::new(CHURNING));
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    for number in 0_usize.. {
        ticks.tick().await;
        // Nobody closes it.
        let place = Arc::clone(&places).acquire_owned().await;
        let (namespace, name) = (namespace(number), format!("churn-{number}"));
        let (client, count) = (client.clone(), Arc::clone(count));
        let now = now.clone();
        tokio::spawn(async move {
            let _place = place;
            let bound = number.is_multiple_of(3).then(|| role(number % BINDINGS));
            let account = if bound.is_some() {
                account(number % BINDINGS)
            } else {
                "default".to_owned()
            };
            let made = create_pod(&client, &namespace, pod(&name, &account, bound.as_deref())).await;
            let pods = Api::<Pod>::namespaced(client, &namespace);
            if made.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                let is_gone = pods.delete(&name, &now).await.is_ok();
                count.fetch_add(u32::from(is_gone), Ordering::Relaxed);
            }
        });
    }
}

/// How long changes take while pods come and go, and what the control plane takes meanwhile.
async fn beside_churn(what: &str, around: &World, statuses: &mut Statuses) -> Result<(), Error> {
    let churned = Arc::new(AtomicU32::new(0));
    let (client, counted) = (around.client.clone(), Arc::clone(&churned));
    let churn = tokio::spawn(async move { churn(&client, &counted).await });
    let (api_server, etcd) = (around.plane.api_server().pid(), around.plane.etcd().pid());
    let used = (processor_time(api_server), processor_time(etcd));
    let begin = Instant::now();
    let beside = changes(&around.client, statuses).await?;
    let seconds = begin.elapsed().as_secs_f64();
    // It never ends by itself.
    churn.abort();
    let rate = f64::from(churned.load(Ordering::Relaxed)) / seconds;
    println!("{what} beside {rate:.0} pod changes a second (wanted: {CHURN}): {beside}");
    println!(
        "processor meanwhile: API server {:.2} cores with {:.0} MiB, etcd {:.2} cores",
        (processor_time(api_server) - used.0) / seconds,
        memory(api_server, "VmRSS"),
        (processor_time(etcd) - used.1) / seconds
    );
    Ok(())
}

/// Annotations that change between a role that trusts and one that does not.
async fn changes(client: &Client, statuses: &mut Statuses) -> Result<String, Error> {
    let nth = |change: usize| change * 7 % BINDINGS;
    let change = |binding: usize, broken: bool| async move {
        let named = if broken { OTHER.to_owned() } else { role(binding) };
        annotate(client, &namespace(binding), &account(binding), &named).await
    };
    measure(statuses, nth, account, change).await
}
