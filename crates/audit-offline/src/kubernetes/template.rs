//! Pod templates, which stand for the pods of workloads that have none.

use audit_core::model::{Held, Pod, PodPhase, Workload};
use audit_k8s::Undecodable;
use serde_json::{Value, json};

use super::manifest::Manifest;
use super::owner;

/// Where kinds keep their template: almost all in `spec.template`, a `CronJob` in that of its Jobs, a `PodTemplate` at the top.
const PLACES: [&str; 3] = ["/spec/template", "/spec/jobTemplate/spec/template", "/template"];

/// The template of a workload of any kind, if it has one with containers in it.
pub(super) fn of(object: &Manifest) -> Option<&Value> {
    let templates = PLACES.iter().filter_map(|place| object.value.pointer(place));
    templates
        .into_iter()
        .find(|template| template.pointer("/spec/containers").is_some_and(Value::is_array))
}

/// Whether no pods will come of an object's template: it is done, goes away, or is an old version of its Deployment.
pub(super) fn is_spent(object: &Manifest) -> bool {
    let is_true = |condition: &Value, kind: &str| {
        condition.get("type").and_then(Value::as_str) == Some(kind)
            && condition.get("status").and_then(Value::as_str) == Some("True")
    };
    let conditions = object
        .value
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    let is_deleted = object
        .value
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null());
    is_deleted
        || match object.kind.as_str() {
            "ReplicaSet" => object.value.pointer("/spec/replicas").and_then(Value::as_u64) == Some(0),
            "Job" => {
                conditions.any(|condition| is_true(condition, "Complete") || is_true(condition, "Failed"))
            }
            _ => false,
        }
}

/// The template as the pod that it stands for.
pub(super) fn pod(
    object: &Manifest,
    template: &Value,
    namespace: &str,
    prefix: &str,
) -> Result<Pod, Undecodable> {
    let workload = owner::workload(object);
    let metadata = |name: &str| {
        template
            .pointer("/metadata")
            .and_then(|metadata| metadata.get(name))
            .cloned()
    };
    let key = role_annotation(prefix);
    let mut annotations = metadata("annotations")
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({}));
    if let (Some(own), Some(annotations)) = (own_annotation(object, &key), annotations.as_object_mut()) {
        annotations.entry(key).or_insert_with(|| own.clone());
    }
    let pod = json!({
        "metadata": {
            "namespace": namespace,
            // No pod has such a name.
            "name": format!("{}/{}", workload.kind.to_lowercase(), workload.name),
            "labels": metadata("labels"),
            "annotations": annotations,
        },
        "spec": template.get("spec"),
    });
    let pod = audit_k8s::prune::pod(pod, prefix)?;
    Ok(standing_for(pod, workload))
}

/// The groups of the kinds that every cluster has: their controllers read no annotation that names a role.
const NATIVE: [&str; 3] = ["", "apps", "batch"];

/// Where a workload has annotations outside of its pod template: its own, and those of the Jobs of a `CronJob`.
const OUTSIDE: [&str; 2] = ["/metadata/annotations", "/spec/jobTemplate/metadata/annotations"];

/// The annotation that names the role, where a workload has it outside of its pod template. The webhook reads it there as little as on
/// pods.
fn own_annotation<'o>(object: &'o Manifest, key: &str) -> Option<&'o Value> {
    let mut places = OUTSIDE.iter();
    let own = places.find_map(|place| object.value.pointer(place)?.get(key));
    own.filter(|value| value.is_string() && NATIVE.contains(&object.group.as_str()))
}

fn role_annotation(prefix: &str) -> String {
    format!("{prefix}/role-arn")
}

/// Tells a pod what its workload's template says of its containers, since a new pod begins with that, and of the role.
pub(super) fn compare(pod: &mut Pod, template: &Pod, prefix: &str) {
    let key = role_annotation(prefix);
    if let Some(role) = template.annotations.get(&key) {
        pod.annotations.entry(key).or_insert_with(|| role.clone());
    }
    for container in &mut pod.containers {
        let same = template
            .containers
            .iter()
            .find(|other| other.name == container.name);
        if let Some(same) = same {
            container.rarities.get_or_insert_default().in_template = Some(Box::new(same.clone()));
        }
    }
}

/// Where the status of a workload counts its pods: a Deployment, `StatefulSet` or `ReplicaSet`, a `DaemonSet`, a Job.
const COUNTS: [&str; 5] = [
    "/status/replicas",
    "/status/readyReplicas",
    "/status/currentNumberScheduled",
    "/status/numberReady",
    "/status/active",
];

/// How many pods the status of a workload counts.
pub(super) fn counted(object: &Manifest) -> u64 {
    let counts = COUNTS
        .iter()
        .filter_map(|place| object.value.pointer(place)?.as_u64());
    counts.max().unwrap_or_default()
}

/// What keeps a workload from replacing its pods.
pub(super) fn held(object: &Manifest) -> Option<Held> {
    let text = |pointer: &str| object.value.pointer(pointer).and_then(Value::as_str);
    let strategy = text("/spec/updateStrategy/type");
    match object.kind.as_str() {
        "Deployment" => {
            let paused = object.value.pointer("/spec/paused").and_then(Value::as_bool);
            (paused == Some(true)).then_some(Held::Paused)
        }
        "DaemonSet" | "StatefulSet" if strategy == Some("OnDelete") => Some(Held::OnDelete),
        "StatefulSet" => {
            let partition = object
                .value
                .pointer("/spec/updateStrategy/rollingUpdate/partition")
                .and_then(Value::as_u64);
            let partition = partition
                .and_then(|partition| u32::try_from(partition).ok())
                .filter(|partition| *partition > 0);
            partition.map(Held::Partition)
        }
        _ => None,
    }
}

/// A pod's manifest, which nobody has created yet, as the pod that it stands for.
pub(super) fn standing_for(pod: Pod, workload: Workload) -> Pod {
    Pod {
        workload: workload.into(),
        phase: PodPhase::Template,
        ready: false,
        ..pod
    }
}

/// Whether a pod is one of a cluster, and not merely the manifest of one.
pub(super) fn is_live(object: &Manifest) -> bool {
    !object.text("/status/phase").is_empty() || !object.text("/metadata/uid").is_empty()
}
