//! Pods: who runs as what, and which credentials each container was given.

mod container;
mod raw;
mod token_place;
mod volumes;
mod workload;

use std::collections::BTreeMap;

use audit_core::model::pod::NAME_LABELS;
use audit_core::model::{Pod, PodPhase, ServiceAccount, Workload};
use serde_json::Value;

use self::raw::Raw;
use super::{Wire, decode};
use crate::kind::Kind;

/// The label, below the prefix, whose presence opts a pod out of the webhook whatever its value is: EKS registers the
/// webhook with an object selector that wants the label not to exist.
const OPT_OUT_LABEL: &str = "skip-pod-identity-webhook";

/// A pod of which it depends on the prefix whether it has opted out of the webhook, and which annotations matter.
#[derive(Debug, Clone)]
pub(crate) struct PodWire {
    pod: Pod,
    /// The prefixes for which it carries the label.
    opted_out_of: Vec<String>,
}

impl Wire for PodWire {
    type Resource = k8s_openapi::api::core::v1::Pod;
    type Plain = Pod;
    const KIND: Kind = Kind::Pod;

    fn prune(object: Value) -> Result<Self, String> {
        let Raw {
            metadata,
            spec,
            status,
        } = decode(object)?;
        let opted_out_of = metadata
            .labels
            .keys()
            .filter_map(|key| key.strip_suffix(OPT_OUT_LABEL)?.strip_suffix('/'))
            .map(str::to_owned)
            .collect();
        let workload = workload::of(&metadata);
        let also_named = names(&metadata.labels, &workload);
        let containers = container::all(spec.init_containers, spec.containers, spec.volumes);
        let pod = Pod {
            namespace: metadata.namespace,
            name: metadata.name,
            uid: metadata.uid,
            created: metadata.creation_timestamp,
            service_account: [spec.service_account_name, spec.service_account]
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_else(|| "default".to_owned()),
            workload,
            phase: phase(&status.phase),
            ready: status
                .conditions
                .iter()
                .any(|c| c.type_ == "Ready" && c.status == "True"),
            terminating: metadata.deletion_timestamp.is_some(),
            webhook_opt_out: false,
            annotations: metadata.annotations,
            also_named,
            containers,
        };
        Ok(Self { pod, opted_out_of })
    }

    fn for_prefix(self, prefix: &str) -> Pod {
        let mut pod = self.pod;
        pod.webhook_opt_out = self.opted_out_of.iter().any(|p| p == prefix);
        pod.annotations
            .retain(|key, _| ServiceAccount::keeps_annotation(key, prefix));
        pod
    }
}

/// What the usual labels call a pod, without what its workload's name says already.
fn names(labels: &BTreeMap<String, String>, workload: &Workload) -> Box<[String]> {
    let values = NAME_LABELS.iter().filter_map(|label| labels.get(*label));
    let mut names: Vec<String> = values
        .filter(|name| !name.is_empty() && **name != workload.name)
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
