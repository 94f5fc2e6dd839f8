//! What somebody with all rights in one namespace does, and should not be able to.

use std::time::Duration;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use e2e::aws;
use e2e::cluster::Target;
use e2e::objects;
use e2e::trust;
use e2e::world::{World, eventually};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::{Outcome, WITHIN, cluster_status, fake_world};

const EVIL: &str = "team-evil";

/// Later than a `jiff::Timestamp` may be; the API server takes it.
const LAST: &str = "9999-12-31T23:59:59Z";

async fn forge(world: &World, name: &str) -> Outcome {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let ready = json!({"type": "Ready", "status": "True", "reason": "Working", "message": "", "lastTransitionTime": now,
        "observedGeneration": 9});
    let status = json!({"status": {"verdict": "Working", "reason": "Working", "message": "all is well", "conditions": [ready]}});
    // Whole, as no type of ours can hold what is in it.
    let resource = ApiResource::erase::<IrsaAudit>(&());
    let audits: Api<DynamicObject> = Api::namespaced_with(world.cluster().client(), EVIL, &resource);
    let patch = Patch::Merge(&status);
    audits.patch_status(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Whether its status says what was forged.
async fn is_forged(world: &World, name: &str) -> bool {
    let audit = world
        .cluster()
        .get(Target::audit(EVIL, name))
        .await
        .ok()
        .flatten();
    audit.is_some_and(|audit| audit.data["status"]["message"] == json!("all is well"))
}

/// A ServiceAccount whose role does not exist.
async fn broken(world: &World, name: &str) -> Outcome {
    let account = objects::service_account(EVIL, name, &aws::arn(aws::HOME, "/", "missing"));
    world.cluster().create(&account).await?;
    world
        .cluster()
        .wait_for_audit(EVIL, name, "Broken", WITHIN, |audit| {
            let status = audit.and_then(|audit| audit.status.as_ref());
            status.and_then(|status| status.verdict) == Some(VerdictName::Broken)
        })
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_audit_that_the_operator_cannot_decode_shows_no_forged_status_and_hides_nothing() -> Outcome {
    let world = fake_world().await?;
    let operator = world.operator(&[]).await?;
    world.cluster().create_namespace(EVIL).await?;
    broken(&world, "hidden").await?;
    let waivers = json!([{"code": "IRSA208", "reason": "x", "until": LAST}]);
    let change = json!({"spec": {"waivers": waivers}});
    world
        .cluster()
        .merge(Target::audit(EVIL, "hidden"), &change)
        .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let _ = forge(&world, "hidden").await;
    let is_mended = eventually(Duration::from_secs(20), || async {
        !is_forged(&world, "hidden").await
    });
    assert!(is_mended.await, "the forged status stays");
    drop(operator);
    let operator = world.operator(&[]).await?;
    let is_told = eventually(Duration::from_secs(20), || async {
        let metrics = operator.metrics().await;
        let is_counted =
            metrics.is_ok_and(|metrics| metrics.total("irsa_audit_bindings", &[("namespace", EVIL)]) == 1);
        let unaudited = cluster_status(&world).await["unaudited"].clone();
        is_counted || unaudited != Value::Null
    });
    assert!(is_told.await, "{}", cluster_status(&world).await);
    Ok(())
}

#[tokio::test]
async fn a_status_that_was_forged_before_the_operator_saw_a_suspended_audit_does_not_stay() -> Outcome {
    let world = fake_world().await?;
    world.cluster().create_namespace(EVIL).await?;
    let account = objects::service_account(EVIL, "resting", &aws::arn(aws::HOME, "/", "missing"));
    world.cluster().create(&account).await?;
    let spec = json!({"serviceAccountName": "resting", "suspend": true});
    world
        .cluster()
        .create(&objects::audit(EVIL, "resting", &spec))
        .await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    // The operator is not there for a moment, as at each of its updates.
    forge(&world, "resting").await?;
    let _operator = world.operator(&[]).await?;
    let is_mended = eventually(Duration::from_secs(20), || async {
        !is_forged(&world, "resting").await
    });
    assert!(is_mended.await, "the forged status stays");
    Ok(())
}

#[tokio::test]
async fn a_pod_with_a_token_for_another_audience_changes_no_verdict_elsewhere() -> Outcome {
    const ISSUER: &str = "https://oidc.k8s.example.com/clusters/main";
    let world = fake_world().await?;
    world
        .aws()
        .create_provider(aws::HOME, ISSUER, &[trust::AUDIENCE])
        .await?;
    let provider = trust::provider_arn(aws::HOME, ISSUER);
    let host = trust::host_path(ISSUER);
    for (namespace, name) in [("shop", "idle"), ("shop", "busy"), (EVIL, "e")] {
        let condition = json!({"StringEquals": {
            format!("{host}:sub"): trust::subject(namespace, name), format!("{host}:aud"): trust::AUDIENCE}});
        let statement: Value = json!({"Effect": "Allow", "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition});
        world
            .aws()
            .create_role(&aws::Role::new(name, trust::document(&[statement])))
            .await?;
    }
    for namespace in ["shop", EVIL] {
        world.cluster().create_namespace(namespace).await?;
    }
    for (namespace, name) in [("shop", "idle"), ("shop", "busy"), (EVIL, "e")] {
        let account = objects::service_account(namespace, name, &aws::arn(aws::HOME, "/", name));
        world.cluster().create(&account).await?;
    }
    world
        .cluster()
        .create(&pod("shop", "busy", trust::AUDIENCE))
        .await?;
    let _operator = world.operator(&["--issuer", ISSUER]).await?;
    let told = |wanted: VerdictName| {
        move |audit: Option<&IrsaAudit>| {
            let status = audit.and_then(|audit| audit.status.as_ref());
            status.and_then(|status| status.verdict) == Some(wanted)
        }
    };
    let working = told(VerdictName::Working);
    world
        .cluster()
        .wait_for_audit("shop", "idle", "Working", WITHIN, working)
        .await?;
    world.cluster().create(&pod(EVIL, "e", "evil-audience")).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let audit = world.cluster().get(Target::audit("shop", "idle")).await?;
    let status = audit
        .map(|audit| audit.data["status"].clone())
        .unwrap_or_default();
    assert_eq!(status["verdict"], json!("Working"), "{status}");
    Ok(())
}

/// A pod as the webhook makes it, with a token for an audience.
fn pod(namespace: &str, account: &str, audience: &str) -> Value {
    let place = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": account}, "spec": {
        "serviceAccountName": account,
        "automountServiceAccountToken": false,
        "containers": [{"name": "c", "image": "i",
            "env": [{"name": "AWS_ROLE_ARN", "value": aws::arn(aws::HOME, "/", account)},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": format!("{place}/token")}],
            "volumeMounts": [{"name": "aws-iam-token", "mountPath": place, "readOnly": true}]}],
        "volumes": [{"name": "aws-iam-token", "projected": {"sources": [
            {"serviceAccountToken": {"audience": audience, "path": "token"}}]}}]}})
}
