//! A fix in the parts that people read: what it changes in a sentence, the change as a diff, then each step.

use audit_core::Finding;
use audit_core::fix::{Fix, FixKind, Form};
use audit_core::model::PlannedResource;

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

/// A resource of a Terraform plan, and the plan, safe to show.
pub(crate) fn resource(resource: &PlannedResource) -> String {
    let address = shown(&resource.address);
    match &resource.plan {
        Some(plan) => format!("{address} in {}", shown(plan)),
        None => address,
    }
}

/// The parts of a finding's fix, in the order in which they are read. What a Terraform plan declares is repaired in its configuration: the
/// next apply would undo a command.
pub(crate) fn blocks(finding: &Finding) -> Vec<FixBlock> {
    let Some(fix) = &finding.fix else {
        return Vec::new();
    };
    let is_command = fix.first.kind != FixKind::Manual;
    let summary = fix.brief.as_deref();
    let summary = summary.filter(|_| is_command).map(|brief| FixBlock {
        heading: "change".to_owned(),
        text: shown(brief),
        kind: BlockKind::Summary,
    });
    let others = fix.first.alternatives.iter();
    let diffs = others.filter(|other| other.form == Form::Diff);
    let diffs = diffs.map(|diff| FixBlock {
        heading: "diff".to_owned(),
        text: lines(&diff.text).trim_end_matches('\n').to_owned(),
        kind: BlockKind::Diff,
    });
    let planned = finding.resource.as_ref().filter(|_| is_command);
    let terraform = planned.and_then(|resource| in_configuration(fix, resource));
    let is_in_terraform = terraform.is_some();
    let steps = fix.parts().into_iter().enumerate().map(|(index, part)| {
        let heading = match (index, part.kind) {
            (0, FixKind::AwsCli | FixKind::Kubectl) if is_in_terraform => {
                "or, with a command, which the next apply may undo"
            }
            (0, FixKind::AwsCli | FixKind::Kubectl) if planned.is_some() => {
                "fix: change the Terraform configuration to the effect of this command, which the next apply may undo"
            }
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
    let changes = summary.into_iter().chain(diffs).chain(terraform);
    changes.chain(steps).collect()
}

/// The first step of a fix as a change of the configuration of a resource, where it has that form.
fn in_configuration(fix: &Fix, resource: &PlannedResource) -> Option<FixBlock> {
    let mut others = fix.first.alternatives.iter();
    let terraform = others.find(|other| other.form == Form::Terraform)?;
    let only_if = terraform.only_if.map(|only_if| format!(", only if {only_if}"));
    Some(FixBlock {
        heading: format!(
            "fix, in the Terraform configuration of {}{}",
            shown(&resource.address),
            only_if.unwrap_or_default()
        ),
        text: lines(&terraform.text).trim_end_matches('\n').to_owned(),
        kind: BlockKind::Code,
    })
}

/// The other forms of the first step of a finding's fix. The diff is among its parts, and so is Terraform's where a plan declares it.
pub(crate) fn alternatives(finding: &Finding) -> impl Iterator<Item = FixBlock> {
    let fix = finding.fix.iter();
    let others = fix.flat_map(|fix| &fix.first.alternatives);
    let is_planned = finding.resource.is_some();
    let others = others.filter(move |other| match other.form {
        Form::Diff => false,
        Form::Terraform => !is_planned,
        _ => true,
    });
    others.map(|other| {
        let only_if = other.only_if.map(|only_if| format!(", only if {only_if}"));
        FixBlock {
            heading: format!("or as {}{}", other.form.as_str(), only_if.unwrap_or_default()),
            text: lines(&other.text).trim_end_matches('\n').to_owned(),
            kind: BlockKind::Code,
        }
    })
}

/// A finding's fix as plain text, with a heading before each part.
pub(crate) fn plain(finding: &Finding) -> String {
    let parts = blocks(finding).into_iter().map(|block| match block.kind {
        BlockKind::Summary => format!("{}: {}", block.heading, block.text),
        BlockKind::Diff | BlockKind::Words | BlockKind::Code => format!("{}:\n{}", block.heading, block.text),
    });
    parts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    /// The codes of a fix's parts: headings up to their first comma or colon.
    fn headings(finding: &Finding) -> Vec<String> {
        let all = blocks(finding).into_iter();
        all.map(|block| {
            block
                .heading
                .split([',', ':'])
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
    }

    #[test]
    fn what_a_plan_declares_is_repaired_in_its_configuration_first() {
        let mut finding = broken().findings.remove(0);
        let text = |finding: &Finding| blocks(finding).remove(0).text;
        assert_eq!(text(&finding), COMMAND);
        assert_eq!(alternatives(&finding).count(), 1);
        finding.resource = Some(PlannedResource {
            plan: None,
            address: "aws_iam_role.cart".to_owned(),
        });
        assert!(text(&finding).starts_with("resource {"), "{}", text(&finding));
        assert_eq!(headings(&finding), ["fix", "or"]);
        assert_eq!(alternatives(&finding).count(), 0);
    }
}
