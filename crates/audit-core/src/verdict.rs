//! How findings become one verdict and one reason.

use crate::finding::{EVIDENCE_PENDING, Finding, Link, NEXT_ROLE, Severity};

/// The verdict on a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Every link passes.
    Working,
    /// Works, but something exposes it or will break it.
    AtRisk,
    /// Something that decides could not be seen.
    Unknown,
    /// Proven not to work.
    Broken,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [Self::Working, Self::AtRisk, Self::Broken, Self::Unknown];

    /// The word used in status, labels and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "Working",
            Self::AtRisk => "AtRisk",
            Self::Unknown => "Unknown",
            Self::Broken => "Broken",
        }
    }

    /// The severity that leads to this verdict.
    fn deciding_severity(self) -> Option<Severity> {
        match self {
            Self::Working => None,
            Self::AtRisk => Some(Severity::Risk),
            Self::Unknown => Some(Severity::Unknown),
            Self::Broken => Some(Severity::Broken),
        }
    }
}

/// What a caller expects beyond getting credentials, so that not seeing it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expects {
    /// `spec.expect.aws` asks for something.
    pub aws: bool,
    /// `spec.expect.kubernetes` asks for something.
    pub kubernetes: bool,
}

/// Whether an *unknown* decides: on Permissions and Rbac only where somebody asked, or where the answer is on its way, which may
/// show a risk, or where what runs is configured to go on to another role.
pub(crate) fn unknown_decides(finding: &Finding, expects: Expects) -> bool {
    match finding.link {
        _ if [EVIDENCE_PENDING, NEXT_ROLE].contains(&finding.entry.code) => true,
        Link::Permissions => expects.aws,
        Link::Rbac => expects.kubernetes,
        _ => true,
    }
}

/// The verdict that findings lead to.
#[must_use]
pub fn verdict(findings: &[Finding], expects: Expects) -> Verdict {
    let has = |severity: Severity| findings.iter().any(|f| f.counts() && f.severity == severity);
    let unknown = findings
        .iter()
        .any(|f| f.counts() && f.severity == Severity::Unknown && unknown_decides(f, expects));
    if has(Severity::Broken) {
        Verdict::Broken
    } else if unknown {
        Verdict::Unknown
    } else if has(Severity::Risk) {
        Verdict::AtRisk
    } else {
        Verdict::Working
    }
}

/// The finding that a verdict is named after: of the deciding severity, the first in chain order, then the lowest
/// code. `None` for Working.
#[must_use]
pub fn deciding(findings: &[Finding], verdict: Verdict, expects: Expects) -> Option<&Finding> {
    let severity = verdict.deciding_severity()?;
    findings
        .iter()
        .filter(|f| f.counts() && f.severity == severity)
        .filter(|f| severity != Severity::Unknown || unknown_decides(f, expects))
        .min_by_key(|f| (f.link, f.entry.code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Entry, WaivedUntil};

    const BROKEN_TRUST: Entry = Entry {
        code: "T204",
        reason: "B",
        severity: Severity::Broken,
        link: Link::Trust,
        title: "",
    };
    const BROKEN_ROLE: Entry = Entry {
        code: "T901",
        reason: "A",
        severity: Severity::Broken,
        link: Link::Role,
        title: "",
    };
    const UNKNOWN_PERMISSIONS: Entry = Entry {
        code: "T902",
        reason: "U",
        severity: Severity::Unknown,
        link: Link::Permissions,
        title: "",
    };
    const RISK: Entry = Entry {
        code: "T208",
        reason: "R",
        severity: Severity::Risk,
        link: Link::Trust,
        title: "",
    };
    const NOTICE: Entry = Entry {
        code: "T105",
        reason: "N",
        severity: Severity::Notice,
        link: Link::Role,
        title: "",
    };

    fn finding(entry: &'static Entry) -> Finding {
        Finding::new(entry, String::new())
    }

    fn decide(findings: &[Finding], expects: Expects) -> (Verdict, Option<&'static str>) {
        let v = verdict(findings, expects);
        (v, deciding(findings, v, expects).map(|f| f.entry.code))
    }

    #[test]
    fn the_chain_orders_causes_before_their_codes_do() {
        let both = [finding(&BROKEN_TRUST), finding(&BROKEN_ROLE)];
        assert_eq!(decide(&both, Expects::default()), (Verdict::Broken, Some("T901")));
    }

    #[test]
    fn broken_outweighs_unknown_outweighs_risk_outweighs_notice() {
        let asked = Expects {
            aws: true,
            kubernetes: false,
        };
        let mut all = vec![finding(&NOTICE)];
        assert_eq!(decide(&all, asked), (Verdict::Working, None));
        all.push(finding(&RISK));
        assert_eq!(decide(&all, asked), (Verdict::AtRisk, Some("T208")));
        all.push(finding(&UNKNOWN_PERMISSIONS));
        assert_eq!(decide(&all, asked), (Verdict::Unknown, Some("T902")));
        all.push(finding(&BROKEN_TRUST));
        assert_eq!(decide(&all, asked), (Verdict::Broken, Some("T204")));
    }

    #[test]
    fn unseen_permissions_matter_only_where_somebody_asked() {
        let unseen = [finding(&UNKNOWN_PERMISSIONS)];
        assert_eq!(decide(&unseen, Expects::default()), (Verdict::Working, None));
    }

    #[test]
    fn a_waived_finding_does_not_count() {
        let mut waived = finding(&BROKEN_TRUST);
        waived.waived = Some(WaivedUntil::Revoked);
        assert_eq!(
            decide(&[waived, finding(&RISK)], Expects::default()),
            (Verdict::AtRisk, Some("T208"))
        );
    }
}
