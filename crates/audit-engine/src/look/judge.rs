//! The third step of a look: what the rules say, and what the engine needs to know besides.

use audit_aws::{PieceId, PieceKind};
use audit_core::Verdict;
use audit_core::audit::report;
use audit_core::chain::Chain;
use audit_core::finding::Reread;
use audit_core::permissions::simulation::{self, Wanted};
use audit_core::rbac::{ReviewQuestion, questions};
use audit_core::report::BindingReport;
use audit_core::rules::irsa910;
use iam_policy::RoleArn;

use super::super::evidence::RereadCause;
use super::super::reviews::MOST;

/// What a chain comes to.
#[derive(Debug)]
pub struct Judged {
    /// What the rules say.
    pub report: BindingReport,
    /// What to ask the API server about the Kubernetes permissions that are expected.
    pub questions: Vec<ReviewQuestion>,
    /// What IAM's policy simulator is to confirm of the AWS permissions that are expected.
    pub simulation: Option<Wanted>,
    /// What to read again from AWS, if anything, until the verdict is another one.
    pub cause: Option<RereadCause>,
}

impl Judged {
    /// Runs the rules.
    #[must_use]
    pub fn judge(chain: &Chain<'_>) -> Self {
        let report = report(chain);
        let simulation = simulation::wanted(chain);
        Self {
            questions: questions(&chain.permissions, MOST),
            cause: simulation.as_ref().and_then(doubt).or_else(|| cause(&report)),
            simulation,
            report,
        }
    }
}

/// The simulator has contradicted once what was read: it is asked once more.
fn doubt(wanted: &Wanted) -> Option<RereadCause> {
    wanted.is_doubted.then(|| RereadCause {
        reason: irsa910::ENTRY.reason,
        target: PieceId::new(wanted.role.account(), PieceKind::Simulation, wanted.role.name()),
    })
}

/// What to read again for an unhealthy binding: what the deciding finding says, of the role that it is about.
fn cause(report: &BindingReport) -> Option<RereadCause> {
    if report.verdict == Verdict::Working {
        return None;
    }
    let deciding = report.deciding()?;
    let about = deciding.about.as_ref().map(|about| about.role.as_str());
    let arn = RoleArn::parse(about.or(report.facts.role_arn.as_deref())?).ok()?;
    let (kind, key) = match deciding.to_reread() {
        Reread::Nothing => return None,
        Reread::Role => (PieceKind::Role, arn.name()),
        Reread::Permissions => (PieceKind::Policies, arn.name()),
        Reread::Simulation => (PieceKind::Simulation, arn.name()),
        Reread::Provider => (PieceKind::Provider, ""),
    };
    Some(RereadCause {
        reason: report.reason,
        target: PieceId::new(arn.account(), kind, key),
    })
}

#[cfg(test)]
mod tests {
    use audit_core::finding::{AboutRole, Finding, Link};
    use audit_core::model::BindingKey;
    use audit_core::report::{BindingFacts, LinkState, PodSummary};
    use audit_core::rules::irsa509;

    use super::*;

    const FIRST: &str = "arn:aws:iam::111122223333:role/cart";
    const NEXT: &str = "arn:aws:iam::444455556666:role/secrets";

    /// A binding that is broken by these findings, of which the first decides.
    fn broken_by(findings: Vec<Finding>) -> BindingReport {
        BindingReport {
            key: BindingKey::new("shop", "cart"),
            verdict: Verdict::Broken,
            reason: irsa509::ENTRY.reason,
            message: String::new(),
            deciding: Some(0),
            findings,
            then: Vec::new(),
            links: Link::ALL.map(|link| (link, LinkState::Passes)),
            facts: BindingFacts {
                role_arn: Some(FIRST.to_owned()),
                ..BindingFacts::default()
            },
            pods: PodSummary::default(),
            pending: false,
            valid_until: None,
        }
    }

    #[test]
    fn the_role_that_the_finding_is_about_is_read_again() {
        let finding = || Finding::new(&irsa509::ENTRY, String::new());
        let about = AboutRole {
            role: NEXT.to_owned(),
            audience: String::new(),
        };
        let of_next = finding().about(about).reread(Reread::Role);
        for (findings, account, kind, name) in [
            (
                vec![of_next.clone(), finding()],
                "444455556666",
                PieceKind::Role,
                "secrets",
            ),
            (
                vec![finding(), of_next],
                "111122223333",
                PieceKind::Policies,
                "cart",
            ),
        ] {
            let cause = cause(&broken_by(findings)).map(|cause| cause.target);
            assert_eq!(cause, Some(PieceId::new(account, kind, name)));
        }
    }
}
