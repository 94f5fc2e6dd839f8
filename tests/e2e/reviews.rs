//! What the API server itself says of expected permissions, where RBAC is not the only authorizer.

use std::fs;

use audit_api::irsa_audit::VerdictName;
use e2e::aws::Aws;
use e2e::operator::Operator;
use e2e::scenario::APP;
use e2e::world::{World, eventually};
use serde_json::json;
use test_kit::Options;

use super::audit_command::live;
use super::{Outcome, WITHIN, WORKS, codes, fake_world, named, play, wait_for};

/// Awaits that the API server has answered so many questions.
async fn wait_for_answers(operator: &Operator, answers: u64) {
    let answered = || async {
        let metrics = operator.metrics().await.unwrap_or_default();
        metrics.total("irsa_audit_access_reviews_total", &[("outcome", "answered")]) >= answers
    };
    assert!(eventually(WITHIN, answered).await, "{}", operator.process().log());
}

/// The scenario's user may read pods by a policy file, of which RBAC knows nothing.
#[tokio::test]
async fn what_another_authorizer_allows_is_not_broken() -> Outcome {
    let (allowed, denied) = (named("rbac-no-binding"), named("rbac-verb"));
    let folder = tempfile::tempdir()?;
    let policy = folder.path().join("policy.jsonl");
    let line = json!({
        "apiVersion": "abac.authorization.kubernetes.io/v1beta1",
        "kind": "Policy",
        "spec": {
            "user": format!("system:serviceaccount:{}:{APP}", allowed.namespace),
            "namespace": allowed.namespace, "apiGroup": "", "resource": "pods", "readonly": true,
        },
    });
    fs::write(&policy, line.to_string())?;
    let options = Options {
        // After `RBAC`, which every control plane has.
        api_server_flags: vec![
            "--authorization-mode=ABAC".to_owned(),
            format!("--authorization-policy-file={}", policy.display()),
        ],
        ..Options::default()
    };
    let world = World::start_with(Aws::fake().await?, &options).await?;
    world.play(&allowed).await?;
    world.play(&denied).await?;
    let operator = world.operator(&[]).await?;

    let disagrees = (VerdictName::Unknown, "RbacReviewDisagrees");
    let audit = wait_for(&world, allowed.namespace, disagrees).await?;
    assert_eq!(codes(&audit), ["IRSA909"]);
    wait_for_answers(&operator, 6).await;
    let audit = wait_for(&world, denied.namespace, (denied.verdict, denied.reason)).await?;
    assert_eq!(codes(&audit), denied.codes());

    let said = live(&world, &[]).await?;
    let of = |namespace: &str| said[&format!("{namespace}/{APP}")].clone();
    let (verdict, reason) = disagrees;
    let codes = vec!["IRSA909".to_owned()];
    assert_eq!(
        of(allowed.namespace),
        (format!("{verdict:?}"), reason.to_owned(), codes)
    );
    assert_eq!(of(denied.namespace).1, denied.reason);

    // With a role as well, both say yes.
    let group = "rbac.authorization.k8s.io";
    let cluster = world.cluster();
    let metadata = json!({"namespace": allowed.namespace, "name": "r"});
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
    let role =
        json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": metadata, "rules": rules});
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "namespace": allowed.namespace, "name": APP}],
    });
    cluster.create(&role).await?;
    cluster.create(&binding).await?;
    wait_for(&world, allowed.namespace, WORKS).await?;
    Ok(())
}

/// As on a cluster whose manifests are older than the operator.
#[tokio::test]
async fn without_the_right_to_ask_the_roles_stand_alone() -> Outcome {
    let world = fake_world().await?;
    let role = e2e::cluster::Target {
        api_version: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
        namespace: "",
        name: e2e::world::OPERATOR,
    };
    let installed = world.cluster().get(role).await?.expect("the shipped ClusterRole");
    let mut rules = serde_json::to_value(installed)?["rules"].clone();
    if let Some(rules) = rules.as_array_mut() {
        let before = rules.len();
        rules.retain(|rule| rule["apiGroups"] != json!(["authorization.k8s.io"]));
        assert_eq!(rules.len(), before - 1);
    }
    world.cluster().merge(role, &json!({"rules": rules})).await?;
    play(&world, "rbac-verb").await?;
    let operator = world.operator(&[]).await?;
    let refused = || async {
        let metrics = operator.metrics().await.unwrap_or_default();
        metrics.total("irsa_audit_access_reviews_total", &[("outcome", "refused")]) == 1
    };
    assert!(eventually(WITHIN, refused).await, "{}", operator.process().log());
    let scenario = named("rbac-verb");
    let audit = wait_for(&world, scenario.namespace, (scenario.verdict, scenario.reason)).await?;
    assert_eq!(codes(&audit), scenario.codes());
    let log = operator.process().log();
    assert_eq!(log.matches("does not confirm").count(), 1, "{log}");
    Ok(())
}
