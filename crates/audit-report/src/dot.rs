//! A graph for Graphviz: ServiceAccounts by namespace, roles by account, and a line for each credential path between them.
//!
//! Source of the quoting: [the DOT language](https://graphviz.org/doc/info/lang.html) and
//! [escape strings](https://graphviz.org/docs/attr-types/escString/).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use audit_core::report::BindingReport;
use audit_core::{CredentialPath, Finding, Verdict};

use crate::columns::cut;
use crate::presentation::Presentation;
use crate::text::shown;

/// The most characters of one line of a label: longer ones make a graph that nobody can look at.
const MOST: usize = 120;

/// Renders a report. A ServiceAccount names its verdict and the codes that decide it or fail the audit.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    let report = presentation.report;
    let mut out = "digraph \"irsa-audit\" {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n".to_owned();
    // Bindings are sorted by namespace. Names are untrusted, so nodes are numbered.
    let mut index = 0;
    for (number, group) in report
        .bindings
        .chunk_by(|one, next| one.key.namespace == next.key.namespace)
        .enumerate()
    {
        let namespace = group.first().map_or("", |binding| binding.key.namespace.as_str());
        let _ = writeln!(
            out,
            "  subgraph cluster_namespace_{number} {{\n    label={};",
            label(&[&format!("namespace {}", line(namespace))])
        );
        for binding in group {
            let _ = writeln!(
                out,
                "    account_{index} [label={}, color={}];",
                label(
                    &service_account(presentation, binding)
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                ),
                color(binding.verdict)
            );
            index += 1;
        }
        out.push_str("  }\n");
    }
    let roles = write_roles(&mut out, &report.bindings);
    for (index, binding) in report.bindings.iter().enumerate() {
        write_paths(&mut out, index, binding, &roles);
    }
    write_cluster(&mut out, presentation);
    out.push_str("}\n");
    out
}

/// The lines of a ServiceAccount's label.
fn service_account(presentation: &Presentation<'_>, binding: &BindingReport) -> Vec<String> {
    let mut lines = vec![line(&binding.key.service_account)];
    let verdict = binding.verdict.as_str();
    lines.push(match binding.verdict {
        Verdict::Working => verdict.to_owned(),
        _ => format!("{verdict}: {}", binding.reason),
    });
    let (named, _) = presentation.parted(binding);
    lines.extend(codes(named.into_iter()));
    lines
}

/// The roles by account, as boxes of boxes; gives the number of each.
fn write_roles<'a>(out: &mut String, bindings: &'a [BindingReport]) -> BTreeMap<&'a str, usize> {
    let mut accounts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for binding in bindings {
        let Some(role) = binding.facts.role_arn.as_deref() else {
            continue;
        };
        let next = numbers.len();
        numbers.entry(role).or_insert_with(|| {
            let account = binding.facts.account.as_deref().unwrap_or_default();
            accounts.entry(account).or_default().push(role);
            next
        });
    }
    for (number, (account, roles)) in accounts.into_iter().enumerate() {
        let name = match account {
            "" => "account unknown".to_owned(),
            account => format!("account {}", line(account)),
        };
        let _ = writeln!(
            out,
            "  subgraph cluster_account_{number} {{\n    label={};",
            label(&[&name])
        );
        for role in roles {
            let number = numbers.get(role).copied().unwrap_or_default();
            let _ = writeln!(out, "    role_{number} [label={}];", label(&[&line(role)]));
        }
        out.push_str("  }\n");
    }
    numbers
}

/// The line from a ServiceAccount to its role, and one for each other way to credentials, whose role a report does not name.
fn write_paths(out: &mut String, index: usize, binding: &BindingReport, roles: &BTreeMap<&str, usize>) {
    let facts = &binding.facts;
    let path = facts.path.map_or("no consumer", CredentialPath::as_str);
    let color = color(binding.verdict);
    let role = facts.role_arn.as_deref().and_then(|role| roles.get(role));
    match role {
        Some(role) => {
            let _ = writeln!(
                out,
                "  account_{index} -> role_{role} [label={}, color={color}];",
                label(&[path])
            );
        }
        None if facts.path.is_some() => {
            let _ = writeln!(
                out,
                "  none_{index} [label=\"no role determined\", style=dashed];\n  account_{index} -> none_{index} [label={}, \
                 color={color}];",
                label(&[path])
            );
        }
        None => {}
    }
    for (number, other) in facts.other_paths.iter().enumerate() {
        let _ = writeln!(
            out,
            "  other_{index}_{number} [label={}, style=dashed];\n  account_{index} -> other_{index}_{number} [style=dashed];",
            label(&["also", other.as_str()])
        );
    }
}

/// What concerns the cluster or an account, as a note.
fn write_cluster(out: &mut String, presentation: &Presentation<'_>) {
    let findings = &presentation.report.cluster.findings;
    let counted = findings.iter().filter(|finding| finding.counts());
    let codes: Vec<String> = codes(counted).collect();
    if !codes.is_empty() {
        let mut lines = vec!["cluster and accounts"];
        lines.extend(codes.iter().map(String::as_str));
        let _ = writeln!(out, "  findings [shape=note, label={}];", label(&lines));
    }
}

fn codes<'a>(findings: impl Iterator<Item = &'a Finding>) -> impl Iterator<Item = String> {
    findings.map(|finding| format!("{} {}", finding.entry.code, finding.entry.reason))
}

fn color(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Working => "darkgreen",
        Verdict::AtRisk => "darkorange",
        Verdict::Unknown => "purple",
        Verdict::Broken => "red",
    }
}

/// Untrusted text as a line of a label, before quoting.
fn line(text: &str) -> String {
    cut(&shown(&cut(text, MOST)), MOST)
}

/// Lines as a quoted label. A backslash begins an escape such as `\N`, the node's name, and `&` an entity.
fn label(lines: &[&str]) -> String {
    let quoted = lines.iter().map(|line| {
        line.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('&', "&amp;")
    });
    format!("\"{}\"", quoted.collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn accounts_with_one_role_lead_to_one_node() {
        let report = report(vec![working("a"), broken()]);
        let text = render(&presented(&report));
        let edges: Vec<&str> = text.lines().filter(|line| line.contains("->")).collect();
        assert_eq!(edges.len(), 2);
        assert!(edges.iter().all(|line| line.contains("-> role_0 ")), "{text}");
        assert_eq!(text.matches("subgraph cluster_namespace_").count(), 2);
        assert!(text.contains("IRSA204") && !text.contains("IRSA216"), "{text}");
    }

    #[test]
    fn every_way_to_credentials_is_drawn() {
        let mut binding = working("a");
        binding.facts.path = Some(CredentialPath::Webhook);
        binding.facts.other_paths = vec![CredentialPath::Static, CredentialPath::PodIdentity];
        let without_role = {
            let mut binding = binding.clone();
            binding.facts.role_arn = None;
            binding
        };
        let report = report(vec![binding, without_role]);
        assert_eq!(render(&presented(&report)).matches(" -> ").count(), 6);
    }

    #[test]
    fn nothing_ends_a_label_early() {
        assert_eq!(label(&["a\"b\\", "c&d"]), "\"a\\\"b\\\\\\nc&amp;d\"");
    }
}
