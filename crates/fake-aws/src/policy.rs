//! Whether identity policies allow something: as much of the language as the policies of tests need.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What comes of a request; the more it denies, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Decision {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

impl Decision {
    /// IAM's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ImplicitDeny => "implicitDeny",
            Self::ExplicitDeny => "explicitDeny",
        }
    }

    /// What it is not.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Allowed => Self::ImplicitDeny,
            Self::ImplicitDeny | Self::ExplicitDeny => Self::Allowed,
        }
    }
}

/// A decision, and the condition keys that were missing for it.
#[derive(Debug)]
pub(crate) struct Simulated {
    pub(crate) decision: Decision,
    pub(crate) missing: BTreeSet<String>,
}

impl Simulated {
    /// As without any policy that limits.
    pub(crate) fn allowed() -> Self {
        Self {
            decision: Decision::Allowed,
            missing: BTreeSet::new(),
        }
    }
}

/// What some documents together say of an action on a resource. Conditions are `StringEquals` and `StringLike`; a statement with
/// another one, or on a key that is not given, does not apply.
pub(crate) fn simulate(
    documents: &[&str],
    action: &str,
    resource: &str,
    keys: &BTreeMap<String, Vec<String>>,
) -> Simulated {
    let (mut allowed, mut denied, mut missing) = (false, false, BTreeSet::new());
    for document in documents {
        let Ok(policy) = serde_json::from_str::<Value>(document) else {
            continue;
        };
        for statement in each(policy.get("Statement")) {
            let concerns = element(statement, "Action", |pattern| names(pattern, action))
                && element(statement, "Resource", |pattern| matches(pattern, resource));
            if concerns && condition_holds(statement, keys, &mut missing) {
                match statement.get("Effect").and_then(Value::as_str) {
                    Some("Allow") => allowed = true,
                    _ => denied = true,
                }
            }
        }
    }
    let decision = match (denied, allowed) {
        (true, _) => Decision::ExplicitDeny,
        (false, true) => Decision::Allowed,
        (false, false) => Decision::ImplicitDeny,
    };
    Simulated { decision, missing }
}

/// Whether a pattern matches an action, in any case.
pub(crate) fn names(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// Whether an element, or its negation, covers something.
fn element(statement: &Value, name: &str, covers: impl Fn(&str) -> bool) -> bool {
    let any = |value: Option<&Value>| each(value).filter_map(Value::as_str).any(&covers);
    match statement.get(format!("Not{name}")) {
        Some(excepted) => !any(Some(excepted)),
        None => any(statement.get(name)),
    }
}

fn condition_holds(
    statement: &Value,
    keys: &BTreeMap<String, Vec<String>>,
    missing: &mut BTreeSet<String>,
) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let mut holds = true;
    for (operator, clauses) in operators.into_iter().flatten() {
        for (key, wanted) in clauses.as_object().into_iter().flatten() {
            let Some(given) = keys.get(&key.to_ascii_lowercase()) else {
                missing.insert(key.clone());
                holds = false;
                continue;
            };
            let fits = |pattern: &str, value: &str| match operator.as_str() {
                "StringEquals" => pattern == value,
                "StringLike" => matches(pattern, value),
                _ => false,
            };
            let mut patterns = each(Some(wanted)).filter_map(Value::as_str);
            holds &= patterns.any(|pattern| given.iter().any(|value| fits(pattern, value)));
        }
    }
    holds
}

/// Whether a text fits a pattern with `*` and `?`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts
                .filter_map(|at| text.get(at..))
                .any(|tail| matches(rest.as_str(), tail))
        }
        Some(wanted) => {
            let mut tail = text.chars();
            let found = tail.next();
            found.is_some_and(|found| wanted == '?' || wanted == found)
                && matches(rest.as_str(), tail.as_str())
        }
    }
}

/// One value, or each of a list.
pub(crate) fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
    .iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(statements: &Value, action: &str, resource: &str, keys: &[(&str, &str)]) -> Simulated {
        let keys = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
        let document = json!({ "Statement": statements }).to_string();
        simulate(&[&document], action, resource, &keys.collect())
    }

    #[test]
    fn patterns_match_as_globs() {
        for (pattern, text, fits) in [
            ("s3:*", "s3:GetObject", true),
            ("s3:Get*Acl", "s3:GetObjectAcl", true),
            ("s3:Get*Acl", "s3:GetObject", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn a_deny_wins_and_what_nobody_names_is_denied() {
        let statements = json!([
            {"Effect": "Allow", "Action": "S3:*", "Resource": "arn:aws:s3:::carts/*"},
            {"Effect": "Deny", "NotAction": ["s3:Get*", "s3:List*"], "Resource": "*"},
        ]);
        for (action, resource, decision) in [
            ("s3:GetObject", "arn:aws:s3:::carts/a", Decision::Allowed),
            ("s3:GetObject", "arn:aws:s3:::orders/a", Decision::ImplicitDeny),
            ("s3:PutObject", "arn:aws:s3:::carts/a", Decision::ExplicitDeny),
        ] {
            assert_eq!(
                decide(&statements, action, resource, &[]).decision,
                decision,
                "{action}"
            );
        }
    }

    #[test]
    fn a_key_that_is_not_given_is_told() {
        let condition = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
        let statements = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        let without = decide(&statements, "a:B", "*", &[]);
        assert_eq!(without.decision, Decision::ImplicitDeny);
        assert!(without.missing.contains("aws:RequestedRegion"));
        for (region, decision) in [
            ("eu-west-1", Decision::Allowed),
            ("us-east-1", Decision::ImplicitDeny),
        ] {
            let with = decide(&statements, "a:B", "*", &[("aws:requestedregion", region)]);
            assert_eq!((with.decision, with.missing.len()), (decision, 0));
        }
    }
}
