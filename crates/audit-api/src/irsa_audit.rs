//! `IrsaAudit`: one binding.

// Each `printcolumn(…)` has attributes of its own; the lint takes them for repetitions of one another.
#![allow(clippy::duplicated_attributes)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// What is audited, and what is expected of it.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "irsa-audit.dev",
    version = "v1alpha1",
    kind = "IrsaAudit",
    namespaced,
    status = "IrsaAuditStatus",
    shortname = "irsa",
    category = "irsa-audit",
    derive = "PartialEq",
    selectable = ".spec.serviceAccountName",
    doc = "The audit of one binding of a ServiceAccount to an IAM role.",
    printcolumn(name = "Role", type_ = "string", json_path = ".status.binding.roleArn"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason"),
    printcolumn(name = "Rem", type_ = "string", json_path = ".status.remediation"),
    printcolumn(name = "Pods", type_ = "integer", json_path = ".status.pods.total"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Path",
        type_ = "string",
        json_path = ".status.binding.path",
        priority = 1
    ),
    printcolumn(
        name = "Account",
        type_ = "string",
        json_path = ".status.binding.accountId",
        priority = 1
    ),
    printcolumn(
        name = "Findings",
        type_ = "string",
        json_path = ".status.codes",
        priority = 1
    ),
    printcolumn(
        name = "Last audit",
        type_ = "date",
        json_path = ".status.lastAuditTime",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct IrsaAuditSpec {
    /// The ServiceAccount to audit, in the namespace of this object. It cannot change: make another object instead.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    #[x_kube(validation = Rule::new("self == oldSelf").message("serviceAccountName is immutable"))]
    pub service_account_name: String,
    /// Stops the audit of this binding; its status stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// What the team expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// Findings that somebody has accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub waivers: Vec<WaiverSpec>,
    /// How far irsa-audit may go to repair the role's trust policy, as far as this team is concerned; admins have their say in an
    /// `IrsaAuditPolicy`, and the role's owner by a tag. `Propose` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<RemediationName>,
}

/// How far irsa-audit may go. `Off`: no plan. `Propose`: a plan is shown. `RequireApproval`: a plan is carried out once a person has
/// approved it. `Automatic`: a plan is carried out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum RemediationName {
    /// No plan.
    Off,
    /// A plan is shown.
    Propose,
    /// A plan is carried out once a person has approved it.
    RequireApproval,
    /// A plan is carried out by itself.
    Automatic,
}

/// What a team expects of its ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expect {
    /// The ARN of the role that it should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 2048),
        regex(pattern = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$")
    )]
    pub role_arn: Option<String>,
    /// The workloads that should run as it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub workloads: Vec<WorkloadSpec>,
    /// What it should be able to do in AWS: at most 512 actions on resources, and 65,536 characters, in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.map(e, size(e.actions) * (has(e.resources) && size(e.resources) > 0 ? size(e.resources) : 1)).sum() <= 512").message("at most 512 actions on resources in all"))]
    #[x_kube(validation = Rule::new("self.map(e, e.actions.map(a, size(a)).sum() + (has(e.resources) ? e.resources.map(r, size(r)).sum() : 0) + (has(e.context) ? e.context.map(k, size(k) + size(e.context[k])).sum() : 0)).sum() <= 65536").message("at most 65536 characters in all"))]
    pub aws: Vec<AwsSpec>,
    /// What it should be able to do in Kubernetes: at most 256 verbs on names, and 65,536 characters, in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new("self.map(e, size(e.verbs) * (has(e.resourceNames) && size(e.resourceNames) > 0 ? size(e.resourceNames) : 1)).sum() <= 256").message("at most 256 verbs on names in all"))]
    #[x_kube(validation = Rule::new("self.map(e, e.verbs.map(v, size(v)).sum() + (has(e.resourceNames) ? e.resourceNames.map(n, size(n)).sum() : 0)).sum() <= 65536").message("at most 65536 characters in all"))]
    pub kubernetes: Vec<KubernetesSpec>,
}

/// A workload, in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Its kind, such as `Deployment`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// AWS actions on resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsSpec {
    /// Actions, such as `s3:GetObject`.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)))]
    pub actions: Vec<String>,
    /// ARNs; all resources where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 2048)))]
    pub resources: Vec<String>,
    /// Condition keys that the request is known to carry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::context")]
    pub context: BTreeMap<String, String>,
}

/// Kubernetes verbs on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesSpec {
    /// Verbs, such as `get`.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 253)))]
    pub verbs: Vec<String>,
    /// API group; empty for the core group.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub api_group: String,
    /// Resource, in the plural.
    #[schemars(length(min = 1, max = 253))]
    pub resource: String,
    /// Subresource, such as `log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub subresource: Option<String>,
    /// Names; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub resource_names: Vec<String>,
    /// Namespace; absent for cluster-scoped resources, or for all namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
}

/// A finding that somebody has accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiverSpec {
    /// The code, such as `IRSA208`.
    #[schemars(schema_with = "crate::schema::code")]
    pub code: String,
    /// When the finding counts again; never where absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::time::any_time"
    )]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub until: Option<Timestamp>,
    /// Why it is accepted.
    #[schemars(length(min = 1, max = 512))]
    pub reason: String,
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VerdictName {
    /// Every link passes.
    Working,
    /// Works, but something exposes it or will break it.
    AtRisk,
    /// Proven not to work.
    Broken,
    /// Something that decides could not be seen.
    Unknown,
}

/// What the audit says. Nothing reads it as an input.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IrsaAuditStatus {
    /// The verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictName>,
    /// The reason of the verdict, in CamelCase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason of the verdict, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The codes of all findings that count, joined by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<String>,
    /// Who asks whom for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingStatus>,
    /// `Ready`, `Reconciling`, `Stalled`, and one for each link of the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// All findings, in chain order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingStatus>,
    /// What else is broken once these findings are repaired, in the order in which it would appear; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<ThenStatus>,
    /// How far the repair of the role's trust policy has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<ProgressName>,
    /// The one change by which irsa-audit could repair the role's trust policy. Nothing acts on it: the writer makes its own plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The pods that run as the ServiceAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodsStatus>,
    /// The generation of the spec that was audited; -1 before the first audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When this status was confirmed last: a coarse heartbeat, at most hourly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub last_audit_time: Option<Timestamp>,
}

/// Who asks whom for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingStatus {
    /// How the consumers get their credentials: `Webhook`, `Own`, `Requested`, `PodIdentity`, `Launched`, `Static` or `Node`. Of
    /// several ways, the one that is audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The role to which the path leads; on that of the webhook, the annotation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The role's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The issuer of the cluster's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The provider that the role must trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_arn: Option<String>,
    /// The `sub` claim of the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The `aud` claim of the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingStatus {
    /// Its stable code.
    pub code: String,
    /// Its reason, in CamelCase.
    pub reason: String,
    /// `broken`, `unknown`, `risk` or `notice`.
    pub severity: String,
    /// The link of the chain.
    pub link: String,
    /// What was wanted and what was found.
    pub message: String,
    /// How to repair it; on the finding that decides the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// When it was seen first.
    #[schemars(schema_with = "crate::schema::date_time")]
    pub first_seen: Timestamp,
    /// Until when it is waived; the end of time where the waiver has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_date_time")]
    pub waived_until: Option<Timestamp>,
}

/// What is broken once something else is repaired. Its fix shows when it is its turn, and in `irsa-audit audit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThenStatus {
    /// Its stable code.
    pub code: String,
    /// Its reason, in CamelCase.
    pub reason: String,
    /// The link of the chain.
    pub link: String,
    /// What was wanted and what was found.
    pub message: String,
}

/// How far the repair of the role's trust policy has come. `Proposed`: there is a plan, and the team has not asked for the repair or only
/// an approval is missing. `Blocked`: something else prevents it, see `plan.blockedBy`. `Approved`: the writer is about to carry it out,
/// or is doing so. `Applied`: the writer appended its statement. `RolledBack`: the writer removed its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProgressName {
    /// There is a plan.
    Proposed,
    /// Something other than a missing approval prevents it.
    Blocked,
    /// The writer is about to carry it out, or is doing so.
    Approved,
    /// The writer appended its statement.
    Applied,
    /// The writer removed its statement.
    RolledBack,
}

/// A plan, as far as a namespace may know it. `irsa-audit plan` shows it whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// What an approval is given for: 64 hexadecimal digits. It changes with everything that the plan depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// What would be written, and whom it admits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Who does not agree yet, or what prevents it, and how to change that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<BlockedBy>,
}

/// One reason why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockedBy {
    /// Who has to agree: `Team`, `Admins`, `RoleOwner`, `Approver`, `Admission`, `Journal` or `Writer`.
    pub authority: String,
    /// The reason, as a stable name.
    pub reason: String,
    /// What is missing, and what to do about it.
    pub message: String,
}

/// The pods, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodsStatus {
    /// Pods that can still ask for credentials.
    #[schemars(schema_with = "crate::schema::count")]
    pub total: u32,
    /// Of these, Ready.
    #[schemars(schema_with = "crate::schema::count")]
    pub ready: u32,
    /// Of these, with another role than the annotation's.
    #[schemars(schema_with = "crate::schema::count")]
    pub stale: u32,
    /// Of these, without credentials.
    #[schemars(schema_with = "crate::schema::count")]
    pub missing: u32,
    /// Workloads to restart, as `Kind/name`; at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<String>,
}
