//! An edit of a JSON document as a program for jq.
//!
//! The program carries only what changes: the rest of the document is nobody's business who merely reads a status. It checks each
//! value that it replaces, and ends in an error where the document has changed since the audit. What it adds to a list it adds to
//! whatever is in the list by then, and once: programs for two readers of one document can run one after the other, and again.
//!
//! It uses only what jq 1.5 has.

use serde_json::Value;

use crate::text::ascii_json;

/// The program that makes `new` of `old`; `None` if nothing changes, or if the document has a number that jq would not give back
/// exactly.
#[must_use]
pub fn program(old: &Value, new: &Value) -> Option<String> {
    if !survives_jq(old) {
        return None;
    }
    let programs = steps(None, old, new);
    (!programs.is_empty()).then(|| programs.join(" | "))
}

/// The program that makes `new` of `old`, two forms of the statement `at` of a policy, as long as each of `guards`, a path within
/// the statement, has its value.
///
/// A policy may have its only statement outside of a list; where a statement was appended since, it is in one.
#[must_use]
pub fn statement_program(
    at: usize,
    guards: &[(Vec<&str>, &Value)],
    old: &Value,
    new: &Value,
) -> Option<String> {
    if !survives_jq(old) {
        return None;
    }
    let base = if at == 0 {
        "(if (.Statement|type) == \"array\" then [\"Statement\",0] else [\"Statement\"] end)".to_owned()
    } else {
        format!("[\"Statement\",{at}]")
    };
    let steps = steps(Some("$s+"), old, new);
    if steps.is_empty() {
        return None;
    }
    let guards = guards.iter().map(|(path, value)| {
        let path = ascii_json(&Value::from(path.clone()));
        ["getpath($s+", &path, ") == ", &ascii_json(value)].concat()
    });
    let guards = guards.collect::<Vec<_>>().join(" and ");
    let steps = steps.join(" | ");
    Some(if guards.is_empty() {
        [&base, " as $s | ", &steps].concat()
    } else {
        let parts = [
            &base,
            " as $s | if ",
            &guards,
            " then ",
            &steps,
            " else ",
            CHANGED,
            " end",
        ];
        parts.concat()
    })
}

/// A program in which each text within a string is a variable: shorter, where the text is long and often there.
#[must_use]
pub fn abbreviated(program: &str, text: &str) -> String {
    let literal = ascii_json(&Value::from(text));
    let within = literal.trim_matches('"');
    format!("{literal} as $i | {}", program.replace(within, r"\($i)"))
}

/// Where the document is not what it was.
const CHANGED: &str = "error(\"the policy has changed: audit again\")";

fn steps(base: Option<&str>, old: &Value, new: &Value) -> Vec<String> {
    let mut steps = Vec::new();
    differences(&mut Vec::new(), old, new, &mut steps);
    steps.iter().map(|step| step.program(base)).collect()
}

/// Whether jq certainly gives a document back as it was: it keeps numbers as doubles, which hold integers up to 2^53.
pub(crate) fn survives_jq(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() <= 1 << 53),
        Value::Array(values) => values.iter().all(survives_jq),
        Value::Object(members) => members.values().all(survives_jq),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// One place of the document.
enum Step {
    /// Add values at the end of the list here, which are not in it yet; a single value of this type is first made a list.
    Append(Vec<Value>, &'static str, Vec<Value>),
    /// Put a value in place of another, or where nothing is.
    Set(Vec<Value>, Option<Value>, Value),
    /// Take a value away.
    Delete(Vec<Value>, Value),
}

impl Step {
    /// The step in jq's language, in which every JSON text in ASCII is a literal.
    fn program(&self, base: Option<&str>) -> String {
        let (path, check, then) = match self {
            Self::Append(path, kind, values) => {
                let list = if *kind == "array" {
                    "getpath($p)".to_owned()
                } else {
                    format!("(getpath($p)|if type == \"{kind}\" then [.] else . end)")
                };
                let values = ascii_json(&Value::Array(values.clone()));
                (
                    path,
                    format!("({list}|type) == \"array\""),
                    format!("setpath($p; {list} as $l | $l + ({values} - $l))"),
                )
            }
            // A value of a condition may have become one of several.
            Self::Set(path, Some(Value::String(old)), Value::String(new))
                if base.is_some() && path.first().is_some_and(|first| first == "Condition") =>
            {
                let (old, new) = (ascii_json(&old.as_str().into()), ascii_json(&new.as_str().into()));
                let replaced =
                    format!("if type == \"array\" then map(if . == {old} then $n else . end) else $n end");
                (
                    path,
                    format!("any([getpath($p)]|flatten[]; . == {old} or . == {new})"),
                    format!("{new} as $n | setpath($p; getpath($p)|{replaced})"),
                )
            }
            Self::Set(path, old, new) => {
                let old = old.as_ref().map_or_else(|| "null".to_owned(), ascii_json);
                (
                    path,
                    format!("getpath($p) == {old}"),
                    format!("setpath($p; {})", ascii_json(new)),
                )
            }
            Self::Delete(path, old) => (
                path,
                format!("getpath($p) == {}", ascii_json(old)),
                "delpaths([$p])".to_owned(),
            ),
        };
        let path = ascii_json(&Value::Array(path.clone()));
        let base = base.unwrap_or_default();
        let path = if base.is_empty() {
            path
        } else {
            ["(", base, &path, ")"].concat()
        };
        let parts = [
            &path,
            " as $p | if ",
            &check,
            " then ",
            &then,
            " else ",
            CHANGED,
            " end",
        ];
        parts.concat()
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
            let more = after.get(1..).unwrap_or_default().to_vec();
            steps.push(Step::Append(path.clone(), type_of(single), more));
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
    for (index, (value, next)) in before.iter().zip(after).enumerate() {
        path.push(Value::from(index));
        differences(path, value, next, steps);
        path.pop();
    }
    let more = after.get(before.len()..).unwrap_or_default();
    if !more.is_empty() {
        steps.push(Step::Append(path.clone(), "array", more.to_vec()));
    }
}
