//! What somebody with all rights in one namespace does: it is seen, and costs others nothing.

use std::time::Duration;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use e2e::cluster::Target;
use e2e::objects;
use e2e::scenario::APP;
use e2e::world::eventually;
use serde_json::{Value, json};

use super::faults::is_right;
use super::{Outcome, WITHIN, WORKS, cluster_status, fake_world, named, play, wait_for};

const UNAUDITED: &str = "irsa_audit_unaudited_bindings";

#[tokio::test]
async fn audits_that_a_quota_refuses_are_made_all_the_same_and_told_to_the_admins() -> Outcome {
    let world = fake_world().await?;
    let operator = world.operator(&[]).await?;
    let namespace = "eksctl";
    let scenario = named(namespace);
    world.cluster().create_namespace(namespace).await?;
    // The status is what the controller of quotas, which is not here, would write.
    let hard = json!({"count/irsaaudits.irsa-audit.dev": "0"});
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": hard}, "status": {"hard": hard, "used": hard}});
    world.cluster().create(&quota).await?;
    let mine = objects::audit(namespace, "mine", &json!({"serviceAccountName": APP}));
    let refused = world.cluster().create(&mine).await;
    assert_eq!(refused.err().and_then(|error| error.refusal()), Some(403));
    for role in &scenario.roles {
        world.aws().create_role(role).await?;
    }
    for object in &scenario.objects {
        world.cluster().create(object).await?;
    }
    let is_told = || async {
        let status = cluster_status(&world).await;
        let Ok(metrics) = operator.metrics().await else {
            return false;
        };
        let refused = metrics.total(UNAUDITED, &[("namespace", namespace), ("reason", "Refused")]);
        let verdicts = [("namespace", namespace), ("verdict", "Working")];
        status.pointer("/unaudited/0/namespace") == Some(&json!(namespace))
            && codes(&status).contains(&"IRSA917")
            && status.pointer("/conditions/0/status") == Some(&json!("True"))
            && refused == 1
            && metrics.total("irsa_audit_bindings", &verdicts) == 1
    };
    assert!(
        eventually(WITHIN, is_told).await,
        "{}",
        cluster_status(&world).await
    );
    // Tried after 1, 2, 4, 8 seconds, and so on.
    let creates = async || {
        let metrics = operator.metrics().await;
        metrics.map(|metrics| metrics.total("irsa_audit_writes_total", &[("write", "create")]))
    };
    let before = creates().await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let tried = creates().await? - before;
    assert!(tried <= 4, "{tried} creations in ten seconds");

    let quota = Target::core("ResourceQuota", namespace, "none");
    world.cluster().delete(quota).await?;
    wait_for(&world, namespace, WORKS).await?;
    is_right(&world, &operator, WITHIN).await?;
    let is_over = || async {
        let status = cluster_status(&world).await;
        status.get("unaudited").is_none()
    };
    assert!(
        eventually(WITHIN, is_over).await,
        "{}",
        cluster_status(&world).await
    );
    Ok(())
}

fn codes(status: &Value) -> Vec<&str> {
    let findings = status.pointer("/findings").and_then(Value::as_array);
    let codes = findings.into_iter().flatten();
    codes
        .filter_map(|finding| finding.get("code")?.as_str())
        .collect()
}

#[tokio::test]
async fn an_audit_that_is_deleted_again_and_again_is_made_rarely_and_comes_back() -> Outcome {
    let world = fake_world().await?;
    let operator = world.operator(&[]).await?;
    let namespace = "eksctl";
    play(&world, namespace).await?;
    let mut created = Vec::new();
    for _ in 0..5 {
        let audit = world
            .cluster()
            .wait_for_audit(namespace, APP, "another one", WITHIN, |audit| audit.is_some())
            .await?;
        world.cluster().delete(Target::audit(namespace, APP)).await?;
        created.extend(audit.and_then(|audit| audit.metadata.creation_timestamp));
    }
    // The second comes at once, and the next ones after 1, 2 and 4 s; times are in whole seconds.
    let took = created[4].0.duration_since(created[1].0).as_secs();
    assert!(took >= 6, "{created:?}");
    wait_for(&world, namespace, WORKS).await?;
    let made = operator
        .metrics()
        .await?
        .total("irsa_audit_writes_total", &[("write", "create")]);
    assert!(made <= 6, "{made}");
    Ok(())
}

#[tokio::test]
async fn a_recreated_audit_never_shows_what_held_of_the_former_one() -> Outcome {
    let world = fake_world().await?;
    let cluster = world.cluster();
    let _operator = world.operator(&[]).await?;
    let namespace = "eksctl";
    play(&world, namespace).await?;
    wait_for(&world, namespace, WORKS).await?;
    let audit = |account: &str| {
        json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAudit",
            "metadata": {"name": "again", "namespace": namespace}, "spec": {"serviceAccountName": account}})
    };
    let told = |wanted: VerdictName| {
        move |audit: Option<&IrsaAudit>| {
            let verdict = audit.and_then(|audit| audit.status.as_ref()?.verdict);
            assert!(verdict.is_none_or(|verdict| verdict == wanted), "{verdict:?}");
            verdict.is_some()
        }
    };
    for round in 0..20 {
        let (account, wanted) = match round % 2 {
            0 => (APP, VerdictName::Working),
            _ => ("nobody", VerdictName::Broken),
        };
        cluster.create(&audit(account)).await?;
        cluster
            .wait_for_audit(namespace, "again", "a verdict", WITHIN, told(wanted))
            .await?;
        cluster.delete(Target::audit(namespace, "again")).await?;
    }
    Ok(())
}
