//! For a terminal: a line for each binding; below, what decides over those that are not well.

use std::fmt::Write as _;

use audit_core::finding::Severity;
use audit_core::model::BindingKey;
use audit_core::report::{BindingReport, Report};
use audit_core::{CredentialPath, Verdict};

use crate::text;
use crate::view::Summary;

/// What a report says that has nothing to say.
const NOTHING: &str = "No ServiceAccount is bound to a role, and no IrsaAudit asks for one.";

/// Renders a report.
#[must_use]
pub fn render(report: &Report) -> String {
    let head = ["NAMESPACE", "NAME", "ROLE", "VERDICT", "REASON", "PODS"];
    let row = |binding: &BindingReport| {
        vec![
            text::cell(&binding.key.namespace),
            text::cell(&binding.key.service_account),
            text::cell(binding.facts.role_arn.as_deref().unwrap_or_default()),
            binding.verdict.as_str().to_owned(),
            binding.reason.to_owned(),
            binding.pods.total.to_string(),
        ]
    };
    let mut out = rows(report, &head, row);
    for binding in report
        .bindings
        .iter()
        .filter(|binding| binding.verdict != Verdict::Working)
    {
        let deciding = binding
            .findings
            .iter()
            .find(|f| f.counts() && f.entry.reason == binding.reason);
        let Some(deciding) = deciding else { continue };
        let _ = writeln!(out, "\n{}", name(&binding.key));
        path(&mut out, binding);
        text::finding(&mut out, deciding);
        let others: Vec<&str> = binding
            .findings
            .iter()
            .filter(|f| f.counts() && f.severity != Severity::Notice && f.entry.code != deciding.entry.code)
            .map(|f| f.entry.code)
            .collect();
        if !others.is_empty() {
            let _ = writeln!(out, "  besides: {}, shown by `-o wide`", others.join(", "));
        }
        text::then(&mut out, &binding.then);
    }
    finish(&mut out, report);
    out
}

/// The lines of all bindings.
pub(crate) fn rows(report: &Report, head: &[&str], row: impl Fn(&BindingReport) -> Vec<String>) -> String {
    if report.bindings.is_empty() {
        return format!("{NOTHING}\n");
    }
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head)
        .chain(report.bindings.iter().map(row))
        .collect();
    text::columns(&rows)
}

/// What concerns no single binding, and how many there are.
pub(crate) fn finish(out: &mut String, report: &Report) {
    if !report.cluster.findings.is_empty() {
        let _ = writeln!(out, "\ncluster");
        for finding in &report.cluster.findings {
            text::finding(out, finding);
        }
    }
    let Summary {
        total,
        working,
        at_risk,
        broken,
        unknown,
    } = Summary::of(report);
    let bindings = if total == 1 { "binding" } else { "bindings" };
    let _ = writeln!(
        out,
        "\n{total} {bindings}: {working} working, {at_risk} at risk, {broken} broken, {unknown} unknown"
    );
}

/// How the binding's consumers get their credentials, where that is not by the webhook alone.
pub(crate) fn path(out: &mut String, binding: &BindingReport) {
    let facts = &binding.facts;
    let Some(path) = facts.path else { return };
    if path == CredentialPath::Webhook && facts.other_paths.is_empty() {
        return;
    }
    let others: Vec<&str> = facts.other_paths.iter().map(|path| path.as_str()).collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(", also {}", others.join(", "))
    };
    let _ = writeln!(out, "  credential path: {path}{others}");
}

pub(crate) fn name(key: &BindingKey) -> String {
    text::cell(&key.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn columns_stand_below_each_other() {
        let text = render(&report(vec![broken(), working("a-rather-long-namespace")]));
        let lines: Vec<&str> = text.lines().take(3).collect();
        let verdicts: Vec<Option<usize>> = lines
            .iter()
            .zip(["VERDICT", "Broken", "Working"])
            .map(|(line, word)| line.find(word))
            .collect();
        assert!(
            verdicts.iter().all(|at| at.is_some() && *at == verdicts[0]),
            "{text}"
        );
    }

    #[test]
    fn the_fix_of_what_is_broken_can_be_pasted() {
        let text = render(&report(vec![working("a"), broken()]));
        let (_, below) = text.split_once("\nshop/cart\n").unwrap();
        assert!(below.lines().any(|line| line.trim() == COMMAND), "{text}");
        assert!(!text.contains("a/cart"), "nothing is to be said of what works");
        assert!(!below.contains("IRSA216"), "only what decides is told");
        assert!(text.ends_with("\n2 bindings: 1 working, 0 at risk, 1 broken, 0 unknown\n"));
    }

    #[test]
    fn what_else_there_is_can_be_found() {
        let mut binding = broken();
        binding.findings[1].waived = None;
        let text = render(&report(vec![binding]));
        let others: Vec<&str> = text.lines().filter(|line| line.contains("IRSA216")).collect();
        assert_eq!(others, ["  besides: IRSA216, shown by `-o wide`"]);
    }

    #[test]
    fn a_fix_of_several_lines_begins_at_the_margin() {
        let mut binding = broken();
        binding.findings[0].fix.as_mut().unwrap().first.text = "cat <<'EOF'\nx\nEOF".to_owned();
        assert!(render(&report(vec![binding])).contains("\ncat <<'EOF'\nx\nEOF\n"));
    }

    #[test]
    fn nothing_at_all_is_said_in_words() {
        assert!(render(&report(Vec::new())).starts_with("No ServiceAccount"));
    }

    #[test]
    fn what_concerns_the_cluster_is_told() {
        let mut report = report(Vec::new());
        report.cluster.findings = broken().findings;
        let text = render(&report);
        assert!(text.contains("\ncluster\n") && text.contains("IRSA204"), "{text}");
    }
}
