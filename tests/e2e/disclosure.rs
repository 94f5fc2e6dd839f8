//! What a status tells of a role is for admins to say, by the labels of its namespace.

use audit_api::IrsaAudit;
use e2e::cluster::Target;
use e2e::scenario::APP;
use serde_json::json;

use super::{Outcome, WITHIN, fake_world, named, play, wait_for};

const NAMESPACE: &str = "wrong-namespace";

/// Whether the status tells how to repair the trust policy.
fn tells(audit: Option<&IrsaAudit>) -> Option<bool> {
    let findings = &audit?.status.as_ref()?.findings;
    Some(findings.first()?.fix.is_some())
}

#[tokio::test]
async fn what_is_told_of_a_role_follows_the_labels_of_the_namespace() -> Outcome {
    let world = fake_world().await?;
    let cluster = world.cluster();
    play(&world, NAMESPACE).await?;
    let policy = json!({
        "apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy", "metadata": {"name": "default"},
        "spec": {"disclosure": [{"namespaceSelector": {"matchLabels": {"tenant": "guest"}}, "level": "CodeOnly"}]},
    });
    cluster.create(&policy).await?;
    let _operator = world.operator(&[]).await?;
    let scenario = named(NAMESPACE);
    let audit = wait_for(&world, NAMESPACE, (scenario.verdict, scenario.reason)).await?;
    assert_eq!(tells(Some(&audit)), Some(true));

    for (label, told) in [(Some("guest"), false), (None, true)] {
        let namespace = Target::core("Namespace", "", NAMESPACE);
        let change = json!({"metadata": {"labels": {"tenant": label}}});
        cluster.merge(namespace, &change).await?;
        cluster
            .wait_for_audit(NAMESPACE, APP, "what may be told", WITHIN, |audit| {
                tells(audit) == Some(told)
            })
            .await?;
    }
    Ok(())
}
