//! Faults between the operator and the API server, and in AWS: after each, the first change is seen soon, all statuses are what a fresh
//! audit gives, and meanwhile nothing loops.

mod aws;
mod aws_in_part;
mod clocks;
mod ends;
mod leaders;
mod memory;
mod objects;
mod outages;
mod restarts;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use e2e::aws::HOME;
use e2e::metrics::Metrics;
use e2e::operator::Operator;
use e2e::scenario::APP;
use e2e::trust;
use e2e::world::{ISSUER, World, eventually};
use kube::ResourceExt as _;
use serde_json::json;
use test_kit::{Launch, Proxy};

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
        Self::set_with(flags, |launch| launch).await
    }

    /// The same with an operator that is started otherwise.
    async fn set_with(flags: &[&str], adjust: impl FnOnce(Launch) -> Launch) -> Result<Self, Failure> {
        let world = fake_world().await?;
        for namespace in [CHANGED, "terraform", "wrong-namespace"] {
            play(&world, namespace).await?;
        }
        let proxy = Proxy::start(world.plane()).await?;
        let operator = Operator::started(adjust(world.prepare_through(&proxy, flags).await?)).await?;
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
        calls_while(&self.proxy, tokio::time::sleep(span)).await.1
    }

    async fn is_right(&self) -> Outcome {
        is_right(&self.world, &self.operator, WITHIN).await
    }
}

/// What comes of something that takes a while, and the calls per second to the proxy meanwhile.
async fn calls_while<T>(proxy: &Proxy, something: impl Future<Output = T>) -> (T, f64) {
    let (before, begun) = (proxy.calls().len(), Instant::now());
    let value = something.await;
    let calls = u32::try_from(proxy.calls().len() - before).unwrap_or(u32::MAX);
    (value, f64::from(calls) / begun.elapsed().as_secs_f64())
}

/// Awaits that the operator's statuses and series are what a fresh audit gives. Nothing in it has panicked.
pub(super) async fn is_right(world: &World, operator: &Operator, within: Duration) -> Outcome {
    let expected = live(world, &[]).await?;
    let series = series_of(&expected);
    let is_right = || async {
        said(world).await.is_ok_and(|said| said == expected)
            && operator
                .metrics()
                .await
                .is_ok_and(|metrics| shown(&metrics) == series)
    };
    let is_right = eventually(within, is_right).await;
    let log = operator.process().log();
    if is_right && !log.contains("panicked") {
        return Ok(());
    }
    let said = said(world).await?;
    let shown = operator.metrics().await.map(|metrics| shown(&metrics));
    Err(Failure(format!(
        "said {said:?}\nexpected {expected:?}\nshown {shown:?}\n{log}"
    )))
}

/// Bindings by namespace and verdict.
type Series = BTreeMap<(String, String), u64>;

fn series_of(said: &Said) -> Series {
    let mut series = Series::new();
    for (binding, (verdict, ..)) in said {
        let namespace = binding.split('/').next().unwrap_or_default();
        *series.entry((namespace.to_owned(), verdict.clone())).or_default() += 1;
    }
    series
}

/// The bindings that the operator's metrics count.
fn shown(metrics: &Metrics) -> Series {
    let samples = metrics.with("irsa_audit_bindings", &[]);
    let counted = samples.filter_map(|sample| {
        let label = |name: &str| sample.labels.get(name).cloned();
        let count = sample.value.parse().ok().filter(|count| *count > 0)?;
        Some(((label("namespace")?, label("verdict")?), count))
    });
    counted.collect()
}

/// Has a role's trust policy admit the ServiceAccount of this namespace, and nothing else.
async fn admit(world: &World, role: &str, namespace: &str) -> Outcome {
    let key = |claim: &str| format!("{}:{claim}", trust::host_path(ISSUER));
    let condition = json!({"StringEquals": {
        key("sub"): trust::subject(namespace, APP),
        key("aud"): trust::AUDIENCE,
    }});
    let document = trust::web_identity(&trust::provider_arn(HOME, ISSUER), &condition);
    Ok(world.aws().trust_role(role, &document).await?)
}

/// The lines of a level in the operator's log.
fn log_lines(operator: &Operator, level: &str) -> Vec<String> {
    let log = operator.process().log();
    let lines = log.lines().filter(|line| line.contains(level));
    lines.map(str::to_owned).collect()
}

/// What the statuses in the cluster say. No binding has two objects.
async fn said(world: &World) -> Result<Said, Failure> {
    let audits = world.cluster().audits().await?;
    let mut said = Said::new();
    for audit in &audits {
        let namespace = audit.namespace().unwrap_or_default();
        let binding = format!("{namespace}/{}", audit.spec.service_account_name);
        if said.insert(binding.clone(), of_status(audit)).is_some() {
            return Err(Failure(format!("{binding} has two IrsaAudits")));
        }
    }
    Ok(said)
}

/// Most of these do nothing but wait, so they run side by side, each in a world of its own.
#[tokio::test]
async fn whatever_stands_still_is_noticed() -> Outcome {
    tokio::try_join!(
        Box::pin(restarts::watches_that_stall_silently_are_noticed()),
        Box::pin(leaders::whatever_happens_to_the_leader_one_replica_writes_and_never_both()),
        Box::pin(aws::what_changed_while_aws_was_away_is_right_soon()),
        Box::pin(aws_in_part::whatever_of_aws_answers_no_verdict_is_wrong_and_all_is_right_soon()),
    )?;
    Ok(())
}

#[tokio::test]
async fn after_an_outage_all_is_right_soon() -> Outcome {
    tokio::try_join!(
        Box::pin(outages::the_first_change_after_an_outage_is_seen_soon()),
        Box::pin(aws::a_start_while_aws_is_away_is_right_soon_after_it_is_back()),
        Box::pin(clocks::after_each_step_of_the_clock_all_is_right_soon()),
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

#[tokio::test]
async fn however_it_ends_the_next_one_ends_right() -> Outcome {
    tokio::try_join!(
        Box::pin(ends::killed_at_any_moment_the_last_one_ends_right()),
        Box::pin(ends::terminated_at_any_moment_each_ends_well_and_the_last_one_right()),
    )?;
    Ok(())
}

#[tokio::test]
async fn under_a_memory_limit_it_lives_or_the_next_one_ends_right() -> Outcome {
    memory::large_objects_fit_and_where_they_do_not_the_next_one_ends_right().await
}
