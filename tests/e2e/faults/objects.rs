//! Objects that the operator keeps come back, and writes that are refused are made later.

use std::time::Duration;

use audit_api::CLUSTER_AUDIT_NAME;
use e2e::cluster::{Cluster, Target};
use e2e::manifests;
use e2e::scenario::Scenario;
use e2e::world::eventually;
use serde_json::{Value, json};

use super::super::{Outcome, WITHIN, cluster_status, named};
use super::{MOST_CALLS, Stage, log_lines};

/// An object that somebody deleted is back within this time.
const BACK: Duration = Duration::from_secs(30);

const CLUSTER_AUDIT: Target<'_> = Target {
    api_version: "irsa-audit.dev/v1alpha1",
    kind: "ClusterIrsaAudit",
    namespace: "",
    name: CLUSTER_AUDIT_NAME,
};

pub(super) async fn what_was_deleted_comes_back_and_what_was_refused_is_written() -> Outcome {
    let mut stage = Stage::set(&[]).await?;
    let cluster = stage.world.cluster().clone();
    let is_there = || async { cluster_status(&stage.world).await["bindings"]["working"] == 2 };
    assert!(eventually(WITHIN, is_there).await);
    cluster.delete(CLUSTER_AUDIT).await?;
    assert!(
        eventually(BACK, is_there).await,
        "{}",
        stage.operator.process().log()
    );

    for name in ["irsaaudits", "clusterirsaaudits"] {
        let name = format!("{name}.irsa-audit.dev");
        cluster.delete(definition(&name)).await?;
    }
    let is_gone = || async {
        let left = cluster.get(definition("irsaaudits.irsa-audit.dev")).await;
        left.is_ok_and(|left| left.is_none())
    };
    assert!(eventually(WITHIN, is_gone).await);
    let rate = stage.last(Duration::from_secs(10)).await;
    assert!(rate <= MOST_CALLS, "{rate} calls a second without definitions");
    manifests::install_definitions(&cluster).await?;
    let is_whole = || async {
        let count = cluster.audits().await.map_or(0, |audits| audits.len());
        count == 3 && is_there().await
    };
    assert!(
        eventually(BACK, is_whole).await,
        "{}",
        stage.operator.process().log()
    );
    stage.change(BACK).await?;
    stage.is_right().await?;

    // A webhook that nobody serves, for one namespace; and a namespace that is being deleted.
    let refused = named("wrong-audience");
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "away"},
        "webhooks": [{
            "name": "away.example.com",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"apiGroups": ["irsa-audit.dev"], "apiVersions": ["*"], "resources": ["irsaaudits"], "operations": ["CREATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": refused.namespace}},
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 1, "failurePolicy": "Fail",
        }],
    });
    cluster.create(&webhook).await?;
    stage.world.play(&refused).await?;
    let ending = named("role-gone");
    stage.world.play(&ending).await?;
    cluster
        .delete(Target::core("Namespace", "", ending.namespace))
        .await?;
    let rate = stage.last(Duration::from_secs(10)).await;
    assert!(
        rate <= MOST_CALLS,
        "{rate} calls a second while writes are refused"
    );
    stage.change(Duration::from_secs(2)).await?;
    cluster
        .delete(Target {
            api_version: "admissionregistration.k8s.io/v1",
            kind: "ValidatingWebhookConfiguration",
            namespace: "",
            name: "away",
        })
        .await?;
    let verdict = cluster.wait_for_verdict(
        refused.namespace,
        e2e::scenario::APP,
        refused.verdict,
        refused.reason,
        BACK,
    );
    verdict.await?;
    let lines = log_lines(&stage.operator, "refuses writes");
    assert!((1..=6).contains(&lines.len()), "{lines:#?}");

    end_namespace(&cluster, &ending).await?;
    stage.is_right().await
}

/// What the controller of namespaces, which is not here, does with one that is being deleted.
async fn end_namespace(cluster: &Cluster, scenario: &Scenario) -> Outcome {
    for object in &scenario.objects {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let target = Target {
            api_version: &version,
            kind: &kind,
            namespace: scenario.namespace,
            name: &text(&object["metadata"]["name"]),
        };
        cluster.delete(target).await?;
    }
    let name = scenario.namespace;
    let finalized = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}});
    let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
        .header("content-type", "application/json")
        .body(finalized.to_string().into_bytes())?;
    cluster.client().request_text(request).await?;
    let left = cluster.get(Target::core("Namespace", "", name)).await?;
    assert!(left.is_none(), "{left:?}");
    Ok(())
}

fn definition(name: &str) -> Target<'_> {
    Target {
        api_version: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        namespace: "",
        name,
    }
}
