//! The scene of a repair: broken, plan, consent, approval, working. Every command is run as it is shown.

use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use audit_api::irsa_audit::{ProgressName, VerdictName};
use e2e::remediation::{self, APPROVER, StageError};
use e2e::scenario::APP;
use e2e::tools::Shell;
use e2e::world::World;
use serde_json::json;

use super::{DemoError, step};

/// The binding that is repaired.
const NAMESPACE: &str = "wrong-name";

/// A repair takes seconds with a pretend AWS; a busy machine may take longer.
const WITHIN: Duration = Duration::from_secs(90);

/// Has everyone agree, one after the other, and shows the writer repair the role.
pub async fn play(world: &World, shell: &Shell) -> Result<(), DemoError> {
    let account = format!("{NAMESPACE}/{APP}");
    step("another one, repaired by the writer: first the plan");
    remediation::install(world).await?;
    let rules = remediation::approver_rules()?;
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": APPROVER});
    remediation::grant(world.cluster(), "", "demo-approver", &rules, &jane)
        .await
        .map_err(StageError::from)?;
    let writer = remediation::writer(world, &[]).await?;
    let plan = run(world, None, &["plan", &account]).await?;
    println!("{plan}");

    step(
        "the team and the cluster's admins agree: spec.remediation of the IrsaAudit, and an IrsaAuditPolicy",
    );
    let cluster = world.cluster();
    cluster
        .apply(&remediation::opt_in(NAMESPACE, "RequireApproval"), "team")
        .await?;
    let allowed = remediation::policy(NAMESPACE, "RequireApproval", &json!({}));
    cluster.create(&allowed).await?;
    println!("IrsaAudit {account}: remediation: RequireApproval\nIrsaAuditPolicy: maxMode: RequireApproval");

    step("the role's owner agrees: the printed consent, run as it is printed");
    let consent = run(world, None, &["consent", &account, "--form=aws-cli"]).await?;
    println!("{consent}");
    shell.run(&consent).await?;

    step("jane, who may approve, approves the plan by its hash");
    let json = run(world, None, &["plan", &account, "--output=json"]).await?;
    let hash = serde_json::from_str::<serde_json::Value>(&json)
        .ok()
        .and_then(|plan| Some(plan.pointer("/plan/hash")?.as_str()?.to_owned()));
    let hash = hash.ok_or_else(|| DemoError::Verdicts(format!("no plan for {account}: {json}")))?;
    let flag = format!("--plan-hash={hash}");
    let approved = run(world, Some(APPROVER), &["approve", &account, &flag]).await?;
    let last: Vec<&str> = approved.lines().rev().take(3).collect();
    for line in last.into_iter().rev() {
        println!("{line}");
    }
    let begun = Instant::now();
    let is_repaired = |audit: Option<&IrsaAudit>| {
        let status = audit.and_then(|audit| audit.status.as_ref());
        status.is_some_and(|status| {
            status.verdict == Some(VerdictName::Working) && status.remediation == Some(ProgressName::Applied)
        })
    };
    let repaired = cluster
        .wait_for_audit(NAMESPACE, APP, "repaired by the writer", WITHIN, is_repaired)
        .await;
    if let Err(error) = repaired {
        return Err(DemoError::Verdicts(format!(
            "{error}\n{}",
            writer.process().log()
        )));
    }
    println!("\n{account}: Working, Applied, {:.1?} later", begun.elapsed());
    for change in remediation::changes(world, NAMESPACE).await? {
        let phase = change.status.and_then(|status| status.phase);
        let phase = phase.map(|phase| format!("{phase:?}")).unwrap_or_default();
        let approval = change.spec.approval.map(|approval| approval.approved_by);
        println!(
            "TrustPolicyChange {}: {phase}, approved by {}",
            change.metadata.name.unwrap_or_default(),
            approval.unwrap_or_default()
        );
    }
    Ok(())
}

/// Runs a command of the program; what it printed.
async fn run(world: &World, user: Option<&str>, words: &[&str]) -> Result<String, DemoError> {
    println!("$ irsa-audit {}", words.join(" "));
    let (code, printed) = remediation::command(world, user, words).await?;
    if code == 0 {
        Ok(printed)
    } else {
        Err(DemoError::Verdicts(format!(
            "`irsa-audit` with {}: exit code {code}\n{printed}",
            words.join(" ")
        )))
    }
}
