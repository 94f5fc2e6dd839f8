//! The operator ends at any moment, again and again, while objects change: the next one takes up whatever it finds.

use std::time::Duration;

use e2e::aws::{HOME, arn};
use e2e::cluster::{Cluster, ClusterError, Target};
use e2e::scenario::APP;
use e2e::world::World;
use fastrand::Rng;
use serde_json::Value;
use test_kit::{Proxy, Signal};

use super::super::{Failure, Outcome, annotate, fake_world, named, play};
use super::{MOST_CALLS, admit, calls_while, is_right};

/// Replays a run. A failure names its seed.
const SEED: &str = "FAULTS_SEED";

const NAMESPACES: [&str; 4] = ["eksctl", "terraform", "string-like", "wrong-namespace"];

/// How many operators end before the last one.
const ENDS: u32 = 8;

/// Each ends within this time after its start: some before they have read everything, some after they have written.
const LIVES: Duration = Duration::from_millis(2500);

/// From one change to the next.
const PAUSE: Duration = Duration::from_millis(50);

/// All statuses are right within this time after the last start.
const RIGHT: Duration = Duration::from_secs(15);

/// One that is told to end has ended by then.
const STOPS: Duration = Duration::from_secs(20);

/// The calls of a start: a few for each kind, and what changes meanwhile.
const CALLS_OF_A_START: usize = 250;

/// As shells tell that SIGTERM ended a process that does not listen to signals yet.
const TERMINATED: i32 = 143;

pub(super) async fn killed_at_any_moment_the_last_one_ends_right() -> Outcome {
    end_again_and_again(Signal::Kill, &[]).await
}

pub(super) async fn terminated_at_any_moment_each_ends_well_and_the_last_one_right() -> Outcome {
    // The lease is given back, or the next one would do nothing for as long as it lasts.
    end_again_and_again(Signal::Term, &["--leader-elect"]).await
}

async fn end_again_and_again(signal: Signal, flags: &[&str]) -> Outcome {
    let given = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    let ended = seeded(signal, flags, seed).await;
    ended.map_err(|failure| Failure(format!("{SEED}={seed}: {}", failure.0)))
}

async fn seeded(signal: Signal, flags: &[&str], seed: u64) -> Outcome {
    let world = fake_world().await?;
    for namespace in NAMESPACES {
        play(&world, namespace).await?;
    }
    let proxy = Proxy::start(world.plane()).await?;
    let mut rng = Rng::with_seed(seed);
    let mut of_changes = rng.fork();
    let ends = async {
        for number in 0..ENDS {
            end(&world, &proxy, signal, flags, LIVES.mul_f64(rng.f64()))
                .await
                .map_err(|failure| Failure(format!("{signal:?} {number}: {}", failure.0)))?;
        }
        Ok::<_, Failure>(())
    };
    let changes = async {
        loop {
            change(&world, &mut of_changes).await?;
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        ended = ends => ended,
        failed = changes => failed,
    }?;
    let before = proxy.calls().len();
    let operator = world.operator_through(&proxy, flags).await?;
    is_right(&world, &operator, RIGHT).await?;
    let calls = proxy.calls().len();
    let starts = usize::try_from(ENDS).unwrap_or_default();
    assert!(before <= starts * CALLS_OF_A_START, "{before} calls");
    assert!(calls - before <= CALLS_OF_A_START, "{} calls", calls - before);
    let ((), rate) = calls_while(&proxy, tokio::time::sleep(LIVES)).await;
    if rate <= MOST_CALLS {
        return Ok(());
    }
    Err(Failure(format!("{rate} calls a second")))
}

/// Starts an operator, and ends it after this time.
async fn end(world: &World, proxy: &Proxy, signal: Signal, flags: &[&str], after: Duration) -> Outcome {
    let process = world.prepare_through(proxy, flags).await?.start()?;
    tokio::time::sleep(after).await;
    let failed = |what: String| Failure(format!("{what} after {after:?}\n{}", process.log()));
    if let Some(code) = process.exit_code() {
        return Err(failed(format!("ended by itself with exit code {code}")));
    }
    process.signal(signal)?;
    let code = process.wait(STOPS).await?;
    let log = process.log();
    let listens = log.contains("metrics are served");
    let is_well = signal == Signal::Kill || code == 0 || (code == TERMINATED && !listens);
    if is_well && !log.contains("panicked") {
        return Ok(());
    }
    Err(failed(format!("exit code {code}")))
}

/// Changes something that statuses are made of, or a status.
async fn change(world: &World, rng: &mut Rng) -> Outcome {
    let cluster = world.cluster();
    let namespace = NAMESPACES[rng.usize(..NAMESPACES.len())];
    let scenario = named(namespace);
    match rng.u8(..7) {
        0 => annotate(world, namespace, Some("arn:aws:iam::1:role/x")).await,
        1 => annotate(world, namespace, Some(&arn(HOME, "/", namespace))).await,
        2 => annotate(world, namespace, None).await,
        3 => Ok(recreate(cluster, &scenario.objects, "ServiceAccount").await?),
        4 => Ok(recreate(cluster, &scenario.objects, "Pod").await?),
        5 => match cluster.delete(Target::audit(namespace, APP)).await {
            Err(error) if error.refusal() != Some(404) => Err(error.into()),
            _ => Ok(()),
        },
        _ => {
            let subject = if rng.bool() { namespace } else { "elsewhere" };
            admit(world, &scenario.roles[0].name, subject).await
        }
    }
}

/// Deletes the objects of a kind, and creates others of the same names.
async fn recreate(cluster: &Cluster, objects: &[Value], kind: &str) -> Result<(), ClusterError> {
    for object in objects.iter().filter(|object| object["kind"] == kind) {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let target = Target::core(kind, text("namespace"), text("name"));
        cluster.delete(target).await?;
        cluster.create(object).await?;
    }
    Ok(())
}
