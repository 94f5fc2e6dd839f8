//! `IrsaApproval`: a person's consent to one planned change of a trust policy.

// Each `printcolumn(…)` has attributes of its own; the lint takes them for repetitions of one another.
#![allow(clippy::duplicated_attributes)]

use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// The approval of one plan. It never changes: create another one instead.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "irsa-audit.dev",
    version = "v1alpha1",
    kind = "IrsaApproval",
    category = "irsa-audit",
    derive = "PartialEq",
    doc = "The approval of one planned change of a trust policy. Anyone who may create these may approve.",
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.namespace"),
    printcolumn(name = "ServiceAccount", type_ = "string", json_path = ".spec.serviceAccount"),
    printcolumn(name = "Approved by", type_ = "string", json_path = ".spec.approvedBy"),
    printcolumn(name = "Valid for", type_ = "string", json_path = ".spec.validFor"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.planHash", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self == oldSelf").message("an approval cannot be changed: create another one"))]
pub struct IrsaApprovalSpec {
    /// The namespace of the ServiceAccount.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    )]
    pub namespace: String,
    /// The ServiceAccount that the role will trust.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub service_account: String,
    /// The hash of the plan, as `irsa-audit plan` shows it: 64 hexadecimal digits in lower case.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub plan_hash: String,
    /// How long the approval is valid, from the creation of this object: at most `24h`.
    #[schemars(schema_with = "crate::schema::approval_duration")]
    pub valid_for: Duration,
    /// The name of the user who creates this object. The API server refuses any other.
    #[schemars(length(min = 1, max = 1024))]
    pub approved_by: String,
}
