//! A comment on a pull request, in the Markdown of GitHub and GitLab: a summary, a table of what does not work, and details to unfold.
//!
//! | module | what is in it |
//! |---|---|
//! | `inline` | untrusted text that stays text, in tables, sentences and code fences |

mod inline;

use std::cmp::Reverse;
use std::fmt::Write as _;

use audit_core::report::BindingReport;
use audit_core::{Finding, Verdict};

use crate::presentation::Presentation;
use crate::repair::{self, BlockKind, FixBlock};
use crate::view::{NOTHING, Summary};
use inline::{code, fence, sentence};

/// The first line, by which a job finds its own comment again in order to replace it.
const MARK: &str = "<!-- irsa-audit -->";

/// The most bytes of a comment. GitHub refuses one of more than 65,536 characters, and a job may add some of its own.
const MOST: usize = 64_000;

/// The most bytes that the table takes of these.
const MOST_OF_TABLE: usize = 24_000;

/// The most bytes of a finding's fix. A longer one is for a terminal.
const MOST_OF_FIX: usize = 16_000;

/// The room for what is said of what was left out.
const RESERVE: usize = 1_000;

/// Renders a report. What fails the audit comes first. What does not fit is counted, never cut in its middle.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    let report = presentation.report;
    let mut out = format!("{MARK}\n### {}\n\n", headline(presentation));
    if report.bindings.is_empty() {
        let _ = writeln!(out, "{NOTHING}\n");
    } else {
        let _ = writeln!(out, "{}\n", Summary::of(report));
    }
    let mut bindings: Vec<&BindingReport> = report
        .bindings
        .iter()
        .filter(|binding| binding.verdict != Verdict::Working || presentation.is_failed_by(binding))
        .collect();
    bindings.sort_by_key(|binding| Reverse((presentation.is_failed_by(binding), binding.verdict)));
    let mut left_out = LeftOut::default();
    write_table(&mut out, presentation, &bindings, &mut left_out);
    let cluster = &report.cluster.findings;
    if !cluster.is_empty() {
        let fails = cluster.iter().any(|finding| presentation.fails_cluster(finding));
        let text = details("cluster and accounts", &[], cluster);
        left_out.push(&mut out, &text, fails);
    }
    for binding in bindings {
        let text = binding_details(presentation, binding);
        left_out.push(&mut out, &text, presentation.is_failed_by(binding));
    }
    left_out.tell(&mut out);
    out
}

/// What was left out for want of room.
#[derive(Debug, Default)]
struct LeftOut {
    rows: usize,
    details: usize,
    failing: usize,
}

impl LeftOut {
    /// Adds details if they fit.
    fn push(&mut self, out: &mut String, text: &str, fails: bool) {
        if out.len() + text.len() + RESERVE <= MOST {
            out.push_str(text);
        } else {
            self.details += 1;
            self.failing += usize::from(fails);
        }
    }

    fn tell(&self, out: &mut String) {
        if self.rows > 0 || self.details > 0 {
            let Self {
                rows,
                details,
                failing,
            } = self;
            let _ = writeln!(
                out,
                "**Left out because a comment is limited in size:** {rows} rows of the table, and the details of {details} bindings, of which \
                 {failing} fail the audit. `irsa-audit audit` with the same arguments and `-o table` or `-o html` shows all of them."
            );
        }
    }
}

fn headline(presentation: &Presentation<'_>) -> &'static str {
    if presentation.is_failed() {
        "irsa-audit: failed"
    } else {
        "irsa-audit: passed"
    }
}

fn write_table(
    out: &mut String,
    presentation: &Presentation<'_>,
    bindings: &[&BindingReport],
    left_out: &mut LeftOut,
) {
    if bindings.is_empty() {
        return;
    }
    out.push_str("| Verdict | ServiceAccount | Role | Finding |\n|---|---|---|---|\n");
    for (index, binding) in bindings.iter().enumerate() {
        let (findings, _) = presentation.parted(binding);
        let finding = binding.deciding().or(findings.first().copied());
        let row = format!(
            "| {} | {} | {} | {} |\n",
            verdict(binding.verdict),
            code(&binding.key.to_string()),
            binding.facts.role_arn.as_deref().map(code).unwrap_or_default(),
            finding.map(linked).unwrap_or_default()
        );
        if out.len() + row.len() > MOST_OF_TABLE {
            left_out.rows = bindings.len() - index;
            break;
        }
        out.push_str(&row);
    }
    out.push('\n');
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Working => "✅ Working",
        Verdict::AtRisk => "⚠️ At risk",
        Verdict::Unknown => "❔ Unknown",
        Verdict::Broken => "❌ Broken",
    }
}

/// A finding's code as a link to its page, with its reason.
fn linked(finding: &Finding) -> String {
    let entry = finding.entry;
    format!("[{}]({}) {}", entry.code, entry.page(), entry.reason)
}

fn binding_details(presentation: &Presentation<'_>, binding: &BindingReport) -> String {
    let mut facts = Vec::new();
    if let Some(place) = presentation.place(&binding.key) {
        facts.push(format!("Manifest: {}, line {}", code(&place.path), place.line));
    }
    if let Some(path) = binding.facts.path {
        facts.push(format!("Credential path: {path}"));
    }
    let findings: Vec<&Finding> = binding.findings.iter().chain(&binding.then).collect();
    details(&code(&binding.key.to_string()), &facts, findings)
}

/// Details to unfold; the summary and the facts are Markdown.
fn details<'a>(summary: &str, facts: &[String], findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut text = format!("<details><summary>{summary}</summary>\n\n");
    for fact in facts {
        let _ = writeln!(text, "{fact}  ");
    }
    for finding in findings {
        let severity = finding.severity.as_str();
        let waived = if finding.counts() { "" } else { ", waived" };
        let _ = writeln!(text, "\n**{}** ({severity}{waived})\n", linked(finding));
        let _ = writeln!(text, "Message: {}", sentence(&finding.message));
        if let Some(resource) = &finding.resource {
            let _ = writeln!(text, "\nResource: {}", code(&repair::resource(resource)));
        }
        if finding.fix.is_some() {
            let blocks: String = repair::blocks(finding).iter().map(block).collect();
            if blocks.len() <= MOST_OF_FIX {
                text.push_str(&blocks);
            } else {
                text.push_str(
                    "\nThe fix is too long for a comment. `irsa-audit audit -o table` prints it.\n",
                );
            }
        }
    }
    text.push_str("\n</details>\n\n");
    text
}

fn block(block: &FixBlock) -> String {
    let heading = &block.heading;
    match block.kind {
        BlockKind::Summary | BlockKind::Words => format!("\n{heading}: {}\n", sentence(&block.text)),
        BlockKind::Diff => format!("\n{}", fence("diff", &block.text)),
        BlockKind::Code => format!("\n{heading}:\n\n{}", fence("sh", &block.text)),
    }
}

#[cfg(test)]
mod tests {
    use audit_core::{Report, Severity};
    use comrak::nodes::NodeValue;
    use comrak::{Arena, Options, parse_document};

    use super::*;
    use crate::testing::*;

    /// How many bodies of tables' rows, fences and links a text has.
    fn counted(text: &str) -> [usize; 3] {
        let arena = Arena::new();
        let mut options = Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        let root = parse_document(&arena, text, &options);
        let mut counts = [0; 3];
        for node in root.descendants() {
            match &node.data.borrow().value {
                NodeValue::TableRow(false) => counts[0] += 1,
                NodeValue::CodeBlock(_) => counts[1] += 1,
                NodeValue::Link(_) => counts[2] += 1,
                _ => {}
            }
        }
        counts
    }

    fn render(report: &Report) -> String {
        super::render(&presented(report))
    }

    #[test]
    fn what_works_is_counted_and_what_does_not_has_a_row_and_its_fix() {
        let text = render(&report(vec![working("a"), broken()]));
        // A link in the row, and one for each of two findings.
        assert_eq!(counted(&text), [1, 1, 3]);
        assert!(text.starts_with(MARK) && text.contains(COMMAND), "{text}");
        assert_eq!(counted(&render(&report(vec![working("a")]))), [0, 0, 0]);
    }

    #[test]
    fn what_fails_the_audit_comes_first() {
        let mut unknown = broken();
        unknown.key.namespace = "a".into();
        unknown.verdict = Verdict::Unknown;
        unknown.findings[0].severity = Severity::Unknown;
        let text = render(&report(vec![unknown, broken()]));
        let at = |name: &str| text.find(name).unwrap();
        assert!(at("shop&#47;cart") < at("a&#47;cart"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let many: Vec<_> = (0..2_000)
            .map(|number| {
                let mut binding = broken();
                binding.key.namespace = format!("n{number:04}").into();
                binding
            })
            .collect();
        let text = render(&report(many));
        assert!(text.len() <= MOST, "{}", text.len());
        let [rows, fences, _] = counted(&text);
        assert!(rows > 50 && fences > 10, "{rows} {fences}");
        let told = text.lines().last().unwrap();
        assert!(told.contains(&format!("{} rows", 2_000 - rows)), "{told}");
        assert!(
            told.contains(&format!(
                "{} bindings, of which {}",
                2_000 - fences,
                2_000 - fences
            )),
            "{told}"
        );
    }

    #[test]
    fn a_fix_of_any_length_leaves_room_for_the_rest() {
        let mut binding = broken();
        binding.findings[0].fix.as_mut().unwrap().first.text = "x".repeat(100_000);
        let text = render(&report(vec![binding]));
        assert_eq!(counted(&text), [1, 0, 3]);
        assert!(text.len() < 4_000);
    }
}
