//! A page that people open from an artifact or a mail: one file, which asks nothing of the network.
//!
//! Everything is in the markup, so the page can be read, searched by the browser and printed without its script. The script filters and
//! searches. A content security policy allows this style and this script by their hashes and nothing else, so that untrusted text that
//! became markup could not run.
//!
//! | module | what is in it |
//! |---|---|
//! | `chain` | the chain of a binding as a row of boxes |

mod chain;

use std::fmt::Write as _;

use audit_core::report::{BindingReport, ClusterReport};
use audit_core::{Finding, Verdict};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::markup::{escape, escape_lines, prose};
use crate::presentation::Presentation;
use crate::repair::{self, BlockKind, FixBlock};
use crate::view::{NOTHING, Summary};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Renders a report.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    let report = presentation.report;
    let summary = Summary::of(report);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>irsa-audit: {summary}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        policy()
    );
    let _ = writeln!(
        out,
        "<header>\n<h1>irsa-audit</h1>\n<p class=\"summary\">{summary}</p>"
    );
    write_source(&mut out, &report.cluster);
    write_controls(&mut out, &summary);
    out.push_str("</header>\n<main>\n");
    if report.bindings.is_empty() {
        let _ = writeln!(out, "<p>{NOTHING}</p>");
    }
    for binding in &report.bindings {
        write_binding(&mut out, presentation, binding);
    }
    if !report.cluster.findings.is_empty() {
        out.push_str("<section class=\"cluster\">\n<h2>Cluster and accounts</h2>\n");
        for finding in &report.cluster.findings {
            write_finding(&mut out, finding);
        }
        out.push_str("</section>\n");
    }
    let _ = writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>");
    out
}

/// The content security policy.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Whose tokens and accounts the report is about.
fn write_source(out: &mut String, cluster: &ClusterReport) {
    if let Some(issuer) = &cluster.issuer {
        let _ = writeln!(
            out,
            "<p class=\"source\">Issuer: <code>{}</code></p>",
            escape(issuer.url.as_str())
        );
    }
    let accounts: Vec<String> = cluster
        .accounts
        .iter()
        .map(|account| format!("<code>{}</code>", escape(&account.account)))
        .collect();
    if !accounts.is_empty() {
        let _ = writeln!(out, "<p class=\"source\">Accounts: {}</p>", accounts.join(", "));
    }
}

/// The filter and the search. Without the script they would do nothing, so the script shows them.
fn write_controls(out: &mut String, summary: &Summary) {
    out.push_str("<form id=\"controls\" role=\"search\" hidden>\n<fieldset>\n<legend>Show</legend>\n");
    for (verdict, count) in [
        (Verdict::Broken, summary.broken),
        (Verdict::Unknown, summary.unknown),
        (Verdict::AtRisk, summary.at_risk),
        (Verdict::Working, summary.working),
    ] {
        let word = verdict.as_str();
        let _ = writeln!(
            out,
            "<button type=\"button\" class=\"{word}\" data-verdict=\"{word}\" aria-pressed=\"false\">{} {count}</button>",
            name(verdict)
        );
    }
    out.push_str(
        "</fieldset>\n<label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\" placeholder=\"name, role, code, text\"></label>\n\
         <output id=\"shown\"></output>\n</form>\n",
    );
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::AtRisk => "At risk",
        other => other.as_str(),
    }
}

fn write_binding(out: &mut String, presentation: &Presentation<'_>, binding: &BindingReport) {
    let word = binding.verdict.as_str();
    let _ = writeln!(
        out,
        "<details class=\"binding {word}\" data-verdict=\"{word}\">\n<summary><span class=\"verdict\">{}</span> <span class=\"name\">{}</span> \
         <span class=\"reason\">{}</span> <span class=\"role\">{}</span></summary>",
        name(binding.verdict),
        escape(&binding.key.to_string()),
        escape(binding.reason),
        escape(binding.facts.role_arn.as_deref().unwrap_or_default())
    );
    if binding.deciding().is_none() {
        let _ = writeln!(out, "<p>{}</p>", prose(&binding.message));
    }
    chain::write(out, binding);
    if let Some(place) = presentation.place(&binding.key) {
        let _ = writeln!(
            out,
            "<p class=\"source\">Manifest: <code>{}</code>, line {}</p>",
            escape(&place.path),
            place.line
        );
    }
    for finding in &binding.findings {
        write_finding(out, finding);
    }
    if !binding.then.is_empty() {
        out.push_str("<h3>Then, once this is repaired</h3>\n");
    }
    for finding in &binding.then {
        write_finding(out, finding);
    }
    out.push_str("</details>\n");
}

fn write_finding(out: &mut String, finding: &Finding) {
    let entry = finding.entry;
    let severity = finding.severity.as_str();
    let waived = if finding.counts() { "" } else { ", waived" };
    let _ = writeln!(
        out,
        "<article class=\"finding {severity}\">\n<h4><a href=\"{}\" rel=\"noopener\">{}</a> {} <small>{severity}{waived}</small></h4>\n<p>{}</p>",
        escape(&entry.page()),
        entry.code,
        entry.reason,
        prose(&finding.message)
    );
    if let Some(resource) = &finding.resource {
        let _ = writeln!(
            out,
            "<p><b>resource:</b> <code>{}</code></p>",
            escape(&repair::resource(resource))
        );
    }
    for block in repair::blocks(finding)
        .into_iter()
        .chain(repair::alternatives(finding))
    {
        write_block(out, &block);
    }
    out.push_str("</article>\n");
}

fn write_block(out: &mut String, block: &FixBlock) {
    let heading = escape(&block.heading);
    let text = &block.text;
    let _ = match block.kind {
        BlockKind::Summary | BlockKind::Words => writeln!(out, "<p><b>{heading}:</b> {}</p>", prose(text)),
        BlockKind::Diff => {
            out.push_str("<pre class=\"diff\"><code>");
            for line in text.split('\n') {
                let kind = match line.chars().next() {
                    Some('+') => "ins",
                    Some('-') => "del",
                    _ => "span",
                };
                let _ = writeln!(out, "<{kind}>{}</{kind}>", escape(line));
            }
            writeln!(out, "</code></pre>")
        }
        BlockKind::Code => writeln!(
            out,
            "<p><b>{heading}:</b></p>\n<pre><code>{}</code></pre>",
            escape_lines(text)
        ),
    };
}

#[cfg(test)]
#[path = "../../tests/unit/html.rs"]
mod tests;
