//! What renderers for people share: columns, and text that is safe to show.

use std::fmt::Write as _;

use audit_core::Finding;
use audit_core::fix::{Fix, FixKind, Form};
use audit_core::text::{is_hidden, reveal};

/// The space between two columns.
const GAP: &str = "  ";

/// No column is wider: a longer cell pushes the rest of its line. Nothing that Kubernetes or IAM allows as a name is longer.
const MAX_WIDTH: usize = 512;

/// Lines in columns that are as wide as their widest cell; the last is as wide as it likes.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = cell.chars().count().min(MAX_WIDTH);
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A cell: what is empty is shown as such, so that columns stay countable.
pub(crate) fn cell(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        reveal(text)
    }
}

/// Text of several lines, in which only line breaks stay of what is invisible.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A finding, with its fix on lines of its own.
pub(crate) fn finding(out: &mut String, finding: &Finding) {
    let entry = finding.entry;
    let waived = if finding.counts() { "" } else { ", waived" };
    let _ = writeln!(
        out,
        "  {} {} ({}{waived})",
        entry.code,
        entry.reason,
        finding.severity.as_str()
    );
    let _ = writeln!(out, "    {}", reveal(&finding.message));
    if let Some(fix) = &finding.fix {
        write_fix(out, fix);
    }
}

/// What is broken once the findings that are shown were repaired.
pub(crate) fn then(out: &mut String, then: &[Finding]) {
    if !then.is_empty() {
        out.push_str("  then, once this is repaired:\n");
    }
    for next in then {
        finding(out, next);
    }
}

/// A fix: what it changes in a sentence, the change as a diff, then the steps. A command is on lines of its own so that it can be pasted,
/// apart from what a person has to do, and one of several lines begins where its lines must.
fn write_fix(out: &mut String, fix: &Fix) {
    if let Some(brief) = fix.brief.as_deref().filter(|_| fix.first.kind != FixKind::Manual) {
        let _ = writeln!(out, "    change: {}", reveal(brief));
    }
    for diff in fix
        .first
        .alternatives
        .iter()
        .filter(|other| other.form == Form::Diff)
    {
        for line in lines(&diff.text).lines() {
            let _ = writeln!(out, "      {line}");
        }
    }
    for (index, part) in fix.parts().into_iter().enumerate() {
        let where_to = match (index, part.kind) {
            (0, FixKind::AwsCli) => "fix, with the AWS CLI and credentials of the role's account",
            (0, FixKind::Kubectl) => "fix, with kubectl",
            (0, FixKind::Manual) => "to do",
            (_, kind) => kind.then(),
        };
        let text = match part.kind {
            FixKind::Manual => reveal(&part.text),
            FixKind::AwsCli | FixKind::Kubectl => lines(&part.text),
        };
        let indent = if text.contains('\n') { "" } else { "      " };
        let _ = writeln!(out, "    {where_to}:\n{indent}{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_any_length_is_shown() {
        let long = "x".repeat(70_000);
        let text = columns(&[
            vec![long.clone(), "y".to_owned()],
            vec!["a".to_owned(), "b".to_owned()],
        ]);
        assert!(text.contains(&long) && text.lines().count() == 2);
    }
}
