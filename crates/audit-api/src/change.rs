//! `TrustPolicyChange`: the journal of the writer, one object for each change of a trust policy.

// Each `printcolumn(…)` has attributes of its own; the lint takes them for repetitions of one another.
#![allow(clippy::duplicated_attributes)]

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is to be written, noted before it is. Never changed afterwards.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "irsa-audit.dev",
    version = "v1alpha1",
    kind = "TrustPolicyChange",
    status = "TrustPolicyChangeStatus",
    category = "irsa-audit",
    derive = "PartialEq",
    doc = "One change of a trust policy by the writer: both documents, who authorized it, and what came of it.",
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.roleArn"),
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.namespace"),
    printcolumn(name = "ServiceAccount", type_ = "string", json_path = ".spec.serviceAccount"),
    printcolumn(name = "Operation", type_ = "string", json_path = ".spec.operation"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Refused",
        type_ = "string",
        json_path = ".status.refused",
        priority = 1
    ),
    printcolumn(
        name = "Approval",
        type_ = "string",
        json_path = ".spec.approval.name",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("the journal is not rewritten"))]
pub struct TrustPolicyChangeSpec {
    /// What is done: `Append` our statement, or `Remove` it.
    pub operation: OperationName,
    /// The role's change counter with this change, from 1.
    #[schemars(schema_with = "crate::schema::count")]
    pub sequence: u32,
    /// The URL of the issuer of the cluster's tokens.
    #[schemars(length(min = 1, max = 255))]
    pub issuer: String,
    /// The namespace of the ServiceAccount.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// The ServiceAccount.
    #[schemars(length(min = 1, max = 253))]
    pub service_account: String,
    /// The ARN of the role.
    #[schemars(length(min = 1, max = 2048))]
    pub role_arn: String,
    /// IAM's unique ID of the role, such as `AROA…`: a recreated role has another.
    #[schemars(length(min = 1, max = 128))]
    pub role_id: String,
    /// The hash of the plan.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub plan_hash: String,
    /// The approval that authorizes it; absent for an automatic change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRef>,
    /// The `IrsaAuditPolicy` objects that authorize it.
    #[schemars(length(max = 256))]
    pub policies: Vec<String>,
    /// Our statement, as JSON.
    #[schemars(length(max = 8192))]
    pub statement: String,
    /// The trust policy from before the change, decoded: what a person restores.
    #[schemars(length(max = 65536))]
    pub before: String,
    /// The trust policy that is written.
    #[schemars(length(max = 65536))]
    pub after: String,
    /// The identity under which the writer held its lease.
    #[schemars(length(min = 1, max = 253))]
    pub writer: String,
}

/// The approval of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRef {
    /// The name of the `IrsaApproval`.
    pub name: String,
    /// Its UID: an approval is spent once.
    pub uid: String,
    /// Who approved.
    pub approved_by: String,
}

/// What is done to a trust policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OperationName {
    /// Our statement is appended.
    Append,
    /// Our statement is removed.
    Remove,
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PhaseName {
    /// It is noted. The write may have been sent, or be on its way.
    Prepared,
    /// IAM shows what was written.
    Applied,
    /// IAM refused the write.
    Refused,
    /// IAM still shows the old document, and the write can no longer arrive.
    NotApplied,
    /// The write was never sent.
    Abandoned,
    /// IAM shows something else: the role is latched until a person releases it.
    Latched,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustPolicyChangeStatus {
    /// How far it has come; `Prepared` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<PhaseName>,
    /// When the phase changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub changed: Option<Timestamp>,
    /// Of a latched change, the document that IAM showed, if the role was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub found: Option<String>,
    /// Of a refused change, the error code of IAM, such as `AccessDenied`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub refused: Option<String>,
    /// Of a latched change, when a person released the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub released: Option<Timestamp>,
}
