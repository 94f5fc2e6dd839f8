//! The definitions on a real API server: taken without a warning, and refusing what they should.

use audit_api::cluster_audit::ClusterIrsaAudit;
use audit_core::rules::CATALOGUE;
use e2e::cluster::{Cluster, Target};
use e2e::{manifests, objects, remediation, table};
use http::{Request, StatusCode};
use kube::client::Body;
use kube::{Client, Resource as _};
use serde_json::{Value, json};
use test_kit::ControlPlane;

use super::{Failure, Outcome};

#[tokio::test]
async fn definitions_and_manifest_are_taken_without_a_warning() -> Outcome {
    let plane = ControlPlane::start().await?;
    let client = plane.client().await?;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in manifests::definitions()? {
        assert_eq!(warnings(&client, definitions, &definition).await?, [""; 0]);
    }
    manifests::install_definitions(&Cluster::new(client.clone())).await?;
    for object in manifests::operator()? {
        let path = collection(&object);
        assert_eq!(warnings(&client, &path, &object).await?, [""; 0], "{path}");
    }
    Ok(())
}

/// Creates an object; gives what the API server warns of.
async fn warnings(client: &Client, path: &str, object: &Value) -> Result<Vec<String>, Failure> {
    let request = Request::post(path).header("content-type", "application/json");
    let response = client
        .send(request.body(Body::from(serde_json::to_vec(object)?))?)
        .await?;
    assert_eq!(response.status(), StatusCode::CREATED, "{path}: {object}");
    let warnings = response.headers().get_all("warning").iter();
    Ok(warnings
        .map(|warning| String::from_utf8_lossy(warning.as_bytes()).into_owned())
        .collect())
}

fn collection(object: &Value) -> String {
    let version = object["apiVersion"].as_str().expect("a version");
    let group = if version.contains('/') {
        format!("/apis/{version}")
    } else {
        format!("/api/{version}")
    };
    let plural = format!("{}s", object["kind"].as_str().expect("a kind").to_lowercase());
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
        None => format!("{group}/{plural}"),
    }
}

/// A cluster with the definitions, and no operator.
async fn defined() -> Result<(ControlPlane, Cluster), Failure> {
    let plane = ControlPlane::start().await?;
    let cluster = Cluster::new(plane.client().await?);
    manifests::install_definitions(&cluster).await?;
    Ok((plane, cluster))
}

#[tokio::test]
async fn the_api_server_keeps_what_makes_no_sense_out() -> Outcome {
    const INVALID: Option<u16> = Some(422);
    let (_plane, cluster) = defined().await?;
    let refused = async |object: Value| {
        cluster
            .create(&object)
            .await
            .err()
            .and_then(|error| error.refusal())
    };
    let audit = |spec: Value| objects::audit("default", "tried", &spec);
    for spec in [
        json!({}),
        json!({"serviceAccountName": ""}),
        json!({"serviceAccountName": "Upper_Case"}),
        json!({"serviceAccountName": "app", "expect": {"roleArn": "arn:aws:iam::1:role/app"}}),
        json!({"serviceAccountName": "app", "expect": {"aws": [{"actions": []}]}}),
        json!({"serviceAccountName": "app", "waivers": [{"code": "208", "reason": "known"}]}),
        json!({"serviceAccountName": "app", "waivers": [{"code": "IRSA999", "reason": "known"}]}),
        json!({"serviceAccountName": "app", "waivers": [{"code": "IRSA208", "reason": ""}]}),
        json!({"serviceAccountName": "app", "waivers": [{"code": "IRSA208", "reason": "x", "until": "soon"}]}),
    ] {
        assert_eq!(refused(audit(spec.clone())).await, INVALID, "{spec}");
    }
    let waiver = json!({"code": "IRSA208", "reason": "one audience only", "until": "2027-01-01T00:00:00Z"});
    let right = json!({"serviceAccountName": "app", "waivers": [waiver]});
    assert_eq!(refused(audit(right)).await, None);

    let renamed = json!({"spec": {"serviceAccountName": "other"}});
    let changed = cluster.merge(Target::audit("default", "tried"), &renamed).await;
    assert_eq!(changed.err().and_then(|error| error.refusal()), INVALID);

    let other = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let cluster_audit = ClusterIrsaAudit::kind(&());
    assert_eq!(
        refused(other(&cluster_audit, "another", json!({}))).await,
        INVALID
    );
    assert_eq!(refused(other(&cluster_audit, "cluster", json!({}))).await, None);
    for spec in [
        json!({"refreshInterval": "often"}),
        json!({"roleUnusedAfter": "23h"}),
        json!({"roleUnusedAfter": "9601h"}),
        json!({"severities": {"IRSA208": "unknown"}}),
        json!({"severities": {"irsa208": "notice"}}),
        json!({"severities": {"IRSA208": "notice", "IRSA999": "notice"}}),
        json!({"waivable": ["208"]}),
        json!({"waivable": ["IRSA208", "IRSA999"]}),
        json!({"allowedAccounts": ["11112222333"]}),
        json!({"disclosure": [{"namespaceSelector": {}}]}),
        json!({"disclosure": [{"level": "Everything"}]}),
    ] {
        assert_eq!(
            refused(other("IrsaAuditPolicy", "default", spec.clone())).await,
            INVALID,
            "{spec}"
        );
    }
    let spec = json!({"refreshInterval": "5m", "stalenessLimit": "1h", "roleUnusedAfter": "9600h", "severities": {"IRSA208": "notice"},
        "disclosure": [{"level": "CodeOnly"}]});
    assert_eq!(refused(other("IrsaAuditPolicy", "default", spec)).await, None);
    Ok(())
}

/// Nothing reads these from a policy of another name; what may be repaired is read from every one.
#[tokio::test]
async fn the_api_server_refuses_settings_that_nothing_reads() -> Outcome {
    const INVALID: Option<u16> = Some(422);
    let (_plane, cluster) = defined().await?;
    let refused = async |name: &str, spec: Value| {
        let policy = json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy", "metadata": {"name": name}, "spec": spec});
        cluster
            .create(&policy)
            .await
            .err()
            .and_then(|error| error.refusal())
    };
    let remediation =
        remediation::policy("shop", "RequireApproval", &json!({}))["spec"]["remediation"].clone();
    let with = |setting: Value| {
        let mut spec = json!({"remediation": remediation});
        let fields = setting.as_object().into_iter().flatten();
        fields.for_each(|(name, value)| spec[name] = value.clone());
        spec
    };
    for setting in [
        json!({"refreshInterval": "5m"}),
        json!({"stalenessLimit": "1h"}),
        json!({"roleUnusedAfter": "9600h"}),
        json!({"severities": {"IRSA208": "notice"}}),
        json!({"waivable": []}),
        json!({"exclude": {}}),
        json!({"allowedAccounts": []}),
        json!({"disclosure": []}),
    ] {
        for spec in [setting.clone(), with(setting.clone())] {
            assert_eq!(refused("mine", spec.clone()).await, INVALID, "{spec}");
        }
    }
    assert_eq!(refused("empty", json!({})).await, INVALID);
    assert_eq!(refused("mine", with(json!({}))).await, None);
    let all: serde_json::Map<String, Value> = CATALOGUE
        .iter()
        .map(|rule| (rule.entry.code.to_owned(), json!("notice")))
        .collect();
    let spec = json!({"severities": all, "waivable": all.keys().collect::<Vec<_>>()});
    assert_eq!(refused("default", spec).await, None);
    Ok(())
}

/// What everyone who can edit a namespace may ask for is bounded: each expectation is evaluated again with each change.
#[tokio::test]
async fn the_api_server_bounds_what_one_audit_may_expect() -> Outcome {
    let (_plane, cluster) = defined().await?;
    let refusal = async |name: &str, expect: Value| {
        let spec = json!({"serviceAccountName": "app", "expect": expect});
        let made = cluster.create(&objects::audit("default", name, &spec)).await;
        made.err().and_then(|error| error.refusal())
    };
    let text = |length: usize| "a".repeat(length);
    let texts = |count: usize| vec!["a"; count];
    let keys = |count: usize, value: usize| -> Value {
        let pairs = (0..count).map(|at| (format!("aws:k{at}"), json!(text(value))));
        Value::Object(pairs.collect())
    };
    let aws =
        |actions: usize, resources: usize| json!({"actions": texts(actions), "resources": texts(resources)});
    let kubernetes = |verbs: usize, names: usize| json!({"verbs": texts(verbs), "resource": "pods", "resourceNames": texts(names)});
    for (at, expect) in [
        json!({"aws": vec![aws(64, 64); 32]}),
        json!({"aws": [aws(64, 8), aws(1, 0)]}),
        json!({"aws": [{"actions": [text(129)]}]}),
        json!({"aws": [{"actions": ["a"], "resources": [text(2049)]}]}),
        json!({"aws": [{"actions": ["a"], "context": keys(33, 1)}]}),
        json!({"aws": [{"actions": ["a"], "context": keys(1, 2049)}]}),
        json!({"aws": [{"actions": ["a"], "context": {(text(257)): "b"}}]}),
        json!({"aws": [{"actions": ["a"], "context": keys(32, 2048)}]}),
        json!({"kubernetes": vec![kubernetes(32, 64); 32]}),
        json!({"kubernetes": [kubernetes(4, 64), kubernetes(1, 0)]}),
        json!({"kubernetes": [{"verbs": ["get"], "resource": text(254)}]}),
        json!({"kubernetes": [{"verbs": ["get"], "resource": "pods", "resourceNames": [text(254)]}]}),
        json!({"kubernetes": [{"verbs": ["get"], "resource": "pods", "namespace": text(64)}]}),
        json!({"kubernetes": vec![json!({"verbs": [text(253)], "resource": "pods", "resourceNames": vec![text(253); 8]}); 32]}),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(refusal("tried", expect).await, Some(422), "{at}");
    }
    for (at, expect) in [
        json!({"aws": [aws(64, 8)], "kubernetes": [kubernetes(4, 64)]}),
        json!({"aws": vec![aws(16, 0); 32]}),
        json!({"aws": [{"actions": [text(128)], "resources": [text(2048)], "context": keys(32, 1900)}]}),
        json!({"kubernetes": vec![kubernetes(8, 0); 32]}),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(refusal(&format!("fine-{at}"), expect).await, None, "{at}");
    }
    Ok(())
}

/// Else a health check would take a new object for a healthy one, until its first audit.
#[tokio::test]
async fn a_new_audit_counts_as_not_observed_and_shows_in_the_table() -> Outcome {
    let (_plane, cluster) = defined().await?;
    let made = cluster
        .create(&objects::audit(
            "default",
            "new",
            &json!({"serviceAccountName": "app"}),
        ))
        .await?;
    assert_eq!(made.data["status"], json!({"observedGeneration": -1}));
    let table = table::audits(&cluster).await?;
    assert_eq!(
        table.head,
        [
            "NAMESPACE",
            "NAME",
            "ROLE",
            "VERDICT",
            "REASON",
            "REM",
            "PODS",
            "AGE"
        ]
    );
    assert_eq!(table.rows[0][..3], ["default", "new", ""]);
    Ok(())
}
