//! What makes an audit fail.

use audit_core::report::Report;
use audit_core::{Finding, Severity, Verdict};
use clap::ValueEnum;

/// The least that makes an audit fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A binding that is proven not to work
    Broken,
    /// Also one of which something that decides could not be seen
    Unknown,
    /// Also one that is at risk
    Risk,
    /// Also anything that is worth knowing
    Notice,
    /// Nothing
    Never,
}

impl FailOn {
    /// Whether a report reaches it.
    #[must_use]
    pub fn is_reached(self, report: &Report) -> bool {
        let least = match self {
            Self::Broken => Severity::Broken,
            Self::Unknown => Severity::Unknown,
            Self::Risk => Severity::Risk,
            Self::Notice => Severity::Notice,
            Self::Never => return false,
        };
        worst(report) >= Some(least)
    }
}

/// The heaviest that a report says, by the verdicts of its bindings: what a verdict passes over, such as permissions that
/// nobody asked for, is worth a notice.
fn worst(report: &Report) -> Option<Severity> {
    let of_bindings = report
        .bindings
        .iter()
        .filter_map(|binding| match binding.verdict {
            Verdict::Broken => Some(Severity::Broken),
            Verdict::Unknown => Some(Severity::Unknown),
            Verdict::AtRisk => Some(Severity::Risk),
            Verdict::Working => binding
                .findings
                .iter()
                .any(Finding::counts)
                .then_some(Severity::Notice),
        });
    let of_cluster = report.cluster.findings.iter().filter(|finding| finding.counts());
    of_bindings
        .chain(of_cluster.map(|finding| finding.severity))
        .max()
}
