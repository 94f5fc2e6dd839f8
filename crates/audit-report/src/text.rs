//! What renderers for terminals share: findings with their fixes, and text that is safe to show.

use std::fmt::Write as _;

use audit_core::Finding;
use audit_core::fix::Fix;
use audit_core::text::is_hidden;

use crate::paint::{self, Terminal};
use crate::repair::{self, BlockKind};

/// Whether no format may hold a character as it is: it is hidden, or Unicode sets it aside for ever (The Unicode Standard, section 23.7).
/// XML and YAML forbid some of the latter, and HTML calls all of them errors.
pub(crate) fn is_escaped(c: char) -> bool {
    let point = u32::from(c);
    is_hidden(c) || point & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&point)
}

/// Writes a character that must be escaped as people read it.
pub(crate) fn escape(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Text of several lines, in which only line breaks stay of what is invisible.
#[must_use]
pub fn lines(text: &str) -> String {
    safe(text, true)
}

/// Text on one line that is safe to show.
pub(crate) fn shown(text: &str) -> String {
    safe(text, false)
}

fn safe(text: &str, keeps_breaks: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) && !(keeps_breaks && c == '\n') {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

/// A finding, with its fix on lines of its own.
pub(crate) fn finding(out: &mut String, finding: &Finding, terminal: Terminal) {
    let entry = finding.entry;
    let waived = if finding.counts() { "" } else { ", waived" };
    let severity = finding.severity.as_str();
    let code = terminal.paint(paint::severity(finding.severity), entry.code);
    let _ = writeln!(out, "  {code} {} ({severity}{waived})", entry.reason);
    let _ = writeln!(out, "    {}", shown(&finding.message));
    if let Some(fix) = &finding.fix {
        write_fix(out, fix, terminal);
    }
}

/// What is broken once the findings that are shown were repaired.
pub(crate) fn then(out: &mut String, then: &[Finding], terminal: Terminal) {
    if !then.is_empty() {
        out.push_str("  then, once this is repaired:\n");
    }
    for next in then {
        finding(out, next, terminal);
    }
}

/// A fix: what it changes in a sentence, the change as a diff, then the steps. A command is on lines of its own so that it can be pasted,
/// apart from what a person has to do, and one of several lines begins where its lines must.
fn write_fix(out: &mut String, fix: &Fix, terminal: Terminal) {
    for block in repair::blocks(fix) {
        let heading = block.heading;
        match block.kind {
            BlockKind::Summary => {
                let _ = writeln!(out, "    {heading}: {}", block.text);
            }
            BlockKind::Diff => {
                for line in block.text.lines() {
                    let _ = writeln!(out, "      {}", terminal.paint(paint::diff_line(line), line));
                }
            }
            BlockKind::Words | BlockKind::Code => {
                let indent = if block.text.contains('\n') { "" } else { "      " };
                let _ = writeln!(out, "    {heading}:\n{indent}{}", block.text);
            }
        }
    }
}
