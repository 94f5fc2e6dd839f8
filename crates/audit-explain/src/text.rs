//! An explanation for people.

use std::fmt::Write as _;

use audit_core::text::quote;

use crate::explanation::Explanation;
use crate::mentioned::Principal;
use crate::pasted::MAX_BYTES;
use crate::sdk::MINIMUM;
use crate::symptom::Symptom;

/// How wide prose is, in characters.
const WIDTH: usize = 100;

/// What is said of a text in which nothing is known.
const NOTHING: &str = "Nothing in this text is known: no error of STS, of an SDK, of the API server or of the kubelet, no code of a finding, and no \
                       ServiceAccount or role. Paste the whole error with the lines around it, the CloudTrail record of the call, or the output \
                       of `aws sts get-caller-identity` from inside the container.";

/// The explanation as text, which ends with a line break.
#[must_use]
pub fn render(explanation: &Explanation) -> String {
    let mut out = String::new();
    if explanation.is_cut {
        let _ = writeln!(
            out,
            "Only the first {} KiB of the text were read.\n",
            MAX_BYTES / 1024
        );
    }
    if !explanation.is_recognized() {
        paragraph(&mut out, "", NOTHING);
        return out;
    }
    mentioned(&mut out, explanation);
    for symptom in &explanation.symptoms {
        write_symptom(&mut out, symptom);
    }
    if !explanation.old_sdks.is_empty() {
        sdks(&mut out, explanation);
    }
    findings(&mut out, explanation);
    if !explanation.advice.is_empty() {
        out.push_str("\nadvice that does not help\n");
        for advice in &explanation.advice {
            paragraph(&mut out, "  - ", &format!("\"{}\" {}", advice.says, advice.truth));
        }
    }
    if !explanation.next.is_empty() {
        out.push_str("\nnext\n");
        for next in &explanation.next {
            let _ = writeln!(out, "  # {}\n  {}", next.shows, next.command);
        }
    }
    out.trim_start().to_owned()
}

/// The names in the text, one kind a line.
fn mentioned(out: &mut String, explanation: &Explanation) {
    let found = &explanation.mentioned;
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.extend(
        found
            .service_accounts
            .iter()
            .map(|key| ("ServiceAccount", key.to_string())),
    );
    lines.extend(found.names.iter().map(|name| {
        (
            "ServiceAccount",
            format!("{name}, in a namespace that is not certain"),
        )
    }));
    lines.extend(found.roles.iter().map(|role| ("role", role.to_string())));
    lines.extend(
        found
            .principals
            .iter()
            .map(|principal| ("caller", caller(principal))),
    );
    lines.extend(found.aws.iter().map(|request| {
        let on = request
            .resource
            .as_ref()
            .map(|resource| format!(" on {resource}"));
        ("action", format!("{}{}", request.action, on.unwrap_or_default()))
    }));
    lines.extend(
        found
            .kubernetes
            .iter()
            .filter(|request| !request.resource.is_empty())
            .map(|request| {
                let group = if request.group.is_empty() {
                    String::new()
                } else {
                    format!(".{}", request.group)
                };
                let below = request
                    .subresource
                    .as_ref()
                    .map(|name| format!("/{name}"))
                    .unwrap_or_default();
                let by = request
                    .user
                    .as_ref()
                    .map(|user| format!(", by {user}"))
                    .unwrap_or_default();
                let place = match &request.namespace {
                    Some(name) => format!("namespace {name}"),
                    None if request.is_cluster_wide => "the whole cluster".to_owned(),
                    None => "a namespace that is not known".to_owned(),
                };
                (
                    "request",
                    format!(
                        "{} {}{group}{below} in {place}{by}",
                        request.verb, request.resource
                    ),
                )
            }),
    );
    lines.extend(found.issuers.iter().map(|issuer| ("issuer", issuer.clone())));
    if lines.is_empty() {
        return;
    }
    out.push_str("in the text\n");
    for (what, name) in lines {
        let _ = writeln!(out, "  {what:<15} {}", quote(&name));
    }
}

fn caller(principal: &Principal) -> String {
    match principal.role() {
        Some(role) => format!("{}, a session of role {role}", principal.arn),
        None => principal.arn.clone(),
    }
}

/// One symptom as text: what it means, and what to check. The text ends with a line break.
#[must_use]
pub fn symptom(symptom: &Symptom) -> String {
    let mut out = String::new();
    write_symptom(&mut out, symptom);
    out.trim_start().to_owned()
}

fn write_symptom(out: &mut String, symptom: &Symptom) {
    let _ = writeln!(out, "\n{} ({})", symptom.title, symptom.id);
    paragraph(out, "  ", symptom.means);
    for check in symptom.checks {
        paragraph(out, "  - ", check);
    }
}

fn sdks(out: &mut String, explanation: &Explanation) {
    for old in &explanation.old_sdks {
        let _ = writeln!(
            out,
            "  {} {} is below the minimum, {}",
            old.sdk.name, old.version, old.sdk.minimum
        );
    }
    let all = MINIMUM.iter().map(|sdk| format!("{} {}", sdk.name, sdk.minimum));
    let all = all.collect::<Vec<_>>().join(", ");
    paragraph(
        out,
        "  ",
        &format!("The minimum versions on EKS's list: {all}. Go 2 and Rust: all versions."),
    );
}

fn findings(out: &mut String, explanation: &Explanation) {
    let found = explanation.findings();
    if found.is_empty() {
        return;
    }
    out.push_str("\nfindings that can be the cause, each explained by `irsa-audit explain CODE`\n");
    for entry in found {
        let _ = writeln!(out, "  {} {}: {}", entry.code, entry.reason, entry.title);
    }
}

/// Prose in lines of at most [`WIDTH`] characters. Later lines are indented as far as the first.
fn paragraph(out: &mut String, begin: &str, text: &str) {
    let mut line = begin.to_owned();
    let indent = " ".repeat(begin.chars().count());
    for word in text.split_whitespace() {
        let is_first = line.chars().count() == indent.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line.clone_from(&indent);
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_keeps_its_width_and_indent() {
        let mut out = String::new();
        paragraph(&mut out, "  - ", &"word ".repeat(60));
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(out.starts_with("  - word") && out.lines().skip(1).all(|line| line.starts_with("    word")));
        assert_eq!(out.matches("word").count(), 60);
    }
}
