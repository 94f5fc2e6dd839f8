use audit_core::model::{BindingKey, Pod, PodPhase};
use audit_core::snapshot::Binding;
use serde_json::{Value, json};

use crate::testing::*;
use crate::{Loaded, Options};

pub(crate) const CHART: &str = "
# Source: shop/templates/sa.yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: cart
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: cart
      containers: [{name: app, image: shop:1}]
";

fn pods(loaded: &Loaded, namespace: &str, service_account: &str) -> Vec<Pod> {
    let key = BindingKey::new(namespace, service_account);
    loaded
        .snapshot
        .cluster
        .binding(&key)
        .into_iter()
        .flat_map(Binding::pods)
        .map(|pod| Pod::clone(pod))
        .collect()
}

fn exists(loaded: &Loaded, namespace: &str, service_account: &str) -> bool {
    let key = BindingKey::new(namespace, service_account);
    loaded
        .snapshot
        .cluster
        .binding(&key)
        .is_some_and(|binding| binding.service_account().is_some())
}

/// The workloads of all pods in `default`, with whether each is a template.
fn workloads(loaded: &Loaded) -> Vec<(String, bool)> {
    let named = |pod: &Pod| {
        (
            format!("{}/{}", pod.workload.kind, pod.workload.name),
            pod.is_template(),
        )
    };
    let mut all: Vec<_> = loaded.snapshot.cluster.pods_in("default").map(named).collect();
    all.sort();
    all
}

fn load_objects(objects: &[Value]) -> Loaded {
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    good(
        &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        &[],
        &Options {
            partial: true,
            ..options()
        },
    )
}

/// An object that another controls.
fn owned(api: &str, kind: &str, name: &str, owner: Option<(&str, &str)>, rest: &Value) -> Value {
    let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
    if let Some((kind, name)) = owner {
        object["metadata"]["ownerReferences"] = json!([
            {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "0"},
            {"apiVersion": "x", "kind": kind, "name": name, "uid": "1", "controller": true}
        ]);
    }
    object
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    object
}

fn template() -> Value {
    json!({"spec": {"serviceAccountName": "cart", "containers": [{"name": "app"}]}})
}

fn running(name: &str, owner: Option<(&str, &str)>, phase: &str) -> Value {
    owned(
        "v1",
        "Pod",
        name,
        owner,
        &json!({
            "spec": {"serviceAccountName": "cart", "containers": [{"name": "app"}]}, "status": {"phase": phase}
        }),
    )
}

#[test]
fn objects_that_name_no_namespace_are_put_where_they_would_be_created() {
    assert!(exists(&good(&[CHART], &[], &options()), "default", "cart"));
    let shop = Options {
        namespace: "shop".to_owned(),
        ..options()
    };
    let loaded = good(&[CHART], &[], &shop);
    assert!(exists(&loaded, "shop", "cart") && exists(&loaded, "shop", "default"));
    assert!(!exists(&loaded, "default", "default"), "nothing is in it");
}

#[test]
fn lists_of_every_form_are_taken_apart() {
    let account = json!({"metadata": {"name": "cart", "namespace": "shop"}});
    let mut whole = account.clone();
    whole.as_object_mut().unwrap().extend([
        ("apiVersion".to_owned(), json!("v1")),
        ("kind".to_owned(), json!("ServiceAccount")),
    ]);
    for list in [
        json!({"apiVersion": "v1", "kind": "List", "items": [whole]}),
        json!({"apiVersion": "v1", "kind": "ServiceAccountList", "items": [account]}),
        json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": [whole]}]}),
        json!([whole]),
    ] {
        assert!(
            exists(&good(&[&list.to_string()], &[], &options()), "shop", "cart"),
            "{list}"
        );
    }
    let empty = json!({"apiVersion": "v1", "kind": "List", "items": null}).to_string();
    assert!(!exists(&good(&[&empty, CHART], &[], &options()), "shop", "cart"));
}

#[test]
fn every_namespace_has_its_default_unless_there_is_more_than_the_files() {
    let namespaces = "{apiVersion: v1, kind: Namespace, metadata: {name: empty}}\n---\n\
                      {apiVersion: v1, kind: Service, metadata: {name: x, namespace: web}}";
    let loaded = good(&[namespaces, CHART], &[], &options());
    for namespace in ["empty", "web", "default"] {
        assert!(exists(&loaded, namespace, "default"), "{namespace}");
    }
    assert!(!loaded.snapshot.cluster.is_partial());
    let part = good(
        &[namespaces, CHART],
        &[],
        &Options {
            partial: true,
            ..options()
        },
    );
    assert!(part.snapshot.cluster.is_partial() && !exists(&part, "web", "default"));
}

#[test]
fn templates_of_every_kind_stand_for_pods() {
    let with = |api: &str, kind: &str, spec: &Value| owned(api, kind, "x", None, &json!({"spec": spec}));
    for (api, kind) in [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("argoproj.io/v1alpha1", "Rollout"),
    ] {
        let loaded = load_objects(&[with(api, kind, &json!({"template": template()}))]);
        assert_eq!(workloads(&loaded), [(format!("{kind}/x"), true)]);
        assert_eq!(pods(&loaded, "default", "cart").len(), 1);
    }
    let cron = with(
        "batch/v1",
        "CronJob",
        &json!({"jobTemplate": {"spec": {"template": template()}}}),
    );
    assert_eq!(
        workloads(&load_objects(&[cron])),
        [("CronJob/x".to_owned(), true)]
    );
    let none = with("example.com/v1", "Thing", &json!({"template": {"spec": "x"}}));
    assert_eq!(workloads(&load_objects(&[none])), []);
}

#[test]
fn where_there_are_pods_no_template_stands_for_them() {
    let deployment = owned(
        "apps/v1",
        "Deployment",
        "web",
        None,
        &json!({"spec": {"template": template()}}),
    );
    let old = owned(
        "apps/v1",
        "ReplicaSet",
        "web-1",
        Some(("Deployment", "web")),
        &json!({
            "spec": {"replicas": 0, "template": template()}
        }),
    );
    let new = owned(
        "apps/v1",
        "ReplicaSet",
        "web-2",
        Some(("Deployment", "web")),
        &json!({
            "spec": {"replicas": 1, "template": template()}
        }),
    );
    let pod = running("web-2-x", Some(("ReplicaSet", "web-2")), "Running");
    let whole = load_objects(&[deployment.clone(), old.clone(), new.clone(), pod.clone()]);
    assert_eq!(workloads(&whole), [("Deployment/web".to_owned(), false)]);
    let scaled_down = load_objects(&[deployment.clone(), old.clone(), new.clone()]);
    assert_eq!(workloads(&scaled_down), [("Deployment/web".to_owned(), true)]);
    let done = running("web-2-x", Some(("ReplicaSet", "web-2")), "Failed");
    let all_done = load_objects(&[deployment, old.clone(), new.clone(), done]);
    assert_eq!(
        workloads(&all_done),
        [
            ("Deployment/web".to_owned(), false),
            ("Deployment/web".to_owned(), true)
        ]
    );
    let without_deployment = load_objects(&[old, new]);
    assert_eq!(
        workloads(&without_deployment),
        [("Deployment/web".to_owned(), true)],
        "of the version that runs"
    );
}

#[test]
fn a_job_is_its_cron_jobs() {
    let job = owned(
        "batch/v1",
        "Job",
        "nightly-1",
        Some(("CronJob", "nightly")),
        &json!({
            "spec": {"template": template()}
        }),
    );
    let pod = running("nightly-1-x", Some(("Job", "nightly-1")), "Running");
    assert_eq!(
        workloads(&load_objects(&[pod.clone(), job])),
        [("CronJob/nightly".to_owned(), false)]
    );
    assert_eq!(
        workloads(&load_objects(&[pod])),
        [("Job/nightly-1".to_owned(), false)]
    );
}

#[test]
fn what_is_over_stands_for_nothing() {
    for (status, stands) in [
        (json!({}), true),
        (
            json!({"conditions": [{"type": "Complete", "status": "True"}]}),
            false,
        ),
        (
            json!({"conditions": [{"type": "Failed", "status": "True"}]}),
            false,
        ),
        (
            json!({"conditions": [{"type": "Complete", "status": "False"}]}),
            true,
        ),
    ] {
        let job = owned(
            "batch/v1",
            "Job",
            "x",
            None,
            &json!({"spec": {"template": template()}, "status": status}),
        );
        assert_eq!(
            workloads(&load_objects(&[job])).len(),
            usize::from(stands),
            "{status}"
        );
    }
    let mut going = owned(
        "apps/v1",
        "Deployment",
        "x",
        None,
        &json!({"spec": {"template": template()}}),
    );
    going["metadata"]["deletionTimestamp"] = json!("2026-11-25T12:00:00Z");
    assert_eq!(workloads(&load_objects(&[going])), []);
}

#[test]
fn controllers_that_go_round_in_circles_are_followed_no_further() {
    let job = |name: &str, owner: &str| {
        owned(
            "batch/v1",
            "Job",
            name,
            Some(("Job", owner)),
            &json!({"spec": {"template": template()}}),
        )
    };
    load_objects(&[
        job("a", "b"),
        job("b", "a"),
        job("c", "c"),
        running("p", Some(("Job", "a")), "Running"),
    ]);
}

#[test]
fn a_pods_manifest_is_no_running_pod() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: probe-}\nspec:\n  containers: [{name: app}]\nstatus: {}";
    let loaded = good(&[manifest, CHART], &[], &options());
    let probe = pods(&loaded, "default", "default");
    let [pod] = probe.as_slice() else {
        panic!("{probe:?}")
    };
    assert_eq!(
        (pod.phase, pod.workload.name.as_str()),
        (PodPhase::Template, "probe-")
    );
}

#[test]
fn a_workload_that_names_what_is_not_there() {
    let absent = CHART.replace("name: cart", "name: basket");
    let of_a_cluster =
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: x, namespace: default, uid: '1'}}";
    assert_eq!(
        codes(&good(&[&absent, of_a_cluster], &[], &options()))[1],
        ("default/cart".to_owned(), vec!["IRSA106"])
    );
    let manifests = good(&[&absent], &[], &options());
    assert_eq!(codes(&manifests)[1], ("default/cart".to_owned(), vec!["IRSA907"]));
    assert!(manifests.problems[0].to_string().contains("no `uid`"));
    let part = good(
        &[&absent],
        &[],
        &Options {
            partial: true,
            ..options()
        },
    );
    assert_eq!(codes(&part)[1], ("default/cart".to_owned(), vec!["IRSA907"]));
}

#[test]
fn the_default_policy_is_in_force_and_no_other() {
    let policy = |name: &str| {
        format!(
            "{{apiVersion: irsa-audit.dev/v1alpha1, kind: IrsaAuditPolicy, metadata: {{name: {name}}}, \
             spec: {{exclude: {{namespaces: [default]}}}}}}"
        )
    };
    assert_eq!(codes(&good(&[CHART, &policy("default")], &[], &options())), []);
    assert_eq!(codes(&good(&[CHART, &policy("other")], &[], &options())).len(), 1);
}

#[test]
fn the_same_object_twice_is_one_and_another_form_of_it_an_error() {
    let dumped = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": "cart", "namespace": "default", "uid": "1",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"}
    }});
    good(&[CHART, &dumped.to_string(), CHART], &[], &options());
    let mut other = dumped.clone();
    other["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] =
        json!("arn:aws:iam::111122223333:role/basket");
    let loaded = load_texts(&[CHART, &other.to_string()], &[], &options());
    let problems = problems(&loaded);
    assert!(
        loaded.has_errors() && problems[0].contains("ServiceAccount `default/cart` stands also in k0"),
        "{problems:?}"
    );
    let workload = CHART.replace("serviceAccountName: cart", "serviceAccountName: other");
    assert!(load_texts(&[CHART, &workload], &[], &options()).has_errors());
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    for (text, expected) in [
        (
            "{apiVersion: v1, kind: ServiceAccount, metadata: {}}",
            "k0: ServiceAccount",
        ),
        ("{apiVersion: v1, kind: ServiceAccount}", "k0: ServiceAccount"),
        (
            "a: 1\n---\n{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: 7}",
            "k0, document 2, line 3: Pod `default/x`",
        ),
        ("{apiVersion: v1, kind: List, items: 7}", "`items` of List"),
        (
            "{apiVersion: irsa-audit.dev/v1alpha1, kind: IrsaAudit, metadata: {name: x}, spec: {}}",
            "IrsaAudit `default/x`",
        ),
        (
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: x, annotations: {a: 1}}}",
            "annotations",
        ),
        ("just text", "is not a Kubernetes object"),
        ("{\"RoleDetailList\": []}", "give it to --aws"),
        ("{\"issuer\": \"http://x\", \"jwks_uri\": \"\"}", "https"),
    ] {
        let loaded = load_texts(&[text], &[], &options());
        let problems = problems(&loaded);
        assert!(
            loaded.has_errors() && problems.iter().any(|problem| problem.contains(expected)),
            "{text}: {problems:?}"
        );
    }
}

#[test]
fn a_whole_cluster_without_service_accounts_is_suspect() {
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}";
    let loaded = load_texts(&[deployment], &[], &options());
    assert!(
        !loaded.has_errors() && problems(&loaded)[0].contains("--partial"),
        "{:?}",
        problems(&loaded)
    );
    good(
        &[deployment],
        &[],
        &Options {
            partial: true,
            ..options()
        },
    );
}

#[test]
fn a_discovery_document_tells_the_issuer() {
    let document = json!({"issuer": ISSUER, "jwks_uri": "https://x/keys"}).to_string();
    assert_eq!(
        good(&[CHART, &document], &[], &options())
            .snapshot
            .issuer
            .unwrap()
            .url
            .as_str(),
        ISSUER
    );
}

const EXPECTING: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart}
---
apiVersion: irsa-audit.dev/v1alpha1
kind: IrsaAudit
metadata: {name: cart}
spec:
  serviceAccountName: cart
  expect: {kubernetes: [{verbs: [get], resource: pods, namespace: default}]}
";

const BINDING: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: cart}]
";

const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {to-reader: 'true'}}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pods, labels: {to-reader: 'true'}}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
";

/// Of the whole cluster, as every cluster has some.
const OTHERS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nodes}
rules: [{apiGroups: [''], resources: [nodes], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: nodes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes}
subjects: [{kind: User, name: jane}]
";

const ELSEWHERE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: nodes, namespace: kube-public}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: nodes}
subjects: [{kind: User, name: jane}]
";

#[test]
fn roles_and_bindings_tell_what_is_allowed() {
    for (texts, partial, expected) in [
        (&[EXPECTING][..], false, &["IRSA908"][..]),
        (&[EXPECTING], true, &["IRSA908"]),
        (&[EXPECTING, OTHERS], false, &["IRSA908"]),
        (&[EXPECTING, OTHERS, ELSEWHERE], false, &["IRSA601"]),
        (&[EXPECTING, BINDING], false, &["IRSA908"]),
        (&[EXPECTING, BINDING, OTHERS], false, &["IRSA607"]),
        (&[EXPECTING, BINDING, ROLE], false, &[]),
        (&[EXPECTING, BINDING, ROLE], true, &[]),
    ] {
        let options = Options { partial, ..options() };
        let found = codes(&good(texts, &[], &options));
        let cart = found.iter().find(|(name, _)| name == "default/cart");
        assert_eq!(
            cart.map(|(_, codes)| &codes[..]),
            Some(expected),
            "{texts:?} {partial}"
        );
    }
}

#[test]
fn a_binding_that_the_api_server_would_refuse_is_an_error() {
    let wrong = BINDING
        .replace("RoleBinding", "ClusterRoleBinding")
        .replace("kind: ClusterRole,", "kind: Role,");
    assert!(load_texts(&[&wrong], &[], &options()).has_errors());
}

/// A pod of `cart`, some of whose variables come from whole Secrets and ConfigMaps.
fn with_variables_from(env_from: &Value) -> Value {
    owned(
        "v1",
        "Pod",
        "p",
        None,
        &json!({
            "spec": {"serviceAccountName": "cart", "containers": [{"name": "app", "envFrom": env_from}]},
            "status": {"phase": "Running"}
        }),
    )
}

#[test]
fn of_secrets_and_config_maps_the_keys_that_bring_static_credentials_count() {
    let secret = |fields: &Value| owned("v1", "Secret", "s3", None, fields);
    let by_secret = json!([{"secretRef": {"name": "s3"}}]);
    let brings = |objects: &[Value]| {
        let loaded = load_objects(objects);
        let pods = pods(&loaded, "default", "cart");
        let container = &pods[0].containers[0];
        (container.access_key().is_some(), container.profile().is_some())
    };
    let pod = with_variables_from(&by_secret);
    for (fields, expected) in [
        (json!({"data": {"AWS_ACCESS_KEY_ID": "QUtJQQ=="}}), true),
        (json!({"stringData": {"AWS_ACCESS_KEY_ID": "AKIA"}}), true),
        (json!({"data": {"AWS_ACCESS_KEY_ID": ""}}), false),
        (json!({"data": {"OTHER": "QUtJQQ=="}}), false),
        (json!({"data": null}), false),
    ] {
        assert_eq!(
            brings(&[secret(&fields), pod.clone()]),
            (expected, false),
            "{fields}"
        );
    }
    assert_eq!(
        brings(std::slice::from_ref(&pod)),
        (false, false),
        "it was not given"
    );
    let elsewhere = json!({"metadata": {"name": "s3", "namespace": "other"}, "apiVersion": "v1", "kind": "Secret",
        "data": {"AWS_ACCESS_KEY_ID": "QUtJQQ=="}});
    assert_eq!(brings(&[elsewhere, pod]), (false, false));
    let map = owned(
        "v1",
        "ConfigMap",
        "env",
        None,
        &json!({"data": {"PROFILE": "dev"}}),
    );
    let prefixed = with_variables_from(&json!([{"prefix": "AWS_", "configMapRef": {"name": "env"}}]));
    assert_eq!(brings(&[prefixed, map]), (false, true));
}

#[test]
fn the_webhook_is_missing_where_other_configurations_were_given_and_not_its_own() {
    let configuration = |name: &str| {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{"name": format!("{name}.example.org"),
                "rules": [{"operations": ["CREATE"], "resources": ["pods"]}]}]})
        .to_string()
    };
    let (its, other) = (configuration("pod-identity-webhook"), configuration("mesh"));
    let part = Options {
        partial: true,
        ..options()
    };
    for (given, options, expected) in [
        (vec![CHART, &its, &other], &options(), Some(true)),
        (vec![CHART, &its], &part, Some(true)),
        (vec![CHART, &other], &options(), Some(false)),
        (vec![CHART, &other], &part, None),
        (vec![CHART], &options(), None),
    ] {
        let loaded = good(&given, &[], options);
        assert_eq!(loaded.snapshot.cluster.has_webhook(), expected, "{given:?}");
    }
}

#[test]
fn the_webhooks_config_map_binds_service_accounts() {
    let map = |namespace: &str, config: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "pod-identity-webhook", "namespace": namespace},
            "data": {"config": config}})
        .to_string()
    };
    let config = r#"{"default/cart": {"RoleARN": "arn:aws:iam::111122223333:role/cart"}}"#;
    let key = BindingKey::new("default", "cart");
    let entry = |namespace: &str, options: &Options| {
        let loaded = good(&[&map(namespace, config)], &[], options);
        loaded.snapshot.cluster.webhook_entry(&key).is_some()
    };
    let part = Options {
        partial: true,
        ..options()
    };
    let elsewhere = Options {
        webhook_namespace: "webhook".to_owned(),
        ..part.clone()
    };
    assert!(entry("kube-system", &part) && entry("webhook", &elsewhere));
    assert!(
        !entry("webhook", &part) && !entry("kube-system", &elsewhere),
        "whoever may make a ConfigMap binds nobody"
    );
    assert!(load_texts(&[&map("kube-system", "{")], &[], &part).has_errors());
}

#[test]
fn the_role_on_a_workload_itself_counts_as_on_its_pods() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "shop", "name": "cart"}});
    let role = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"});
    let template = json!({"spec": {"serviceAccountName": "cart", "containers": [{"name": "app"}]}});
    let workload = |version: &str, kind: &str, spec: Value| json!({"apiVersion": version, "kind": kind, "metadata": {"namespace": "shop", "name": "cart", "annotations": role}, "spec": spec});
    let plain = || json!({"template": template});
    let mut of_jobs = workload(
        "batch/v1",
        "CronJob",
        json!({"jobTemplate": {"metadata": {"annotations": role}, "spec": plain()}}),
    );
    of_jobs["metadata"]["annotations"] = json!({});
    let mut of_templates_with_null = workload("apps/v1", "Deployment", plain());
    of_templates_with_null["spec"]["template"]["metadata"] = json!({ "annotations": null });
    let told = |object: &Value, others: &[Value]| {
        let mut texts = vec![account.to_string(), object.to_string()];
        texts.extend(others.iter().map(Value::to_string));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let codes = codes(&load_texts(&texts, &[], &options()));
        codes.iter().any(|(_, codes)| codes.contains(&"IRSA103"))
    };
    for object in [
        of_templates_with_null,
        workload("apps/v1", "Deployment", plain()),
        workload("apps/v1", "StatefulSet", plain()),
        workload("apps/v1", "DaemonSet", plain()),
        workload("batch/v1", "Job", plain()),
        workload("batch/v1", "CronJob", json!({"jobTemplate": {"spec": plain()}})),
        of_jobs,
    ] {
        assert!(told(&object, &[]), "{object}");
    }
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "status": {"phase": "Running"},
        "metadata": {"namespace": "shop", "name": "cart-0", "uid": "1", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "cart", "uid": "2", "controller": true}
        ]},
    });
    assert!(told(&workload("apps/v1", "StatefulSet", plain()), &[pod]));
    // Its controller may read it.
    assert!(!told(&workload("example.com/v1", "Application", plain()), &[]));
}
