//! What a report must say.

use super::*;

/// The one finding of a report, which decides its verdict.
#[track_caller]
pub(crate) fn the_one<'r>(
    report: &'r BindingReport,
    (code, severity, link, verdict): (&str, Severity, Link, Verdict),
) -> &'r Finding {
    assert_eq!(report.findings.len(), 1, "{}", shown(report));
    let finding = &report.findings[0];
    assert_eq!(
        (finding.entry.code, finding.severity, finding.link, report.verdict),
        (code, severity, link, verdict),
        "{}",
        shown(report)
    );
    let reason = if matches!(severity, Severity::Notice) || finding.waived.is_some() {
        crate::report::ALL_LINKS_PASS
    } else {
        finding.entry.reason
    };
    assert_eq!(report.reason, reason);
    assert_safe(report);
    finding
}

/// The codes of a report's findings, in its order.
pub(crate) fn codes(report: &BindingReport) -> Vec<&'static str> {
    report.findings.iter().map(|f| f.entry.code).collect()
}

/// The finding of a code, which must be there.
#[track_caller]
pub(crate) fn finding_of<'r>(report: &'r BindingReport, code: &str) -> &'r Finding {
    let mut findings = report.findings.iter();
    let finding = findings.find(|finding| finding.entry.code == code);
    finding.unwrap_or_else(|| panic!("no {code}: {}", shown(report)))
}

/// How a link stands.
pub(crate) fn state(report: &BindingReport, link: Link) -> LinkState {
    report.links.iter().find(|(l, _)| *l == link).unwrap().1
}

/// Asserts that nothing is wrong.
#[track_caller]
pub(crate) fn assert_healthy(report: &BindingReport) {
    assert_eq!(
        (report.verdict, codes(report)),
        (Verdict::Working, vec![]),
        "{}",
        shown(report)
    );
    assert_eq!(report.reason, crate::report::ALL_LINKS_PASS);
}

/// Asserts that nothing in a report can act on a terminal.
#[track_caller]
pub(crate) fn assert_safe(report: &BindingReport) {
    let fixes = report.findings.iter().filter_map(|f| f.fix.as_ref());
    let steps: Vec<_> = fixes.clone().flat_map(crate::fix::Fix::steps).collect();
    let briefs = fixes.filter_map(|fix| fix.brief.as_deref());
    let texts = steps.iter().map(|step| step.text.as_str()).chain(briefs);
    for alternative in steps.iter().flat_map(|step| &step.alternatives) {
        let lines = alternative.text.lines();
        assert!(
            lines.flat_map(str::chars).all(|c| !crate::text::is_hidden(c)),
            "{alternative:?}"
        );
    }
    let messages = report
        .findings
        .iter()
        .map(|f| f.message.as_str())
        .chain([report.message.as_str()]);
    let texts: Vec<&str> = messages.chain(texts).collect();
    for text in &texts {
        assert!(!text.chars().any(crate::text::is_hidden), "{text:?}");
    }
    let commands: Vec<String> = texts.iter().flat_map(|text| commands(text)).collect();
    assert_run_alone(&commands);
}

/// The commands that a sentence shows, in backticks; a backtick of a value follows a backslash.
fn commands(text: &str) -> Vec<String> {
    let (mut parts, mut is_escaped) = (vec![String::new()], false);
    for c in text.chars() {
        if c == '`' && !is_escaped {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    let within = parts.into_iter().skip(1).step_by(2);
    let programs = ["aws ", "kubectl ", "eksctl "];
    within
        .filter(|part| programs.iter().any(|program| part.starts_with(program)))
        .collect()
}

/// Asserts that a shell which is given commands runs their programs, and no others.
#[track_caller]
fn assert_run_alone(commands: &[String]) {
    if commands.is_empty() {
        return;
    }
    let stubs = "PATH=/nowhere\naws() { :; }\nkubectl() { :; }\neksctl() { :; }\n";
    let script = commands
        .iter()
        .fold(stubs.to_owned(), |script, command| format!("{script}{command}\n"));
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}: {commands:#?}"
    );
}

/// A report as text, for a failing test's message.
pub(crate) fn shown(report: &BindingReport) -> String {
    let mut text = format!("{:?} {}: {}\n", report.verdict, report.reason, report.message);
    for finding in &report.findings {
        let _ = writeln!(
            text,
            "  {} {:?} {:?} {}\n    fix: {:?}",
            finding.entry.code, finding.severity, finding.link, finding.message, finding.fix
        );
    }
    for (link, state) in report.links {
        let _ = writeln!(text, "  {link:?}: {state:?}");
    }
    text
}
