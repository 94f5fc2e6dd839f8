//! Roles that nobody uses, or that running pods do not: told by a notice, until they are used, given up, or the policy allows them more
//! time.

use audit_api::IrsaAudit;
use e2e::aws::{HOME, Role};
use e2e::cluster::Target;
use e2e::scenario::{APP, Scenario};
use e2e::trust;
use e2e::world::{ISSUER, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use test_kit::Moto;

use super::fixes::Shells;
use super::{Outcome, WITHIN, WORKS, codes, fake_world, wait_for, wait_for_deletion};

/// A trust policy for the ServiceAccount of a namespace.
fn trust_in(namespace: &str) -> String {
    let key = |claim: &str| format!("{}:{claim}", trust::host_path(ISSUER));
    let condition =
        json!({"StringEquals": {key("sub"): trust::subject(namespace, APP), key("aud"): trust::AUDIENCE}});
    trust::web_identity(&trust::provider_arn(HOME, ISSUER), &condition)
}

/// A ServiceAccount without pods, and its role.
fn bound(namespace: &'static str) -> Scenario {
    let mut scenario = Scenario::bound(
        namespace,
        "is this still in use?",
        Role::new(namespace, trust_in(namespace)),
    );
    scenario.objects.truncate(1);
    scenario
}

/// IAM saw the role of a namespace used so many days ago.
fn used_ago(world: &World, namespace: &str, days: i64) {
    let ago = Timestamp::now().checked_sub(SignedDuration::from_hours(24 * days));
    let role = fake_aws::Role::named(namespace)
        .trust(trust_in(namespace))
        .inline("read", e2e::aws::allowing("s3:GetObject"))
        .last_used(ago.expect("a time"), "eu-west-1");
    world.aws().as_fake().expect("the fake").account(HOME).role(role);
}

async fn wait_for_codes(world: &World, namespace: &str, awaited: &[&str]) -> Outcome {
    let has = |audit: Option<&IrsaAudit>| {
        audit.is_some_and(|audit| {
            let is_audited = audit
                .status
                .as_ref()
                .is_some_and(|status| status.verdict.is_some());
            is_audited && codes(audit) == awaited
        })
    };
    let cluster = world.cluster();
    cluster
        .wait_for_audit(namespace, APP, &format!("{awaited:?}"), WITHIN, has)
        .await?;
    Ok(())
}

/// Lets roles be unused for so long.
async fn allow(world: &World, span: &str) -> Outcome {
    let policy = json!({
        "apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy", "metadata": {"name": "default"},
        "spec": {"roleUnusedAfter": span},
    });
    world.cluster().apply(&policy, "admin").await?;
    Ok(())
}

#[tokio::test]
async fn a_role_that_nobody_uses_is_told_until_it_is_used_or_given_up() -> Outcome {
    // For its AWS CLI.
    let moto = Moto::start().await?;
    let world = fake_world().await?;
    let (used, given_up) = ("used-again", "given-up");
    for namespace in [used, given_up] {
        world.play(&bound(namespace)).await?;
        used_ago(&world, namespace, 100);
    }
    let _operator = world.operator(&[]).await?;
    for namespace in [used, given_up] {
        wait_for(&world, namespace, WORKS).await?;
        wait_for_codes(&world, namespace, &["IRSA507"]).await?;
    }
    allow(&world, "2640h").await?;
    wait_for_codes(&world, used, &[]).await?;
    allow(&world, "24h").await?;
    wait_for_codes(&world, used, &["IRSA507"]).await?;

    used_ago(&world, used, 0);
    world.cluster().reaudit(used, APP, "used").await?;
    wait_for_codes(&world, used, &[]).await?;

    let shells = Shells::new(&world, &moto.aws_cli()).await?;
    let script = format!(
        "kubectl -n {given_up} annotate serviceaccount {APP} eks.amazonaws.com/role-arn- \
         && aws iam delete-role-policy --role-name {given_up} --policy-name read && aws iam delete-role --role-name {given_up}"
    );
    shells.home.run(&script).await?;
    wait_for_deletion(&world, given_up).await
}

/// Puts a creation in the past into etcd, which the API server lets nobody choose.
async fn age(world: &World, scenario: &Scenario, hours: i64) -> Outcome {
    let pod = scenario
        .objects
        .iter()
        .find(|object| object["kind"] == "Pod")
        .expect("a pod");
    let name = pod["metadata"]["name"].as_str().expect("a name");
    let target = Target::core("Pod", scenario.namespace, name);
    let stored = world.cluster().get(target).await?.expect("the pod");
    let mut stored = serde_json::to_value(stored)?;
    let created = Timestamp::now()
        .checked_sub(SignedDuration::from_hours(hours))
        .expect("a time");
    let created = Timestamp::from_second(created.as_second()).expect("a time");
    stored["metadata"]["creationTimestamp"] = json!(created.to_string());
    let plane = world.plane();
    plane
        .replace_stored("pods", (scenario.namespace, name), &stored)
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_role_that_old_pods_do_not_use_is_told_until_they_do() -> Outcome {
    let world = fake_world().await?;
    let namespace = "idle-pods";
    let role = Role::new(namespace, trust_in(namespace));
    let scenario = Scenario::bound(namespace, "the logs show calls by the node's role", role);
    world.play(&scenario).await?;
    used_ago(&world, namespace, 3);
    let _operator = world.operator(&[]).await?;
    wait_for(&world, namespace, WORKS).await?;
    wait_for_codes(&world, namespace, &[]).await?;
    age(&world, &scenario, 48).await?;
    wait_for_codes(&world, namespace, &["IRSA410"]).await?;
    // The application has a new SDK.
    used_ago(&world, namespace, 0);
    world.cluster().reaudit(namespace, APP, "used").await?;
    wait_for_codes(&world, namespace, &[]).await
}
