//! What is kept of a pod that has more of something than any real one.

use audit_core::model::MOST_CONTAINERS;
use audit_core::model::pod::MAX_LABELS;
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
