//! Who injects what: the webhook's registration, its ConfigMap on self-hosted clusters, and EKS Pod Identity beside it.

use audit_api::irsa_audit::VerdictName;
use e2e::aws::HOME;
use e2e::cluster::Target;
use e2e::objects;
use e2e::scenario::APP;
use e2e::world::eventually;
use serde_json::json;

use super::aws_trouble::wait_for_cluster_code;
use super::{Outcome, WITHIN, WORKS, cluster_status, fake_world, named, play, wait_for, wait_for_deletion};

/// What kOps writes instead of annotations is bound, audited and let go of like them.
#[tokio::test]
async fn a_binding_of_the_webhooks_config_map_is_audited() -> Outcome {
    let world = fake_world().await?;
    let namespace = "eksctl";
    let mut scenario = named(namespace);
    scenario.objects[0] = objects::bare_service_account(namespace, APP);
    scenario.objects.truncate(1);
    let role_arn = scenario.roles[0].arn();
    world.play(&scenario).await?;
    let says = |role_arn: &str| {
        let entry = json!({"RoleARN": role_arn, "Audience": "sts.amazonaws.com", "UseRegionalSTS": true});
        objects::webhook_config_map(&json!({format!("{namespace}/{APP}"): entry}))
    };
    world.cluster().create(&says(&role_arn)).await?;
    let operator = world.operator(&[]).await?;
    let audit = wait_for(&world, namespace, WORKS).await?;
    let binding = audit.status.and_then(|status| status.binding).expect("a binding");
    assert_eq!(binding.role_arn, Some(role_arn));
    world
        .cluster()
        .apply(&says("arn:aws:iam::123456789012:role/none"), "e2e")
        .await?;
    wait_for(&world, namespace, (VerdictName::Broken, "RoleNotFound")).await?;
    world
        .cluster()
        .apply(&objects::webhook_config_map(&json!({})), "e2e")
        .await?;
    wait_for_deletion(&world, namespace).await?;
    let log = operator.process().log();
    assert!(!log.contains("forbidden"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_missing_webhook_is_the_clusters_until_it_is_registered() -> Outcome {
    let world = fake_world().await?;
    let registration = Target {
        api_version: "admissionregistration.k8s.io/v1",
        kind: "MutatingWebhookConfiguration",
        namespace: "",
        name: "pod-identity-webhook",
    };
    world.cluster().delete(registration).await?;
    play(&world, "not-injected").await?;
    let _operator = world.operator(&[]).await?;
    wait_for_cluster_code(&world, "IRSA409").await;
    wait_for(
        &world,
        "not-injected",
        (VerdictName::Broken, "CredentialsNotInjected"),
    )
    .await?;
    world.cluster().create(&objects::webhook()).await?;
    let gone = || async {
        let status = cluster_status(&world).await;
        !status.is_null() && status["findings"].as_array().is_none_or(Vec::is_empty)
    };
    assert!(eventually(WITHIN, gone).await, "{}", cluster_status(&world).await);
    Ok(())
}

#[tokio::test]
async fn an_association_of_pod_identity_beside_the_annotation_is_a_risk() -> Outcome {
    let world = fake_world().await?;
    let fake = world.aws().as_fake().expect("the fake");
    let other = format!("arn:aws:iam::{HOME}:role/other");
    fake.account(HOME)
        .eks_cluster("prod", "https://oidc.example.com/id/A")
        .pod_identity_association("prod", "eksctl", APP, &other);
    play(&world, "eksctl").await?;
    play(&world, "terraform").await?;
    let _operator = world.operator(&["--cluster-name=prod"]).await?;
    wait_for(&world, "terraform", WORKS).await?;
    let audit = wait_for(
        &world,
        "eksctl",
        (VerdictName::AtRisk, "PodIdentityTakesPrecedence"),
    )
    .await?;
    let message = audit.status.and_then(|status| status.message).unwrap_or_default();
    assert!(message.contains(&other), "{message}");
    Ok(())
}
