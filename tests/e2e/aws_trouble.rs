//! AWS fails, throttles or refuses: what was seen stands, what was never seen is unknown, and nothing is called broken.

use std::time::Duration;

use audit_api::irsa_audit::VerdictName;
use e2e::aws::HOME;
use e2e::scenario::{APP, Scenario};
use e2e::world::{World, eventually};
use fake_aws::Fault;
use serde_json::json;

use super::{Outcome, WITHIN, WORKS, cluster_status, fake_world, named, play, wait_for};

pub(super) async fn wait_for_cluster_code(world: &World, code: &str) {
    let shown = || async {
        let status = cluster_status(world).await;
        let findings = status["findings"].as_array().cloned().unwrap_or_default();
        findings.iter().any(|finding| finding["code"] == code)
    };
    assert!(
        eventually(WITHIN, shown).await,
        "no {code} on the ClusterIrsaAudit"
    );
}

#[tokio::test]
async fn the_last_verdict_stands_while_aws_is_down_and_what_was_never_seen_is_unknown() -> Outcome {
    let world = fake_world().await?;
    let (cluster, fake) = (world.cluster(), world.aws().as_fake().expect("the fake"));
    play(&world, "eksctl").await?;
    play(&world, "wrong-namespace").await?;
    let _operator = world.operator(&["--refresh=1h"]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    let broken = (VerdictName::Broken, "SubjectNamespaceMismatch");
    wait_for(&world, "wrong-namespace", broken).await?;

    // Nobody has looked at its role yet: the account was listed before it was there.
    let unseen = named("terraform");
    for role in &unseen.roles {
        world.aws().create_role(role).await?;
    }
    fake.fault(Fault::on_any().error(503, "ServiceUnavailable", "down for tests"));
    fake.reset_calls();
    cluster.reaudit("eksctl", APP, "1").await?;
    fake.wait_for_calls("GetRole", 1).await;
    world
        .play(&Scenario {
            roles: Vec::new(),
            ..unseen
        })
        .await?;
    let unavailable = (VerdictName::Unknown, "AwsUnavailable");
    wait_for(&world, "terraform", unavailable).await?;
    wait_for_cluster_code(&world, "IRSA902").await;
    for (namespace, verdict) in [("eksctl", WORKS), ("wrong-namespace", broken)] {
        cluster
            .wait_for_verdict(namespace, APP, verdict.0, verdict.1, Duration::from_secs(5))
            .await?;
    }

    fake.clear_faults();
    cluster.reaudit("terraform", APP, "2").await?;
    wait_for(&world, "terraform", WORKS).await?;
    Ok(())
}

#[tokio::test]
async fn throttled_evidence_turns_unknown_at_the_policys_limit_and_recovers() -> Outcome {
    let world = fake_world().await?;
    let (cluster, fake) = (world.cluster(), world.aws().as_fake().expect("the fake"));
    let policy = json!({
        "apiVersion": "irsa-audit.dev/v1alpha1",
        "kind": "IrsaAuditPolicy",
        "metadata": {"name": "default"},
        "spec": {"stalenessLimit": "30s"},
    });
    cluster.create(&policy).await?;
    play(&world, "eksctl").await?;
    let operator = world.operator(&["--refresh=2s"]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    fake.fault(Fault::on_any().throttle());
    wait_for(&world, "eksctl", (VerdictName::Unknown, "EvidenceStale")).await?;
    let age = operator
        .metrics()
        .await?
        .value("irsa_audit_evidence_age_seconds", &[("account", HOME)]);
    assert!(age > Some(30.0), "{age:?}");
    fake.clear_faults();
    wait_for(&world, "eksctl", WORKS).await?;
    Ok(())
}

#[tokio::test]
async fn roles_are_read_one_by_one_where_listing_is_denied() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.deny(HOME, "iam:GetAccountAuthorizationDetails");
    play(&world, "eksctl").await?;
    play(&world, "wrong-namespace").await?;
    play(&world, "role-gone").await?;
    let _operator = world.operator(&[]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    let broken = VerdictName::Broken;
    wait_for(&world, "wrong-namespace", (broken, "SubjectNamespaceMismatch")).await?;
    wait_for(&world, "role-gone", (broken, "RoleNotFound")).await?;
    wait_for_cluster_code(&world, "IRSA901").await;
    Ok(())
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown_and_says_which_right_is_missing() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    fake.deny(HOME, "iam:Get*");
    play(&world, "eksctl").await?;
    let _operator = world.operator(&[]).await?;
    let unknown = VerdictName::Unknown;
    let audit = wait_for(&world, "eksctl", (unknown, "AwsAccessDenied")).await?;
    let message = audit.status.and_then(|status| status.message).unwrap_or_default();
    assert!(message.contains("iam:GetRole"), "{message}");
    Ok(())
}
