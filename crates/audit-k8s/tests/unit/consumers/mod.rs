#![allow(clippy::needless_pass_by_value, reason = "specs are written in place")]

pub(crate) mod server;

use audit_core::model::{Use, Used};
use serde_json::{Value, json};

use super::*;

/// What an object uses, as one line for each use.
fn uses(group: &str, name: &str, namespace: Option<&str>, spec: Value) -> Vec<String> {
    let kind = kind(group, name).unwrap();
    let object = json!({"metadata": {"name": "x", "namespace": namespace}, "spec": spec});
    let (_, consumers) = read(kind, &object).unwrap();
    let extract = extract::extract(kind, "v1", &object);
    assert_eq!(read(kind, &extract).unwrap().1, consumers, "{extract}");
    let line = |consumer: &Consumer| {
        let used = match &consumer.used {
            Used::Named(key) => key.to_string(),
            Used::InAnyNamespace(name) => format!("*/{name}"),
            Used::OfMountingPods => "pods".to_owned(),
            Used::WithController { name, usual } => format!("controller({usual})/{name}"),
        };
        let how = match &consumer.how {
            Use::Launches => "launches".to_owned(),
            Use::UsesPodIdentity => "pod identity".to_owned(),
            Use::Requests { audience, role, then } => {
                let next = then.last().map(|next| next.role.as_str());
                format!("{audience:?} {role:?} {next:?}")
            }
        };
        let perhaps = if consumer.is_certain { "" } else { ", perhaps" };
        format!("{used}: {how}{perhaps}")
    };
    consumers.uses.iter().map(line).collect()
}

#[test]
fn no_kind_is_in_the_table_twice() {
    let mut all: Vec<_> = kinds().map(|kind| (kind.group, kind.kind)).collect();
    let before = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), before);
    assert!(kinds().all(|kind| kind.plural == kind.plural.to_lowercase()));
}

#[test]
fn stores_of_external_secrets() {
    let aws =
        |reference: Value| json!({"provider": {"aws": {"auth": {"jwt": {"serviceAccountRef": reference}}}}});
    let store = |namespace, spec| {
        let kind = if namespace == Some("shop") {
            "SecretStore"
        } else {
            "ClusterSecretStore"
        };
        uses("external-secrets.io", kind, namespace, spec)
    };
    let named = "shop/cart: Annotated None None";
    assert_eq!(store(Some("shop"), aws(json!({"name": "cart"}))), [named]);
    assert_eq!(
        store(Some("shop"), aws(json!({"name": "cart", "namespace": "other"}))),
        [named]
    );
    assert_eq!(
        store(None, aws(json!({"name": "cart", "namespace": "shop"}))),
        [named]
    );
    assert_eq!(
        store(None, aws(json!({"name": "cart"}))),
        ["*/cart: Annotated None None, perhaps"]
    );
    let several = aws(json!({"name": "cart", "audiences": ["vault"]}));
    assert_eq!(store(Some("shop"), several), ["shop/cart: Several None None"]);
    let mut chained = aws(json!({"name": "cart"}));
    chained["provider"]["aws"]["role"] = json!("arn:aws:iam::111122223333:role/next");
    let then = r#"shop/cart: Annotated None Some("arn:aws:iam::111122223333:role/next")"#;
    assert_eq!(store(Some("shop"), chained), [then]);
    for other in [
        json!({"provider": {"aws": {"service": "SecretsManager"}}}),
        json!({"provider": {"gcpsm": {}}}),
        json!({}),
    ] {
        assert_eq!(
            store(Some("shop"), other),
            [""; 0],
            "the controller's own credentials, or no AWS"
        );
    }
}

#[test]
fn generators_of_external_secrets() {
    let spec = || json!({"region": "eu-west-1", "auth": {"jwt": {"serviceAccountRef": {"name": "cart"}}}});
    for kind in ["ECRAuthorizationToken", "STSSessionToken"] {
        assert_eq!(
            uses("generators.external-secrets.io", kind, Some("shop"), spec()),
            ["shop/cart: Annotated None None"]
        );
    }
    for (field, expected) in [
        (
            "ecrAuthorizationTokenSpec",
            &["*/cart: Annotated None None, perhaps"][..],
        ),
        ("stsSessionTokenSpec", &["*/cart: Annotated None None, perhaps"]),
        ("gcrAccessTokenSpec", &[]),
    ] {
        let spec = json!({"kind": "x", "generator": {field: spec()}});
        let found = uses("generators.external-secrets.io", "ClusterGenerator", None, spec);
        assert_eq!(found, expected, "{field}");
    }
}

#[test]
fn classes_of_the_secrets_store() {
    let class = |spec| {
        uses(
            "secrets-store.csi.x-k8s.io",
            "SecretProviderClass",
            Some("shop"),
            spec,
        )
    };
    assert_eq!(
        class(json!({"provider": "aws"})),
        [r#"pods: Fixed("sts.amazonaws.com") None None"#]
    );
    assert_eq!(class(json!({"provider": "vault"})), [""; 0]);
    assert_eq!(
        class(json!({"provider": "aws", "parameters": {"usePodIdentity": "true"}})),
        ["pods: pod identity"]
    );
}

#[test]
fn sources_of_flux() {
    let bucket = |spec| uses("source.toolkit.fluxcd.io", "Bucket", Some("flux"), spec);
    let requested = r#"flux/s3: Fixed("sts.amazonaws.com") None None"#;
    assert_eq!(
        bucket(json!({"provider": "aws", "serviceAccountName": "s3"})),
        [requested]
    );
    assert_eq!(
        bucket(json!({"provider": "aws"})),
        [""; 0],
        "the controller's own"
    );
    assert_eq!(
        bucket(json!({"provider": "generic", "serviceAccountName": "s3"})),
        [""; 0]
    );
    let kustomization = |spec| uses("kustomize.toolkit.fluxcd.io", "Kustomization", Some("flux"), spec);
    let decryption = json!({"serviceAccountName": "apply", "decryption": {"provider": "sops", "serviceAccountName": "s3"}});
    assert_eq!(kustomization(decryption), [format!("{requested}, perhaps")]);
    assert_eq!(
        kustomization(json!({"serviceAccountName": "apply"})),
        [""; 0],
        "impersonated, no token of AWS"
    );
}

#[test]
fn issuers_of_cert_manager() {
    let spec = |audiences: Value| {
        let reference = json!({"name": "dns", "audiences": audiences});
        let route53 = json!({"role": "arn:aws:iam::111122223333:role/dns", "auth": {"kubernetes": {"serviceAccountRef": reference}}});
        json!({"acme": {"solvers": [{"dns01": {"route53": route53}}, {"http01": {}}]}})
    };
    let role = r#"Some("arn:aws:iam::111122223333:role/dns")"#;
    let issuer = |audiences| uses("cert-manager.io", "Issuer", Some("shop"), spec(audiences));
    assert_eq!(
        issuer(Value::Null),
        [format!(r#"shop/dns: Fixed("sts.amazonaws.com") {role} None"#)]
    );
    assert_eq!(
        issuer(json!(["dns"])),
        [format!(r#"shop/dns: Fixed("dns") {role} None"#)]
    );
    assert_eq!(
        uses("cert-manager.io", "ClusterIssuer", None, spec(Value::Null)),
        [format!(
            r#"controller(cert-manager)/dns: Fixed("sts.amazonaws.com") {role} None"#
        )]
    );
}

#[test]
fn accounts_of_spark_may_be_among_its_settings() {
    let settings =
        json!({"spark.kubernetes.authenticate.driver.serviceAccountName": "spark", "spark.x": "y"});
    let spec = json!({"sparkConf": settings, "driver": {}, "executor": {}});
    assert_eq!(
        uses("sparkoperator.k8s.io", "SparkApplication", Some("data"), spec),
        ["data/spark: launches"]
    );
}

#[test]
fn objects_that_start_pods() {
    let spark = json!({"driver": {"serviceAccount": "spark"}, "executor": {"serviceAccount": "worker"}});
    assert_eq!(
        uses(
            "sparkoperator.k8s.io",
            "SparkApplication",
            Some("data"),
            spark.clone()
        ),
        ["data/spark: launches", "data/worker: launches"]
    );
    assert_eq!(
        uses(
            "sparkoperator.k8s.io",
            "ScheduledSparkApplication",
            Some("data"),
            json!({"template": spark})
        )
        .len(),
        2
    );
    let spec = json!({"serviceAccountName": "flow", "templates": [{"serviceAccountName": "step"}, {}]});
    let both = ["ci/flow: launches", "ci/step: launches"];
    assert_eq!(uses("argoproj.io", "Workflow", Some("ci"), spec.clone()), both);
    assert_eq!(
        uses(
            "argoproj.io",
            "CronWorkflow",
            Some("ci"),
            json!({"workflowSpec": spec})
        ),
        both
    );
    assert_eq!(
        uses(
            "argoproj.io",
            "ClusterWorkflowTemplate",
            None,
            json!({"serviceAccountName": "flow"})
        ),
        ["*/flow: launches, perhaps"]
    );
    assert_eq!(
        uses("argoproj.io", "Workflow", Some("ci"), json!({})),
        ["ci/default: launches, perhaps"]
    );
    let template = json!({"template": {"spec": {"serviceAccountName": "runner"}}});
    for (group, kind) in [
        ("actions.summerwind.dev", "RunnerDeployment"),
        ("actions.summerwind.dev", "RunnerSet"),
        ("actions.github.com", "AutoscalingRunnerSet"),
        ("serving.knative.dev", "Service"),
    ] {
        assert_eq!(
            uses(group, kind, Some("ci"), template.clone()),
            ["ci/runner: launches"],
            "{kind}"
        );
    }
    let run = json!({"taskRunTemplate": {"serviceAccountName": "build"}, "taskRunSpecs": [{"serviceAccountName": "push"}]});
    assert_eq!(
        uses("tekton.dev", "PipelineRun", Some("ci"), run),
        ["ci/build: launches", "ci/push: launches"]
    );
    let ray = json!({"headGroupSpec": template, "workerGroupSpecs": [{"template": {"spec": {"serviceAccountName": "w"}}}]});
    assert_eq!(
        uses("ray.io", "RayCluster", Some("ci"), ray),
        ["ci/runner: launches", "ci/w: launches"]
    );
}

#[test]
fn what_has_ended_starts_nothing() {
    let kind = kind("argoproj.io", "Workflow").unwrap();
    let object = json!({"metadata": {"name": "x", "namespace": "ci"}, "spec": {"serviceAccountName": "flow"}, "status": {"phase": "Succeeded"}});
    assert_eq!(read(kind, &object).unwrap().1.uses, []);
}

#[test]
fn an_object_without_a_name_or_of_another_shape_uses_nothing() {
    for kind in kinds() {
        assert!(read(kind, &json!({"spec": {}})).is_none());
        for spec in [
            json!(null),
            json!(1),
            json!([]),
            json!({"provider": 1, "templates": "x", "acme": {"solvers": {}}}),
        ] {
            let object = json!({"metadata": {"name": "x", "namespace": "ns"}, "spec": spec});
            let found = read(kind, &object).unwrap().1;
            assert!(found.uses.iter().all(|one| !one.is_certain), "{}", kind.kind);
        }
    }
}

#[test]
fn cron_jobs_launch() {
    let launched = |spec: Value| uses("batch", "CronJob", Some("shop"), spec);
    let template = |account: Value| json!({"spec": {"template": {"spec": account}}});
    let named = template(json!({"serviceAccountName": "cart"}));
    assert_eq!(launched(json!({"jobTemplate": named})), ["shop/cart: launches"]);
    assert_eq!(
        launched(json!({"suspend": true, "jobTemplate": named})),
        ["shop/cart: launches, perhaps"]
    );
    assert_eq!(
        launched(json!({"jobTemplate": template(json!({}))})),
        ["shop/default: launches, perhaps"]
    );
}

/// An object of a kind with something at each path that is read: lists of many, and texts, or lists of texts.
fn crowded(kind: &ConsumerKind, many: usize, leaf: &dyn Fn(usize) -> Value) -> Value {
    fn put(at: &mut Value, path: &[&str], many: usize, leaf: &dyn Fn(usize) -> Value, number: usize) {
        match path {
            [] if at.is_null() => *at = leaf(number),
            [] => {}
            ["*", rest @ ..] => {
                if !at.is_array() {
                    *at = vec![Value::Null; many].into();
                }
                for (number, place) in at.as_array_mut().into_iter().flatten().enumerate() {
                    put(place, rest, many, leaf, number);
                }
            }
            ["provider"] => at["provider"] = json!("aws"),
            [field, rest @ ..] => {
                if !at.is_object() {
                    *at = json!({});
                }
                put(&mut at[*field], rest, many, leaf, number);
            }
        }
    }
    let mut object = json!({"metadata": {"name": "x", "namespace": "shop"}});
    let paths = kind
        .reads
        .iter()
        .filter(|path| !path.starts_with("/status") && !path.ends_with("/suspend"));
    for path in paths {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        put(&mut object, &parts, many, leaf, 0);
    }
    object
}

#[test]
fn what_an_object_names_again_and_again_counts_once() {
    let most = 1_000;
    let names = |last: usize| {
        move |number: usize| {
            let name = if number < last { "same" } else { "last" };
            json!(format!("{name}{:0>200}", 0))
        }
    };
    for kind in kinds() {
        let uses = |many: usize| read(kind, &crowded(kind, many, &names(many - 1))).map(|(_, uses)| uses);
        assert_eq!(uses(most), uses(3), "{}", kind.kind);
    }
}

/// What fields are filled with, how many of each there are, and what the n-th is.
type Leaves<'a> = (&'a str, usize, &'a dyn Fn(usize) -> Value);

#[test]
fn of_an_object_with_long_texts_and_many_names_little_is_kept() {
    let long = |number: usize| json!(format!("{}{number}", "n".repeat(200_000)));
    let names = |number: usize| json!(format!("name-{number:0>200}"));
    let lists = |number: usize| json!(vec![format!("arn:{number:0>20000}"); 40]);
    let leaves: [Leaves<'_>; 3] = [("long", 5, &long), ("names", 5_000, &names), ("lists", 5, &lists)];
    for kind in kinds() {
        for (what, many, leaf) in leaves {
            let object = crowded(kind, many, leaf);
            let Some((_, consumers)) = read(kind, &object) else {
                continue;
            };
            assert!(
                what != "names"
                    || consumers.uses.len() < 1_000 && (consumers.uses.len() < 100 || consumers.has_more)
            );
            let kept = format!("{consumers:?}").len();
            assert!(kept < 256 << 10, "{} {what}: {kept}", kind.kind);
        }
        let some = read(kind, &crowded(kind, 3, &names));
        assert!(
            some.is_some_and(|(_, some)| !some.uses.is_empty() && !some.has_more),
            "{}",
            kind.kind
        );
    }
}
