//! SCPs and RCPs, and where they are attached, as the AWS CLI prints them.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A policy as `organizations describe-policy` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    pub(super) policy_summary: PolicySummary,
    #[serde(default)]
    pub(super) content: String,
}

/// A policy without its document, as `organizations list-policies-for-target` and `list-policies` print it as well.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicySummary {
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "Type")]
    pub(super) kind: String,
}

impl PolicySummary {
    /// Whether the policy is AWS's own, the same in each organization: `p-FullAWSAccess` and `p-RCPFullAWSAccess` deny nothing.
    pub(super) fn is_of_aws(&self) -> bool {
        self.arn.contains(":organizations::aws:")
    }
}

/// Where a policy is attached, as `organizations list-targets-for-policy` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Targets {
    #[serde(rename = "Targets")]
    pub(super) all: Vec<Target>,
    /// Another page follows.
    #[serde(default)]
    pub(super) next_token: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    #[serde(rename = "TargetId")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) arn: String,
    #[serde(rename = "Type", default)]
    pub(super) kind: String,
}

impl Target {
    /// The organization that it is in, `o-…`.
    pub(super) fn organization(&self) -> Option<&str> {
        organization(&self.arn)
    }
}

/// The organization in an ARN such as `arn:aws:organizations::444455556666:policy/o-1/service_control_policy/p-1`; a policy of AWS is
/// of none.
pub(super) fn organization(arn: &str) -> Option<&str> {
    arn.split('/').nth(1).filter(|id| id.starts_with("o-"))
}

/// Whether an output is `organizations describe-policy`.
pub(crate) fn is_policy(fields: &Map<String, Value>) -> bool {
    let policy = fields.get("Policy");
    policy.is_some_and(|policy| policy.get("PolicySummary").is_some())
}

/// Whether an output is `organizations list-targets-for-policy`; other services print targets as well.
pub(crate) fn is_targets(fields: &Map<String, Value>) -> bool {
    let is_one = |target: &Value| target.get("TargetId").is_some() && target.get("Type").is_some();
    let targets = fields.get("Targets").and_then(Value::as_array);
    targets.is_some_and(|targets| targets.iter().all(is_one))
}

/// Whether an output is `organizations list-policies-for-target` or `list-policies`; IAM lists policies as well, which have no such type.
pub(crate) fn is_list(fields: &Map<String, Value>) -> bool {
    let is_one = |policy: &Value| {
        let kind = policy.get("Type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.ends_with("_CONTROL_POLICY")) && policy.get("Id").is_some()
    };
    let policies = fields.get("Policies").and_then(Value::as_array);
    policies.is_some_and(|policies| !policies.is_empty() && policies.iter().all(is_one))
}
