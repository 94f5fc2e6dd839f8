//! For a terminal: more columns, and every finding in every form.

use std::fmt::Write as _;

use audit_core::fix::Form;
use audit_core::report::{BindingReport, Report};
use audit_core::{CredentialPath, Finding};

use crate::{table, text};

/// Renders a report.
#[must_use]
pub fn render(report: &Report) -> String {
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
            text::cell(&binding.key.namespace),
            text::cell(&binding.key.service_account),
            binding.facts.path.map_or("", CredentialPath::as_str).to_owned(),
            text::cell(binding.facts.role_arn.as_deref().unwrap_or_default()),
            binding.verdict.as_str().to_owned(),
            binding.reason.to_owned(),
            binding.pods.total.to_string(),
            binding.pods.stale.to_string(),
            binding.pods.missing.to_string(),
            text::cell(binding.facts.audience.as_deref().unwrap_or_default()),
            text::cell(&codes.join(",")),
        ]
    };
    let mut out = table::rows(report, &head, row);
    for binding in report
        .bindings
        .iter()
        .filter(|binding| !binding.findings.is_empty())
    {
        let _ = writeln!(out, "\n{}", table::name(&binding.key));
        table::path(&mut out, binding);
        for finding in &binding.findings {
            text::finding(&mut out, finding);
            write_alternatives(&mut out, finding);
        }
        text::then(&mut out, &binding.then);
        for finding in &binding.then {
            write_alternatives(&mut out, finding);
        }
    }
    table::finish(&mut out, report);
    out
}

/// The other forms of a fix, each at the margin.
fn write_alternatives(out: &mut String, finding: &Finding) {
    let forms = finding.fix.iter().flat_map(|fix| &fix.first.alternatives);
    // The diff is before the command.
    for alternative in forms.filter(|alternative| alternative.form != Form::Diff) {
        let only_if = alternative
            .only_if
            .map(|only_if| format!(", only if {only_if}"))
            .unwrap_or_default();
        let text = text::lines(&alternative.text);
        let _ = writeln!(
            out,
            "    or as {}{only_if}:\n{}",
            alternative.form.as_str(),
            text.trim_end()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn every_finding_is_told_in_every_form() {
        let text = render(&report(vec![broken()]));
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
