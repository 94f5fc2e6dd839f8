use std::sync::Arc;

use audit_core::model::{
    ApiToken, Container, EnvFrom, EnvSource, Labels, MountedFile, Os, Pod, PodCommon, PodPhase, SetBy,
    StsEndpoints, TokenMount, TokenPlace, Workload,
};
use serde_json::{Value, json};

use crate::prune::{Undecodable, pod};

#[path = "pod_bounds.rs"]
mod bounds;
#[path = "pod_many_tokens.rs"]
mod many_tokens;
#[path = "pod_session_name.rs"]
mod session_name;
#[path = "pod_token_place.rs"]
mod token_place;
#[path = "pod_workload.rs"]
mod workload;

const PREFIX: &str = "eks.amazonaws.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/orders";
const FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";

fn irsa_pod() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/pod-irsa.json")).unwrap()
}

fn pruned(object: Value) -> Pod {
    pod(object, PREFIX).unwrap()
}

fn refused(object: Value) -> Undecodable {
    pod(object, PREFIX).unwrap_err()
}

/// A pod with one container, which has these fields.
fn with_container(fields: Value) -> Value {
    let mut container = json!({ "name": "app" });
    let Value::Object(fields) = fields else {
        panic!("no object: {fields}")
    };
    container.as_object_mut().unwrap().extend(fields);
    json!({ "metadata": { "namespace": "shop", "name": "p" }, "spec": {
        "containers": [container],
        "volumes": [
            { "name": "api", "projected": { "sources": [{ "serviceAccountToken": { "path": "token" } }, { "configMap": {} }] } },
            { "name": "sts", "projected": { "sources": [
                { "serviceAccountToken": { "audience": "sts.amazonaws.com", "path": "token" } },
                { "serviceAccountToken": { "audience": "vault", "path": "vault-token" } }
            ] } },
            { "name": "config", "projected": { "sources": [{ "configMap": {} }] } },
            { "name": "scratch", "emptyDir": {} },
            { "name": "host", "hostPath": { "path": "/x" } }
        ]
    } })
}

fn container(fields: Value) -> Container {
    pruned(with_container(fields)).containers.remove(0)
}

#[test]
fn a_pod_that_the_webhook_injected_keeps_what_rules_read_and_nothing_else() {
    let mount = TokenMount {
        path: "/var/run/secrets/eks.amazonaws.com/serviceaccount".into(),
        audience: Some("sts.amazonaws.com".into()),
        file: "token".into(),
        by_webhook: true,
        sub_path: false,
    };
    let injected = |name: &str, init| Container {
        name: name.into(),
        init,
        role_arn: Some(ROLE.into()),
        token_file: Some(FILE.into()),
        opaque_env: false,
        names_variable: false,
        pod_identity: false,
        sts_endpoints: if init {
            StsEndpoints::Unset
        } else {
            StsEndpoints::Regional
        },
        tokens: vec![mount.clone()],
        sets_all: !init,
        rarities: None,
    };
    let expected = Pod {
        name: "orders-7d9c8b6f5-x2x7q".into(),
        created: Some("2026-11-20T08:14:03Z".parse().unwrap()),
        workload: Arc::new(Workload {
            kind: "Deployment".into(),
            name: "orders".into(),
        }),
        phase: PodPhase::Running,
        ready: true,
        terminating: false,
        common: Arc::new(PodCommon {
            namespace: "shop".into(),
            service_account: "orders".into(),
            labels: labels(&[("app", "orders"), ("pod-template-hash", "7d9c8b6f5")]),
            api_token: ApiToken::Own,
            containers: vec![injected("migrate", true), injected("app", false)].into(),
            ..PodCommon::default()
        }),
    };
    assert_eq!(pruned(irsa_pod()), expected);
}

#[test]
fn only_the_agent_of_pod_identity_is_pod_identity() {
    let with = |env: Value, mounts: Value| {
        let containers = json!([{"name": "app", "env": env, "volumeMounts": mounts}]);
        let pod = pruned(
            json!({"metadata": {"namespace": "shop", "name": "x"}, "spec": {"containers": containers}}),
        );
        (
            pod.containers[0].pod_identity,
            pod.containers[0].has_other_server(),
        )
    };
    let uri = |value: &str| json!([{"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": value}]);
    assert_eq!(
        with(uri("http://169.254.170.23/v1/credentials"), json!([])),
        (true, false)
    );
    assert_eq!(
        with(uri("http://[fd00:ec2::23]/v1/credentials"), json!([])),
        (true, false)
    );
    assert_eq!(with(uri("http://localhost:9911/creds"), json!([])), (false, true));
    assert_eq!(with(uri(""), json!([])), (false, false));
    let volume = json!([{"name": "eks-pod-identity-token", "mountPath": "/x"}]);
    assert_eq!(with(json!([]), volume.clone()), (true, false));
    assert_eq!(with(uri("http://localhost:9911/creds"), volume), (false, true));
}

#[test]
fn a_mirror_pod_has_no_service_account() {
    let pod = json!({
        "metadata": {"namespace": "kube-system", "name": "x", "annotations": {"kubernetes.io/config.mirror": "1"}},
        "spec": {"containers": []}
    });
    assert_eq!(pruned(pod).service_account, "");
}

#[test]
fn the_classes_of_the_secrets_store_are_kept() {
    let volume = |class: &str| json!({"name": class, "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": class}}});
    let other = json!({"name": "x", "csi": {"driver": "efs.csi.aws.com"}});
    let spec = json!({"containers": [], "volumes": [volume("b"), other, volume("a"), volume("b")]});
    let pod = pruned(json!({"metadata": {"namespace": "shop", "name": "x"}, "spec": spec}));
    assert_eq!(*pod.secret_provider_classes, ["a", "b"]);
}

#[test]
fn pod_identity_is_seen() {
    let pod = pruned(serde_json::from_str(include_str!("../../../fixtures/pod-pod-identity.json")).unwrap());
    assert_eq!(
        *pod.workload,
        Workload {
            kind: "StatefulSet".into(),
            name: "ledger".into()
        }
    );
    assert!(pod.uses_pod_identity());
    assert!(!pod.ready);
    assert_eq!(pod.role_arns(), Vec::<&str>::new());
    let audiences: Vec<_> = pod.containers[0]
        .tokens
        .iter()
        .map(|t| t.audience.as_deref())
        .collect();
    assert_eq!(audiences, [Some("pods.eks.amazonaws.com")]);
}

#[test]
fn labels_stay_but_those_that_each_pod_has_of_its_own() {
    let mut object = irsa_pod();
    object["metadata"]["labels"] = json!({ "app": "orders", "eks.amazonaws.com/skip-pod-identity-webhook": "",
        "statefulset.kubernetes.io/pod-name": "orders-0", "job-name": "x" });
    let expected = labels(&[
        ("app", "orders"),
        ("eks.amazonaws.com/skip-pod-identity-webhook", ""),
    ]);
    assert_eq!(pruned(object).labels, expected);
}

fn labels(all: &[(&str, &str)]) -> Labels {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Arc::new(all.iter().map(owned).collect())
}

#[test]
fn windows_is_asked_for_in_several_ways() {
    let os = |spec: Value| {
        let mut object = irsa_pod();
        object["spec"]
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        pruned(object).os
    };
    let affinity = |key: &str, operator: &str| {
        json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": key, "operator": operator, "values": ["windows"] }] }] } } } })
    };
    assert_eq!(
        os(json!({ "nodeSelector": { "kubernetes.io/os": "windows" } })),
        Os::SelectedWindows
    );
    assert_eq!(
        os(json!({ "nodeSelector": { "beta.kubernetes.io/os": "windows" } })),
        Os::SelectedWindows
    );
    assert_eq!(os(json!({ "os": { "name": "windows" } })), Os::OtherwiseWindows);
    assert_eq!(os(affinity("kubernetes.io/os", "In")), Os::OtherwiseWindows);
    assert_eq!(os(affinity("kubernetes.io/os", "NotIn")), Os::Unset);
    let tolerating = json!({ "tolerations": [{ "key": "os", "value": "windows", "effect": "NoSchedule" }] });
    assert_eq!(os(tolerating), Os::Unset, "it may run on Linux nodes as well");
    assert_eq!(
        os(json!({ "os": { "name": "linux" }, "affinity": null })),
        Os::Unset
    );
}

#[test]
fn a_token_for_the_api_is_mounted_unless_the_pod_says_otherwise() {
    let api_token = |automount: Value, mounts: Value| {
        let mut object = with_container(json!({ "volumeMounts": mounts }));
        object["spec"]["automountServiceAccountToken"] = automount;
        pruned(object).api_token
    };
    assert_eq!(api_token(Value::Null, json!([])), ApiToken::Unset);
    assert_eq!(api_token(json!(false), json!([])), ApiToken::Off);
    assert_eq!(api_token(json!(true), json!([])), ApiToken::Mounted);
    assert_eq!(
        api_token(json!(false), json!([{ "name": "api", "mountPath": "/tokens" }])),
        ApiToken::Own
    );
    let sts = json!([{ "name": "sts", "mountPath": "/tokens" }]);
    assert_eq!(
        api_token(json!(false), sts),
        ApiToken::Off,
        "its tokens are for others"
    );
}

#[test]
fn files_of_credentials_and_profiles_are_known_by_what_is_mounted() {
    let files = |fields: Value, volume: Value| {
        let mut object = with_container(fields);
        object["spec"]["volumes"] = json!([volume]);
        let container = pruned(object).containers.remove(0);
        let shown = |file: Option<&MountedFile>| file.map(|file| (file.path.clone(), file.key.clone()));
        (
            shown(container.credentials_file()),
            shown(container.config_file()),
        )
    };
    let at = |path: &str, key: &str| Some((path.to_owned(), key.to_owned()));
    let mounted = |path: &str| json!([{ "name": "v", "mountPath": path }]);
    let secret = || json!({ "name": "v", "secret": { "secretName": "aws" } });
    let named = |variable: &str, value: &str, path: &str| json!({ "env": [{ "name": variable, "value": value }], "volumeMounts": mounted(path) });
    let shared = named(
        "AWS_SHARED_CREDENTIALS_FILE",
        "/credentials/cloud",
        "/credentials",
    );
    assert_eq!(
        files(shared.clone(), secret()),
        (at("/credentials/cloud", "cloud"), None)
    );
    let renamed =
        json!({ "name": "v", "secret": { "secretName": "aws", "items": [{ "key": "k", "path": "cloud" }] } });
    assert_eq!(files(shared.clone(), renamed).0, at("/credentials/cloud", "k"));
    let other =
        json!({ "name": "v", "secret": { "secretName": "aws", "items": [{ "key": "k", "path": "x" }] } });
    assert_eq!(
        files(shared, other),
        (None, None),
        "the file is not in the volume"
    );
    let elsewhere = named("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", "/credentials");
    assert_eq!(files(elsewhere, secret()), (None, None));
    let config = named("AWS_CONFIG_FILE", "/etc/aws/config", "/etc/aws");
    let map = || json!({ "name": "v", "configMap": { "name": "aws" } });
    assert_eq!(files(config, map()), (None, at("/etc/aws/config", "config")));
    let home = json!({ "volumeMounts": mounted("/root/.aws") });
    assert_eq!(
        files(home.clone(), secret()).0,
        at("/root/.aws/credentials", "credentials")
    );
    assert_eq!(
        files(home.clone(), map()),
        (None, at("/root/.aws/config", "config"))
    );
    assert_eq!(
        files(home, json!({ "name": "v", "emptyDir": {} })),
        (None, None),
        "a cache"
    );
    let file =
        json!({ "volumeMounts": [{ "name": "v", "mountPath": "/root/.aws/credentials", "subPath": "s3" }] });
    assert_eq!(files(file, map()).0, at("/root/.aws/credentials", "s3"));
}

#[test]
fn what_sets_all_variables_itself_is_left_alone() {
    let sets_all = |names: &[&str]| {
        let env: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "value": "x" }))
            .collect();
        container(json!({ "env": env })).sets_all
    };
    assert!(
        sets_all(&["AWS_ROLE_ARN", "AWS_REGION", "AWS_STS_REGIONAL_ENDPOINTS"]),
        "one of each is enough"
    );
    assert!(sets_all(&[
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_STS_REGIONAL_ENDPOINTS"
    ]));
    assert!(!sets_all(&[
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_REGION"
    ]));
    assert!(!sets_all(&["AWS_REGION", "AWS_STS_REGIONAL_ENDPOINTS"]));
}

#[test]
fn a_partially_preset_container_keeps_the_half_that_is_there() {
    let app = container(json!({
        "env": [{ "name": "AWS_ROLE_ARN", "value": ROLE }],
        "volumeMounts": [{ "name": "sts", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount" }]
    }));
    assert_eq!(
        (app.role_arn.as_deref(), app.token_file.as_deref(), app.opaque_env),
        (Some(ROLE), None, false)
    );
}

#[test]
fn variables_from_elsewhere_are_opaque() {
    let opaque = |fields| {
        let c = container(fields);
        (c.opaque_env, c.role_arn.is_some())
    };
    assert_eq!(
        opaque(json!({ "envFrom": [{ "configMapRef": { "name": "aws" } }] })),
        (true, false)
    );
    assert_eq!(opaque(json!({ "envFrom": [] })), (false, false));
    assert_eq!(opaque(json!({ "envFrom": null })), (false, false));
    let from = json!({ "configMapKeyRef": { "name": "aws", "key": "role" } });
    assert_eq!(
        opaque(json!({ "env": [{ "name": "AWS_ROLE_ARN", "valueFrom": from }] })),
        (true, false)
    );
    assert_eq!(
        opaque(json!({ "env": [{ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "valueFrom": from }] })),
        (true, false)
    );
    assert_eq!(
        opaque(json!({ "env": [{ "name": "OTHER", "valueFrom": from }] })),
        (false, false)
    );
    assert_eq!(
        opaque(
            json!({ "env": [{ "name": "AWS_ROLE_ARN", "value": "arn:aws:iam::$(ACCOUNT):role/orders" }] })
        ),
        (true, false)
    );
}

#[test]
fn the_last_of_two_variables_counts() {
    let from = json!({ "fieldRef": { "fieldPath": "metadata.name" } });
    let env = |first: Value, second: Value| container(json!({ "env": [first, second] }));
    let literal = |value: &str| json!({ "name": "AWS_ROLE_ARN", "value": value });
    let elsewhere = json!({ "name": "AWS_ROLE_ARN", "valueFrom": from });
    assert_eq!(env(literal("old"), literal(ROLE)).role_arn.as_deref(), Some(ROLE));
    let now_literal = env(elsewhere.clone(), literal(ROLE));
    assert_eq!(
        (now_literal.role_arn.as_deref(), now_literal.opaque_env),
        (Some(ROLE), false)
    );
    let now_elsewhere = env(literal(ROLE), elsewhere);
    assert_eq!((now_elsewhere.role_arn, now_elsewhere.opaque_env), (None, true));
}

#[test]
fn an_empty_variable_is_none() {
    let app = container(
        json!({ "env": [{ "name": "AWS_ROLE_ARN" }, { "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "" }] }),
    );
    assert_eq!(
        (app.role_arn, app.token_file, app.opaque_env),
        (None, None, false)
    );
}

#[test]
fn the_token_for_the_api_server_is_a_credential_only_where_the_pod_points_there() {
    let api = "/var/run/secrets/kubernetes.io/serviceaccount";
    let tokens = |path: &str, file: Option<&str>| {
        let env: Vec<_> = file
            .iter()
            .map(|f| json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f }))
            .collect();
        container(json!({ "env": env, "volumeMounts": [{ "name": "api", "mountPath": path }] }))
            .tokens
            .len()
    };
    assert_eq!(tokens(api, None), 0);
    assert_eq!(tokens(api, Some(FILE)), 0);
    assert_eq!(
        tokens(api, Some("/var/run/secrets/kubernetes.io/serviceaccount/token")),
        1
    );
    assert_eq!(tokens("/tokens/", Some("/tokens/token")), 1);
    assert_eq!(tokens("/tokens", Some("/tokens2/token")), 0);
    assert_eq!(tokens("/tokens/token", Some("/tokens/token")), 1);
}

#[test]
fn every_token_with_an_audience_counts_and_other_volumes_do_not() {
    let mounts = |names: &[&str]| {
        let mounts: Vec<_> = names
            .iter()
            .map(|name| json!({ "name": name, "mountPath": format!("/{name}") }))
            .collect();
        container(json!({ "volumeMounts": mounts })).tokens
    };
    let found: Vec<_> = mounts(&["sts", "config", "scratch", "nowhere"])
        .into_iter()
        .map(|t| (t.path, t.audience, t.file))
        .collect();
    assert_eq!(
        found,
        [
            (
                "/sts".to_owned(),
                Some("sts.amazonaws.com".to_owned()),
                "token".to_owned()
            ),
            (
                "/sts".to_owned(),
                Some("vault".to_owned()),
                "vault-token".to_owned()
            ),
        ]
    );
}

#[test]
fn annotations_that_could_matter_stay() {
    let mut object = irsa_pod();
    object["metadata"]["annotations"] = json!({
        "eks.amazonaws.com/skip-containers": "proxy", "irsa.example.com/skip-containers": "app",
        "kubectl.kubernetes.io/restartedAt": "2026-11-20T08:14:02Z"
    });
    let pod = pruned(object);
    assert_eq!(pod.annotation(PREFIX, "skip-containers"), Some("proxy"));
    assert_eq!(pod.annotations.len(), 1);
}

#[test]
fn what_names_a_variable_without_a_value_is_seen() {
    let named = |variable: Value| container(json!({ "env": [variable] })).names_variable;
    assert!(named(json!({ "name": "AWS_ROLE_ARN", "value": "" })));
    let from = json!({ "configMapKeyRef": { "name": "aws", "key": "role" } });
    assert!(named(
        json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "valueFrom": from })
    ));
    assert!(!named(json!({ "name": "AWS_ROLE_ARN", "value": ROLE })));
    assert!(!named(json!({ "name": "AWS_REGION", "value": "" })));
}

#[test]
fn access_keys_are_known_by_what_sets_them_never_by_value() {
    let app = |variable: Value| container(json!({ "env": [variable] }));
    let key = |mut fields: Value| {
        fields["name"] = "AWS_ACCESS_KEY_ID".into();
        app(fields)
    };
    let secret = |optional: bool| json!({ "valueFrom": { "secretKeyRef": { "name": "s3", "key": "id", "optional": optional } } });
    let literal = key(json!({ "value": "AKIAIOSFODNN7EXAMPLE" }));
    assert_eq!(literal.access_key(), Some(&SetBy::Env));
    assert!(!format!("{literal:?}").contains("AKIA"));
    assert_eq!(key(secret(false)).access_key(), Some(&SetBy::Env));
    assert_eq!(key(secret(true)).access_key(), None, "it may not be there");
    assert_eq!(key(json!({ "value": "" })).access_key(), None);
    let profile = app(json!({ "name": "AWS_PROFILE", "value": "prod" }));
    assert_eq!(
        (profile.profile(), profile.access_key()),
        (Some(&SetBy::Env), None)
    );
    let from = container(json!({ "envFrom": [
        { "secretRef": { "name": "s3" }, "prefix": "AWS_" }, { "configMapRef": { "name": "c" } }, {}
    ] }));
    let from = &from.rarities.unwrap().env_from;
    let expected = |source, name: &str, prefix: &str| EnvFrom {
        source,
        name: name.into(),
        prefix: prefix.into(),
    };
    assert_eq!(
        *from,
        [
            expected(EnvSource::Secret, "s3", "AWS_"),
            expected(EnvSource::ConfigMap, "c", "")
        ]
    );
    assert_eq!(app(json!({ "name": "OTHER", "value": "x" })).rarities, None);
}

#[test]
fn the_sts_endpoints_that_a_container_asks_for() {
    let asked = |value: &str| {
        container(json!({ "env": [{ "name": "AWS_STS_REGIONAL_ENDPOINTS", "value": value }] })).sts_endpoints
    };
    assert_eq!(asked("regional"), StsEndpoints::Regional);
    assert_eq!(asked("Legacy"), StsEndpoints::Legacy);
    assert_eq!(asked("$(ENDPOINTS)"), StsEndpoints::Unset);
}

#[test]
fn a_token_by_sub_path_is_the_mount_itself() {
    let token = |sub_path: &str| {
        let mount = json!({ "name": "sts", "mountPath": "/aws/token", "subPath": sub_path });
        let tokens = container(json!({ "volumeMounts": [mount] })).tokens;
        tokens
            .into_iter()
            .map(|t| (t.file, t.sub_path))
            .collect::<Vec<_>>()
    };
    assert_eq!(token("token"), [(String::new(), true)]);
    assert_eq!(token("vault-token"), [(String::new(), true)]);
    assert_eq!(token("ca.crt"), []);
    assert_eq!(
        token(""),
        [("token".to_owned(), false), ("vault-token".to_owned(), false)]
    );
}

#[test]
fn the_service_account_defaults() {
    let account = |spec: Value| {
        pruned(json!({ "metadata": { "namespace": "n", "name": "p" }, "spec": spec }))
            .service_account
            .clone()
    };
    assert_eq!(account(json!({})), "default");
    assert_eq!(
        account(json!({ "serviceAccountName": "", "serviceAccount": null })),
        "default"
    );
    assert_eq!(account(json!({ "serviceAccount": "old" })), "old");
    assert_eq!(
        account(json!({ "serviceAccountName": "new", "serviceAccount": "old" })),
        "new"
    );
}

#[test]
fn the_life_of_a_pod() {
    let with = |status: Value| {
        let mut object = irsa_pod();
        object["status"] = status;
        pruned(object)
    };
    for (phase, expected) in [
        (json!("Pending"), PodPhase::Pending),
        (json!("Running"), PodPhase::Running),
        (json!("Succeeded"), PodPhase::Succeeded),
        (json!("Failed"), PodPhase::Failed),
        (json!("Unknown"), PodPhase::Unknown),
        (json!("Hibernating"), PodPhase::Unknown),
        (json!(null), PodPhase::Pending),
    ] {
        assert_eq!(with(json!({ "phase": phase })).phase, expected);
    }
    assert!(!with(json!({ "conditions": [{ "type": "Ready", "status": "False" }] })).ready);
    assert!(!with(json!({ "conditions": [{ "type": "ContainersReady", "status": "True" }] })).ready);
    assert!(!with(json!({ "conditions": null })).ready);
    assert_eq!(with(Value::Null).phase, PodPhase::Pending);
    let mut leaving = irsa_pod();
    leaving["metadata"]["deletionTimestamp"] = "2026-11-23T08:00:00Z".into();
    assert!(pruned(leaving).terminating);
}

#[test]
fn null_lists_are_empty() {
    let object = json!({
        "metadata": { "namespace": "n", "name": "p", "uid": null, "labels": null, "ownerReferences": null },
        "spec": { "containers": [{ "name": "a", "env": null, "envFrom": null, "volumeMounts": null }],
            "initContainers": null, "volumes": [{ "name": "v", "projected": { "sources": null } }] }
    });
    assert_eq!(
        **pruned(object).containers,
        [Container {
            name: "a".into(),
            ..Container::default()
        }]
    );
}

#[test]
fn what_is_malformed_is_named_with_its_place() {
    let set = |pointer: &str, value: Value| {
        let mut object = irsa_pod();
        *object.pointer_mut(pointer).unwrap() = value;
        refused(object)
    };
    for (pointer, place) in [
        ("/metadata/labels", "metadata.labels"),
        ("/metadata/creationTimestamp", "metadata.creationTimestamp"),
        (
            "/metadata/ownerReferences/0/kind",
            "metadata.ownerReferences[0].kind",
        ),
        ("/spec", "spec"),
        ("/spec/serviceAccountName", "spec.serviceAccountName"),
        ("/spec/containers", "spec.containers"),
        (
            "/spec/containers/0/env/5/value",
            "spec.containers[0].env[5].value",
        ),
        (
            "/spec/initContainers/0/volumeMounts",
            "spec.initContainers[0].volumeMounts",
        ),
        (
            "/spec/volumes/0/projected/sources",
            "spec.volumes[0].projected.sources",
        ),
        ("/status/conditions/0/status", "status.conditions[0].status"),
    ] {
        let error = set(pointer, json!(7));
        assert_eq!(
            (error.namespace.as_str(), error.name.as_str()),
            ("shop", "orders-7d9c8b6f5-x2x7q")
        );
        assert!(
            error.reason.starts_with(&format!("{place}: ")),
            "{pointer}: {}",
            error.reason
        );
    }
    let error = set("/metadata/name", json!(7));
    assert_eq!((error.namespace.as_str(), error.name.as_str()), ("shop", ""));
}

#[test]
fn what_is_no_object_is_refused() {
    for object in [
        Value::Null,
        json!([]),
        json!("pod"),
        json!({}),
        json!({ "metadata": null }),
        json!({ "metadata": { "name": "p", "namespace": "n" } }),
    ] {
        refused(object);
    }
}

#[test]
fn a_refusal_is_safe_to_show() {
    let mut object = irsa_pod();
    object["metadata"]["name"] = "a\u{1b}[31m".into();
    object["status"]["conditions"] = "\u{202e}\n".into();
    let error = refused(object);
    assert!(
        error
            .to_string()
            .chars()
            .all(|c| !c.is_control() && c != '\u{202e}'),
        "{error:?}"
    );
}
