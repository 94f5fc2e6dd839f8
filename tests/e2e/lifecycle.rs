//! The life of an `IrsaAudit`: made, owned, taken over, doubled, suspended, deleted.

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use e2e::cluster::Target;
use e2e::objects;
use e2e::scenario::APP;
use e2e::world::World;
use kube::ResourceExt as _;
use serde_json::json;

use super::{Outcome, WITHIN, WORKS, annotate, fake_world, named, play, wait_for, wait_for_deletion};

const AUTOMATIC: &str = "irsa-audit.dev/automatic";

fn is_automatic(audit: &IrsaAudit) -> bool {
    audit.labels().contains_key(AUTOMATIC)
}

/// The UID of its owner.
fn owner(audit: &IrsaAudit) -> Option<String> {
    audit.owner_references().first().map(|owner| owner.uid.clone())
}

#[tokio::test]
async fn an_automatic_audit_is_owned_and_goes_with_the_annotation() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    let _operator = world.operator(&[]).await?;
    let mut scenario = named(namespace);
    scenario.objects.truncate(1);
    world.play(&scenario).await?;
    let audit = wait_for(&world, namespace, WORKS).await?;
    let account = Target::core("ServiceAccount", namespace, APP);
    let uid = cluster.get(account).await?.and_then(|object| object.metadata.uid);
    assert!(is_automatic(&audit));
    assert_eq!(owner(&audit), uid);

    annotate(&world, namespace, None).await?;
    wait_for_deletion(&world, namespace).await?;
    Ok(())
}

#[tokio::test]
async fn an_audit_of_a_service_account_to_come_is_owned_once_it_is_there() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    let _operator = world.operator(&[]).await?;
    let mut scenario = named(namespace);
    // The pods alone tell of the binding.
    let account = scenario.objects.remove(0);
    world.play(&scenario).await?;
    let missing = (VerdictName::Broken, "ServiceAccountMissing");
    let audit = wait_for(&world, namespace, missing).await?;
    assert_eq!((is_automatic(&audit), owner(&audit)), (true, None));

    let uid = cluster.create(&account).await?.metadata.uid;
    let owned = |audit: Option<&IrsaAudit>| audit.is_some_and(|audit| owner(audit) == uid);
    cluster
        .wait_for_audit(namespace, APP, "ownership", WITHIN, owned)
        .await?;
    wait_for(&world, namespace, WORKS).await?;
    Ok(())
}

/// Nothing collects garbage here, so that what the operator would leave to the collector stays to be seen.
#[tokio::test]
async fn an_adopted_audit_is_let_go_of_and_still_audited() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    let _operator = world.operator(&[]).await?;
    play(&world, namespace).await?;
    wait_for(&world, namespace, WORKS).await?;

    let expected = "arn:aws:iam::123456789012:role/eksctl";
    let spec = json!({"serviceAccountName": APP, "expect": {"roleArn": expected}});
    cluster
        .apply(&objects::audit(namespace, APP, &spec), "argocd-controller")
        .await?;
    let free = |audit: Option<&IrsaAudit>| {
        audit.is_some_and(|audit| !is_automatic(audit) && audit.owner_references().is_empty())
    };
    cluster
        .wait_for_audit(namespace, APP, "release", WITHIN, free)
        .await?;

    // What would delete an automatic one breaks a declared one.
    annotate(&world, namespace, None).await?;
    let missing = (VerdictName::Broken, "RoleAnnotationMissing");
    wait_for(&world, namespace, missing).await?;
    Ok(())
}

#[tokio::test]
async fn a_declared_audit_suppresses_the_automatic_one_and_the_older_one_counts() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    let _operator = world.operator(&[]).await?;
    play(&world, namespace).await?;
    wait_for(&world, namespace, WORKS).await?;

    let spec = json!({"serviceAccountName": APP});
    cluster.create(&objects::audit(namespace, "first", &spec)).await?;
    cluster
        .wait_for_verdict(namespace, "first", WORKS.0, WORKS.1, WITHIN)
        .await?;
    wait_for_deletion(&world, namespace).await?;

    // Creation times have whole seconds, and the name decides among equals.
    cluster
        .create(&objects::audit(namespace, "second", &spec))
        .await?;
    cluster
        .wait_for_verdict(namespace, "second", VerdictName::Unknown, "Duplicate", WITHIN)
        .await?;
    cluster.delete(Target::audit(namespace, "first")).await?;
    cluster
        .wait_for_verdict(namespace, "second", WORKS.0, WORKS.1, WITHIN)
        .await?;
    cluster.delete(Target::audit(namespace, "second")).await?;
    let audit = wait_for(&world, namespace, WORKS).await?;
    assert!(is_automatic(&audit));
    Ok(())
}

#[tokio::test]
async fn a_suspended_audit_stays_as_it_is() -> Outcome {
    let world = fake_world().await?;
    let (cluster, namespace) = (world.cluster(), "eksctl");
    let _operator = world.operator(&[]).await?;
    play(&world, namespace).await?;
    wait_for(&world, namespace, WORKS).await?;
    let suspend = |on: bool| json!({"spec": {"suspend": on}});
    let target = Target::audit(namespace, APP);
    cluster.merge(target, &suspend(true)).await?;
    let free = |audit: Option<&IrsaAudit>| audit.is_some_and(|audit| !is_automatic(audit));
    cluster
        .wait_for_audit(namespace, APP, "release", WITHIN, free)
        .await?;

    annotate(&world, namespace, Some("nonsense:")).await?;
    let before = cluster.audit_versions().await?;
    unrelated_change(&world).await?;
    let after = cluster.audit_versions().await?;
    assert_eq!(
        after[&format!("{namespace}/{APP}")],
        before[&format!("{namespace}/{APP}")]
    );

    cluster.merge(target, &suspend(false)).await?;
    let malformed = (VerdictName::Broken, "RoleArnMalformed");
    wait_for(&world, namespace, malformed).await?;
    Ok(())
}

/// Has the operator go all the way from an observation to a status: whatever it had seen before is done with then.
pub async fn unrelated_change(world: &World) -> Outcome {
    let scenario = named("arn-malformed");
    world.play(&scenario).await?;
    wait_for(world, scenario.namespace, (scenario.verdict, scenario.reason)).await?;
    Ok(())
}
