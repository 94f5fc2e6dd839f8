//! For a terminal: more columns, and every finding in every form.

use std::fmt::Write as _;

use audit_core::report::BindingReport;
use audit_core::{CredentialPath, Finding};

use crate::columns::Cell;
use crate::paint::{self, Terminal};
use crate::presentation::Presentation;
use crate::{finding, repair, table};

/// Renders a report.
#[must_use]
pub fn render(presentation: &Presentation<'_>, terminal: Terminal) -> String {
    let report = presentation.report;
    let head = [
        "NAMESPACE",
        "NAME",
        "PATH",
        "ROLE",
        "VERDICT",
        "REASON",
        "PODS",
        "STALE",
        "MISSING",
        "AUDIENCE",
        "FINDINGS",
    ];
    let row = |binding: &BindingReport| {
        let codes: Vec<&str> = binding
            .findings
            .iter()
            .map(|finding| finding.entry.code)
            .collect();
        vec![
            Cell::of(&binding.key.namespace),
            Cell::of(&binding.key.service_account),
            Cell::of(binding.facts.path.map_or("", CredentialPath::as_str)),
            Cell::of(binding.facts.role_arn.as_deref().unwrap_or_default()),
            Cell::styled(binding.verdict.as_str(), paint::verdict(binding.verdict)),
            Cell::of(binding.reason),
            Cell::of(&binding.pods.total.to_string()),
            Cell::of(&binding.pods.stale.to_string()),
            Cell::of(&binding.pods.missing.to_string()),
            Cell::of(binding.facts.audience.as_deref().unwrap_or_default()),
            Cell::of(&codes.join(",")),
        ]
    };
    let mut out = table::rows(report, &head, row, terminal);
    for binding in report
        .bindings
        .iter()
        .filter(|binding| !binding.findings.is_empty())
    {
        let _ = writeln!(out, "\n{}", table::name(&binding.key, terminal));
        table::path(&mut out, binding);
        for its in &binding.findings {
            finding::write(&mut out, its, terminal);
            write_alternatives(&mut out, its);
        }
        finding::write_then(&mut out, &binding.then, terminal);
        for finding in &binding.then {
            write_alternatives(&mut out, finding);
        }
    }
    table::finish(&mut out, report, terminal);
    out
}

/// The other forms of a fix, each at the margin.
fn write_alternatives(out: &mut String, finding: &Finding) {
    for block in repair::alternatives(finding) {
        let _ = writeln!(out, "    {}:\n{}", block.heading, block.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn every_finding_is_told_in_every_form() {
        let report = report(vec![broken()]);
        let text = render(&presented(&report), Terminal::default());
        for expected in [
            "IRSA204",
            "IRSA216",
            COMMAND,
            "or as terraform",
            "IRSA204,IRSA216",
            "(risk, waived)",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
