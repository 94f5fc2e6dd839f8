//! An approved plan: carried out once, and rolled back when that is approved.

use std::collections::BTreeSet;

use audit_k8s::rights;
use audit_remedy::RemedyOperation;
use e2e::audit_log::{AuditLog, Request};
use e2e::aws::Aws;
use e2e::remediation::{APPROVER, WRITER, changes, document, install, plan, recorded, writer};
use e2e::world::{OPERATOR, World};
use serde_json::Value;

use super::{approve, assert_appended, repairable, statements, wait_until_blocked};
use crate::{Outcome, WITHIN, WORKS, wait_for};

#[tokio::test]
async fn an_approved_plan_is_carried_out_once_and_rolled_back_when_that_is_approved() -> Outcome {
    const NAMESPACE: &str = "wrong-namespace";
    let log_of_calls = AuditLog::new()?;
    let world = World::start_with(Aws::fake().await?, &log_of_calls.options()).await?;
    install(&world).await?;
    repairable(&world, NAMESPACE, "RequireApproval").await?;
    let before = document(&world, NAMESPACE).await?;
    let operator = world.operator(&[]).await?;
    let writer = writer(&world, &[]).await?;
    wait_until_blocked(&writer, "approval").await?;
    assert!(changes(&world, NAMESPACE).await?.is_empty());
    assert_eq!(document(&world, NAMESPACE).await?, before);

    let append = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    approve(&world, "first", NAMESPACE, append.hash.as_str()).await?;
    let log = || writer.process().log();
    assert!(
        recorded(&world, NAMESPACE, 1, "Applied", WITHIN).await,
        "{:?} {}",
        changes(&world, NAMESPACE).await?,
        log()
    );
    let after = document(&world, NAMESPACE).await?;
    assert_appended(&before, &after, &append.edit.statement);
    wait_for(&world, NAMESPACE, WORKS).await?;
    drop(operator);
    let change = changes(&world, NAMESPACE).await?.remove(0);
    let spent = change.spec.approval.expect("an approval");
    assert_eq!(
        (spent.name.as_str(), spent.approved_by.as_str()),
        ("first", APPROVER)
    );
    assert_eq!(change.spec.plan_hash, append.hash.as_str());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    assert_eq!(
        (parsed(&change.spec.before), parsed(&change.spec.after)),
        (before.clone(), after)
    );
    let events = world.cluster().events(NAMESPACE).await?;
    let told = events.iter().filter_map(|event| event.note.as_deref());
    let told: Vec<&str> = told.filter(|note| note.contains("TrustPolicyChange")).collect();
    assert_eq!(told.len(), 1, "{told:?}");

    // Somebody takes the statement out: it stays out, and the old approval does not help.
    world.aws().trust_role(NAMESPACE, &before.to_string()).await?;
    wait_until_blocked(&writer, "approval").await?;
    assert_eq!(document(&world, NAMESPACE).await?, before);
    let again = plan(&world, NAMESPACE, RemedyOperation::Append).await?;
    assert_ne!(again.hash, append.hash);
    approve(&world, "second", NAMESPACE, again.hash.as_str()).await?;
    assert!(
        recorded(&world, NAMESPACE, 2, "Applied", WITHIN).await,
        "{}",
        log()
    );
    let after = document(&world, NAMESPACE).await?;
    assert_appended(&before, &after, &again.edit.statement);

    let remove = plan(&world, NAMESPACE, RemedyOperation::Remove).await?;
    approve(&world, "back", NAMESPACE, remove.hash.as_str()).await?;
    assert!(
        recorded(&world, NAMESPACE, 3, "Applied", WITHIN).await,
        "{}",
        log()
    );
    assert_eq!(document(&world, NAMESPACE).await?, before);
    // What a person had removed is not appended again.
    wait_until_blocked(&writer, "approval").await?;
    assert_eq!(
        statements(&document(&world, NAMESPACE).await?),
        statements(&before)
    );
    assert_rights(&log_of_calls.requests(OPERATOR, WRITER)?);
    Ok(())
}

/// The writer has used each of its rights, and was refused nothing.
fn assert_rights(requests: &[Request]) {
    let refused: Vec<_> = requests.iter().filter(|request| !request.allowed).collect();
    assert!(refused.is_empty(), "refused: {refused:#?}");
    let used: BTreeSet<(&str, &str)> = requests
        .iter()
        .map(|request| (request.resource.as_str(), request.verb.as_str()))
        .collect();
    let granted: BTreeSet<(&str, &str)> = rights::WRITER_CLUSTER
        .iter()
        .chain(rights::WRITER_NAMESPACE)
        .flat_map(|right| {
            let verbs = |resource| right.verbs.iter().map(move |verb| (resource, *verb));
            right.resources.iter().flat_map(move |resource| verbs(*resource))
        })
        // An Event that is told again is patched; each of these is told once. No record here is old: see `retention`.
        .filter(|right| ![("events", "patch"), ("trustpolicychanges", "delete")].contains(right))
        .collect();
    let unused: Vec<_> = granted.difference(&used).collect();
    assert!(unused.is_empty(), "unused: {unused:?}");
}
