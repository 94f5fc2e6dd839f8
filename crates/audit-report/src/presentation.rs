//! What every renderer is given, and which findings fail the audit.

use audit_core::model::{BindingKey, ManifestPlace, ManifestPlaces};
use audit_core::report::{BindingReport, Report};
use audit_core::{Finding, Severity, Verdict};

/// A report with what its renderers need beside it.
#[derive(Debug, Clone, Copy)]
pub struct Presentation<'a> {
    /// The report.
    pub report: &'a Report,
    /// The manifests of the bindings, where the audit read files.
    pub places: &'a ManifestPlaces,
    /// The lowest severity that fails the audit, from `--fail-on`. None where nothing fails it. Every renderer names each finding that
    /// reaches it.
    pub fail_at: Option<Severity>,
}

impl Presentation<'_> {
    /// The manifest of a binding.
    pub(crate) fn place(&self, key: &BindingKey) -> Option<&ManifestPlace> {
        self.places.get(key)
    }

    /// Whether a finding of this binding fails the audit.
    pub(crate) fn fails(&self, binding: &BindingReport, finding: &Finding) -> bool {
        finding.counts() && self.is_reached_by(weight(binding, finding))
    }

    /// The findings of a binding in two parts: what a short report shows, which is the finding that decides the verdict and every finding
    /// that fails the audit, and the rest.
    pub(crate) fn parted<'b>(&self, binding: &'b BindingReport) -> (Vec<&'b Finding>, Vec<&'b Finding>) {
        let (mut shown, mut rest) = (Vec::new(), Vec::new());
        for (index, finding) in binding.findings.iter().enumerate() {
            if binding.deciding == Some(index) || self.fails(binding, finding) {
                shown.push(finding);
            } else {
                rest.push(finding);
            }
        }
        (shown, rest)
    }

    /// Whether a finding of the cluster or of an account fails the audit.
    pub(crate) fn fails_cluster(&self, finding: &Finding) -> bool {
        finding.counts() && self.is_reached_by(finding.severity)
    }

    /// Whether a binding fails the audit.
    pub(crate) fn is_failed_by(&self, binding: &BindingReport) -> bool {
        let by_verdict = binding.verdict != Verdict::Working && self.is_reached_by(most(binding.verdict));
        by_verdict
            || binding
                .findings
                .iter()
                .any(|finding| self.fails(binding, finding))
    }

    /// Whether the audit fails, so that its exit code is 1.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        let report = self.report;
        report.bindings.iter().any(|binding| self.is_failed_by(binding))
            || report
                .cluster
                .findings
                .iter()
                .any(|finding| self.fails_cluster(finding))
    }

    fn is_reached_by(&self, severity: Severity) -> bool {
        self.fail_at.is_some_and(|least| severity >= least)
    }
}

/// How much a finding weighs for the exit code: never more than its binding's verdict. A verdict passes over permissions that were not
/// determined and that nobody expects; such a finding is worth a notice.
fn weight(binding: &BindingReport, finding: &Finding) -> Severity {
    finding.severity.min(most(binding.verdict))
}

/// The most that a finding weighs under a verdict.
fn most(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Broken => Severity::Broken,
        Verdict::Unknown => Severity::Unknown,
        Verdict::AtRisk => Severity::Risk,
        Verdict::Working => Severity::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn is_failed(report: &Report, fail_at: Severity) -> bool {
        let places = ManifestPlaces::new();
        Presentation {
            report,
            places: &places,
            fail_at: Some(fail_at),
        }
        .is_failed()
    }

    #[test]
    fn a_binding_weighs_as_much_as_its_verdict() {
        let mut unseen = broken();
        unseen.findings[0].severity = Severity::Unknown;
        let cases = [
            (Verdict::Broken, Severity::Broken, true),
            (Verdict::AtRisk, Severity::Broken, false),
            (Verdict::AtRisk, Severity::Unknown, false),
            (Verdict::AtRisk, Severity::Risk, true),
            (Verdict::Unknown, Severity::Unknown, true),
            (Verdict::Working, Severity::Risk, false),
            (Verdict::Working, Severity::Notice, true),
        ];
        for (verdict, fail_at, expected) in cases {
            unseen.verdict = verdict;
            let report = report(vec![unseen.clone()]);
            assert_eq!(is_failed(&report, fail_at), expected, "{verdict:?} {fail_at:?}");
        }
    }

    #[test]
    fn what_is_waived_does_not_fail_an_audit_and_what_concerns_the_cluster_does() {
        let mut binding = working("a");
        binding.findings = broken().findings.split_off(1);
        let mut report = report(vec![binding]);
        assert!(!is_failed(&report, Severity::Notice));
        report.cluster.findings = broken().findings;
        assert!(is_failed(&report, Severity::Broken));
    }
}
