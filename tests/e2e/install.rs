//! The chart, installed by Helm on a real API server, and the operator with the rights that it gives.

use std::collections::BTreeSet;

use audit_api::IrsaAudit;
use audit_api::irsa_audit::VerdictName;
use audit_k8s::workload_kind::WORKLOAD_KINDS;
use e2e::audit_log::{AuditLog, Request};
use e2e::aws::Aws;
use e2e::chart::{self, NAMESPACE, RELEASE, helm};
use e2e::cluster::Target;
use e2e::manifests;
use e2e::objects;
use e2e::operator::Operator;
use e2e::scenario::APP;
use e2e::world::{World, eventually};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use test_kit::Signal;

use super::{
    Failure, Outcome, WITHIN, WORKS, annotate, cluster_status, named, play, wait_for, wait_for_deletion,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/eksctl";

/// Calls Helm on the world's cluster.
async fn helm_on(world: &World, arguments: &[&str]) -> Result<String, Failure> {
    let kubeconfig = world.plane().kubeconfig_path().display().to_string();
    let mut all = arguments.to_vec();
    all.extend(["--namespace", NAMESPACE, "--kubeconfig", &kubeconfig]);
    Ok(helm(&all).await?)
}

async fn install(world: &World, values: &str) -> Outcome {
    let (folder, values) = (chart::folder(), chart::folder().join("ci").join(values));
    let (folder, values) = (folder.display().to_string(), values.display().to_string());
    helm_on(
        world,
        &[
            "install",
            RELEASE,
            &folder,
            "--create-namespace",
            "--values",
            &values,
        ],
    )
    .await?;
    manifests::await_definitions(world.cluster()).await?;
    Ok(())
}

fn object<'a>(api_version: &'a str, kind: &'a str, namespace: &'a str) -> Target<'a> {
    Target {
        api_version,
        kind,
        namespace,
        name: RELEASE,
    }
}

async fn installed(world: &World, target: Target<'_>) -> Result<Value, Failure> {
    let found = world.cluster().get(target).await?;
    let found = found.unwrap_or_else(|| panic!("no {target:?}"));
    Ok(serde_json::to_value(found)?)
}

/// Runs what the Deployment says, as the ServiceAccount that it names.
async fn run(world: &World) -> Result<Operator, Failure> {
    let deployment = installed(world, object("apps/v1", "Deployment", NAMESPACE)).await?;
    let pod = &deployment["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
    let mut arguments: Vec<&str> = arguments.iter().filter_map(Value::as_str).collect();
    assert_eq!(arguments.remove(0), "operator");
    let account = pod["serviceAccountName"].as_str().expect("a ServiceAccount");
    let token = world
        .plane()
        .service_account_token(NAMESPACE, account, None)
        .await?;
    let mut environment = world.aws().environment();
    environment.push(("IRSA_AUDIT_POD_NAME", "irsa-audit-0".to_owned()));
    environment.push(("IRSA_AUDIT_LEASE_NAMESPACE", NAMESPACE.to_owned()));
    Ok(Operator::start(&world.plane().kubeconfig(&token), &environment, &arguments).await?)
}

/// One line for each verb on each resource that the roles allow.
async fn granted(world: &World) -> Result<Vec<Request>, Failure> {
    let group = "rbac.authorization.k8s.io/v1";
    let mut all = Vec::new();
    for (kind, namespace) in [("ClusterRole", ""), ("Role", NAMESPACE)] {
        let role = installed(world, object(group, kind, namespace)).await?;
        for rule in role["rules"].as_array().expect("rules") {
            let texts = |name: &str| -> Vec<String> {
                let list = rule[name].as_array().into_iter().flatten();
                list.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let mut names = texts("resourceNames");
            if names.is_empty() {
                names.push(String::new());
            }
            for group in texts("apiGroups") {
                for resource in texts("resources") {
                    for verb in texts("verbs") {
                        all.extend(names.iter().map(|name| Request {
                            verb: verb.clone(),
                            group: group.clone(),
                            resource: resource.clone(),
                            namespace: namespace.to_owned(),
                            name: name.clone(),
                            allowed: true,
                        }));
                    }
                }
            }
        }
    }
    Ok(all)
}

/// Whether a request needed a right. Server-side apply asks for `create` as well where there is no such object yet, under
/// the name of `patch`: the log shows the one verb only.
fn needs(request: &Request, right: &Request) -> bool {
    let applied = right.verb == "create" && request.verb == "patch" && !right.name.is_empty();
    (request.verb == right.verb || applied)
        && (&request.group, &request.resource) == (&right.group, &right.resource)
        && (right.namespace.is_empty() || right.namespace == request.namespace)
        && (right.name.is_empty() || right.name == request.name)
}

/// Everything that the operator does in the life of its objects.
async fn live(world: &World) -> Outcome {
    let cluster = world.cluster();
    play(world, "eksctl").await?;
    wait_for(world, "eksctl", WORKS).await?;
    // Twice the same change: the first Event of it is made, the second one counted.
    for _ in 0..2 {
        annotate(world, "eksctl", Some("arn:aws:iam::1:role/x")).await?;
        wait_for(world, "eksctl", (VerdictName::Broken, "RoleArnMalformed")).await?;
        annotate(world, "eksctl", Some(ROLE)).await?;
        wait_for(world, "eksctl", WORKS).await?;
    }
    // Workloads that are expected and have no pods are asked for by name.
    let workloads: Vec<Value> = WORKLOAD_KINDS
        .iter()
        .map(|one| json!({"kind": one.kind, "name": "none"}))
        .collect();
    let expected = json!({"serviceAccountName": "none", "expect": {"workloads": workloads}});
    cluster
        .create(&objects::audit("eksctl", "none", &expected))
        .await?;
    // What is expected of Kubernetes is confirmed by the API server.
    play(world, "rbac-no-binding").await?;
    wait_for(world, "rbac-no-binding", (VerdictName::Broken, "RbacNoBinding")).await?;
    let mut passing = named("wrong-namespace");
    passing.objects.truncate(1);
    world.play(&passing).await?;
    wait_for(world, "wrong-namespace", (VerdictName::Broken, passing.reason)).await?;
    annotate(world, "wrong-namespace", None).await?;
    wait_for_deletion(world, "wrong-namespace").await?;

    let adopted = objects::audit(
        "eksctl",
        APP,
        &json!({"serviceAccountName": APP, "expect": {"roleArn": ROLE}}),
    );
    cluster.apply(&adopted, "argocd-controller").await?;
    let released = |audit: Option<&IrsaAudit>| audit.is_some_and(|audit| audit.labels().is_empty());
    cluster
        .wait_for_audit("eksctl", APP, "release", WITHIN, released)
        .await?;
    Ok(())
}

/// The rights are generated from a table in the code: here is the proof that the table is right.
#[tokio::test]
async fn the_charts_rights_suffice_and_none_of_them_is_unused() -> Outcome {
    let log = AuditLog::new()?;
    let world = World::bare_with(Aws::fake().await?, &log.options()).await?;
    install(&world, "minimal-values.yaml").await?;
    let granted = granted(&world).await?;
    let operator = run(&world).await?;
    live(&world).await?;

    let requests = || log.requests(NAMESPACE, RELEASE).unwrap_or_default();
    let unused = || -> BTreeSet<Request> {
        let requests = requests();
        // The kinds of other projects are watched where they are installed, and here none is.
        let is_of_another = |right: &Request| {
            let mut kinds = audit_k8s::consumers::kinds().filter(|kind| kind.group != "batch");
            kinds.any(|kind| kind.group == right.group)
        };
        let is_unused =
            |right: &&Request| !is_of_another(right) && !requests.iter().any(|request| needs(request, right));
        granted.iter().filter(is_unused).cloned().collect()
    };
    assert!(
        eventually(WITHIN, || async { unused().is_empty() }).await,
        "unused: {:#?}",
        unused()
    );
    operator.process().signal(Signal::Term)?;
    assert_eq!(operator.process().wait(WITHIN).await?, 0);
    let refused: Vec<_> = requests()
        .into_iter()
        .filter(|request| !request.allowed)
        .collect();
    assert!(refused.is_empty(), "refused: {refused:#?}");
    // Nothing but what these roles give: no right comes from elsewhere. Which groups are served, Kubernetes tells everyone who is
    // authenticated (its ClusterRole `system:discovery`).
    let others: Vec<_> = requests()
        .into_iter()
        .filter(|request| !request.resource.starts_with("/apis"))
        .filter(|request| !granted.iter().any(|right| needs(request, right)))
        .collect();
    assert!(others.is_empty(), "allowed by another role: {others:#?}");
    Ok(())
}

/// An upgrade changes what it should; and what people have written outlives the release.
#[tokio::test]
async fn the_release_is_upgraded_and_uninstalled_and_the_audits_stay() -> Outcome {
    let world = World::bare(Aws::fake().await?).await?;
    install(&world, "minimal-values.yaml").await?;
    play(&world, "eksctl").await?;
    let operator = run(&world).await?;
    wait_for(&world, "eksctl", WORKS).await?;
    // It is written after the audits, and dropping the operator kills it.
    let is_written = || async { cluster_status(&world).await["issuer"].is_object() };
    assert!(
        eventually(WITHIN, is_written).await,
        "{}",
        cluster_status(&world).await
    );
    drop(operator);

    let folder = chart::folder().display().to_string();
    let upgrade = [
        "upgrade",
        RELEASE,
        &folder,
        "--reuse-values",
        "--set",
        "replicas=3",
    ];
    helm_on(&world, &upgrade).await?;
    let deployment = object("apps/v1", "Deployment", NAMESPACE);
    assert_eq!(installed(&world, deployment).await?["spec"]["replicas"], 3);

    helm_on(&world, &["uninstall", RELEASE]).await?;
    assert!(world.cluster().get(deployment).await?.is_none());
    assert_eq!(world.cluster().audits().await?.len(), 1);
    assert!(is_written().await);

    // It comes back to the definitions that it left.
    install(&world, "minimal-values.yaml").await?;
    Ok(())
}

/// The API server's own validation and admission, of all that the sets of values bring about.
#[tokio::test]
async fn the_api_server_takes_what_the_chart_renders() -> Outcome {
    let world = World::bare(Aws::fake().await?).await?;
    let cluster = world.cluster();
    let restricted = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": restricted}});
    cluster.create(&namespace).await?;
    manifests::install_definitions(cluster).await?;
    for values in chart::values()? {
        let rendered = chart::template("1.36.3", &values, &[]).await?;
        for object in chart::objects(&rendered)? {
            let is_foreign = object["apiVersion"]
                .as_str()
                .is_some_and(|version| version.starts_with("monitoring."));
            // Their definitions are the Prometheus operator's.
            if is_foreign {
                continue;
            }
            cluster.check(&object).await?;
            if object["kind"] == "PriorityClass" {
                cluster.apply(&object, "helm").await?;
            }
            if object["kind"] == "Deployment" {
                let template = &object["spec"]["template"];
                let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
                pod["metadata"]["name"] = json!("operator");
                pod["metadata"]["namespace"] = json!(NAMESPACE);
                cluster.check(&pod).await?;
            }
        }
    }
    Ok(())
}
