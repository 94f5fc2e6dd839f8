//! The operator on a real API server with 1,000 bindings and 5,000 pods.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use audit_api::irsa_audit::VerdictName;
use fake_aws::FakeAws;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, DeleteParams};
use test_kit::Process;

use super::Error;
use super::changes::measure;
use super::machine::memory;
use super::world::{Statuses, Versions, World, annotate, create_account, create_pod, pod, world};

const NAMESPACES: usize = 20;
pub(super) const BINDINGS: usize = 1000;
const PODS_EACH: usize = 5;

/// Measures; prints the figures.
///
/// # Errors
/// When the world around the operator breaks.
pub async fn run(root: &Path) -> Result<(), Error> {
    let around = World::start().await?;
    let World { aws, client, .. } = &around;
    println!("seeding {BINDINGS} bindings and {} pods …", BINDINGS * PODS_EACH);
    seed_aws(&around);
    seed_cluster(&around).await?;

    let begin = Instant::now();
    let operator = around.operator(root)?;
    let mut statuses = Statuses::watch(client.clone());
    let mut working = HashSet::new();
    while working.len() < BINDINGS {
        let seen = statuses.next().await?;
        if seen.verdict == VerdictName::Working {
            working.insert(seen.name);
        }
    }
    println!("start -> all {BINDINGS} bindings Working: {:?}", begin.elapsed());
    println!("AWS calls until then: {}", aws.calls().len());

    idle(client, aws).await?;
    println!(
        "memory after start: {:.1} MiB resident, {:.1} MiB at most",
        rss(&operator),
        peak(&operator)
    );
    println!(
        "ServiceAccount changed -> status written: {}",
        annotations(client, &mut statuses).await?
    );
    println!(
        "pod created or deleted -> status written: {}",
        pods(client, &mut statuses).await?
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

pub(super) fn namespace(binding: usize) -> String {
    format!("team-{}", binding % NAMESPACES)
}

pub(super) fn account(binding: usize) -> String {
    format!("app-{binding}")
}

/// Which binding a change is about: those of one namespace do not come one after the other.
fn nth(change: usize) -> usize {
    change * 3 % BINDINGS
}

/// Each ServiceAccount's own role, and another that trusts somebody else.
pub(super) fn seed_aws(around: &World) {
    let seeds = around.aws.account(super::world::ACCOUNT);
    for binding in 0..BINDINGS {
        let (namespace, name) = (namespace(binding), account(binding));
        let role = around.role(&name, &[format!("{namespace}:{name}")]);
        seeds.role(role);
        let other = around.role(&format!("{name}-other"), &[format!("elsewhere:{name}")]);
        seeds.role(other);
    }
}

/// All ServiceAccounts and their pods.
pub(super) async fn seed_cluster(around: &World) -> Result<(), Error> {
    for index in 0..NAMESPACES {
        around.namespace(&format!("team-{index}")).await?;
    }
    let client = &around.client;
    let bindings = stream::iter(0..BINDINGS).map(|binding| async move {
        let (namespace, name) = (namespace(binding), account(binding));
        create_account(client, &namespace, &name, &name).await?;
        for replica in 0..PODS_EACH {
            let pod = pod(&format!("{name}-{replica}"), &name, Some(&name));
            create_pod(client, &namespace, pod).await?;
        }
        Ok::<_, Error>(())
    });
    bindings
        .buffer_unordered(16)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

/// What healthy bindings cost while nothing happens.
async fn idle(client: &Client, aws: &FakeAws) -> Result<(), Error> {
    // Whatever the start left behind settles first.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (before, calls) = (Versions::list(client).await?, aws.calls().len());
    let span = Duration::from_secs(150);
    tokio::time::sleep(span).await;
    let written = Versions::list(client).await?.written_since(&before);
    println!(
        "idle for {span:?}: {written} status writes, {} AWS calls",
        aws.calls().len() - calls
    );
    Ok(())
}

/// Annotations that change between a role that trusts and one that does not.
async fn annotations(client: &Client, statuses: &mut Statuses) -> Result<String, Error> {
    let change = |binding: usize, broken: bool| {
        let suffix = if broken { "-other" } else { "" };
        let role = format!("{}{suffix}", account(binding));
        async move { annotate(client, &namespace(binding), &account(binding), &role).await }
    };
    measure(statuses, nth, account, change).await
}

/// Pods without credentials that come and go.
async fn pods(client: &Client, statuses: &mut Statuses) -> Result<String, Error> {
    let change = |binding: usize, broken: bool| async move {
        let name = format!("{}-bare", account(binding));
        if broken {
            let pod = pod(&name, &account(binding), None);
            return create_pod(client, &namespace(binding), pod).await;
        }
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            ..DeleteParams::default()
        };
        let api = Api::<Pod>::namespaced(client.clone(), &namespace(binding));
        api.delete(&name, &now).await.map(drop).map_err(world)
    };
    measure(statuses, nth, account, change).await
}
