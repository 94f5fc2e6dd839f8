//! What the operator shows besides statuses: Events, metrics, and the cluster's own audit.

use audit_api::irsa_audit::VerdictName;
use e2e::cluster::Target;
use e2e::objects;
use e2e::scenario::APP;
use e2e::trust;
use e2e::world::{ISSUER, World, eventually};
use serde_json::json;

use super::{
    Outcome, WITHIN, WORKS, annotate, cluster_status, fake_world, named, play, wait_for, wait_for_deletion,
};

#[tokio::test]
async fn a_changed_verdict_is_an_event() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    play(&world, namespace).await?;
    let _operator = world.operator(&[]).await?;
    wait_for(&world, namespace, WORKS).await?;
    annotate(&world, namespace, Some("arn:aws:iam::1:role/x")).await?;
    let audit = wait_for(&world, namespace, (VerdictName::Broken, "RoleArnMalformed")).await?;

    let told = || async {
        let events = cluster.events(namespace).await.unwrap_or_default();
        events.iter().any(|event| {
            event.type_.as_deref() == Some("Warning")
                && event.reason.as_deref() == Some("RoleArnMalformed")
                && event
                    .note
                    .as_deref()
                    .is_some_and(|note| note.starts_with("Working -> Broken: "))
                && event
                    .regarding
                    .as_ref()
                    .is_some_and(|regarding| regarding.uid == audit.metadata.uid)
        })
    };
    assert!(eventually(WITHIN, told).await);
    Ok(())
}

#[tokio::test]
async fn series_come_and_go_with_their_bindings() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "wrong-namespace");
    let mut scenario = named(namespace);
    scenario.objects.truncate(1);
    world.play(&scenario).await?;
    play(&world, "eksctl").await?;
    let operator = world.operator(&[]).await?;
    wait_for(&world, namespace, (VerdictName::Broken, scenario.reason)).await?;
    wait_for(&world, "eksctl", WORKS).await?;

    let metrics = operator.metrics().await?;
    let binding = [("namespace", namespace), ("service_account", APP)];
    let finding = [
        binding[0],
        binding[1],
        ("code", "IRSA204"),
        ("severity", "broken"),
    ];
    assert_eq!(metrics.with("irsa_audit_finding", &finding).count(), 1);
    assert_eq!(metrics.with("irsa_audit_binding_info", &binding).count(), 1);
    let holds = [binding[0], binding[1], ("verdict", "Broken")];
    assert_eq!(metrics.total("irsa_audit_binding_verdict", &holds), 1);
    assert_eq!(metrics.total("irsa_audit_leader", &[]), 1);
    assert!(
        metrics.total(
            "irsa_audit_aws_requests_total",
            &[("service", "iam"), ("outcome", "ok")]
        ) > 0
    );
    // Healthy bindings have no series of their own, and count.
    assert!(!metrics.mention(&[("namespace", "eksctl"), ("service_account", APP)]));
    let working = [("namespace", "eksctl"), ("verdict", "Working")];
    assert_eq!(metrics.total("irsa_audit_bindings", &working), 1);

    cluster
        .delete(Target::core("ServiceAccount", namespace, APP))
        .await?;
    wait_for_deletion(&world, namespace).await?;
    let gone = || async {
        operator
            .metrics()
            .await
            .is_ok_and(|metrics| !metrics.mention(&binding[..1]))
    };
    assert!(
        eventually(WITHIN, gone).await,
        "{:?}",
        operator.metrics().await?.all()
    );
    Ok(())
}

#[tokio::test]
async fn the_clusters_audit_names_issuer_accounts_and_counts() -> Outcome {
    let world = fake_world().await?;
    for namespace in ["eksctl", "wrong-namespace", "other-account"] {
        play(&world, namespace).await?;
    }
    let _operator = world.operator(&[]).await?;
    let status = || cluster_status(&world);
    let complete = || async {
        status().await["bindings"] == json!({"working": 1, "atRisk": 0, "broken": 2, "unknown": 0})
    };
    assert!(eventually(WITHIN, complete).await, "{}", status().await);
    let status = status().await;
    assert_eq!(status["issuer"], json!({"url": ISSUER, "source": "Token"}));
    let home = json!({
        "id": e2e::aws::HOME,
        "provider": "Registered",
        "providerArn": trust::provider_arn(e2e::aws::HOME, ISSUER),
    });
    let other = json!({"id": e2e::aws::OTHER, "provider": "NotRegistered"});
    assert_eq!(status["accounts"], json!([home, other]));
    assert_eq!(status["conditions"][0]["status"], "True", "{status}");
    Ok(())
}

/// An object that this version cannot read, as a newer one might leave it.
#[tokio::test]
async fn what_cannot_be_decoded_is_skipped_and_counted() -> Outcome {
    let world = World::bare(e2e::aws::Aws::fake().await?).await?;
    let cluster = world.cluster();
    let mut loose = e2e::manifests::definitions()?.remove(0);
    let version = loose.pointer_mut("/spec/versions/0").expect("a version");
    version["schema"] =
        json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    version["selectableFields"] = json!(null);
    cluster.apply(&loose, "loose").await?;
    e2e::manifests::install_operator(cluster).await?;
    let others: Vec<_> = e2e::manifests::definitions()?.drain(1..).collect();
    for definition in others {
        cluster.apply(&definition, "loose").await?;
    }
    // Served a moment after it was applied.
    let odd = objects::audit("default", "odd", &json!({"serviceAccountName": ["app"]}));
    assert!(eventually(WITHIN, || async { cluster.create(&odd).await.is_ok() }).await);

    play(&world, "eksctl").await?;
    let operator = world.operator(&[]).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    let skipped = operator
        .metrics()
        .await?
        .total("irsa_audit_undecodable_objects_total", &[("kind", "IrsaAudit")]);
    assert!(skipped >= 1, "{skipped}");
    assert!(operator.is_ready().await);
    Ok(())
}
