//! Replacing places of a document's text.

use std::ops::Range;

use super::{ChangeKind, Step};
use crate::document::{Clause, ConditionValue, Document};

/// A place and what is to stand there.
pub(super) struct Splice {
    span: Range<usize>,
    text: String,
}

impl Splice {
    /// Puts a JSON string in place of what stands there.
    pub(super) fn string(span: Range<usize>, value: &str) -> Self {
        Self {
            span,
            text: json(value),
        }
    }
}

fn json(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

/// Makes all replacements; `None` if two overlap.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| splice.span.start);
    let mut result = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for splice in splices {
        result.push_str(text.get(at..splice.span.start)?);
        result.push_str(&splice.text);
        at = splice.span.end;
    }
    result.push_str(text.get(at..)?);
    Some(result)
}

pub(super) fn replace_value(clause: &Clause, value: &ConditionValue, to: &str) -> Step {
    let change = ChangeKind::Value {
        operator: clause.operator.to_string(),
        key: clause.key.to_string(),
        from: value.text.to_string(),
        to: to.to_owned(),
    };
    (vec![Splice::string(value.span.clone(), to)], vec![change])
}

pub(super) fn add_value(document: &Document, clause: &Clause, value: &str) -> Step {
    let span = clause.spans.values.clone();
    let old = document.text.get(span.clone()).unwrap_or_default();
    let added = json(value);
    let text = match old.strip_suffix(']') {
        Some(open) if old.starts_with('[') && clause.values.is_empty() => format!("{open}{added}]"),
        Some(open) if old.starts_with('[') => format!("{}, {added}]", open.trim_end()),
        _ => format!("[{old}, {added}]"),
    };
    let change = ChangeKind::AddedValue {
        operator: clause.operator.to_string(),
        key: clause.key.to_string(),
        value: value.to_owned(),
    };
    (vec![Splice { span, text }], vec![change])
}

pub(super) fn rename_key(clause: &Clause, to: String) -> Step {
    let splice = Splice::string(clause.spans.key.clone(), &to);
    let change = ChangeKind::Key {
        operator: clause.operator.to_string(),
        from: clause.key.to_string(),
        to,
    };
    (vec![splice], vec![change])
}
