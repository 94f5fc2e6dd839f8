//! A fix in the parts that people read: what it changes in a sentence, the change as a diff, then each step.

use audit_core::fix::{Fix, FixKind, Form};

use crate::text::{lines, shown};

/// How a part is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// A sentence that says what the fix changes.
    Summary,
    /// The change as a diff.
    Diff,
    /// A step that a person takes.
    Words,
    /// A command, or a file's content.
    Code,
}

/// A part of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FixBlock {
    /// What it is, in lower case, as in `fix, with kubectl`.
    pub(crate) heading: String,
    /// Its text, safe to show. Only a diff and code have several lines.
    pub(crate) text: String,
    pub(crate) kind: BlockKind,
}

/// The parts of a fix, in the order in which they are read.
pub(crate) fn blocks(fix: &Fix) -> Vec<FixBlock> {
    let summary = fix.brief.as_deref();
    let summary = summary
        .filter(|_| fix.first.kind != FixKind::Manual)
        .map(|brief| FixBlock {
            heading: "change".to_owned(),
            text: shown(brief),
            kind: BlockKind::Summary,
        });
    let diffs = fix
        .first
        .alternatives
        .iter()
        .filter(|other| other.form == Form::Diff);
    let diffs = diffs.map(|diff| FixBlock {
        heading: "diff".to_owned(),
        text: lines(&diff.text).trim_end_matches('\n').to_owned(),
        kind: BlockKind::Diff,
    });
    let steps = fix.parts().into_iter().enumerate().map(|(index, part)| {
        let heading = match (index, part.kind) {
            (0, FixKind::AwsCli) => "fix, with the AWS CLI and credentials of the role's account",
            (0, FixKind::Kubectl) => "fix, with kubectl",
            (0, FixKind::Manual) => "to do",
            (_, kind) => kind.then(),
        };
        let (text, kind) = match part.kind {
            FixKind::Manual => (shown(&part.text), BlockKind::Words),
            FixKind::AwsCli | FixKind::Kubectl => (lines(&part.text), BlockKind::Code),
        };
        FixBlock {
            heading: heading.to_owned(),
            text,
            kind,
        }
    });
    summary.into_iter().chain(diffs).chain(steps).collect()
}

/// The other forms of a fix's first step. The diff is among its parts.
pub(crate) fn alternatives(fix: &Fix) -> impl Iterator<Item = FixBlock> {
    let others = fix
        .first
        .alternatives
        .iter()
        .filter(|other| other.form != Form::Diff);
    others.map(|other| {
        let only_if = other.only_if.map(|only_if| format!(", only if {only_if}"));
        FixBlock {
            heading: format!("or as {}{}", other.form.as_str(), only_if.unwrap_or_default()),
            text: lines(&other.text).trim_end_matches('\n').to_owned(),
            kind: BlockKind::Code,
        }
    })
}

/// A fix as plain text, with a heading before each part.
pub(crate) fn plain(fix: &Fix) -> String {
    let parts = blocks(fix).into_iter().map(|block| match block.kind {
        BlockKind::Summary => format!("{}: {}", block.heading, block.text),
        BlockKind::Diff | BlockKind::Words | BlockKind::Code => format!("{}:\n{}", block.heading, block.text),
    });
    parts.collect::<Vec<_>>().join("\n")
}
