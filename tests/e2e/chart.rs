//! The Helm chart, without a cluster: what it takes, and what it renders.

use std::collections::BTreeSet;
use std::path::Path;

use audit_api::admission;
use audit_k8s::consumers;
use e2e::chart::{self, NAMESPACE, RELEASE, objects, one, template};
use e2e::checkers;
use e2e::operator;
use e2e::remediation::own_users;
use e2e::schemas;
use e2e::tools;
use serde_json::{Value, json};

use super::{Failure, Outcome, WITHIN};

const KUBERNETES: &str = "1.36.3";

/// The file of a set of values.
fn values(name: &str) -> std::path::PathBuf {
    chart::folder().join("ci").join(name)
}

/// What a set of values, and more of them, renders.
async fn rendered(name: &str, sets: &[&str]) -> Result<Vec<Value>, Failure> {
    Ok(objects(&template(KUBERNETES, &values(name), sets).await?)?)
}

/// The one object of a kind.
fn the<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    one(objects, kind).unwrap_or_else(|| panic!("not exactly one {kind}"))
}

fn has(objects: &[Value], kind: &str) -> bool {
    objects.iter().any(|object| object["kind"] == kind)
}

fn container(objects: &[Value]) -> &Value {
    &the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() -> Outcome {
    let folder = chart::folder().display().to_string();
    for values in chart::values()? {
        let values = values.display().to_string();
        chart::helm(&[
            "lint",
            "--strict",
            &folder,
            "--values",
            &values,
            "--kube-version",
            KUBERNETES,
        ])
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn all_that_is_rendered_is_valid_on_the_oldest_and_the_newest_kubernetes() -> Outcome {
    let kubeconform = checkers::kubeconform().await?;
    let folder = tempfile::tempdir()?;
    for release in schemas::RELEASES {
        let schemas = schemas::of(release).await?;
        let place = schemas
            .join("{{.ResourceKind}}{{.KindSuffix}}.json")
            .display()
            .to_string();
        for values in chart::values()? {
            let text = template(release, &values, &[]).await?;
            let file = folder.path().join(format!("{release}.yaml"));
            std::fs::write(&file, text)?;
            let file = file.display().to_string();
            // Foreign kinds are checked below, and rules by promtool.
            let foreign = "ServiceMonitor,PodMonitor,PrometheusRule";
            let arguments = ["-strict", "-skip", foreign, "-schema-location", &place, &file];
            tools::run(&kubeconform, &arguments).await?;
        }
    }
    Ok(())
}

/// The kinds of the Prometheus operator, as it reads them itself.
#[tokio::test]
async fn the_prometheus_operator_knows_every_field_of_its_kinds() -> Outcome {
    let mut all = Vec::new();
    for values in chart::values()? {
        let objects = objects(&template(KUBERNETES, &values, &[]).await?)?;
        all.extend(
            objects
                .into_iter()
                .filter(|object| object["apiVersion"] == "monitoring.coreos.com/v1"),
        );
    }
    assert_eq!(all.len(), 4);
    checkers::check_monitors(&all).await?;
    all[0]["spec"]["honourLabels"] = json!(true);
    assert!(
        checkers::check_monitors(&all).await.is_err(),
        "a check that refuses nothing"
    );
    Ok(())
}

/// The validation above means something: it refuses what is wrong.
#[tokio::test]
async fn what_is_invalid_is_refused() -> Outcome {
    let schemas = schemas::of(schemas::RELEASES[0]).await?;
    let place = schemas
        .join("{{.ResourceKind}}{{.KindSuffix}}.json")
        .display()
        .to_string();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("object.json");
    let mut deployment = the(&rendered("minimal-values.yaml", &[]).await?, "Deployment").clone();
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePulPolicy"] = json!("Always");
    let audit = json!({"apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAudit", "metadata": {"name": "app"}, "spec": {}});
    for wrong in [deployment, audit] {
        std::fs::write(&file, wrong.to_string())?;
        let arguments = ["-strict", "-schema-location", &place, &file.display().to_string()];
        assert!(
            tools::run(&checkers::kubeconform().await?, &arguments)
                .await
                .is_err(),
            "{wrong}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn wrong_values_are_refused_with_the_key_that_is_wrong() -> Outcome {
    for (set, named) in [
        ("operator.refrsh=1m", "refrsh"),
        ("operator.refresh=soon", "refresh"),
        ("replicas=many", "replicas"),
        ("image.digest=latest", "digest"),
        ("serviceAccount.roleArn=app", "roleArn"),
        ("metrics.detail=some", "detail"),
        (
            "operator.accounts[0].roleArn=arn:aws:iam::222233334444:role/x",
            "id",
        ),
        ("image.repository=", "image.repository"),
        ("priorityClass.create=true", "priorityClass.name"),
        (
            "metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true",
            "podMonitor",
        ),
        ("serviceAccount.create=false", "serviceAccount.name"),
        ("writer.enabled=true", "writer.accounts"),
    ] {
        let refused = template(KUBERNETES, &values("minimal-values.yaml"), &[set]).await;
        let error = refused.expect_err(set).to_string();
        assert!(error.contains(named), "{set}: {error}");
    }
    Ok(())
}

/// Helm passes these to a chart that is part of another one.
#[tokio::test]
async fn it_can_be_part_of_another_chart() -> Outcome {
    rendered("minimal-values.yaml", &["global.region=x", "enabled=true"]).await?;
    Ok(())
}

#[tokio::test]
async fn the_program_takes_the_arguments_that_are_rendered() -> Outcome {
    for file in chart::values()? {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let objects = rendered(name, &[]).await?;
        for deployment in objects.iter().filter(|object| object["kind"] == "Deployment") {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let arguments = container["args"].as_array().expect("arguments");
            let arguments: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
            // It ends where it looks for a cluster, which is after it has read all of them.
            let process = operator::launch("arguments", &arguments)
                .await?
                .env("KUBECONFIG", "/nowhere")
                .start()?;
            process.wait(WITHIN).await?;
            assert!(
                process.log().contains("no usable kubeconfig"),
                "{name}: {}",
                process.log()
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_image_is_named_by_its_digest_where_there_is_one() -> Outcome {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let image = |objects: &[Value]| {
        container(objects)["image"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let set = format!("image.digest={digest}");
    let objects = rendered("minimal-values.yaml", &[&set, "image.tag=x"]).await?;
    assert_eq!(image(&objects), format!("registry.example/irsa-audit@{digest}"));
    let objects = rendered("minimal-values.yaml", &[]).await?;
    assert_eq!(
        image(&objects),
        format!("registry.example/irsa-audit:{}", env!("CARGO_PKG_VERSION"))
    );
    Ok(())
}

#[tokio::test]
async fn the_operators_own_role_comes_by_irsa_or_by_pod_identity() -> Outcome {
    let agent = |objects: &[Value]| {
        let rules = the(objects, "NetworkPolicy")["spec"]["egress"].to_string();
        rules.contains("169.254.170.23/32")
    };
    let objects = rendered("irsa-values.yaml", &[]).await?;
    let annotations = &the(&objects, "ServiceAccount")["metadata"]["annotations"];
    assert_eq!(
        annotations["eks.amazonaws.com/role-arn"],
        "arn:aws:iam::111122223333:role/irsa-audit"
    );
    assert!(!agent(&objects));
    let objects = rendered("pod-identity-values.yaml", &[]).await?;
    assert!(
        the(&objects, "ServiceAccount")["metadata"]
            .get("annotations")
            .is_none()
    );
    assert!(agent(&objects));
    // The operator itself follows the webhook's annotations.
    let objects = rendered(
        "minimal-values.yaml",
        &[
            "operator.annotationPrefix=amazonaws.com",
            "serviceAccount.roleArn=arn:aws:iam::111122223333:role/x",
        ],
    )
    .await?;
    let annotations = &the(&objects, "ServiceAccount")["metadata"]["annotations"];
    assert_eq!(
        annotations,
        &json!({"amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x"})
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_help_is_not_made() -> Outcome {
    let alone = rendered("minimal-values.yaml", &["replicas=1"]).await?;
    assert!(
        !has(&alone, "PodDisruptionBudget"),
        "it would keep a node from being drained"
    );
    let elsewhere = rendered("managed-elsewhere-values.yaml", &[]).await?;
    for kind in [
        "CustomResourceDefinition",
        "ClusterRole",
        "Role",
        "ServiceAccount",
    ] {
        assert!(!has(&elsewhere, kind), "{kind}");
    }
    assert_eq!(
        the(&elsewhere, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
        "auditor"
    );
    for kind in ["ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap"] {
        assert!(!has(&elsewhere, kind), "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn definitions_outlive_the_release_unless_told_otherwise() -> Outcome {
    for (keep, expected) in [("true", json!("keep")), ("false", json!(null))] {
        let objects = rendered("minimal-values.yaml", &[&format!("crds.keep={keep}")]).await?;
        let definitions = objects
            .iter()
            .filter(|object| object["kind"] == "CustomResourceDefinition");
        let policies: Vec<_> = definitions
            .map(|crd| &crd["metadata"]["annotations"]["helm.sh/resource-policy"])
            .collect();
        assert_eq!(policies.len(), audit_api::crds::all().len());
        assert!(policies.iter().all(|policy| **policy == expected), "{policies:?}");
    }
    Ok(())
}

/// The operator's labels are the binding's: Prometheus must not rename them after the operator's own pod.
#[tokio::test]
async fn monitors_keep_the_bindings_labels() -> Outcome {
    for (name, kind, endpoints) in [
        ("irsa-values.yaml", "ServiceMonitor", "endpoints"),
        ("pod-identity-values.yaml", "PodMonitor", "podMetricsEndpoints"),
    ] {
        let objects = rendered(name, &[]).await?;
        let spec = &the(&objects, kind)["spec"];
        assert_eq!(spec[endpoints][0]["honorLabels"], true);
        let deployment = &the(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
        for (label, value) in spec["selector"]["matchLabels"].as_object().expect("labels") {
            assert_eq!(&deployment[label], value);
            assert_eq!(&the(&objects, "Service")["metadata"]["labels"][label], value);
        }
        let port = &spec[endpoints][0]["port"];
        assert_eq!(&the(&objects, "Service")["spec"]["ports"][0]["name"], port);
        assert_eq!(&container(&objects)["ports"][0]["name"], port);
    }
    let objects = rendered("irsa-values.yaml", &[]).await?;
    let relabeling = &the(&objects, "ServiceMonitor")["spec"]["endpoints"][0]["relabelings"][0];
    assert_eq!(
        (&relabeling["targetLabel"], &relabeling["replacement"]),
        (&json!("cluster"), &json!("shop"))
    );
    Ok(())
}

/// Of two releases in one namespace, and of other workloads, no selector mixes anything up.
#[tokio::test]
async fn everything_is_named_and_labelled_after_the_release() -> Outcome {
    for object in rendered("irsa-values.yaml", &[]).await? {
        let metadata = &object["metadata"];
        assert_eq!(
            metadata["labels"]["app.kubernetes.io/instance"], RELEASE,
            "{object}"
        );
        if object["kind"] != "CustomResourceDefinition" {
            assert!(
                metadata["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(RELEASE)),
                "{object}"
            );
        }
        assert!(
            metadata["namespace"].is_null() || metadata["namespace"] == NAMESPACE,
            "{object}"
        );
    }
    Ok(())
}

/// What Artifact Hub shows must be true as well.
#[tokio::test]
async fn the_charts_annotations_name_all_definitions_and_valid_examples() -> Outcome {
    let about: Value = serde_saphyr::from_str(&chart::read("Chart.yaml")?)?;
    assert_eq!(about["appVersion"], env!("CARGO_PKG_VERSION"));
    let list = |name: &str| -> Vec<Value> {
        let text = about["annotations"][name].as_str().expect("an annotation");
        serde_saphyr::from_str(text).expect("a list")
    };
    let named: Vec<Value> = list("artifacthub.io/crds")
        .iter()
        .map(|crd| crd["name"].clone())
        .collect();
    let all: Vec<Value> = audit_api::crds::all()
        .into_iter()
        .map(|(_, crd)| json!(crd.metadata.name))
        .collect();
    assert_eq!(named.len(), all.len());
    assert!(all.iter().all(|name| named.contains(name)), "{named:?} {all:?}");
    let schemas = schemas::of(schemas::RELEASES[1]).await?;
    let place = schemas
        .join("{{.ResourceKind}}{{.KindSuffix}}.json")
        .display()
        .to_string();
    let folder = tempfile::tempdir()?;
    for example in list("artifacthub.io/crdsExamples") {
        let file: &Path = &folder.path().join("example.json");
        std::fs::write(file, example.to_string())?;
        let arguments = ["-strict", "-schema-location", &place, &file.display().to_string()];
        tools::run(&checkers::kubeconform().await?, &arguments).await?;
    }
    Ok(())
}

/// Each kind of another project has a right of its own, by its own value.
#[tokio::test]
async fn the_operator_may_list_the_kinds_that_the_values_name_and_no_others() -> Outcome {
    let kinds: Vec<String> = consumers::kinds()
        .map(|kind| format!("{}.{}", kind.plural, kind.group))
        .collect();
    let granted = |objects: &[Value]| -> Vec<String> {
        let role = objects
            .iter()
            .find(|object| object["kind"] == "ClusterRole" && object["metadata"]["name"] == RELEASE);
        let rules = role.expect("the operator's ClusterRole")["rules"]
            .as_array()
            .expect("rules");
        let of_others = rules.iter().filter_map(|rule| {
            let (group, resource) = (rule["apiGroups"][0].as_str()?, rule["resources"][0].as_str()?);
            let kind = consumers::kinds().find(|kind| kind.group == group && kind.plural == resource)?;
            assert_eq!(rule["verbs"], json!(["list", "watch"]), "{resource}");
            assert_eq!(rule["resources"].as_array().map(Vec::len), Some(1), "{resource}");
            Some(format!("{}.{}", kind.plural, kind.group))
        });
        of_others.collect()
    };
    let all = rendered("minimal-values.yaml", &[]).await?;
    assert_eq!(granted(&all), kinds);
    let off = |name: &String| format!("rbac.consumers.{}=false", name.replace('.', "\\."));
    let others: Vec<String> = kinds[1..].iter().map(off).collect();
    let sets: Vec<&str> = others.iter().map(String::as_str).collect();
    assert_eq!(
        granted(&rendered("minimal-values.yaml", &sets).await?),
        kinds[..1]
    );
    let none: Vec<String> = kinds.iter().map(off).collect();
    let sets: Vec<&str> = none.iter().map(String::as_str).collect();
    assert!(granted(&rendered("minimal-values.yaml", &sets).await?).is_empty());
    let unknown = "rbac.consumers.secretstore\\.external-secrets\\.io=true";
    let refused = template(KUBERNETES, &values("minimal-values.yaml"), &[unknown]).await;
    let message = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains("secretstore.external-secrets.io"), "{message}");
    Ok(())
}

/// The writer writes nothing unless it sees both objects exactly like this.
#[tokio::test]
async fn the_admission_policy_is_the_one_that_the_writer_looks_for() -> Outcome {
    let objects = rendered("writer-values.yaml", &[]).await?;
    let expected = admission::policy(&own_users());
    let rendered = the(&objects, "ValidatingAdmissionPolicy");
    assert_eq!(
        (&rendered["spec"], &rendered["metadata"]["name"]),
        (&expected["spec"], &expected["metadata"]["name"])
    );
    let expected = admission::binding();
    let rendered = the(&objects, "ValidatingAdmissionPolicyBinding");
    assert_eq!(
        (&rendered["spec"], &rendered["metadata"]["name"]),
        (&expected["spec"], &expected["metadata"]["name"])
    );
    Ok(())
}

#[tokio::test]
async fn the_writer_is_installed_on_request_and_never_as_the_operator() -> Outcome {
    let objects = rendered("minimal-values.yaml", &[]).await?;
    for kind in ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] {
        assert!(!has(&objects, kind), "{kind}");
    }
    // The operator shows what the journal says, and changes nothing of it.
    let of_roles = objects.iter().filter(|object| object["kind"] == "ClusterRole");
    let rules = of_roles.flat_map(|role| role["rules"].as_array().into_iter().flatten());
    for rule in rules.filter(|rule| rule["resources"].to_string().contains("trustpolicychanges")) {
        assert_eq!(rule["verbs"], json!(["list", "watch"]), "{rule}");
    }

    let objects = rendered("writer-values.yaml", &[]).await?;
    let accounts = objects
        .iter()
        .filter(|object| object["kind"] == "Deployment")
        .map(|object| object["spec"]["template"]["spec"]["serviceAccountName"].clone());
    assert_eq!(accounts.collect::<Vec<_>>(), ["irsa-audit", "irsa-audit-writer"]);
    // No selector selects the other's pods.
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment");
    let names: BTreeSet<String> = deployments
        .map(|object| object["spec"]["selector"]["matchLabels"].to_string())
        .collect();
    assert_eq!(names.len(), 2);
    let shared = rendered("writer-values.yaml", &["writer.serviceAccount.name=irsa-audit"]);
    assert!(shared.await.is_err());
    Ok(())
}

/// Who edits a namespace has the roles that are aggregated; the role of those who approve is not among them.
#[tokio::test]
async fn to_edit_a_namespace_is_not_to_approve() -> Outcome {
    let objects = rendered("writer-values.yaml", &[]).await?;
    let roles: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "ClusterRole")
        .collect();
    let approves = |role: &Value| {
        role["rules"].as_array().into_iter().flatten().any(|rule| {
            rule["resources"].to_string().contains("irsaapprovals")
                && rule["verbs"].to_string().contains("create")
        })
    };
    let people: Vec<&&Value> = roles.iter().filter(|role| approves(role)).collect();
    assert_eq!(people.len(), 1);
    assert_eq!(people[0]["metadata"]["name"], "irsa-audit-approver");
    let is_aggregated = |role: &Value| role["metadata"]["labels"].to_string().contains("aggregate-to");
    assert!(!is_aggregated(people[0]));
    for role in roles.iter().filter(|role| is_aggregated(role)) {
        let all = role["rules"].to_string();
        assert!(
            !all.contains("irsaapprovals") && !all.contains("trustpolicychanges"),
            "{all}"
        );
    }
    Ok(())
}
