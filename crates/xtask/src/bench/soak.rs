//! Half an hour of a busy cluster: whether anything grows that should not.
//!
//! ServiceAccounts change their roles, pods come and go, whole namespaces with bindings of their own are made and deleted, and everything is
//! read anew each minute. Each minute is a line; what matters is that the last ten are like the ten before.

use std::path::Path;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams};

use super::Error;
use super::operator::{BINDINGS, account, namespace, seed_aws, seed_cluster};
use super::process::Operator;
use super::world::{World, annotate, create_account, create_namespace, create_pod, pod, world};

/// Minutes.
const MINUTES: usize = 30;

/// Minutes of one half that is compared with the next.
const COMPARED: usize = 10;

/// Changes of each kind a second.
const RATE: u32 = 20;

/// Bindings of a namespace that comes and goes.
const GUESTS: usize = 20;

/// What was seen in one minute.
struct Minute {
    memory: f64,
    files: usize,
    cores: f64,
    series: usize,
}

/// Measures; prints a line a minute, and how the last minutes compare with those before.
///
/// # Errors
/// When the world around the operator breaks.
pub async fn run(root: &Path) -> Result<(), Error> {
    let around = World::start().await?;
    seed_aws(&around);
    seed_cluster(&around).await?;
    let operator = Operator::new(around.operator_refreshing(root, "1m")?).await?;
    operator.ready().await?;
    let changes = tokio::spawn(change_for_ever(around.client.clone()));
    let guests = tokio::spawn(come_and_go(around.client.clone()));
    println!("minute | resident MiB | at most MiB | open files | cores | series");
    let mut minutes = Vec::new();
    for number in 1..=MINUTES {
        let (begin, used) = (Instant::now(), operator.processor_time());
        tokio::time::sleep(Duration::from_mins(1)).await;
        let minute = Minute {
            memory: operator.memory(),
            files: operator.files(),
            cores: (operator.processor_time() - used) / begin.elapsed().as_secs_f64(),
            series: operator.get("/metrics").await?.0.lines().count(),
        };
        println!(
            "{number} | {:.1} | {:.1} | {} | {:.3} | {}",
            minute.memory,
            operator.peak(),
            minute.files,
            minute.cores,
            minute.series
        );
        minutes.push(minute);
        if changes.is_finished() || guests.is_finished() {
            return Err(world("the changes ended early"));
        }
    }
    changes.abort();
    guests.abort();
    compare(&minutes);
    Ok(())
}

type Figure = fn(&Minute) -> f64;

/// Prints how the last minutes compare with as many before.
fn compare(minutes: &[Minute]) {
    let mut halves = minutes.rchunks_exact(COMPARED);
    let (Some(last), Some(before)) = (halves.next(), halves.next()) else {
        return;
    };
    let figures: [(&str, Figure); 3] = [
        ("resident MiB", |minute| minute.memory),
        ("open files", |minute| float(minute.files)),
        ("cores", |minute| minute.cores),
    ];
    for (name, of) in figures {
        let mean = |minutes: &[Minute]| minutes.iter().map(of).sum::<f64>() / float(minutes.len());
        println!(
            "{name}: {:.2} on average in the last {COMPARED} minutes, {:.2} in the {COMPARED} before",
            mean(last),
            mean(before)
        );
    }
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Changes a ServiceAccount's role back and forth, and has a pod without one come and go, so many times a second.
async fn change_for_ever(client: Client) -> Result<(), Error> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        ..DeleteParams::default()
    };
    for number in 0_usize.. {
        ticks.tick().await;
        let binding = number * 3 % BINDINGS;
        let (namespace, name) = (namespace(binding), account(binding));
        let is_broken = (number / BINDINGS).is_multiple_of(2);
        let role = if is_broken {
            format!("{name}-other")
        } else {
            name.clone()
        };
        annotate(&client, &namespace, &name, &role).await?;
        let passing = format!("passing-{number}");
        create_pod(&client, &namespace, pod(&passing, &name, Some(&role))).await?;
        let pods = Api::<Pod>::namespaced(client.clone(), &namespace);
        pods.delete(&passing, &now).await.map_err(world)?;
    }
    Ok(())
}

/// Makes namespaces with bindings of their own and takes them away again. Nothing here empties a namespace that is deleted, as a cluster's
/// controllers do, so that is done by hand.
async fn come_and_go(client: Client) -> Result<(), Error> {
    for number in 0_usize.. {
        let guest = format!("guest-{number}");
        create_namespace(&client, &guest).await?;
        for binding in 0..GUESTS {
            let name = format!("guest-{number}-{binding}");
            create_account(&client, &guest, &name, &account(binding)).await?;
            create_pod(&client, &guest, pod(&name, &name, Some(&account(binding)))).await?;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        let pods = Api::<Pod>::namespaced(client.clone(), &guest);
        pods.delete_collection(&now, &all).await.map_err(world)?;
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), &guest);
        accounts.delete_collection(&now, &all).await.map_err(world)?;
        let audits = Api::<IrsaAudit>::namespaced(client.clone(), &guest);
        audits.delete_collection(&now, &all).await.map_err(world)?;
        Api::<Namespace>::all(client.clone())
            .delete(&guest, &now)
            .await
            .map_err(world)?;
    }
    Ok(())
}
