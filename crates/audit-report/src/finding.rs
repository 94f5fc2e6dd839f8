//! A finding with its fix, as terminals show it.

use std::fmt::Write as _;

use audit_core::Finding;

use crate::paint::{self, Terminal};
use crate::repair::{self, BlockKind};
use crate::text::shown;

/// A finding, with its fix on lines of its own.
pub(crate) fn write(out: &mut String, finding: &Finding, terminal: Terminal) {
    let entry = finding.entry;
    let waived = if finding.counts() { "" } else { ", waived" };
    let severity = finding.severity.as_str();
    let code = terminal.paint(paint::severity(finding.severity), entry.code);
    let _ = writeln!(out, "  {code} {} ({severity}{waived})", entry.reason);
    let _ = writeln!(out, "    {}", shown(&finding.message));
    if let Some(resource) = &finding.resource {
        let _ = writeln!(out, "    resource: {}", repair::resource(resource));
    }
    write_fix(out, finding, terminal);
}

/// What is broken once the findings that are shown were repaired.
pub(crate) fn write_then(out: &mut String, then: &[Finding], terminal: Terminal) {
    if !then.is_empty() {
        out.push_str("  then, once this is repaired:\n");
    }
    for next in then {
        write(out, next, terminal);
    }
}

/// A fix: what it changes in a sentence, the change as a diff, then the steps. A command is on lines of its own so that it can be pasted,
/// apart from what a person has to do, and one of several lines begins where its lines must.
fn write_fix(out: &mut String, finding: &Finding, terminal: Terminal) {
    for block in repair::blocks(finding) {
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
