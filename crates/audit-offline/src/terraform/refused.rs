//! What is not the JSON of a plan, and the way to one.

use audit_core::decode_error::plain;
use audit_core::text::quote;
use serde::Deserialize;
use serde_json::Value;

/// Why a plan is not read, as the end of a sentence that begins with its name; safe to show.
pub(super) type Refusal = String;

/// The commands whose output is read.
const WAY: &str =
    "run `terraform plan -out=PLAN` and `terraform show -json PLAN > plan.json`, and give plan.json";

/// The first bytes of a zip archive: Terraform writes plans so.
pub(super) const BINARY_PLAN: &[u8] = b"PK\x03\x04";

pub(super) fn binary() -> Refusal {
    "is a binary plan file: run `terraform show -json PLAN > plan.json` in the directory of the configuration, and give plan.json".to_owned()
}

/// What shows in the text before it is parsed.
pub(super) fn check_text(text: &str) -> Result<(), Refusal> {
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default();
    if text.is_empty() {
        return Err(format!(
            "is empty: the command that wrote it probably failed; {WAY}"
        ));
    }
    if first.starts_with('{') && first.contains("\"@level\"") {
        return Err(format!("is the log of `terraform plan -json`, not a plan: {WAY}"));
    }
    if !first.starts_with('{') {
        return Err(format!(
            "is not JSON, but what Terraform prints for people, or something else: {WAY}"
        ));
    }
    Ok(())
}

/// By what a document is told to be one of Terraform's, and which.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    format_version: Option<Value>,
    #[serde(default)]
    resource_changes: Option<Present>,
    #[serde(default)]
    planned_values: Option<Present>,
    #[serde(default)]
    values: Option<Present>,
    /// Of a state file.
    #[serde(default)]
    lineage: Option<Present>,
    #[serde(default, rename = "apiVersion")]
    api_version: Option<Present>,
}

/// That a field is there.
#[derive(Deserialize)]
#[serde(from = "serde::de::IgnoredAny")]
struct Present;

impl From<serde::de::IgnoredAny> for Present {
    fn from(_: serde::de::IgnoredAny) -> Self {
        Self
    }
}

pub(super) fn check_head(head: &Head) -> Result<(), Refusal> {
    let Some(version) = &head.format_version else {
        return Err(if head.lineage.is_some() {
            "is a state file: run `terraform show -json > state.json`, and give state.json; or give the plan"
                .to_owned()
        } else if head.api_version.is_some() {
            format!("is a Kubernetes manifest, not a plan: give it without --terraform; for the plan, {WAY}")
        } else {
            format!("is not the output of `terraform show -json`: it has no `format_version`; {WAY}")
        });
    };
    let version = version
        .as_str()
        .map_or_else(|| version.to_string(), str::to_owned);
    match version.split('.').next() {
        Some("1") => {}
        Some("0") => {
            return Err(format!(
                "has format_version `{}`, and 1.x is read: write it with Terraform 1.1 or later, or with OpenTofu",
                quote(&version)
            ));
        }
        _ => {
            return Err(format!(
                "has format_version `{}`, and 1.x is read: update irsa-audit, or write the plan with an earlier version of Terraform",
                quote(&version)
            ));
        }
    }
    let is_plan = head.resource_changes.is_some() || head.planned_values.is_some();
    if !is_plan && head.values.is_none() {
        return Err(format!(
            "holds neither a plan nor the values of a state: the state is empty, or another command printed it; {WAY}"
        ));
    }
    Ok(())
}

/// That the text is not JSON.
pub(super) fn unreadable(error: &serde_json::Error) -> Refusal {
    if error.is_eof() {
        return format!("ends in the middle of the JSON document: it was cut off; {WAY}");
    }
    format!("is not JSON: {}", quote(&error.to_string()))
}

/// That something is not what the format says.
pub(super) fn odd(path: &str, error: &serde_json::Error) -> Refusal {
    format!(
        "is not the JSON that `terraform show -json` prints: {}",
        quote(&format!("{path}: {}", plain(&error.to_string())))
    )
}

pub(super) fn errored() -> Refusal {
    "is the plan of a run that failed, so that changes are missing: repair the error of `terraform plan`, and plan again".to_owned()
}

/// That this version does not know what is done to a resource.
pub(super) fn odd_action(address: &str, action: &str) -> Refusal {
    format!(
        "plans the action `{}` for `{}`, which this version of irsa-audit does not know: update irsa-audit",
        quote(action),
        quote(address)
    )
}
