//! Faults between the operator and the API server, and in AWS: after each, the first change is seen soon, all statuses are what a fresh
//! audit gives, and meanwhile nothing loops.

mod aws;
mod leaders;
mod objects;
mod outages;
mod restarts;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use e2e::operator::Operator;
use e2e::scenario::APP;
use e2e::world::{World, eventually};
use kube::ResourceExt as _;
use test_kit::Proxy;

use super::audit_command::{Said, live, of_status};
use super::{Failure, Outcome, WITHIN, WORKS, annotate, fake_world, play, wait_for};

/// The first change after a fault is shown in a status within this time.
const SOON: Duration = Duration::from_secs(5);

/// The most calls per second, on average, of an operator that cannot reach what it needs.
const MOST_CALLS: f64 = 7.0;

/// The namespace whose ServiceAccount is changed to see whether changes are seen.
const CHANGED: &str = "eksctl";

/// A world with an operator behind a proxy, and some bindings.
struct Stage {
    world: World,
    proxy: Proxy,
    operator: Operator,
    changes: u32,
}

impl Stage {
    async fn set(flags: &[&str]) -> Result<Self, Failure> {
        let world = fake_world().await?;
        for namespace in [CHANGED, "terraform", "wrong-namespace"] {
            play(&world, namespace).await?;
        }
        let proxy = Proxy::start(world.plane()).await?;
        let operator = world.operator_through(&proxy, flags).await?;
        wait_for(&world, CHANGED, WORKS).await?;
        Ok(Self {
            world,
            proxy,
            operator,
            changes: 0,
        })
    }

    /// Changes a binding, and awaits that its status shows it. Returns how long that took.
    async fn change(&mut self, within: Duration) -> Result<Duration, Failure> {
        self.changes += 1;
        let role_arn = format!("arn:aws:iam::{:012}:role/x", self.changes);
        let begun = Instant::now();
        annotate(&self.world, CHANGED, Some(&role_arn)).await?;
        let shown = |audit: Option<&IrsaAudit>| {
            let status = audit.and_then(|audit| audit.status.as_ref());
            let binding = status.and_then(|status| status.binding.as_ref());
            binding.is_some_and(|binding| binding.role_arn.as_deref() == Some(&role_arn))
        };
        let cluster = self.world.cluster();
        let seen = cluster
            .wait_for_audit(CHANGED, APP, &role_arn, within, shown)
            .await;
        seen.map_err(|error| Failure(format!("{error}\n{}", self.operator.process().log())))?;
        Ok(begun.elapsed())
    }

    /// Lets a fault last, and returns the calls per second to the proxy meanwhile.
    async fn last(&self, span: Duration) -> f64 {
        let before = self.proxy.calls().len();
        tokio::time::sleep(span).await;
        let calls = u32::try_from(self.proxy.calls().len() - before).unwrap_or(u32::MAX);
        f64::from(calls) / span.as_secs_f64()
    }

    async fn is_right(&self) -> Outcome {
        is_right(&self.world, &self.operator, WITHIN).await
    }
}

/// Awaits that the operator's statuses are what a fresh audit gives.
async fn is_right(world: &World, operator: &Operator, within: Duration) -> Outcome {
    let expected = live(world, &[]).await?;
    let is_right = || async { said(world).await.is_ok_and(|said| said == expected) };
    if eventually(within, is_right).await {
        return Ok(());
    }
    let (said, log) = (said(world).await?, operator.process().log());
    Err(Failure(format!("said {said:?}\nexpected {expected:?}\n{log}")))
}

/// The lines of a level in the operator's log.
fn log_lines(operator: &Operator, level: &str) -> Vec<String> {
    let log = operator.process().log();
    let lines = log.lines().filter(|line| line.contains(level));
    lines.map(str::to_owned).collect()
}

/// What the statuses in the cluster say.
async fn said(world: &World) -> Result<Said, Failure> {
    let audits = world.cluster().audits().await?;
    let named = audits.iter().map(|audit| {
        let namespace = audit.namespace().unwrap_or_default();
        let account = &audit.spec.service_account_name;
        (format!("{namespace}/{account}"), of_status(audit))
    });
    Ok(named.collect::<BTreeMap<_, _>>())
}

/// Most of these do nothing but wait, so they run side by side, each in a world of its own.
#[tokio::test]
async fn whatever_stands_still_is_noticed() -> Outcome {
    tokio::try_join!(
        Box::pin(restarts::watches_that_stall_silently_are_noticed()),
        Box::pin(leaders::whatever_happens_to_the_leader_one_replica_writes_and_never_both()),
        Box::pin(aws::what_changed_while_aws_was_away_is_right_soon()),
    )?;
    Ok(())
}

#[tokio::test]
async fn after_an_outage_all_is_right_soon() -> Outcome {
    tokio::try_join!(
        Box::pin(outages::the_first_change_after_an_outage_is_seen_soon()),
        Box::pin(aws::a_start_while_aws_is_away_is_right_soon_after_it_is_back()),
    )?;
    Ok(())
}

#[tokio::test]
async fn objects_that_come_and_go_end_right() -> Outcome {
    tokio::try_join!(
        Box::pin(objects::what_was_deleted_comes_back_and_what_was_refused_is_written()),
        Box::pin(restarts::a_relist_of_pages_that_change_underneath_and_objects_of_one_name_end_right()),
    )?;
    Ok(())
}
