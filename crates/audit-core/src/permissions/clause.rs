//! A condition in words: the key, what it must be, and what the request has.

use iam_policy::{ClauseExplanation, ContextValue};

use crate::text::quote;

/// The most values that are shown of one side.
const SHOWN: usize = 4;

/// What a clause asks for and what the request has, side by side.
#[must_use]
pub fn wanted_and_got(clause: &ClauseExplanation) -> String {
    format!("{}, but {}", wanted(clause), got(&clause.got))
}

/// What a clause asks for.
#[must_use]
pub fn wanted(clause: &ClauseExplanation) -> String {
    let key = quote(&clause.key);
    let operator = clause.operator.to_string();
    let (quantifier, test) = match operator.split_once(':') {
        Some(("ForAllValues", test)) => ("every value of ", test),
        Some((_, test)) => ("one value of ", test),
        None => ("", operator.as_str()),
    };
    let test = test.strip_suffix("IfExists").unwrap_or(test);
    if test == "Null" {
        let is_absent = clause
            .wanted
            .iter()
            .any(|value| value.eq_ignore_ascii_case("true"));
        let state = if is_absent { "absent" } else { "present" };
        return format!("`{key}` must be {state}");
    }
    format!(
        "{quantifier}`{key}` must {} {}",
        relation(test),
        any_of(&clause.wanted)
    )
}

/// What the request has of a key.
#[must_use]
pub fn got(value: &ContextValue) -> String {
    match value {
        ContextValue::Known(values) if values.is_empty() => "the request does not have it".to_owned(),
        ContextValue::Known(values) => format!("the request has {}", any_of(values)),
        ContextValue::Absent => "the request does not have it".to_owned(),
        ContextValue::Beginning(start) => {
            format!("the request has a value that begins with `{}`", quote(start))
        }
        ContextValue::AbsentOr(values) => {
            format!("the request does not have it, or has {}", any_of(values))
        }
        ContextValue::Present | ContextValue::Unknown => "its value is not known".to_owned(),
    }
}

/// Values, each quoted, as alternatives.
fn any_of(values: &[String]) -> String {
    let mut shown: Vec<String> = values
        .iter()
        .take(SHOWN)
        .map(|value| format!("`{}`", quote(value)))
        .collect();
    if let Some(more) = values.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        shown.push(format!("{more} more"));
    }
    shown.join(" or ")
}

fn relation(test: &str) -> &'static str {
    match test {
        "StringEquals" | "NumericEquals" | "DateEquals" | "Bool" | "BinaryEquals" => "equal",
        "StringEqualsIgnoreCase" => "equal, in any case,",
        "StringNotEquals" | "NumericNotEquals" | "DateNotEquals" => "not equal",
        "StringNotEqualsIgnoreCase" => "not equal, in any case,",
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => "not match",
        "NumericLessThan" => "be less than",
        "NumericLessThanEquals" => "be at most",
        "NumericGreaterThan" => "be greater than",
        "NumericGreaterThanEquals" => "be at least",
        "DateLessThan" => "be before",
        "DateLessThanEquals" => "be at or before",
        "DateGreaterThan" => "be after",
        "DateGreaterThanEquals" => "be at or after",
        "IpAddress" => "be in",
        "NotIpAddress" => "not be in",
        // `StringLike`, `ArnEquals`, `ArnLike`.
        _ => "match",
    }
}

#[cfg(test)]
mod tests {
    use iam_policy::{Context, Request, Unlisted, explain, parse};
    use serde_json::{Value, json};

    use super::*;

    fn said(condition: &Value) -> String {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition }
        ]});
        let document = parse(&policy.to_string()).document.unwrap();
        let request = Request {
            principal: None,
            action: "s3:GetObject".to_owned(),
            resource: Some("*".to_owned()),
            context: Context::new(Unlisted::Absent).with("aws:RequestTag/a", "x"),
        };
        wanted_and_got(&explain(&document, &request).statements[0].clauses[0])
    }

    #[test]
    fn wanted_and_got_are_side_by_side() {
        for (condition, expected) in [
            (
                json!({ "StringEquals": { "aws:RequestTag/a": ["y", "z"] } }),
                "`aws:RequestTag/a` must equal `y` or `z`, but the request has `x`",
            ),
            (
                json!({ "Null": { "aws:RequestTag/a": "true" } }),
                "`aws:RequestTag/a` must be absent, but the request has `x`",
            ),
            (
                json!({ "Null": { "aws:TagKeys": "false" } }),
                "`aws:TagKeys` must be present, but the request does not have it",
            ),
            (
                json!({ "ForAnyValue:StringLike": { "aws:TagKeys": "k*" } }),
                "one value of `aws:TagKeys` must match `k*`, but the request does not have it",
            ),
            (
                json!({ "NumericLessThanEqualsIfExists": { "s3:max-keys": 10 } }),
                "`s3:max-keys` must be at most `10`, but the request does not have it",
            ),
        ] {
            assert_eq!(said(&condition), expected);
        }
    }
}
