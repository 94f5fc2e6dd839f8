//! What may be told of a role where everybody who can read a namespace reads it: in the status of an `IrsaAudit`, and in
//! Events.
//!
//! Whoever may edit a ServiceAccount chooses the annotation, and so which role is looked at. What is told must not make
//! the audit a way to read the trust policies and permissions of roles that are none of theirs.

use crate::finding::{Finding, Link};
use crate::report::{BindingReport, LinkState};

/// How much is told; the less, the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Disclosure {
    /// Which findings there are: code, severity and link, with the words of the catalogue.
    CodeOnly,
    /// Of a trust policy the clause that failed, what it wants and what it got, and the command that changes no more than
    /// that; of permissions nothing, unless the trust policy admits this ServiceAccount.
    #[default]
    NearMiss,
    /// Everything that the rules say.
    Full,
}

/// A report as it may be told.
///
/// The rules themselves say no more of a trust policy than [`Disclosure::NearMiss`] allows, with the exception of a fix's
/// other forms: those show whole statements.
#[must_use]
pub fn told(mut report: BindingReport, level: Disclosure) -> BindingReport {
    let admitted = report
        .links
        .iter()
        .any(|(link, state)| *link == Link::Trust && *state == LinkState::Passes);
    let hides = |finding: &Finding| match level {
        Disclosure::Full => false,
        Disclosure::NearMiss => finding.link == Link::Permissions && !admitted,
        Disclosure::CodeOnly => true,
    };
    let deciding = report.deciding;
    let BindingReport {
        findings,
        then,
        message: said,
        ..
    } = &mut report;
    for (index, finding) in findings.iter_mut().chain(then).enumerate() {
        if hides(finding) {
            let message = finding.entry.title.to_owned();
            // The verdict is named after this finding, and says the same. Findings that come after repairs are past the end.
            if deciding == Some(index) {
                said.clone_from(&message);
            }
            finding.message = message;
            finding.fix = None;
        } else if level < Disclosure::Full
            && let Some(fix) = &mut finding.fix
        {
            fix.leave_out_all();
        }
    }
    report
}

#[cfg(test)]
#[path = "../tests/unit/disclosure.rs"]
mod tests;
