//! Pods: who runs as what, and which credentials each container was given.

mod api_token;
mod container;
mod csi;
mod endpoint;
mod extract;
mod files;
mod raw;
mod setting;
mod system;
mod token_place;
mod volumes;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_core::model::pod::{MAX_LABELS, NAME_LABELS, UNKEPT_LABELS};
use audit_core::model::{DEFAULT_SERVICE_ACCOUNT, Name, Pod, PodCommon, PodPhase, ServiceAccount, few};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use self::raw::Raw;
use super::{Extract, Wire, decode};
use crate::kind::Kind;

/// The annotation of the pods that the kubelet shows for static pods. They have no ServiceAccount:
/// <https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/>.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod of which it depends on the prefix which annotations matter.
#[derive(Debug, Clone)]
pub(crate) struct PodWire {
    pod: Pod,
    /// It has a UID: the API server has it.
    pub(super) is_of_a_cluster: bool,
}

impl Wire for PodWire {
    type Resource = k8s_openapi::api::core::v1::Pod;
    type Plain = Pod;
    const KIND: Kind = Kind::Pod;

    fn prune(object: Value) -> Result<Self, String> {
        decode(object).map(Self::of)
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn for_prefix(self, prefix: &str) -> Pod {
        let mut pod = self.pod;
        let all = std::mem::take(&mut pod.annotations);
        pod.annotations = ServiceAccount::kept_annotations(all, prefix);
        pod
    }
}

impl Extract for PodWire {
    fn extract(object: Value, prefix: &str) -> Result<Value, String> {
        let mut raw: Raw = decode(object)?;
        extract::reduce(&mut raw, prefix);
        serde_json::to_value(raw).map_err(|error| error.to_string())
    }
}

impl PodWire {
    fn of(raw: Raw) -> Self {
        let Raw {
            mut metadata,
            mut spec,
            status,
        } = raw;
        let workload = workload::of(&metadata);
        let also_named = names(&metadata.labels, &workload.name);
        let secret_provider_classes = csi::classes(&spec.volumes);
        let is_mirror = metadata.annotations.contains_key(MIRROR);
        let os = system::of(&spec);
        let mut volumes = container::volumes(std::mem::take(&mut spec.volumes));
        let is_of_a_cluster = !metadata.uid.is_empty();
        let is_template = !is_of_a_cluster && status.phase.is_empty();
        if is_template {
            volumes::claim(&mut volumes, spec.init_containers.iter().chain(&spec.containers));
        }
        let api_token = api_token::of(&spec, &volumes);
        let containers = container::all(spec.init_containers, spec.containers, &volumes);
        metadata
            .labels
            .retain(|key, _| !UNKEPT_LABELS.contains(&key.as_str()));
        if let Some(first_over) = metadata.labels.keys().nth(MAX_LABELS).cloned() {
            drop(metadata.labels.split_off(&first_over));
        }
        let service_account = if is_mirror {
            Name::default()
        } else {
            [spec.service_account_name, spec.service_account]
                .into_iter()
                .find(|name| !name.is_empty())
                .map_or_else(|| Name::new_static(DEFAULT_SERVICE_ACCOUNT), Name::from)
        };
        let common = PodCommon {
            namespace: metadata.namespace.into(),
            service_account,
            labels: Arc::new(few(metadata.labels)),
            os,
            api_token,
            annotations: metadata.annotations.into_iter().collect(),
            also_named,
            secret_provider_classes,
            containers: containers.into(),
        };
        let pod = Pod {
            name: metadata.name.into(),
            created: metadata.creation_timestamp,
            phase: phase(&status.phase),
            ready: status
                .conditions
                .iter()
                .any(|c| c.type_ == "Ready" && c.status == "True"),
            terminating: metadata.deletion_timestamp.is_some(),
            workload: Arc::new(workload),
            common: Arc::new(common),
        };
        Self { pod, is_of_a_cluster }
    }
}

impl<'de> Deserialize<'de> for PodWire {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Raw::deserialize(from).map(Self::of)
    }
}

/// What the usual labels call a pod, without what its workload's name says already.
fn names(labels: &BTreeMap<String, String>, workload: &str) -> Box<[String]> {
    let values = NAME_LABELS.iter().filter_map(|label| labels.get(*label));
    let mut names: Vec<String> = values
        .filter(|name| !name.is_empty() && *name != workload)
        .cloned()
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_boxed_slice()
}

/// A pod without a phase was just created.
fn phase(text: &str) -> PodPhase {
    match text {
        "" | "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => PodPhase::Unknown,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/prune/pod.rs"]
mod tests;
