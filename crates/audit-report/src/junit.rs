//! JUnit XML for CI: a test case for each binding, in a suite for each namespace.
//!
//! There is no standard. What is written is what the readers of Jenkins, GitLab and GitHub have in common: at most one failure in a test case,
//! counts on every suite. GitLab and some others show the file and line of a test case, here those of the manifest.

use std::fmt::Write as _;

use audit_core::report::BindingReport;
use audit_core::{Finding, Verdict};

use crate::markup::{escape, escape_lines};
use crate::presentation::Presentation;
use crate::repair;
use crate::text::shown;

/// The suite and the test case of what concerns the cluster or an account. No namespace can have a name with a space.
const CLUSTER: &str = "cluster and accounts";

/// How a test case ended.
enum Ending<'a> {
    Passed,
    /// Something that decides was not determined, and `--fail-on` does not fail for that.
    Skipped(&'a str),
    /// By these findings, the heaviest first.
    Failed(Vec<&'a Finding>),
}

/// A binding, or the cluster, as a test case.
struct TestCase<'a> {
    suite: &'a str,
    name: &'a str,
    place: Option<(&'a str, u64)>,
    ending: Ending<'a>,
    /// The findings that do not fail it.
    others: Vec<&'a Finding>,
}

/// Renders a report. A binding fails by the findings that reach `--fail-on`. Where something was not determined and that does not fail the
/// audit, the test case is skipped: it did not pass.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    let report = presentation.report;
    let mut cases: Vec<TestCase<'_>> = report
        .bindings
        .iter()
        .map(|binding| of_binding(presentation, binding))
        .collect();
    if !report.cluster.findings.is_empty() {
        let (failing, others) = report
            .cluster
            .findings
            .iter()
            .partition(|finding| presentation.fails_cluster(finding));
        cases.push(TestCase {
            suite: CLUSTER,
            name: CLUSTER,
            place: None,
            ending: ending(failing, None),
            others,
        });
    }
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(out, "<testsuites name=\"irsa-audit\" {}>", counts(&cases));
    // Bindings are sorted by namespace.
    for suite in cases.chunk_by(|one, next| one.suite == next.suite) {
        let name = suite.first().map_or("", |case| case.suite);
        let _ = writeln!(out, "  <testsuite name=\"{}\" {}>", escape(name), counts(suite));
        for case in suite {
            write_case(&mut out, case);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn of_binding<'a>(presentation: &Presentation<'a>, binding: &'a BindingReport) -> TestCase<'a> {
    let (failing, others) = binding
        .findings
        .iter()
        .partition(|finding| presentation.fails(binding, finding));
    let unknown = (binding.verdict == Verdict::Unknown).then_some(binding.message.as_str());
    TestCase {
        suite: &binding.key.namespace,
        name: &binding.key.service_account,
        place: presentation
            .places
            .get(&binding.key)
            .map(|place| (&*place.path, place.line)),
        ending: ending(failing, unknown),
        others,
    }
}

fn ending<'a>(mut failing: Vec<&'a Finding>, unknown: Option<&'a str>) -> Ending<'a> {
    failing.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    match unknown {
        _ if !failing.is_empty() => Ending::Failed(failing),
        Some(message) => Ending::Skipped(message),
        None => Ending::Passed,
    }
}

/// The attributes that count. Nothing is timed: an audit looks at all bindings together.
fn counts(cases: &[TestCase<'_>]) -> String {
    let failures = cases
        .iter()
        .filter(|case| matches!(case.ending, Ending::Failed(_)));
    let skipped = cases
        .iter()
        .filter(|case| matches!(case.ending, Ending::Skipped(_)));
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"0\"",
        cases.len(),
        failures.count(),
        skipped.count()
    )
}

fn write_case(out: &mut String, case: &TestCase<'_>) {
    let place = case
        .place
        .map(|(path, line)| format!(" file=\"{}\" line=\"{line}\"", escape(path)));
    let _ = writeln!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"{}>",
        escape(case.suite),
        escape(case.name),
        place.unwrap_or_default()
    );
    match &case.ending {
        Ending::Passed => {}
        Ending::Skipped(message) => {
            let _ = writeln!(out, "      <skipped message=\"{}\"/>", escape(message));
        }
        Ending::Failed(findings) => {
            let first = findings.first();
            let _ = writeln!(
                out,
                "      <failure type=\"{}\" message=\"{}\">{}</failure>",
                first.map_or("", |finding| finding.entry.code),
                first.map(|finding| escape(&finding.message)).unwrap_or_default(),
                escape_lines(&told(findings))
            );
        }
    }
    if !case.others.is_empty() {
        let _ = writeln!(
            out,
            "      <system-out>{}</system-out>",
            escape_lines(&told(&case.others))
        );
    }
    out.push_str("    </testcase>\n");
}

/// Findings with their fixes as plain text.
fn told(findings: &[&Finding]) -> String {
    let each = findings.iter().map(|finding| {
        let entry = finding.entry;
        let waived = if finding.counts() { "" } else { ", waived" };
        let severity = finding.severity.as_str();
        let message = shown(&finding.message);
        let mut text = format!("{} {} ({severity}{waived})\n{message}", entry.code, entry.reason);
        if let Some(resource) = &finding.resource {
            let _ = write!(text, "\nresource: {}", repair::resource(resource));
        }
        if finding.fix.is_some() {
            let _ = write!(text, "\n{}", repair::plain(finding));
        }
        let _ = write!(text, "\n{}", entry.page());
        text
    });
    each.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use audit_core::Severity;
    use audit_core::model::{ManifestPlace, ManifestPlaces};
    use junit_parser::{TestStatus, TestSuites};

    use super::*;
    use crate::testing::*;

    fn read(presentation: &Presentation<'_>) -> TestSuites {
        junit_parser::from_reader(render(presentation).as_bytes()).unwrap()
    }

    /// How the first test case ended, and the type of its failure.
    fn first(suites: &TestSuites) -> (&'static str, String) {
        match &suites.suites[0].cases[0].status {
            TestStatus::Success => ("passed", String::new()),
            TestStatus::Skipped(_) => ("skipped", String::new()),
            TestStatus::Failure(failure) => ("failed", failure.failure_type.clone()),
            TestStatus::Error(_) => ("error", String::new()),
        }
    }

    #[test]
    fn a_binding_fails_by_what_reaches_the_threshold() {
        let mut binding = broken();
        for (verdict, severity, fail_at, expected) in [
            (
                Verdict::Broken,
                Severity::Broken,
                Some(Severity::Broken),
                ("failed", "IRSA204"),
            ),
            (Verdict::Broken, Severity::Broken, None, ("passed", "")),
            (
                Verdict::Unknown,
                Severity::Unknown,
                Some(Severity::Unknown),
                ("failed", "IRSA204"),
            ),
            (
                Verdict::Unknown,
                Severity::Unknown,
                Some(Severity::Broken),
                ("skipped", ""),
            ),
            (
                Verdict::AtRisk,
                Severity::Risk,
                Some(Severity::Broken),
                ("passed", ""),
            ),
        ] {
            binding.verdict = verdict;
            binding.findings[0].severity = severity;
            let report = report(vec![binding.clone()]);
            let suites = read(&Presentation {
                fail_at,
                ..presented(&report)
            });
            assert_eq!(first(&suites), (expected.0, expected.1.to_owned()), "{verdict:?}");
        }
    }

    #[test]
    fn there_is_a_suite_for_each_namespace_and_one_for_the_cluster() {
        let mut report = report(vec![working("a"), broken(), working("web")]);
        report.cluster.findings = broken().findings;
        let suites = read(&presented(&report));
        let all: Vec<(&str, u64, u64)> = suites
            .suites
            .iter()
            .map(|suite| (suite.name.as_str(), suite.tests, suite.failures))
            .collect();
        assert_eq!(all, [("a", 1, 0), ("shop", 1, 1), ("web", 1, 0), (CLUSTER, 1, 1)]);
        assert_eq!((suites.tests, suites.failures, suites.errors), (4, 2, 0));
    }

    #[test]
    fn the_manifest_is_named_and_every_finding_is_told() {
        let report = report(vec![broken()]);
        let place = ManifestPlace {
            path: "apps/sa.yaml".into(),
            line: 7,
        };
        let places = ManifestPlaces::from([(broken().key, place)]);
        let suites = read(&Presentation {
            places: &places,
            ..presented(&report)
        });
        let case = &suites.suites[0].cases[0];
        assert_eq!((case.file.as_deref(), case.line), (Some("apps/sa.yaml"), Some(7)));
        let TestStatus::Failure(failure) = &case.status else {
            panic!("{case:?}")
        };
        assert!(failure.text.contains(COMMAND) && !failure.text.contains("IRSA216"));
        assert!(case.system_out.as_ref().unwrap().contains("IRSA216"));
    }
}
