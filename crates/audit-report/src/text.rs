//! What renderers for people share: columns, and text that is safe to show.

use std::borrow::Cow;
use std::fmt::Write as _;

use audit_core::Finding;
use audit_core::fix::{Fix, FixKind, Form};
use audit_core::text::{is_hidden, reveal};

/// The space between two columns.
const GAP: &str = "  ";

/// No cell is wider: a longer one is cut. No name that Kubernetes allows is longer, and no ARN of a role but one with a very long path.
const MAX_WIDTH: usize = 256;

/// A cell, cut where it is too wide.
fn cut(cell: &str) -> Cow<'_, str> {
    if cell.chars().nth(MAX_WIDTH).is_none() {
        return cell.into();
    }
    let kept = cell.chars().take(MAX_WIDTH - 1);
    kept.chain(std::iter::once('…')).collect::<String>().into()
}

/// Lines in columns that are as wide as their widest cell.
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
            .map(|(cell, width)| format!("{:<width$}", cut(cell)));
        text.push_str(cells.collect::<Vec<_>>().join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A cell, which is never too wide: what is empty is shown as such, so that columns stay countable.
pub(crate) fn cell(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        cut(&reveal(text)).into_owned()
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
    fn a_cell_that_is_too_wide_is_cut() {
        let long = "\u{e9}".repeat(70_000);
        let text = columns(&[
            vec![long.clone(), "y".to_owned()],
            vec!["a".to_owned(), "b".to_owned()],
        ]);
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [MAX_WIDTH + GAP.len() + 1; 2]);
        assert!(text.lines().next().unwrap_or_default().contains("…  y"), "{text}");
    }
}
