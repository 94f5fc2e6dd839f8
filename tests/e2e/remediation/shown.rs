//! What people who only look are told: the plan in a status, the column `Rem`, and who does not agree yet.

use std::collections::BTreeSet;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::ProgressName;
use audit_remedy::RemedyOperation;
use e2e::aws::HOME;
use e2e::remediation::{WRITER, consent, document, opt_in, plan, policy, writer};
use e2e::scenario::APP;
use e2e::table;
use e2e::trust;
use e2e::world::{OPERATOR, World, eventually};
use serde_json::{Value, json};

use super::{approve, broken, stage};
use crate::{Failure, Outcome, WITHIN};

/// Awaits how far a repair has come, as the status has it, and returns the object.
async fn shows(world: &World, namespace: &str, progress: ProgressName) -> Result<IrsaAudit, Failure> {
    let is_shown = |audit: Option<&IrsaAudit>| {
        let status = audit.and_then(|audit| audit.status.as_ref());
        status.is_some_and(|status| status.remediation == Some(progress))
    };
    let audit = world
        .cluster()
        .wait_for_audit(namespace, APP, &format!("{progress:?}"), WITHIN, is_shown)
        .await?;
    Ok(audit.expect("it is there"))
}

/// Who does not agree, by authority.
fn blocked_by(audit: &IrsaAudit) -> BTreeSet<String> {
    let plan = audit.status.as_ref().and_then(|status| status.plan.clone());
    let blocked = plan.unwrap_or_default().blocked_by;
    blocked.into_iter().map(|by| by.authority).collect()
}

fn hash(audit: &IrsaAudit) -> Option<String> {
    audit.status.as_ref()?.plan.as_ref()?.hash.clone()
}

fn named(authorities: &[&str]) -> BTreeSet<String> {
    authorities.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_status_follows_a_repair_from_its_plan_to_its_rollback() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    broken(&world, NAMESPACE, "Propose").await?;
    let flag = format!("--writer-service-account={OPERATOR}/{WRITER}");
    let operator = world.operator(&[&flag]).await?;
    let audit = shows(&world, NAMESPACE, ProgressName::Proposed).await?;
    assert_eq!(
        blocked_by(&audit),
        named(&["Team", "Admins", "RoleOwner", "Approver"])
    );
    let of_writer = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_eq!(hash(&audit).as_deref(), Some(of_writer.hash.as_str()));
    let table = table::audits(world.cluster()).await?;
    let column = table.head.iter().position(|head| head == "REM").expect("REM");
    assert!(
        table
            .rows
            .iter()
            .any(|row| row[0] == NAMESPACE && row[column] == "Proposed")
    );

    // One after the other agrees.
    world
        .cluster()
        .apply(&opt_in(NAMESPACE, "RequireApproval"), "team")
        .await?;
    let audit = shows(&world, NAMESPACE, ProgressName::Blocked).await?;
    assert_eq!(blocked_by(&audit), named(&["Admins", "RoleOwner", "Approver"]));
    let allowed = policy(NAMESPACE, "RequireApproval", &json!({}));
    world.cluster().create(&allowed).await?;
    consent(&world, NAMESPACE).await?;
    world.cluster().reaudit(NAMESPACE, APP, "consent").await?;
    let audit = shows(&world, NAMESPACE, ProgressName::Proposed).await?;
    assert_eq!(blocked_by(&audit), named(&["Approver"]));
    let of_writer = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_eq!(hash(&audit).as_deref(), Some(of_writer.hash.as_str()));
    let before = document(&world, NAMESPACE).await?;
    approve(&world, "given", NAMESPACE, of_writer.hash.as_str()).await?;
    let audit = shows(&world, NAMESPACE, ProgressName::Approved).await?;
    assert!(blocked_by(&audit).is_empty());

    let _writer = writer(&world, &[]).await?;
    let audit = shows(&world, NAMESPACE, ProgressName::Applied).await?;
    assert_eq!(hash(&audit), None);
    let counted = || async {
        let metrics = operator.metrics().await;
        metrics.is_ok_and(|metrics| {
            metrics.total("irsa_audit_remediation_bindings", &[("progress", "Applied")]) == 1
        })
    };
    assert!(eventually(WITHIN, counted).await);
    let remove = plan(&world, NAMESPACE, RemedyOperation::Remove).await?;
    approve(&world, "back", NAMESPACE, remove.hash.as_str()).await?;
    shows(&world, NAMESPACE, ProgressName::RolledBack).await?;
    assert_eq!(document(&world, NAMESPACE).await?, before);
    Ok(())
}

/// What the writer's credentials did without the writer: the operator sees a statement that the journal does not have.
#[tokio::test]
async fn a_statement_of_the_writer_without_a_record_is_told() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let world = stage().await?;
    broken(&world, NAMESPACE, "Automatic").await?;
    let operator = world.operator(&[]).await?;
    let stolen = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    world.aws().trust_role(NAMESPACE, &stolen.edit.after).await?;
    world.cluster().reaudit(NAMESPACE, APP, "stolen").await?;
    let unrecorded = |count: u64| {
        let operator = &operator;
        move || async move {
            let metrics = operator.metrics().await;
            metrics.is_ok_and(|metrics| metrics.total("irsa_audit_unrecorded_roles", &[]) == count)
        }
    };
    assert!(eventually(WITHIN, unrecorded(1)).await);
    let root = json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HOME}:root")}, "Action": "sts:AssumeRole"});
    let other: Value = root;
    world
        .aws()
        .trust_role(NAMESPACE, &trust::document(&[other]))
        .await?;
    world.cluster().reaudit(NAMESPACE, APP, "gone").await?;
    assert!(eventually(WITHIN, unrecorded(0)).await);
    Ok(())
}
