//! For a terminal: a line for each binding, then the findings and fixes of those that do not work or fail the audit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use audit_core::finding::Severity;
use audit_core::model::BindingKey;
use audit_core::report::{BindingReport, Report};
use audit_core::{CredentialPath, Verdict};

use crate::columns::{Cell, columns, cut};
use crate::finding;
use crate::paint::{self, Terminal};
use crate::presentation::Presentation;
use crate::text::shown;
use crate::view::Summary;

/// The most columns of a terminal that the name of a binding takes.
const MOST_OF_NAME: usize = 640;

/// Renders a report. The other findings of a binding are named by their codes.
#[must_use]
pub fn render(presentation: &Presentation<'_>, terminal: Terminal) -> String {
    let report = presentation.report;
    let head = ["NAMESPACE", "NAME", "ROLE", "VERDICT", "REASON", "PODS"];
    let row = |binding: &BindingReport| {
        let style = paint::verdict(binding.verdict);
        vec![
            Cell::of(&binding.key.namespace),
            Cell::of(&binding.key.service_account),
            Cell::of(binding.facts.role_arn.as_deref().unwrap_or_default()),
            Cell::styled(binding.verdict.as_str(), style),
            Cell::of(binding.reason),
            Cell::of(&binding.pods.total.to_string()),
        ]
    };
    let mut out = rows(report, &head, row, terminal);
    for binding in &report.bindings {
        let (printed, others) = presentation.parted(binding);
        if printed.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", name(&binding.key, terminal));
        path(&mut out, binding);
        for its in printed {
            finding::write(&mut out, its, terminal);
        }
        let others: Vec<&str> = others
            .into_iter()
            .filter(|f| f.counts() && f.severity != Severity::Notice && binding.verdict != Verdict::Working)
            .map(|f| f.entry.code)
            .collect();
        if !others.is_empty() {
            let _ = writeln!(out, "  other findings, shown by `-o wide`: {}", others.join(", "));
        }
        finding::write_then(&mut out, &binding.then, terminal);
    }
    notices(&mut out, presentation);
    finish(&mut out, report, terminal);
    out
}

/// The most bindings that are named for one code.
const NAMED: usize = 3;

/// Which notices there are on bindings that work: their lines say that all is well, and a notice may say why that is not all.
fn notices(out: &mut String, presentation: &Presentation<'_>) {
    let mut by_code: BTreeMap<&str, Vec<&BindingKey>> = BTreeMap::new();
    let working = presentation.report.bindings.iter();
    for binding in working.filter(|binding| binding.verdict == Verdict::Working) {
        let (_, others) = presentation.parted(binding);
        for finding in others.into_iter().filter(|finding| finding.counts()) {
            by_code.entry(finding.entry.code).or_default().push(&binding.key);
        }
    }
    let told: Vec<String> = by_code
        .into_iter()
        .map(|(code, mut keys)| {
            keys.dedup();
            if keys.len() > NAMED {
                return format!("{code} ({} bindings)", keys.len());
            }
            let names: Vec<String> = keys
                .iter()
                .map(|key| shown(&cut(&key.to_string(), MOST_OF_NAME)))
                .collect();
            format!("{code} ({})", names.join(", "))
        })
        .collect();
    if !told.is_empty() {
        let _ = writeln!(
            out,
            "\nother findings on working bindings, shown by `-o wide`: {}",
            told.join(", ")
        );
    }
}

/// The lines of all bindings.
pub(crate) fn rows(
    report: &Report,
    head: &[&str],
    row: impl Fn(&BindingReport) -> Vec<Cell>,
    terminal: Terminal,
) -> String {
    if report.bindings.is_empty() {
        return format!("{}\n", crate::view::NOTHING);
    }
    let head = head
        .iter()
        .map(|name| Cell::styled(*name, paint::HEADING))
        .collect();
    let rows: Vec<Vec<Cell>> = std::iter::once(head)
        .chain(report.bindings.iter().map(row))
        .collect();
    columns(&rows, terminal)
}

/// What concerns no single binding, and how many there are.
pub(crate) fn finish(out: &mut String, report: &Report, terminal: Terminal) {
    if !report.cluster.findings.is_empty() {
        let _ = writeln!(out, "\n{}", terminal.paint(paint::HEADING, "cluster"));
        for its in &report.cluster.findings {
            finding::write(out, its, terminal);
        }
    }
    let _ = writeln!(out, "\n{}", Summary::of(report));
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

pub(crate) fn name(key: &BindingKey, terminal: Terminal) -> String {
    let name = shown(&cut(&key.to_string(), MOST_OF_NAME));
    terminal.paint(paint::HEADING, &cut(&name, MOST_OF_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn render(report: &Report) -> String {
        super::render(&presented(report), Terminal::default())
    }

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
        let others = text.lines().filter(|line| line.contains("IRSA216"));
        assert_eq!(others.count(), 1);
    }

    #[test]
    fn what_fails_the_audit_is_shown_whatever_the_verdict() {
        let mut works = working("a");
        works.findings = broken().findings;
        for finding in &mut works.findings {
            (finding.severity, finding.waived) = (Severity::Notice, None);
        }
        let report = report(vec![works]);
        let shown = |fail_at| {
            let presentation = Presentation {
                fail_at,
                ..presented(&report)
            };
            let text = super::render(&presentation, Terminal::default());
            ["IRSA204", "IRSA216"].map(|code| text.contains(&format!("  {code} ")))
        };
        assert_eq!(shown(Some(Severity::Broken)), [false, false]);
        assert_eq!(shown(None), [false, false]);
        assert_eq!(shown(Some(Severity::Notice)), [true, true]);
    }

    #[test]
    fn notices_on_what_works_are_pointed_to_and_not_told() {
        let noticed = |namespace: &str| {
            let mut works = working(namespace);
            works.findings = broken().findings.into_iter().take(1).collect();
            works.findings[0].severity = Severity::Notice;
            works
        };
        let text = render(&report(vec![noticed("a"), noticed("b"), working("c")]));
        let line = text.lines().find(|line| line.contains("IRSA204")).unwrap();
        assert!(
            line.contains("a/cart, b/cart") && line.contains("-o wide"),
            "{text}"
        );
        assert!(!text.contains(COMMAND), "{text}");
        let many = ["a", "b", "c", "d"].map(noticed).to_vec();
        let text = render(&report(many));
        assert!(text.contains("IRSA204 (4 bindings)"), "{text}");
        assert!(!render(&report(vec![working("a")])).contains("-o wide"));
    }

    #[test]
    fn every_line_of_the_table_fits_the_terminal_and_colours_change_no_text() {
        let long = "n".repeat(253);
        let report = report(vec![named(&long), broken(), working(&long)]);
        let render = |has_colors, width| super::render(&presented(&report), Terminal { has_colors, width });
        let table = render(false, Some(100));
        assert!(
            table.lines().take(4).all(|line| line.chars().count() <= 100),
            "{table}"
        );
        let painted = render(true, Some(100));
        assert_ne!(painted, table);
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), table);
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
