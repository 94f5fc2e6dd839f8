//! Outputs that were changed before they were saved: parts of one, as `--query` or `jq` leave them, and the error that AWS gave in place of
//! one.

use audit_core::text::quote;
use serde_json::{Map, Value};

use crate::leftover::Reason;

/// Fields by which a part of an output is recognised, and what it is a part of.
static PARTS: [(&[&str], Reason); 9] = [
    (
        &["format_version", "terraform_version"],
        Reason::new("is a Terraform plan or state", "give it with `--terraform`"),
    ),
    (
        &["AssumeRolePolicyDocument"],
        Reason::new(
            "is a part of the output of `iam get-role`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["RoleName", "Arn"],
        Reason::new(
            "is a part of the output of `iam get-role`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["identity", "arn"],
        Reason::new(
            "is a part of the output of `eks describe-cluster`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["oidc"],
        Reason::new(
            "is a part of the output of `eks describe-cluster`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["Url"],
        Reason::new(
            "is a part of the output of `iam get-open-id-connect-provider`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["ClientIDList"],
        Reason::new(
            "is a part of the output of `iam get-open-id-connect-provider`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["PolicyArn"],
        Reason::new(
            "is a part of the output of `iam list-attached-role-policies`, as `--query` leaves it",
            WHOLE,
        ),
    ),
    (
        &["AssumeRolePolicySizeQuota"],
        Reason::new(
            "is a part of the output of `iam get-account-summary`, as `--query` leaves it",
            WHOLE,
        ),
    ),
];

const WHOLE: &str = "give the whole output of the command, without --query";

/// A single value.
const VALUE: Reason = Reason::new("is a single value, as `--query` leaves it", WHOLE);

/// What a document is a part of, where that shows.
pub(super) fn part(value: &Value) -> Option<Reason> {
    match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => Some(VALUE),
        Value::Array(_) => None,
        Value::Object(fields) => {
            let has_all = |names: &&[&str]| names.iter().all(|name| fields.contains_key(*name));
            let found = PARTS.iter().find(|(names, _)| has_all(names));
            found.map(|(_, reason)| reason.clone())
        }
    }
}

/// The error that AWS, or its CLI, gave in place of an output.
pub(super) fn failure(value: &Value) -> Option<Reason> {
    let fields = value.as_object()?;
    let error = fields.get("Error").and_then(Value::as_object);
    let text = |fields: &Map<String, Value>, name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let (code, message) = if let Some(error) = error {
        (text(error, "Code")?, text(error, "Message"))
    } else {
        let code = text(fields, "__type").or_else(|| text(fields, "__Type"))?;
        (code, text(fields, "message").or_else(|| text(fields, "Message")))
    };
    Some(Reason::told(
        format!(
            "is an error of AWS, `{}`: `{}`",
            quote(&code),
            quote(&message.unwrap_or_default())
        ),
        "run the command again with credentials that may call it",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_of_outputs_and_errors_are_recognised() {
        for value in [
            json!("https://oidc.example.com"),
            json!(7),
            json!({"RoleName": "x", "Arn": "arn:aws:iam::111122223333:role/x"}),
            json!({"arn": "x", "identity": {}}),
            json!({"Url": "x"}),
            json!({"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": []}),
        ] {
            assert!(part(&value).is_some() && failure(&value).is_none(), "{value}");
        }
        assert_eq!(part(&json!({"a": 1})), None);
        for value in [
            json!({"Error": {"Code": "AccessDenied", "Message": "no"}}),
            json!({"__type": "AccessDeniedException", "message": "no"}),
        ] {
            assert!(
                failure(&value).unwrap().to_string().contains("AccessDenied"),
                "{value}"
            );
        }
    }
}
