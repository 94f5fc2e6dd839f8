//! An edit of a JSON document as a program for jq.
//!
//! The program carries only what changes: the rest of the document is nobody's business who merely reads a status. It checks each
//! value that it replaces, and ends in an error where the document has changed since the audit.

use serde_json::Value;

use crate::text::ascii_json;

/// The program that makes `new` of `old`; `None` if nothing changes, or if the document has a number that jq would not give back
/// exactly.
#[must_use]
pub fn program(old: &Value, new: &Value) -> Option<String> {
    let mut steps = Vec::new();
    differences(&mut Vec::new(), old, new, &mut steps);
    if steps.is_empty() || !survives_jq(old) {
        return None;
    }
    let programs: Vec<String> = steps.iter().map(Step::program).collect();
    Some(programs.join(" | "))
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
