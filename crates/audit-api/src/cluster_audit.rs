//! `ClusterIrsaAudit`: what concerns no single binding. One object, named `cluster`, written by the operator.

// Each `printcolumn(…)` has attributes of its own; the lint takes them for repetitions of one another.
#![allow(clippy::duplicated_attributes)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// Nothing can be set here; use an `IrsaAuditPolicy`.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "irsa-audit.dev",
    version = "v1alpha1",
    kind = "ClusterIrsaAudit",
    status = "ClusterIrsaAuditStatus",
    category = "irsa-audit",
    derive = "PartialEq",
    doc = "What the audit knows of the cluster and of the accounts that its bindings lead to.",
    validation = Rule::new("self.metadata.name == 'cluster'").message("there is one ClusterIrsaAudit, named `cluster`"),
    printcolumn(name = "Issuer", type_ = "string", json_path = ".status.issuer.url"),
    printcolumn(name = "Working", type_ = "integer", json_path = ".status.bindings.working"),
    printcolumn(name = "At risk", type_ = "integer", json_path = ".status.bindings.atRisk"),
    printcolumn(name = "Broken", type_ = "integer", json_path = ".status.bindings.broken"),
    printcolumn(name = "Unknown", type_ = "integer", json_path = ".status.bindings.unknown"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct ClusterIrsaAuditSpec {}

/// What the operator knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIrsaAuditStatus {
    /// The issuer of the cluster's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<IssuerStatus>,
    /// Accounts that bindings use and for which the operator has access configured; at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountStatus>,
    /// Number of accounts that ServiceAccounts name and for which no access is configured. They do not affect `Ready`.
    #[serde(default)]
    #[schemars(schema_with = "crate::schema::count")]
    pub other_accounts: u32,
    /// Bindings by verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bindings: Option<VerdictCounts>,
    /// Namespaces with ServiceAccounts that are not audited, or not completely; at most 50. They do not affect `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unaudited: Vec<UnauditedStatus>,
    /// Findings about accounts and the cluster; at most 50, those of the highest severity first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<ClusterFinding>,
    /// `Ready`: whether the operator can see what it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// The issuer, and how it was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerStatus {
    /// Its URL.
    pub url: String,
    /// `Flag`, `Token`, `Discovery` or `EksDescribeCluster`.
    pub source: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// Its id.
    pub id: String,
    /// `Registered`, `NotRegistered` or `Unknown`: the provider for the cluster's issuer.
    pub provider: String,
    /// The provider's ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_arn: Option<String>,
}

/// How many ServiceAccounts of a namespace are not audited, or not completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnauditedStatus {
    /// The namespace.
    pub namespace: String,
    /// Their `IrsaAudit` is suspended.
    #[schemars(schema_with = "crate::schema::count")]
    pub suspended: u32,
    /// The API server refuses to create their `IrsaAudit`.
    #[schemars(schema_with = "crate::schema::count")]
    pub refused: u32,
    /// Their `IrsaAudit` expects more than is evaluated for one object.
    #[schemars(schema_with = "crate::schema::count")]
    pub over_limit: u32,
}

/// Bindings by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerdictCounts {
    /// Working.
    #[schemars(schema_with = "crate::schema::count")]
    pub working: u32,
    /// `AtRisk`.
    #[schemars(schema_with = "crate::schema::count")]
    pub at_risk: u32,
    /// Broken.
    #[schemars(schema_with = "crate::schema::count")]
    pub broken: u32,
    /// Unknown.
    #[schemars(schema_with = "crate::schema::count")]
    pub unknown: u32,
}

/// A finding about an account or the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFinding {
    /// Its stable code.
    pub code: String,
    /// Its reason, in CamelCase.
    pub reason: String,
    /// Its severity.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}
