//! From a pod to what somebody would restart to get it replaced.

use audit_core::model::Workload;

use super::raw::{RawMetadata, RawOwner};
use crate::kind::Kind;

/// The label by which a Deployment tells its `ReplicaSet`s and their pods apart.
const DEPLOYMENT_HASH: &str = "pod-template-hash";
/// The same of an Argo Rollout.
const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";
/// The label by which a `DeploymentConfig` of `OpenShift` names itself on its pods.
const DEPLOYMENT_CONFIG: &str = "openshift.io/deployment-config.name";

/// The groups of the kinds that every cluster has.
const NATIVE: [(&str, &str); 6] = [
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("ReplicaSet", "apps"),
    ("Job", "batch"),
    ("CronJob", "batch"),
];

/// A Job starts so many seconds at most after the minute for which its `CronJob` planned it.
const LATE: i64 = 86_400;

/// The longest name of an object, in bytes.
const MAX_NAME: usize = 253;

/// What owns a pod, as far as the pod itself shows it: what stands above its controller is in no ownerReference of it.
///
/// - The `ReplicaSet`s of Deployments and Rollouts are named after them and the hash in the pod's label.
/// - The `ReplicationController`s of `OpenShift` belong to the `DeploymentConfig` in the pod's label.
/// - A `CronJob` names its Jobs after itself and the minute for which they are planned, counted from 1970. If the pod was
///   created within a day of that minute, nobody else can have thought of the number.
pub(super) fn of(metadata: &RawMetadata) -> Workload {
    let workload = |kind: &str, name: &str| Workload {
        kind: kind.into(),
        name: name.into(),
    };
    // The API server takes owners that nothing can be called, of any length: there is no such workload.
    let is_owner =
        |owner: &&RawOwner| owner.controller && owner.name.len() <= MAX_NAME && owner.kind.len() <= MAX_NAME;
    let Some(owner) = metadata.owner_references.iter().find(is_owner) else {
        return workload(Kind::Pod.as_str(), &metadata.name);
    };
    let label = |key: &str| {
        let value = metadata.labels.get(key).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let above = match owner.kind.as_str() {
        "ReplicaSet" => {
            let named = |hash: &str| before(&owner.name, label(hash)?);
            let deployment = named(DEPLOYMENT_HASH).map(|name| workload("Deployment", name));
            deployment.or_else(|| named(ROLLOUT_HASH).map(|name| workload("Rollout", name)))
        }
        "ReplicationController" => label(DEPLOYMENT_CONFIG).map(|name| workload("DeploymentConfig", name)),
        "Job" if group(owner) == Some("batch") => {
            cron_job(owner, metadata).map(|name| workload("CronJob", name))
        }
        _ => None,
    };
    above.unwrap_or_else(|| Workload {
        kind: kind(owner).into(),
        name: owner.name.as_str().into(),
    })
}

/// A name without a hyphen and this suffix.
fn before<'a>(name: &'a str, suffix: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(suffix)?.strip_suffix('-')?;
    (!rest.is_empty()).then_some(rest)
}

fn cron_job<'a>(owner: &'a RawOwner, metadata: &RawMetadata) -> Option<&'a str> {
    let (_, minute) = owner.name.rsplit_once('-')?;
    let planned = minute.parse::<u32>().ok()?;
    let late = metadata.creation_timestamp?.as_second() - i64::from(planned) * 60;
    before(&owner.name, minute).filter(|_| (0..=LATE).contains(&late))
}

/// The API group; where none is told, that of the kind.
fn group(owner: &RawOwner) -> Option<&str> {
    let native = || NATIVE.iter().find(|(kind, _)| *kind == owner.kind);
    match owner.api_version.split_once('/') {
        Some((group, _)) => Some(group),
        None => native().map(|(_, group)| *group),
    }
}

/// The owner's kind; with its group, as kubectl writes it, where it only has the name of a kind that every cluster has.
fn kind(owner: &RawOwner) -> String {
    match (NATIVE.iter().find(|(kind, _)| *kind == owner.kind), group(owner)) {
        (Some((_, native)), Some(group)) if group != *native => format!("{}.{group}", owner.kind),
        _ => owner.kind.clone(),
    }
}
