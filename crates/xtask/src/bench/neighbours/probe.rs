//! Changes in other namespaces, and how long each takes to be seen.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use audit_api::irsa_audit::VerdictName;
use kube::Client;

use super::super::Error;
use super::super::percentile::percentile;
use super::super::process::Operator;
use super::super::world::{ACCOUNT, Statuses, World, annotate, create_account, create_pod, pod, world};

const NAMESPACES: usize = 5;
const BINDINGS: usize = 100;

/// A role that admits none of them but `KEEPER`, which has it for as long as the bench lasts: a role that no binding has is read from AWS
/// first, ten calls a second, and what is measured here is the operator.
const OTHER: &str = "other";
const KEEPER: &str = "keeper";

/// Changes a second, and how many there are.
const RATE: u32 = 10;
const CHANGES: usize = 400;

/// How often it is asked whether the operator lives.
const ASKED: Duration = Duration::from_millis(100);

/// What one probe found.
#[derive(Debug)]
pub struct Probe {
    changes: Vec<Duration>,
    health: Vec<Duration>,
    cores: f64,
    memory: f64,
    peak: f64,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "change elsewhere p50 {:.0?}, p99 {:.0?}; /healthz p99 {:.0?}; {:.2} cores; {:.1} MiB, at most {:.1}",
            percentile(&self.changes, 50),
            percentile(&self.changes, 99),
            percentile(&self.health, 99),
            self.cores,
            self.memory,
            self.peak,
        )
    }
}

/// The bindings of others.
pub struct Victims;

impl Victims {
    /// Adds them to cluster and account, each with a role that admits it, and one that does not.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn seed(around: &World) -> Result<Self, Error> {
        for index in 0..NAMESPACES {
            around.namespace(&format!("shop-{index}")).await?;
        }
        let account = around.aws.account(ACCOUNT);
        for binding in 0..BINDINGS {
            let (namespace, name) = (namespace(binding), name(binding));
            account.role(around.role(&name, &[format!("{namespace}:{name}")]));
            create_account(&around.client, &namespace, &name, &name).await?;
            let pod = pod(&format!("{name}-0"), &name, Some(&name));
            create_pod(&around.client, &namespace, pod).await?;
        }
        let keeper = namespace(0);
        account.role(around.role(OTHER, &[format!("{keeper}:{KEEPER}")]));
        create_account(&around.client, &keeper, KEEPER, OTHER).await?;
        create_pod(&around.client, &keeper, pod("keeper-0", KEEPER, Some(OTHER))).await?;
        Ok(Self)
    }

    /// The role of one of them.
    #[must_use]
    pub fn role() -> String {
        name(0)
    }

    /// Waits until all of them are Working.
    ///
    /// # Errors
    /// When they are not within minutes.
    pub async fn settle(&self, operator: &Operator) -> Result<(), Error> {
        let begin = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        while operator
            .metric("irsa_audit_bindings", &["verdict=\"Working\""])
            .await?
            < BINDINGS as f64 + 1.0
        {
            if begin.elapsed() > Duration::from_mins(10) {
                return Err(world("the bindings elsewhere are not all Working"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Breaks and mends bindings for a while, at a steady rate.
    ///
    /// # Errors
    /// When a status does not come for minutes.
    pub async fn probe(
        &self,
        client: &Client,
        operator: &Operator,
        statuses: &mut Statuses,
    ) -> Result<Probe, Error> {
        let (begin, used) = (Instant::now(), operator.processor_time());
        let mut health = Vec::new();
        // Beside the changes, so that a slow answer delays none.
        let mut changes = tokio::select! {
            changes = change(client, statuses) => changes?,
            error = ask(operator, &mut health) => return Err(error),
        };
        changes.sort_unstable();
        health.sort_unstable();
        Ok(Probe {
            changes,
            health,
            cores: (operator.processor_time() - used) / begin.elapsed().as_secs_f64(),
            memory: operator.memory(),
            peak: operator.peak(),
        })
    }
}

/// Asks whether the operator lives, until it is dropped; how long each answer took.
async fn ask(operator: &Operator, took: &mut Vec<Duration>) -> Error {
    let mut ticks = tokio::time::interval(ASKED);
    loop {
        ticks.tick().await;
        match operator.get("/healthz").await {
            Ok((_, time)) => took.push(time),
            Err(error) => return error,
        }
    }
}

/// Breaks and mends bindings, and waits until each change is seen; how long each took.
async fn change(client: &Client, statuses: &mut Statuses) -> Result<Vec<Duration>, Error> {
    statuses.clear();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut sent: HashMap<String, (VerdictName, Instant)> = HashMap::new();
    let mut changes = Vec::new();
    for index in 0..CHANGES {
        ticks.tick().await;
        let binding = index % BINDINGS;
        let is_broken = (index / BINDINGS).is_multiple_of(2);
        let (role, wanted) = if is_broken {
            (OTHER.to_owned(), VerdictName::Broken)
        } else {
            (name(binding), VerdictName::Working)
        };
        while sent.contains_key(&name(binding)) {
            take(&mut sent, statuses, &mut changes).await?;
        }
        sent.insert(name(binding), (wanted, Instant::now()));
        annotate(client, &namespace(binding), &name(binding), &role).await?;
    }
    while !sent.is_empty() {
        take(&mut sent, statuses, &mut changes).await?;
    }
    Ok(changes)
}

/// Takes in one status; if it is one that is awaited, how long it took.
async fn take(
    sent: &mut HashMap<String, (VerdictName, Instant)>,
    statuses: &mut Statuses,
    changes: &mut Vec<Duration>,
) -> Result<(), Error> {
    let seen = statuses.next().await?;
    if let Some((wanted, begin)) = sent.get(&seen.name)
        && seen.verdict == *wanted
        && seen.at > *begin
    {
        changes.push(seen.at.duration_since(*begin));
        sent.remove(&seen.name);
    }
    Ok(())
}

fn namespace(binding: usize) -> String {
    format!("shop-{}", binding % NAMESPACES)
}

fn name(binding: usize) -> String {
    format!("cart-{binding}")
}
