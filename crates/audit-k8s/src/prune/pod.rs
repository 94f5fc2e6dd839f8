//! Pods: who runs as what, and which credentials each container was given.

use std::collections::{BTreeMap, HashMap};

use audit_core::model::{Container, Pod, PodPhase, TokenMount, Workload};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Wire, decode, null_as_default};
use crate::kind::Kind;
use crate::observation::{Change, Observation};

/// The role that the SDKs assume with a web identity token.
const ROLE_ARN: &str = "AWS_ROLE_ARN";
/// Where the SDKs find that token.
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
/// What EKS Pod Identity injects in place of the two.
const POD_IDENTITY_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// The label, below the prefix, whose presence opts a pod out of the webhook whatever its value is: EKS registers the
/// webhook with an object selector that wants the label not to exist.
const OPT_OUT_LABEL: &str = "skip-pod-identity-webhook";
/// The label by which a Deployment tells its `ReplicaSet`s and their pods apart.
const TEMPLATE_HASH_LABEL: &str = "pod-template-hash";

/// A pod that may have opted out of the webhook: whether it did depends on the prefix.
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
        let workload = workload(&metadata);
        let tokens = token_volumes(spec.volumes);
        let init = spec.init_containers.into_iter().map(|raw| (true, raw));
        let main = spec.containers.into_iter().map(|raw| (false, raw));
        let containers = init
            .chain(main)
            .map(|(init, raw)| container(raw, init, &tokens))
            .collect();
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
            containers,
        };
        Ok(Self { pod, opted_out_of })
    }

    fn for_prefix(self, prefix: &str) -> Pod {
        Pod {
            webhook_opt_out: self.opted_out_of.iter().any(|p| p == prefix),
            ..self.pod
        }
    }

    fn observation(change: Change<Pod>) -> Observation {
        Observation::Pod(change)
    }
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMetadata,
    spec: RawSpec,
    #[serde(default, deserialize_with = "null_as_default")]
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    namespace: String,
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    uid: String,
    #[serde(default)]
    creation_timestamp: Option<Timestamp>,
    #[serde(default)]
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    owner_references: Vec<RawOwner>,
}

#[derive(Deserialize)]
struct RawOwner {
    kind: String,
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    controller: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpec {
    #[serde(default, deserialize_with = "null_as_default")]
    service_account_name: String,
    /// The older name of the same field; the API server fills in both, manifests may have either.
    #[serde(default, deserialize_with = "null_as_default")]
    service_account: String,
    #[serde(default, deserialize_with = "null_as_default")]
    init_containers: Vec<RawContainer>,
    #[serde(default, deserialize_with = "null_as_default")]
    containers: Vec<RawContainer>,
    #[serde(default, deserialize_with = "null_as_default")]
    volumes: Vec<RawVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContainer {
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    env: Vec<RawVariable>,
    #[serde(default, deserialize_with = "null_as_default")]
    env_from: Vec<IgnoredAny>,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_mounts: Vec<RawMount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawVariable {
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    value: String,
    #[serde(default)]
    value_from: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMount {
    name: String,
    mount_path: String,
}

#[derive(Deserialize)]
struct RawVolume {
    name: String,
    #[serde(default)]
    projected: Option<RawProjected>,
}

#[derive(Deserialize)]
struct RawProjected {
    #[serde(default, deserialize_with = "null_as_default")]
    sources: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSource {
    #[serde(default)]
    service_account_token: Option<RawToken>,
}

#[derive(Deserialize)]
struct RawToken {
    #[serde(default, deserialize_with = "null_as_default")]
    audience: String,
    #[serde(default, deserialize_with = "null_as_default")]
    path: String,
}

#[derive(Deserialize, Default)]
struct RawStatus {
    #[serde(default, deserialize_with = "null_as_default")]
    phase: String,
    #[serde(default, deserialize_with = "null_as_default")]
    conditions: Vec<RawCondition>,
}

#[derive(Deserialize)]
struct RawCondition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
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

/// What somebody would restart to get this pod replaced.
///
/// A Deployment is not in its pods' ownerReferences, but its `ReplicaSet`s are named `<deployment>-<template hash>`. The
/// `CronJob` above a Job cannot be seen from the pod.
fn workload(metadata: &RawMetadata) -> Workload {
    let Some(owner) = metadata.owner_references.iter().find(|owner| owner.controller) else {
        return Workload {
            kind: Kind::Pod.as_str().to_owned(),
            name: metadata.name.clone(),
        };
    };
    let deployment = metadata
        .labels
        .get(TEMPLATE_HASH_LABEL)
        .filter(|hash| owner.kind == "ReplicaSet" && !hash.is_empty())
        .and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'))
        .filter(|name| !name.is_empty());
    match deployment {
        Some(name) => Workload {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        },
        None => Workload {
            kind: owner.kind.clone(),
            name: owner.name.clone(),
        },
    }
}

/// The projected ServiceAccount tokens, by the volume that holds them.
fn token_volumes(volumes: Vec<RawVolume>) -> HashMap<String, Vec<RawToken>> {
    volumes
        .into_iter()
        .filter_map(|volume| {
            let sources = volume.projected?.sources;
            let tokens: Vec<_> = sources
                .into_iter()
                .filter_map(|source| source.service_account_token)
                .collect();
            (!tokens.is_empty()).then_some((volume.name, tokens))
        })
        .collect()
}

/// What `env` says of a variable.
enum Setting {
    /// Nothing, or an empty value: the SDKs take that for nothing.
    Unset,
    Literal(String),
    /// Its value stands elsewhere: in a `ConfigMap`, a `Secret`, a field, or in another variable.
    Elsewhere,
}

impl Setting {
    fn of(variable: RawVariable) -> Self {
        // The kubelet puts the values of other variables in place of `$(NAME)`.
        if variable.value_from.is_some() || variable.value.contains("$(") {
            Self::Elsewhere
        } else if variable.value.is_empty() {
            Self::Unset
        } else {
            Self::Literal(variable.value)
        }
    }

    fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Elsewhere)
    }

    fn literal(self) -> Option<String> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Unset | Self::Elsewhere => None,
        }
    }
}

fn container(raw: RawContainer, init: bool, tokens: &HashMap<String, Vec<RawToken>>) -> Container {
    let (mut role_arn, mut token_file, mut pod_identity) = (Setting::Unset, Setting::Unset, false);
    for variable in raw.env {
        // Of several variables of one name, the last counts.
        match variable.name.as_str() {
            ROLE_ARN => role_arn = Setting::of(variable),
            TOKEN_FILE => token_file = Setting::of(variable),
            POD_IDENTITY_URI => pod_identity = true,
            _ => {}
        }
    }
    let opaque_env = !raw.env_from.is_empty() || role_arn.is_elsewhere() || token_file.is_elsewhere();
    let token_file = token_file.literal();
    let tokens = raw
        .volume_mounts
        .iter()
        .flat_map(|mount| {
            tokens
                .get(&mount.name)
                .into_iter()
                .flatten()
                .map(move |token| (mount, token))
        })
        .filter(|(mount, token)| is_credential(mount, token, token_file.as_deref()))
        .map(|(mount, token)| TokenMount {
            path: mount.mount_path.clone(),
            audience: Some(token.audience.clone()).filter(|audience| !audience.is_empty()),
            file: token.path.clone(),
        })
        .collect();
    Container {
        name: raw.name,
        init,
        role_arn: role_arn.literal(),
        token_file,
        opaque_env,
        pod_identity,
        tokens,
    }
}

/// Whether a mounted token is meant for somebody else than the API server.
///
/// The token that every pod gets for the API server names no audience; it is nobody's web identity, unless the pod
/// itself points there.
fn is_credential(mount: &RawMount, token: &RawToken, token_file: Option<&str>) -> bool {
    let points_there = || {
        let path = mount.mount_path.trim_end_matches('/');
        token_file
            .and_then(|file| file.strip_prefix(path))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !token.audience.is_empty() || points_there()
}

#[cfg(test)]
#[path = "pod_tests.rs"]
mod tests;
