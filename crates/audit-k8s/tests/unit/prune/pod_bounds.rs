//! What is kept of a pod that has more of something than any real one.

use audit_core::model::pod::MAX_LABELS;
use audit_core::model::{MOST_BYTES_OF_POD, MOST_CONTAINERS};
use serde_json::{Value, json};

use super::{irsa_pod, pruned};

#[test]
fn of_many_labels_and_of_a_long_owner_little_is_kept() {
    let mut object = irsa_pod();
    object["metadata"]["labels"] = (0..4_000).map(|at| (format!("l{at:05}"), json!("x"))).collect();
    object["metadata"]["ownerReferences"] = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "uid": "1",
        "name": "r".repeat(1_000_000), "controller": true }]);
    let pod = pruned(object);
    assert_eq!(pod.labels.len(), MAX_LABELS);
    assert_eq!(pod.workload.kind, "Pod");
}

#[test]
fn of_thousands_of_containers_the_first_are_kept_and_the_rest_is_told() {
    let containers = |count: usize| {
        let all: Vec<Value> = (0..count).map(|at| json!({ "name": format!("c{at}") })).collect();
        pruned(
            json!({ "metadata": { "namespace": "shop", "name": "p", "uid": "u" }, "spec": {
            "initContainers": [{ "name": "init" }], "containers": all } }),
        )
        .containers
        .iter()
        .map(|container| container.unkept().is_some())
        .collect::<Vec<_>>()
    };
    assert!(!containers(MOST_CONTAINERS - 1).contains(&true));
    let cut = containers(5_000);
    assert_eq!(cut.len(), MOST_CONTAINERS);
    assert_eq!(cut.iter().position(|is_cut| *is_cut), Some(MOST_CONTAINERS - 1));
}

/// The bytes of a pod's containers, and whether some of them were left out.
fn kept_of(spec: &Value) -> (usize, bool) {
    let metadata = json!({ "namespace": "shop", "name": "p", "uid": "u" });
    let pod = pruned(json!({ "metadata": metadata, "spec": spec }));
    let bytes = pod
        .containers
        .iter()
        .map(|container| format!("{container:?}").len())
        .sum();
    (
        bytes,
        pod.containers
            .iter()
            .any(|container| container.unkept().is_some()),
    )
}

/// Whatever a pod of 1.4 MB says at length, of which copies are made for each container, mount or reference.
#[test]
fn of_a_large_pod_little_is_kept_whatever_is_large_in_it() {
    let long = "x".repeat(1_400_000);
    let some = "x".repeat(4_000);
    let names = [
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONFIG_FILE",
        "AWS_PROFILE",
        "AWS_ROLE_SESSION_NAME",
    ];
    let token = |audience: &str, path: &str| json!({ "name": "t", "projected": { "sources": [{ "serviceAccountToken": { "audience": audience, "path": path } }] } });
    let with_value = |value: &str, count: usize| {
        let mut env = vec![json!({ "name": "A", "value": value })];
        env.extend(names.map(|name| json!({ "name": name, "value": "$(A)".repeat(64) })));
        let all: Vec<Value> = (0..count)
            .map(|at| json!({ "name": format!("c{at}"), "env": env }))
            .collect();
        json!({ "containers": all })
    };
    let with_mounts = |path: &str, volume: Value, count: usize| {
        let mounts: Vec<Value> = (0..count)
            .map(|at| json!({ "name": "t", "mountPath": format!("/{at}{path}") }))
            .collect();
        let env = json!([{ "name": "AWS_CONFIG_FILE", "value": "/config" }]);
        json!({ "containers": [{ "name": "c", "env": env, "volumeMounts": mounts }], "volumes": [volume] })
    };
    let plain: Vec<Value> = names
        .iter()
        .map(|name| json!({ "name": name, "value": long }))
        .collect();
    let sources: Vec<Value> = (0..10_000)
        .map(|at| json!({ "secretRef": { "name": format!("s{at}") }, "prefix": "x".repeat(100) }))
        .collect();
    let secret = json!({ "name": "t", "secret": { "secretName": "s" } });
    for (what, spec) in [
        ("references to a long variable", with_value(&long, 1)),
        (
            "references in many containers",
            with_value("x".repeat(64).as_str(), 120),
        ),
        ("values", json!({ "containers": [{ "name": "c", "env": plain }] })),
        (
            "a long mount path",
            with_mounts(&long, token("sts.amazonaws.com", "token"), 1),
        ),
        (
            "mounts",
            with_mounts(&some, token("sts.amazonaws.com", "token"), 60),
        ),
        ("mounts beside a config file", with_mounts(&some, secret, 300)),
        ("an audience", with_mounts("", token(&long, "token"), 60)),
        (
            "a token's path",
            with_mounts("", token("sts.amazonaws.com", &long), 60),
        ),
        (
            "sources of variables",
            json!({ "containers": [{ "name": "c", "envFrom": sources }] }),
        ),
    ] {
        let (bytes, is_cut) = kept_of(&spec);
        assert!(bytes < 4 * MOST_BYTES_OF_POD, "{what}: {bytes}");
        // What is not kept is told, by this or by a variable whose value does not show.
        assert!(
            is_cut || what == "values" || what.starts_with("references to"),
            "{what}"
        );
    }
    // A pod with much of everything is read.
    let honest = with_mounts("", token("sts.amazonaws.com", "token"), 50);
    assert!(!kept_of(&honest).1);
}

#[test]
fn of_classes_of_secrets_only_those_are_kept_that_may_exist() {
    let volume = |at: usize| {
        let class = "c".repeat(1 + at % 300) + &at.to_string();
        json!({ "name": format!("v{at}"), "csi": { "driver": "secrets-store.csi.k8s.io", "volumeAttributes": { "secretProviderClass": class } } })
    };
    let volumes: Vec<Value> = (0..3_000).map(volume).collect();
    let pod = pruned(
        json!({ "metadata": { "namespace": "shop", "name": "p", "uid": "u" },
        "spec": { "containers": [{ "name": "c" }], "volumes": volumes } }),
    );
    let classes = &pod.secret_provider_classes;
    assert!(classes.len() == 64 && classes.iter().all(|class| class.len() <= 253));
}
