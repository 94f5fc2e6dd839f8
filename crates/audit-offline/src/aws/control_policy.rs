//! SCPs and RCPs, and where they are attached, as the AWS CLI prints them.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A policy as `organizations describe-policy` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    pub(super) policy_summary: Summary,
    #[serde(default)]
    pub(super) content: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) arn: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "Type")]
    pub(super) kind: String,
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
