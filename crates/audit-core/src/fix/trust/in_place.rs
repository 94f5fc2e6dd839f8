//! The repair of a trust policy as a command line that edits the live document in place.
//!
//! The command carries only what changes: the rest of the document is nobody's business who merely reads a status.
//! It checks each value that it replaces, so that it refuses to touch a document that has changed since the audit.

use serde_json::Value;

use super::super::{Fix, FixKind, shell};
use crate::text::ascii_json;

/// The command line that turns `old` into `new`, the trust policy of the role `role_name`; `None` if nothing changes,
/// or if the document has a number that `jq` would not give back exactly.
#[must_use]
pub fn edit_in_place(role_name: &str, old: &Value, new: &Value, brief: String) -> Option<Fix> {
    let mut steps = Vec::new();
    differences(&mut Vec::new(), old, new, &mut steps);
    if steps.is_empty() || !survives_jq(old) {
        return None;
    }
    let programs: Vec<String> = steps.iter().map(Step::program).collect();
    let program = shell::word_quoted(&programs.join(" | "));
    let role = shell::option("--role-name", role_name);
    let role: Vec<&str> = role.iter().map(String::as_str).collect();
    let role = shell::line("", &role);
    // `-e` makes jq fail where it is given nothing, so that nothing is written.
    let text = format!(
        "policy=$(aws iam get-role{role} --query Role.AssumeRolePolicyDocument --output json | jq -ce {program}) && \
         aws iam update-assume-role-policy{role} --policy-document \"$policy\""
    );
    Some(Fix::new(FixKind::AwsCli, text).brief(brief))
}

/// Whether jq certainly gives a document back as it was: it keeps numbers as doubles, which hold integers up to 2^53.
fn survives_jq(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() <= 1 << 53),
        Value::Array(values) => values.iter().all(survives_jq),
        Value::Object(members) => members.values().all(survives_jq),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// One place of the document.
enum Step {
    /// Make a list of the value here, which has this type.
    Wrap(Vec<Value>, &'static str),
    /// Put a value in place of another, or where nothing is.
    Set(Vec<Value>, Option<Value>, Value),
    /// Take a value away.
    Delete(Vec<Value>, Value),
}

impl Step {
    /// The step in jq's language, in which every JSON text in ASCII is a literal.
    fn program(&self) -> String {
        let (path, check, then) = match self {
            Self::Wrap(path, kind) => (
                path,
                format!("getpath($p)|type == \"{kind}\""),
                "setpath($p; [getpath($p)])".to_owned(),
            ),
            Self::Set(path, old, new) => {
                let check = match (old, path.last()) {
                    (Some(old), _) => format!("getpath($p) == {}", ascii_json(old)),
                    (None, Some(Value::Number(end))) => {
                        format!("getpath($p[:-1])|type == \"array\" and length == {end}")
                    }
                    (None, _) => "getpath($p) == null".to_owned(),
                };
                (path, check, format!("setpath($p; {})", ascii_json(new)))
            }
            Self::Delete(path, old) => (
                path,
                format!("getpath($p) == {}", ascii_json(old)),
                "delpaths([$p])".to_owned(),
            ),
        };
        let path = ascii_json(&Value::Array(path.clone()));
        format!(
            "{path} as $p | if {check} then {then} else error(\"the policy has changed: audit again\") end"
        )
    }
}

/// Collects the steps from `old` to `new`, at the deepest places at which they differ.
fn differences(path: &mut Vec<Value>, old: &Value, new: &Value, steps: &mut Vec<Step>) {
    match (old, new) {
        (a, b) if a == b => {}
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                path.push(Value::String(key.clone()));
                match after.get(key) {
                    Some(next) => differences(path, value, next, steps),
                    None => steps.push(Step::Delete(path.clone(), value.clone())),
                }
                path.pop();
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                path.push(Value::String(key.clone()));
                steps.push(Step::Set(path.clone(), None, value.clone()));
                path.pop();
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() <= after.len() => {
            elements(path, before, after, steps);
        }
        // A single value that became a list of it and others.
        (single, Value::Array(after)) if !single.is_array() && after.first() == Some(single) => {
            steps.push(Step::Wrap(path.clone(), type_of(single)));
            elements(path, std::slice::from_ref(single), after, steps);
        }
        (before, after) => steps.push(Step::Set(path.clone(), Some(before.clone()), after.clone())),
    }
}

/// The name that jq has for the type of a value.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Collects the steps between two lists of which the second is not the shorter.
fn elements(path: &mut Vec<Value>, before: &[Value], after: &[Value], steps: &mut Vec<Step>) {
    for (index, next) in after.iter().enumerate() {
        path.push(Value::from(index));
        match before.get(index) {
            Some(value) => differences(path, value, next, steps),
            None => steps.push(Step::Set(path.clone(), None, next.clone())),
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(old: &Value, new: &Value) -> String {
        edit_in_place("app", old, new, String::new()).unwrap().text
    }

    #[test]
    fn only_what_changes_is_told() {
        let old = json!({"Statement": [{"Secret": "other", "Condition": {"StringEquals": {"k:sub": "a"}}}]});
        let new = json!({"Statement": [{"Secret": "other", "Condition": {"StringEquals": {"k:sub": "b"}}}]});
        let text = command(&old, &new);
        assert!(!text.contains("other"), "{text}");
        assert!(
            text.contains(r#"["Statement",0,"Condition","StringEquals","k:sub"] as $p"#),
            "{text}"
        );
        assert!(
            text.contains(r#"if getpath($p) == "a" then setpath($p; "b") else error"#),
            "{text}"
        );
    }

    #[test]
    fn a_single_statement_is_wrapped_without_being_told() {
        let old = json!({"Statement": {"Secret": "other"}});
        let new = json!({"Statement": [{"Secret": "other"}, {"Sid": "new"}]});
        let text = command(&old, &new);
        assert!(!text.contains("other"), "{text}");
        let wrap = r#"["Statement"] as $p | if getpath($p)|type == "object" then setpath($p; [getpath($p)])"#;
        let set = r#"["Statement",1] as $p | if getpath($p[:-1])|type == "array" and length == 1 then setpath($p; {"Sid":"new"})"#;
        assert!(text.find(wrap).unwrap() < text.find(set).unwrap(), "{text}");
    }

    #[test]
    fn a_renamed_key_goes_and_comes() {
        let old = json!({"Condition": {"StringEquals": {"a:sub": "x"}}});
        let new = json!({"Condition": {"StringEquals": {"b:sub": "x"}}});
        let text = command(&old, &new);
        assert!(
            text.contains(r#""a:sub"] as $p | if getpath($p) == "x" then delpaths([$p])"#),
            "{text}"
        );
        assert!(
            text.contains(r#""b:sub"] as $p | if getpath($p) == null then setpath($p; "x")"#),
            "{text}"
        );
    }

    #[test]
    fn quotes_and_terminal_tricks_cannot_leave_their_place() {
        let old = json!({"a": "x"});
        let new = json!({"a": "it's \u{202e} \\(env) \u{1b}[0m"});
        let text = command(&old, &new);
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains(r"it'\''s"), "{text}");
        assert!(text.contains(r"\\(env)"), "{text}");
    }

    #[test]
    fn a_role_that_looks_like_an_option_stays_a_value() {
        let text = edit_in_place("-app", &json!({"a": 1}), &json!({"a": 2}), String::new())
            .unwrap()
            .text;
        assert!(text.contains("get-role --role-name=-app "), "{text}");
        assert!(
            text.contains("update-assume-role-policy --role-name=-app "),
            "{text}"
        );
    }

    #[test]
    fn equal_documents_need_no_fix() {
        assert!(edit_in_place("app", &json!({"a": 1}), &json!({"a": 1}), String::new()).is_none());
    }

    #[test]
    fn a_number_that_jq_would_change_gives_no_command() {
        let with = |number: Value| json!({"Statement": [{"n": number}], "a": "x"});
        for (number, given) in [
            (json!(111_122_223_333_u64), true),
            (json!(9_007_199_254_740_993_u64), false),
            (json!(-9_007_199_254_740_993_i64), false),
            (json!(u64::MAX), false),
            (json!(1.5), false),
        ] {
            let (old, mut new) = (with(number.clone()), with(number.clone()));
            new["a"] = json!("y");
            assert_eq!(
                edit_in_place("app", &old, &new, String::new()).is_some(),
                given,
                "{number}"
            );
        }
    }
}
