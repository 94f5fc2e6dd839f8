//! What STS said next to what the evaluation says. Pure.

use audit_aws::{StsAnswer, StsError};
use audit_core::Finding;
use audit_core::chain::RoleOutcome;
use audit_core::rules::irsa905::{ProbeAgreement, ProbedRole, StsSaid, compare};
use audit_explain::Symptom;

/// The exit codes are those of `status`.
const REFUSED: u8 = 1;
const UNKNOWN: u8 = 3;

/// What STS said, and whether the evaluation agrees.
#[derive(Debug)]
pub(super) struct Comparison {
    /// What STS said of the token.
    pub said: Said,
    /// What the error of STS means; none where it admitted the token.
    pub symptoms: Vec<&'static Symptom>,
    /// The codes of findings that the evaluation has at the links that STS looks at.
    pub codes: Vec<&'static str>,
    /// Whether the two agree.
    pub agreement: Agreement,
}

/// What STS said of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// It admitted it.
    Admits,
    /// It refused it.
    Refuses(StsError),
    /// It answered, but not about the token: it is throttled, for example.
    Undecided(StsError),
}

/// How the answers compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Agreement {
    /// They are the same.
    Agrees,
    /// They differ, by this finding: IRSA905.
    Disagrees(Box<Finding>),
    /// One of the two has no answer.
    NotCompared,
}

impl Comparison {
    /// Compares an answer. Only [`StsAnswer::Silent`] is none.
    pub fn new(answer: StsAnswer, role: &ProbedRole<'_>, program: &'static str) -> Result<Self, String> {
        let symptoms = match &answer {
            StsAnswer::Refused(error) | StsAnswer::Undecided(error) => symptoms(error, program),
            StsAnswer::Admitted | StsAnswer::Silent(_) => Vec::new(),
        };
        let explained_by: Vec<&'static str> = symptoms
            .iter()
            .flat_map(|symptom| symptom.codes)
            .copied()
            .collect();
        let said = match answer {
            StsAnswer::Admitted => Said::Admits,
            // A parameter of the probe's own, unless it is the role.
            StsAnswer::Refused(error) if error.code == "ValidationError" && explained_by.is_empty() => {
                Said::Undecided(error)
            }
            StsAnswer::Refused(error) => Said::Refuses(error),
            StsAnswer::Undecided(error) => Said::Undecided(error),
            StsAnswer::Silent(why) => return Err(why),
        };
        let compared = match &said {
            Said::Admits => compare(role, StsSaid::Admits),
            Said::Refuses(error) => compare(
                role,
                StsSaid::Refuses {
                    error: &error.code,
                    explained_by: &explained_by,
                },
            ),
            Said::Undecided(_) => ProbeAgreement::NotEvaluated,
        };
        Ok(Self {
            said,
            symptoms,
            codes: role.concerned().map(|finding| finding.entry.code).collect(),
            agreement: match compared {
                ProbeAgreement::Agrees => Agreement::Agrees,
                ProbeAgreement::Disagrees(finding) => Agreement::Disagrees(finding),
                ProbeAgreement::NotEvaluated => Agreement::NotCompared,
            },
        })
    }

    /// The exit code; `status` is that of the ServiceAccount's status, where that is about the same role.
    pub fn exit_code(&self, outcome: RoleOutcome, status: Option<u8>) -> u8 {
        let of_role = match outcome {
            RoleOutcome::Passes => 0,
            RoleOutcome::Fails => REFUSED,
            RoleOutcome::Unknown => UNKNOWN,
        };
        match (&self.said, &self.agreement) {
            (Said::Undecided(_), _) | (_, Agreement::Disagrees(_)) => UNKNOWN,
            (_, Agreement::Agrees | Agreement::NotCompared) => status.unwrap_or(of_role),
        }
    }
}

/// What an error of STS means, as `explain` says of the same error in the words of the AWS CLI.
fn symptoms(error: &StsError, program: &'static str) -> Vec<&'static Symptom> {
    let text = format!(
        "An error occurred ({}) when calling the AssumeRoleWithWebIdentity operation: {}",
        error.code, error.message
    );
    let found = audit_explain::explain(&text, program).symptoms.into_iter();
    let is_of_sts = |symptom: &&Symptom| symptom.id.starts_with("sts-") || symptom.id.starts_with("denied-");
    found.filter(is_of_sts).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/probe/comparison.rs"]
mod tests;
