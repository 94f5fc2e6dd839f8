//! The operator on a real API server.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is tests, and a test that cannot go on should say so"
)]

mod alerts;
mod audit_command;
mod aws_trouble;
mod can_i;
mod chart;
mod consumers;
mod container;
mod custom_resources;
mod disclosure;
mod documents;
mod faults;
mod fixes;
mod formats;
mod front_door;
mod gitops;
mod hostile;
mod injection;
mod install;
mod lifecycle;
mod neighbours;
mod pipelines;
mod probe;
mod quiet;
mod rbac;
mod remediation;
mod remediation_commands;
mod replicas;
mod reverse;
mod reviews;
mod rights;
mod scenarios;
mod signs;
mod simulation;
mod snapshot;
mod start_and_stop;
mod unused;

use std::fmt;
use std::time::Duration;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use e2e::aws::Aws;
use e2e::cluster::Target;
use e2e::scenario::{self, APP, Scenario};
use e2e::world::World;
use serde_json::{Value, json};

/// How long anything may take; much longer than it does, because the machine may be busy.
const WITHIN: Duration = Duration::from_secs(90);

/// Working, for its only reason.
const WORKS: (VerdictName, &str) = (VerdictName::Working, "AllLinksPass");

/// How a test ends.
type Outcome = Result<(), Failure>;

/// Any error, shown as it is meant to be read.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A world around the project's own fake.
async fn fake_world() -> Result<World, Failure> {
    Ok(World::start(Aws::fake().await?).await?)
}

/// The codes of all findings.
fn codes(audit: &IrsaAudit) -> Vec<&str> {
    audit
        .status
        .iter()
        .flat_map(|status| &status.findings)
        .map(|finding| finding.code.as_str())
        .collect()
}

/// The scenario of a namespace.
fn named(namespace: &str) -> Scenario {
    scenario::named(namespace).expect("a scenario")
}

/// Creates the scenario of a namespace.
async fn play(world: &World, namespace: &str) -> Outcome {
    world.play(&named(namespace)).await?;
    Ok(())
}

/// Awaits the verdict, and its reason, of the scenario in a namespace.
async fn wait_for(
    world: &World,
    namespace: &str,
    verdict: (VerdictName, &str),
) -> Result<IrsaAudit, Failure> {
    let cluster = world.cluster();
    Ok(cluster
        .wait_for_verdict(namespace, APP, verdict.0, verdict.1, WITHIN)
        .await?)
}

/// Awaits that the `IrsaAudit` of a scenario is gone.
async fn wait_for_deletion(world: &World, namespace: &str) -> Outcome {
    let cluster = world.cluster();
    cluster
        .wait_for_audit(namespace, APP, "deletion", WITHIN, |audit| audit.is_none())
        .await?;
    Ok(())
}

/// Changes the role annotation in a scenario's namespace.
async fn annotate(world: &World, namespace: &str, role_arn: Option<&str>) -> Outcome {
    let change = json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role_arn}}});
    let account = Target::core("ServiceAccount", namespace, APP);
    world.cluster().merge(account, &change).await?;
    Ok(())
}

/// Awaits a status that was made of this role annotation.
async fn wait_for_role(world: &World, namespace: &str, role_arn: &str) -> Outcome {
    let shown = |audit: Option<&IrsaAudit>| {
        let status = audit.and_then(|audit| audit.status.as_ref());
        let binding = status.and_then(|status| status.binding.as_ref());
        binding.is_some_and(|binding| binding.role_arn.as_deref() == Some(role_arn))
    };
    let cluster = world.cluster();
    cluster
        .wait_for_audit(namespace, APP, role_arn, WITHIN, shown)
        .await?;
    Ok(())
}

/// The status of the `ClusterIrsaAudit`; null without one.
async fn cluster_status(world: &World) -> Value {
    let target = Target {
        api_version: "irsa-audit.dev/v1alpha1",
        kind: "ClusterIrsaAudit",
        namespace: "",
        name: "cluster",
    };
    let audit = world.cluster().get(target).await.ok().flatten();
    audit
        .map(|audit| audit.data["status"].clone())
        .unwrap_or_default()
}
