//! One binding as a whole, for a terminal: who asks whom for what, each link of the chain with the first broken one marked, every finding with
//! its fix, and what was looked at and when.

use std::fmt::Write as _;

use anstyle::Style;
use audit_core::report::{AccountReport, BindingReport, ClusterReport, LinkState};
use audit_core::{CredentialPath, Finding, Link, Verdict};
use jiff::Timestamp;

use crate::columns::{Cell, columns};
use crate::paint::{self, Terminal};
use crate::text::shown;
use crate::{finding, table};

/// What stands before the first link that is not well.
const MARK: &str = "=> ";

/// Where a report comes from.
#[derive(Debug, Clone, Copy)]
pub struct LookedAt<'a> {
    /// What was read, such as `the cluster of the kubeconfig`.
    pub source: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Renders one binding. The text ends with a line break. Nothing is cut to the terminal's width: every name may be needed.
#[must_use]
pub fn render(
    binding: &BindingReport,
    cluster: &ClusterReport,
    looked_at: &LookedAt<'_>,
    terminal: Terminal,
) -> String {
    let terminal = Terminal {
        width: None,
        ..terminal
    };
    let mut out = format!(
        "{}: {}\n",
        table::name(&binding.key, terminal),
        terminal.paint(paint::verdict(binding.verdict), binding.verdict.as_str())
    );
    // The finding that decides says the same below.
    if binding.deciding().is_none() {
        let _ = writeln!(out, "  {}", shown(&binding.message));
    }
    out.push('\n');
    write_facts(&mut out, binding, cluster, terminal);
    out.push('\n');
    write_links(&mut out, binding, terminal);
    if !binding.findings.is_empty() {
        out.push_str("\nfindings, in the order of the chain\n");
        for its in &binding.findings {
            finding::write(&mut out, its, terminal);
        }
    }
    finding::write_then(&mut out, &binding.then, terminal);
    write_evidence(&mut out, binding, cluster, looked_at);
    out
}

/// One finding with its fix, as a status shows it. The text ends with a line break.
#[must_use]
pub fn finding(finding: &Finding, terminal: Terminal) -> String {
    let mut out = String::new();
    finding::write(&mut out, finding, terminal);
    out
}

fn write_facts(out: &mut String, binding: &BindingReport, cluster: &ClusterReport, terminal: Terminal) {
    let facts = &binding.facts;
    let others: Vec<&str> = facts.other_paths.iter().map(|path| path.as_str()).collect();
    let mut path = facts.path.map_or("", CredentialPath::as_str).to_owned();
    if !others.is_empty() {
        let _ = write!(path, ", also {}", others.join(", "));
    }
    let issuer = cluster.issuer.as_ref();
    let source = issuer.map_or(String::new(), |issuer| {
        format!(" (source: {})", issuer.source.as_str())
    });
    let issuer = facts.issuer.as_deref().map(|url| format!("{url}{source}"));
    let pods = &binding.pods;
    let pods = format!(
        "{}, of which {} ready, {} with an older role, {} without credentials",
        pods.total, pods.ready, pods.stale, pods.missing
    );
    let rows = [
        ("credential path", Some(path.as_str())),
        ("role", facts.role_arn.as_deref()),
        ("account", facts.account.as_deref()),
        ("issuer", issuer.as_deref()),
        ("OIDC provider", facts.provider_arn.as_deref()),
        ("subject", Some(&*facts.subject)),
        ("audience", facts.audience.as_deref()),
        ("pods", Some(&*pods)),
    ];
    let rows: Vec<Vec<Cell>> = rows
        .into_iter()
        .map(|(name, value)| vec![label(name), Cell::of(value.unwrap_or_default())])
        .collect();
    out.push_str(&columns(&rows, terminal));
}

/// The name of a fact, below its heading.
fn label(name: &str) -> Cell {
    Cell::styled(format!("  {name}"), Style::new())
}

/// A line for each link. The first that decides is marked: later ones are not reached because of it.
fn write_links(out: &mut String, binding: &BindingReport, terminal: Terminal) {
    let first = first_failing(binding);
    let rows: Vec<Vec<Cell>> = binding
        .links
        .iter()
        .map(|(link, state)| {
            let mark = if Some(*link) == first { MARK } else { "   " };
            let (word, style, why) = match state {
                LinkState::Passes => ("ok", paint::verdict(Verdict::Working), ""),
                LinkState::NotApplicable => ("-", Style::new(), "does not apply"),
                LinkState::NotExpected => (
                    "-",
                    Style::new(),
                    "irsa-audit could not see it, and nothing is expected of it",
                ),
                LinkState::Broken(reason) => ("BROKEN", paint::verdict(Verdict::Broken), *reason),
                LinkState::Unseen(reason) => ("unknown", paint::verdict(Verdict::Unknown), *reason),
                LinkState::NotReached => ("-", Style::new(), "not reached: an earlier link decides"),
            };
            let link = Cell::styled(format!("{mark}{}", link.as_str()), Style::new());
            let why = Some(why).filter(|why| !why.is_empty());
            [link, Cell::styled(word, style)]
                .into_iter()
                .chain(why.map(|why| Cell::styled(why, Style::new())))
                .collect()
        })
        .collect();
    out.push_str(&columns(&rows, terminal));
}

/// The first link that is broken, or else the first that could not be seen.
fn first_failing(binding: &BindingReport) -> Option<Link> {
    let find = |is_such: fn(&LinkState) -> bool| {
        let mut links = binding.links.iter();
        links.find(|(_, state)| is_such(state)).map(|(link, _)| *link)
    };
    find(|state| matches!(state, LinkState::Broken(_)))
        .or_else(|| find(|state| matches!(state, LinkState::Unseen(_))))
}

fn write_evidence(
    out: &mut String,
    binding: &BindingReport,
    cluster: &ClusterReport,
    looked_at: &LookedAt<'_>,
) {
    let _ = writeln!(
        out,
        "\nlooked at {} at {}",
        shown(looked_at.source),
        looked_at.at.strftime("%Y-%m-%d %H:%M:%SZ")
    );
    let mine = |account: &&AccountReport| Some(&account.account) == binding.facts.account.as_ref();
    for account in cluster.accounts.iter().filter(mine) {
        let age = account
            .oldest_evidence
            .map_or("nothing was read".to_owned(), |at| {
                format!("read at {} or later", at.strftime("%Y-%m-%d %H:%M:%SZ"))
            });
        let failures = if account.failures.is_empty() {
            ""
        } else {
            ", with calls that failed"
        };
        let _ = writeln!(out, "  account {}: {age}{failures}", shown(&account.account));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn rendered(binding: BindingReport) -> String {
        let report = report(vec![binding]);
        let looked_at = LookedAt {
            source: "files",
            at: Timestamp::UNIX_EPOCH,
        };
        render(
            &report.bindings[0],
            &report.cluster,
            &looked_at,
            Terminal::default(),
        )
    }

    #[test]
    fn the_first_broken_link_is_marked_and_every_finding_is_told() {
        let mut binding = broken();
        binding.links[4].1 = LinkState::NotReached;
        binding.facts.issuer = Some(ISSUER.to_owned());
        let text = rendered(binding);
        let marked: Vec<&str> = text.lines().filter(|line| line.starts_with(MARK)).collect();
        assert_eq!(marked.len(), 1, "{text}");
        assert!(
            marked[0].contains("Trust") && marked[0].contains("SubjectNamespaceMismatch"),
            "{text}"
        );
        for expected in [
            COMMAND,
            "IRSA204",
            "IRSA216",
            ROLE,
            ISSUER,
            "1970-01-01 00:00:00Z",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn nothing_is_marked_where_all_is_well() {
        let text = rendered(working("shop"));
        assert!(
            !text.contains(MARK) && text.starts_with("shop/cart: Working\n"),
            "{text}"
        );
    }

    #[test]
    fn hostile_names_are_shown_harmlessly() {
        let text = rendered(named("a\u{1b}[31m\u{202e}\r\nb"));
        assert!(
            !text.chars().any(|c| c != '\n' && audit_core::text::is_hidden(c)),
            "{text}"
        );
    }
}
