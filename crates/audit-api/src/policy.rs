//! `IrsaAuditPolicy`: the settings of admins. The one named `default` holds those of the audit; remediation has as many as admins like.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema, core::Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::irsa_audit::RemediationName;
use crate::selector::NamespaceSelector;

/// Settings of the audit. They are read from the policy named `default`; from others, `remediation` alone.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "irsa-audit.dev",
    version = "v1alpha1",
    kind = "IrsaAuditPolicy",
    plural = "irsaauditpolicies",
    category = "irsa-audit",
    derive = "PartialEq",
    doc = "Settings of the audit, by admins of the cluster. They are read from the one named `default`; from others, `remediation` alone.",
    printcolumn(name = "Refresh", type_ = "string", json_path = ".spec.refreshInterval"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct IrsaAuditPolicySpec {
    /// How often everything in AWS is read anew, such as `10m`. In place of the operator's flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_duration")]
    pub refresh_interval: Option<Duration>,
    /// How old evidence may grow before a verdict turns Unknown, such as `1h`. At least two refresh intervals count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_duration")]
    pub staleness_limit: Option<Duration>,
    /// How long a role may be unused before IRSA507 says so, such as `2160h`, which are the 90 days of the default. At most
    /// 400 days: IAM looks back no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_days")]
    pub role_unused_after: Option<Duration>,
    /// Severities in place of the catalogue's, by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::severities")]
    pub severities: BTreeMap<String, SeverityName>,
    /// The codes that teams may waive; all but IRSA215, IRSA217, IRSA505 and IRSA506 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::optional_codes")]
    pub waivable: Option<Vec<String>>,
    /// What is not audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Exclude>,
    /// The accounts that the operator may look into; all that it is configured for where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), inner(regex(pattern = r"^[0-9]{12}$")))]
    pub allowed_accounts: Option<Vec<String>>,
    /// What the statuses and Events of which namespaces may tell of a role. The first rule that selects a namespace counts;
    /// without one it is `NearMiss`. Of a namespace that the operator has not seen yet, the least of them is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub disclosure: Vec<DisclosureRule>,
    /// What irsa-audit may repair. Unlike the settings above, that of every policy counts: of several that match a ServiceAccount and
    /// its role, the least is allowed, and without one nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<RemediationSpec>,
}

/// What admins allow irsa-audit to repair. It must name roles, namespaces and ServiceAccounts; `kube-*` and the namespaces of
/// irsa-audit itself are never meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemediationSpec {
    /// The most that is allowed.
    pub max_mode: RemediationName,
    /// ARNs of roles, with `*` and `?` as wildcards.
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 2048)))]
    pub roles: Vec<String>,
    /// The namespaces, by their labels. It must not be empty; for all, require the label `kubernetes.io/metadata.name` to exist.
    #[x_kube(validation = Rule::new("(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)").message("select namespaces: for all, require the label `kubernetes.io/metadata.name` to exist"))]
    pub namespace_selector: NamespaceSelector,
    /// Names of ServiceAccounts, with `*` and `?` as wildcards.
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 253)))]
    pub service_accounts: Vec<String>,
    /// Writes nothing while it is set; read right before each write.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// How many trust policies may change within any hour, for all that the policy matches together; 10 where absent.
    #[serde(default = "default_changes_per_hour")]
    #[schemars(schema_with = "crate::schema::changes_per_hour")]
    pub max_changes_per_hour: u16,
    /// Lets roles be edited that Terraform, `CloudFormation`, eksctl, ACK or Crossplane keep: their next run may take the edit back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_tool_owned: bool,
}

fn default_changes_per_hour() -> u16 {
    10
}

/// What may be told of a role in some namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisclosureRule {
    /// The namespaces; every one where empty.
    #[serde(default)]
    pub namespace_selector: NamespaceSelector,
    /// How much may be told there.
    pub level: DisclosureLevel,
}

/// How much may be told of a role. `CodeOnly`: which findings there are. `NearMiss`: of a trust policy the clause that failed,
/// what it wants and what it got, and the command that mends it; of permissions nothing, unless the role trusts the
/// ServiceAccount. `Full`: everything that the audit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DisclosureLevel {
    /// Which findings there are.
    CodeOnly,
    /// The clause that failed.
    NearMiss,
    /// Everything.
    Full,
}

/// A severity that a policy may give a finding. Whether something was seen is no matter of policy, so `unknown` is not
/// among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityName {
    /// Counts as broken.
    Broken,
    /// Counts as a risk.
    Risk,
    /// Is told, and does not count.
    Notice,
}

/// What is not audited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exclude {
    /// Namespaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub namespaces: Vec<String>,
    /// ServiceAccounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub service_accounts: Vec<ServiceAccountRef>,
}

/// A ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}
