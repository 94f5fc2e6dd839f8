//! The fix that a status prints repairs the binding, run to the letter by a shell with the real command line tools.

use std::path::Path;

use audit_api::irsa_audit::VerdictName;
use e2e::aws;
use e2e::aws::Aws;
use e2e::cluster::Target;
use e2e::scenario::{self, APP, Fix, Scenario};
use e2e::tools::{self, Shell};
use e2e::world::World;
use serde_json::Value;
use test_kit::Moto;

use super::audit_command::printed;
use super::{Failure, Outcome, WITHIN, WORKS, wait_for};

#[tokio::test]
async fn printed_fixes_repair_on_the_fake() -> Outcome {
    // For its AWS CLI.
    let moto = Moto::start().await?;
    repair_all(Aws::fake().await?, &moto.aws_cli(), &[]).await
}

#[tokio::test]
async fn printed_fixes_repair_on_moto() -> Outcome {
    let moto = Moto::start().await?;
    let cli = moto.aws_cli();
    // Moto does not know `AddClientIDToOpenIDConnectProvider`, and does not say how many have a policy as their boundary
    // (`PermissionsBoundaryUsageCount`): without that, the command rightly refuses to edit it.
    repair_all(Aws::Moto(moto), &cli, &["audience-unknown", "boundary-blocks"]).await
}

async fn repair_all(aws: Aws, cli: &Path, without: &[&str]) -> Outcome {
    let world = World::start(aws).await?;
    let mut scenarios = scenario::all();
    scenarios.retain(|scenario| scenario.fix != Fix::None && !without.contains(&scenario.namespace));
    for scenario in &scenarios {
        world.play(scenario).await?;
    }
    let _operator = world.operator(&[]).await?;
    let shell = Shells::new(&world, cli).await?;
    let mut wrong = Vec::new();
    for scenario in &scenarios {
        if let Err(Failure(error)) = repair(&world, scenario, &shell).await {
            wrong.push(format!("{}: {error}", scenario.namespace));
        }
    }
    for scenario in &scenarios {
        let (verdict, reason) = after(scenario);
        let repaired = world
            .cluster()
            .wait_for_verdict(scenario.namespace, APP, verdict, reason, WITHIN)
            .await;
        wrong.extend(repaired.err().map(|error| error.to_string()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Shells of the administrators of the accounts, and of the cluster.
pub(super) struct Shells {
    pub(super) home: Shell,
    others: Vec<(&'static str, Shell)>,
}

impl Shells {
    pub(super) async fn new(world: &World, cli: &Path) -> Result<Self, Failure> {
        let (jq, kubectl) = (tools::jq().await?, tools::kubectl().await?);
        let tools = [("aws", cli), ("jq", &jq), ("kubectl", &kubectl)];
        let kubeconfig = (
            "KUBECONFIG",
            world.plane().kubeconfig_path().display().to_string(),
        );
        let mut home = world.aws().environment();
        home.push(kubeconfig.clone());
        let mut others = Vec::new();
        for account in [aws::OTHER, aws::NEAR] {
            let environment = world.aws().environment_in(account).await?;
            others.push((account, Shell::new(&tools, &environment)?));
        }
        Ok(Self {
            home: Shell::new(&tools, &home)?,
            others,
        })
    }

    /// The administrator's of an account.
    fn of(&self, account: Option<&str>) -> &Shell {
        let other = self.others.iter().find(|(id, _)| Some(*id) == account);
        other.map_or(&self.home, |(_, shell)| shell)
    }
}

fn after(scenario: &Scenario) -> (VerdictName, &'static str) {
    match scenario.fix {
        Fix::Aws(verdict, reason) | Fix::Kubectl(verdict, reason) => (verdict, reason),
        Fix::Rollout | Fix::ByHand(_) => WORKS,
        Fix::None => (scenario.verdict, scenario.reason),
    }
}

async fn printed_fix(world: &World, scenario: &Scenario) -> Result<String, Failure> {
    let text = printed(world, &["--namespace", scenario.namespace]).await?;
    // Warnings come first.
    let (_, report) = text.split_at(text.find('{').unwrap_or_default());
    let report: Value = serde_json::from_str(report)?;
    let findings = report.pointer("/bindings/0/findings").and_then(Value::as_array);
    let mut findings = findings.into_iter().flatten();
    let deciding = findings.find(|finding| finding["code"].as_str() == scenario.code);
    let fix = deciding.and_then(|finding| finding["fix"].as_str());
    Ok(fix.expect("a fix").to_owned())
}

async fn repair(world: &World, scenario: &Scenario, shells: &Shells) -> Outcome {
    let (cluster, namespace) = (world.cluster(), scenario.namespace);
    let audit = wait_for(world, namespace, (scenario.verdict, scenario.reason)).await?;
    let account = scenario.roles.first().map(|role| role.account);
    if let Fix::ByHand(script) = scenario.fix {
        shells.of(account).run(script).await?;
        cluster.reaudit(namespace, APP, "repaired").await?;
        return Ok(());
    }
    let status = audit.status.unwrap_or_default();
    let finding = status
        .findings
        .iter()
        .find(|finding| Some(finding.code.as_str()) == scenario.code);
    let fix = finding
        .and_then(|finding| finding.fix.as_deref())
        .expect("the deciding finding has a fix");
    let (shell, program) = match scenario.fix {
        Fix::Aws(..) => (shells.of(account), "aws "),
        _ => (&shells.home, "kubectl "),
    };
    let fix = if fix.contains(program) {
        fix.to_owned()
    } else {
        // A command that is too long for a status is in the report of `audit`.
        printed_fix(world, scenario).await?
    };
    assert!(fix.contains(program), "{namespace}: {fix}");
    shell.run(&fix).await?;
    if scenario.fix == Fix::Rollout {
        roll_out(world, scenario).await?;
    }
    // Else it would be looked at anew a quarter of a minute later.
    cluster.reaudit(namespace, APP, "repaired").await?;
    Ok(())
}

/// What the controllers and the webhook do after the Deployment has changed.
async fn roll_out(world: &World, scenario: &Scenario) -> Outcome {
    let (cluster, namespace) = (world.cluster(), scenario.namespace);
    let deployment = Target {
        api_version: "apps/v1",
        kind: "Deployment",
        namespace,
        name: APP,
    };
    let deployment = cluster.get(deployment).await?.expect("the Deployment");
    assert!(
        deployment.metadata.generation > Some(1),
        "{namespace}: it has not changed"
    );
    for pod in scenario.objects.iter().filter(|object| object["kind"] == "Pod") {
        let name = pod["metadata"]["name"].as_str().expect("a name");
        cluster.delete(Target::core("Pod", namespace, name)).await?;
    }
    cluster
        .create(&scenario.new_pod("after").expect("an annotated ServiceAccount"))
        .await?;
    Ok(())
}
