//! A pod as the API server sends it, as far as anything is read of it. What is written of it is the same, and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::prune::{is_default, null_as_default};
use crate::wire::Present;

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct Raw {
    pub(super) metadata: RawMetadata,
    pub(super) spec: RawSpec,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) status: RawStatus,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMetadata {
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) creation_timestamp: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deletion_timestamp: Option<Value>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) owner_references: Vec<RawOwner>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawOwner {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) controller: bool,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSpec {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) service_account_name: String,
    /// The older name of the same field; the API server fills in both, manifests may have either.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) service_account: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) init_containers: Vec<RawContainer>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) containers: Vec<RawContainer>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) volumes: Vec<RawVolume>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) automount_service_account_token: Option<bool>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) os: RawOs,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) node_selector: BTreeMap<String, String>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) affinity: RawAffinity,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
pub(super) struct RawOs {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAffinity {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) node_affinity: RawNodeAffinity,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawNodeAffinity {
    #[serde(
        default,
        rename = "requiredDuringSchedulingIgnoredDuringExecution",
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) required: RawNodeSelector,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawNodeSelector {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) node_selector_terms: Vec<RawNodeTerm>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawNodeTerm {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) match_expressions: Vec<RawNodeExpression>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawNodeExpression {
    pub(super) key: String,
    pub(super) operator: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawContainer {
    pub(super) name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) env: Vec<RawVariable>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) env_from: Vec<RawEnvFrom>,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) volume_mounts: Vec<RawMount>,
    /// `Always` makes of an init container one that goes on beside the others.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) restart_policy: String,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawEnvFrom {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) prefix: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_ref: Option<RawName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_map_ref: Option<RawName>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawName {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawVariable {
    pub(super) name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_from: Option<RawValueFrom>,
}

/// A key of a Secret or ConfigMap, or something else.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawValueFrom {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_key_ref: Option<RawKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_map_key_ref: Option<RawKey>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawKey {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) optional: bool,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawMount {
    pub(super) name: String,
    pub(super) mount_path: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) sub_path: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) sub_path_expr: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) read_only: bool,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawVolume {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) projected: Option<RawProjected>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) empty_dir: Option<Present>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) csi: Option<RawCsi>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<RawKeys>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_map: Option<RawKeys>,
}

/// A Secret or ConfigMap as a volume.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawKeys {
    /// Of a Secret.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) secret_name: String,
    /// Of a ConfigMap.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) name: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) items: Vec<RawItem>,
}

/// A key that becomes a file of another name.
#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawItem {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) key: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) path: String,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawCsi {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) driver: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) volume_attributes: RawVolumeAttributes,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawVolumeAttributes {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) secret_provider_class: String,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawProjected {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) sources: Vec<RawSource>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawSource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) service_account_token: Option<RawToken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<RawKeys>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config_map: Option<RawKeys>,
    #[serde(default, rename = "downwardAPI", skip_serializing_if = "Option::is_none")]
    pub(super) downward_api: Option<RawKeys>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawToken {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) audience: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) path: String,
}

#[derive(Clone, PartialEq, Default, Deserialize, Serialize)]
pub(super) struct RawStatus {
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) phase: String,
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "is_default"
    )]
    pub(super) conditions: Vec<RawCondition>,
}

#[derive(Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct RawCondition {
    #[serde(rename = "type")]
    pub(super) type_: String,
    pub(super) status: String,
}
