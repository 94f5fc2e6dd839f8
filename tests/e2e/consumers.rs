//! Kinds of other projects: watched from when they are installed until they are removed, and unknown where they may not be listed.

use std::time::Duration;

use audit_api::irsa_audit::VerdictName;
use audit_k8s::consumers::{self, ConsumerKind};
use e2e::cluster::Target;
use e2e::foreign;
use e2e::objects;
use e2e::scenario::{APP, Scenario};
use e2e::world::{OPERATOR, World, eventually};
use serde_json::{Value, json};

use super::aws_trouble::wait_for_cluster_code;
use super::{Outcome, WITHIN, WORKS, cluster_status, codes, fake_world, named, play, wait_for};

/// The operator asks once a minute which kinds are served.
const NOTICED_WITHIN: Duration = Duration::from_mins(3);

/// A pod without credentials, beside a store that uses its ServiceAccount, may need none.
const UNCERTAIN: (VerdictName, &str) = (VerdictName::Unknown, "CredentialsNotInjected");

fn kind(group: &str, name: &str) -> &'static ConsumerKind {
    consumers::kind(group, name).expect("a kind of the table")
}

fn store_kind() -> &'static ConsumerKind {
    kind("external-secrets.io", "SecretStore")
}

/// A store that uses the ServiceAccount of a namespace.
fn store(namespace: &str) -> Value {
    let jwt = json!({"serviceAccountRef": {"name": APP}});
    json!({
        "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
        "metadata": {"namespace": namespace, "name": "aws"},
        "spec": {"provider": {"aws": {"service": "SecretsManager", "auth": {"jwt": jwt}}}},
    })
}

/// A bound ServiceAccount whose role is right and whose pods have no credentials: broken, unless a store may explain it.
fn without_credentials() -> Scenario {
    let mut scenario = named("eksctl");
    scenario.objects.retain(|object| object["kind"] != "Pod");
    scenario
        .objects
        .push(objects::pod(scenario.namespace, APP, "bare", APP, None));
    scenario
}

async fn awaits(world: &World, namespace: &str, verdict: (VerdictName, &str)) -> Outcome {
    let cluster = world.cluster();
    cluster
        .wait_for_verdict(namespace, APP, verdict.0, verdict.1, NOTICED_WITHIN)
        .await?;
    Ok(())
}

/// The rules of the operator's ClusterRole, without those on a resource.
async fn rules_without(world: &World, resource: &str) -> Result<Value, super::Failure> {
    let role = world.cluster().get(operators_role()).await?.expect("the role");
    let mut rules = role.data["rules"].clone();
    for rule in rules.as_array_mut().into_iter().flatten() {
        if let Some(resources) = rule["resources"].as_array_mut() {
            resources.retain(|one| one != resource);
        }
    }
    Ok(rules)
}

fn operators_role() -> Target<'static> {
    Target {
        api_version: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        namespace: "",
        name: OPERATOR,
    }
}

#[tokio::test]
async fn a_kind_is_seen_from_when_it_is_installed_until_it_is_removed() -> Outcome {
    let world = fake_world().await?;
    let (cluster, scenario) = (world.cluster(), without_credentials());
    let broken = (VerdictName::Broken, "CredentialsNotInjected");
    world.play(&scenario).await?;
    let operator = world.operator(&[]).await?;
    wait_for(&world, scenario.namespace, broken).await?;

    let kinds = foreign::kinds([&store(scenario.namespace)]);
    foreign::install(cluster, &kinds).await?;
    cluster.create(&store(scenario.namespace)).await?;
    awaits(&world, scenario.namespace, UNCERTAIN).await?;
    // From now on it is watched.
    let target = Target {
        api_version: "external-secrets.io/v1",
        kind: "SecretStore",
        namespace: scenario.namespace,
        name: "aws",
    };
    cluster.delete(target).await?;
    wait_for(&world, scenario.namespace, broken).await?;
    cluster.create(&store(scenario.namespace)).await?;
    let audit = wait_for(&world, scenario.namespace, UNCERTAIN).await?;
    let binding = audit.status.and_then(|status| status.binding).expect("a binding");
    assert_eq!(binding.path.as_deref(), Some("Requested"));

    // What the kind explained goes with it.
    foreign::remove(cluster, store_kind()).await?;
    awaits(&world, scenario.namespace, broken).await?;
    let findings = &cluster_status(&world).await["findings"];
    assert!(
        !findings.to_string().contains("IRSA915"),
        "what is not served is not unseen: {findings}"
    );
    let log = operator.process().log();
    assert!(!log.contains("forbidden") && !log.contains("ERROR"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_makes_nothing_broken_and_is_told_once() -> Outcome {
    let world = fake_world().await?;
    let (cluster, scenario) = (world.cluster(), without_credentials());
    let rules = rules_without(&world, "secretstores").await?;
    let all = cluster.get(operators_role()).await?.expect("the role").data["rules"].clone();
    cluster.merge(operators_role(), &json!({"rules": rules})).await?;
    world.play(&scenario).await?;
    play(&world, "terraform").await?;
    play(&world, "wrong-namespace").await?;
    foreign::install(cluster, &[store_kind()]).await?;
    cluster.create(&store(scenario.namespace)).await?;
    let operator = world.operator(&[]).await?;
    let audit = wait_for(&world, scenario.namespace, UNCERTAIN).await?;
    assert_eq!(codes(&audit), ["IRSA401"], "one finding, and it is unknown");
    wait_for(&world, "terraform", WORKS).await?;
    wait_for(
        &world,
        "wrong-namespace",
        (VerdictName::Broken, "SubjectNamespaceMismatch"),
    )
    .await?;
    wait_for_cluster_code(&world, "IRSA915").await;
    let findings = cluster_status(&world).await["findings"].clone();
    let of_kind: Vec<&Value> = findings
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finding| finding["code"] == "IRSA915")
        .collect();
    assert!(
        matches!(of_kind.as_slice(), [one] if one["message"].to_string().contains("SecretStore")
            && one["fix"].to_string().contains("secretstores.external-secrets.io")),
        "{findings}"
    );
    let text = operator.process().log();
    assert_eq!(text.matches("could not be listed").count(), 1, "{text}");
    assert!(!text.contains("ERROR") && !text.contains("forbidden"), "{text}");
    // With the right, a fresh operator sees it; this one would within ten minutes.
    drop(operator);
    cluster.merge(operators_role(), &json!({"rules": all})).await?;
    let _operator = world.operator(&[]).await?;
    wait_for(&world, scenario.namespace, UNCERTAIN).await?;
    let gone = || async {
        let status = cluster_status(&world).await;
        !status.is_null() && !status["findings"].to_string().contains("IRSA915")
    };
    assert!(eventually(WITHIN, gone).await, "{}", cluster_status(&world).await);
    Ok(())
}
