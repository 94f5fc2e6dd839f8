//! A condition in words: the key, what it must be, and what the request has.

use iam_policy::{ClauseExplanation, ContextValue};
use jiff::Timestamp;

use crate::text::quote;

/// The most values that are shown of one side.
const SHOWN: usize = 4;

/// The operator that asks whether a key is there.
pub const NULL: &str = "Null";

/// What a clause asks for and what the request has, side by side.
#[must_use]
pub fn wanted_and_got(clause: &ClauseExplanation) -> String {
    format!("{}, but {}", wanted(clause), got(&clause.key, &clause.got))
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
    if test == NULL {
        return presence(&clause.key, &clause.wanted);
    }
    format!(
        "{quantifier}`{key}` must {} {}",
        relation(test),
        any_of(&clause.key, &clause.wanted)
    )
}

/// What [`NULL`] asks for: with `true` that the key is absent, with `false` that it is present.
#[must_use]
pub fn presence(key: &str, wanted: &[String]) -> String {
    let is_absent = wanted.iter().any(|value| value.eq_ignore_ascii_case("true"));
    let state = if is_absent { "absent" } else { "present" };
    format!("`{}` must be {state}", quote(key))
}

/// What the request has of a key.
#[must_use]
pub fn got(key: &str, value: &ContextValue) -> String {
    match value {
        ContextValue::Known(values) if values.is_empty() => "the request does not have it".to_owned(),
        ContextValue::Known(values) => format!("the request has {}", any_of(key, values)),
        ContextValue::Absent => "the request does not have it".to_owned(),
        ContextValue::Beginning(start) => {
            format!("the request has a value that begins with `{}`", quote(start))
        }
        ContextValue::AbsentOr(values) => {
            format!("the request does not have it, or has {}", any_of(key, values))
        }
        ContextValue::Present | ContextValue::Unknown => "its value is not known".to_owned(),
    }
}

/// Whether a condition key has a time, which policies may write in seconds since 1970.
#[must_use]
pub fn is_time(key: &str) -> bool {
    ["aws:CurrentTime", "aws:EpochTime"]
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
}

/// A value of a condition key, quoted: a time in seconds with the same time as people read it.
#[must_use]
pub fn value(key: &str, value: &str) -> String {
    let shown = format!("`{}`", quote(value));
    let seconds = value.trim().parse::<i64>().ok().filter(|_| is_time(key));
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    match time {
        Some(time) => format!("{shown} ({time})"),
        None => shown,
    }
}

/// Values, each quoted, as alternatives.
fn any_of(key: &str, values: &[String]) -> String {
    let mut shown: Vec<String> = values.iter().take(SHOWN).map(|text| value(key, text)).collect();
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
                json!({ "NumericLessThan": { "aws:EpochTime": 1_700_000_000 } }),
                "`aws:EpochTime` must be less than `1700000000` (2023-11-14T22:13:20Z), but the request does not have it",
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
