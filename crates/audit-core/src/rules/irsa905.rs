//! # IRSA905 `ProbeDisagrees`
//!
//! ## What it means
//! `irsa-audit probe` sent STS a new token of the ServiceAccount, and STS gave a different answer from the evaluation. Both answers are
//! shown. Only `irsa-audit probe` asks STS, so no audit and no `IrsaAudit` has this code.
//!
//! ## Why it is unknown
//! STS answered one caller, in one region, at one time. The evaluation reads policies. Each sees something that the other does not:
//!
//! - STS applies the SCPs and RCPs of the organization and the policy of a VPC endpoint. It also fetches the issuer's keys. The evaluation
//!   reads none of these in a live cluster.
//! - A change in IAM takes up to some minutes to take effect at STS. The evaluation sees it at once.
//! - The pods may call STS from a different network or in a different region from the probe.
//!
//! ## In logs
//! In CloudTrail: an event `AssumeRoleWithWebIdentity` whose session name begins with `irsa-audit-probe`. If STS refused, it has the error
//! that the probe shows.
//!
//! ## Example
//! ```json
//! {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Resource": "*"}
//! ```
//! in an RCP of the organization, while the trust policy of the role admits the ServiceAccount.
//!
//! ## Fix
//! Run the probe again after five minutes: a change in IAM has taken effect by then. If STS still refuses, ask the administrator of the
//! organization whether an SCP or RCP denies the call, and check the policy of the VPC endpoint for STS. If STS still admits the token, check
//! that `--account` and `--issuer` lead to the account and the cluster that the pods use.
//!
//! ## Verify
//! `irsa-audit probe NAMESPACE/NAME` says that the evaluation agrees.
//!
//! ## References
//! - [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)
//! - [Changes that I make are not always immediately visible](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency)
//! - [Resource control policies](https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html)

use crate::chain::RoleOutcome;
use crate::check::Rule;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA905",
    reason: "ProbeDisagrees",
    severity: Severity::Unknown,
    link: Link::Trust,
    title: "STS gives a different answer from the evaluation",
};

/// No audit looks for it: see [`compare`].
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[],
};

/// The links that STS looks at when it is sent a token.
const LINKS: [Link; 4] = [Link::ServiceAccount, Link::Role, Link::Provider, Link::Trust];

/// What the evaluation says of the role that STS was asked for.
#[derive(Debug, Clone, Copy)]
pub struct ProbedRole<'a> {
    /// The ARN of the role.
    pub arn: &'a str,
    /// Whether the token would be exchanged.
    pub outcome: RoleOutcome,
    /// What an audit found, at any link.
    pub findings: &'a [Finding],
    /// The issuer that the evaluation used.
    pub issuer: Option<&'a str>,
    /// The issuer in the token that STS was sent.
    pub token_issuer: Option<&'a str>,
}

/// What STS said of the token.
#[derive(Debug, Clone, Copy)]
pub enum StsSaid<'a> {
    /// STS exchanged it.
    Admits,
    /// STS did not exchange it.
    Refuses {
        /// The code of STS, such as `InvalidIdentityToken`.
        error: &'a str,
        /// The codes of the findings that can be behind it.
        explained_by: &'a [&'static str],
    },
}

/// How the two answers compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAgreement {
    /// They are the same.
    Agrees,
    /// They differ: IRSA905.
    Disagrees(Box<Finding>),
    /// The evaluation has no answer of its own.
    NotEvaluated,
}

impl<'a> ProbedRole<'a> {
    /// The findings that say what STS would say: about this role, at a link that STS looks at.
    pub fn concerned(&self) -> impl Iterator<Item = &'a Finding> + use<'a> {
        let is_about = |finding: &&Finding| LINKS.contains(&finding.link) && finding.about.is_none();
        self.findings.iter().filter(is_about)
    }

    /// The evaluation's findings, as a message names them.
    fn found(&self) -> String {
        let named = |finding: &Finding| format!("{} {}", finding.entry.code, finding.entry.reason);
        let is_broken = |finding: &&Finding| finding.severity == Severity::Broken;
        let mut all: Vec<String> = self.concerned().filter(is_broken).map(named).collect();
        if all.is_empty() {
            // A policy may have made them weigh less.
            all = self.concerned().map(named).collect();
        }
        all.join(", ")
    }
}

/// Compares what STS said of a token with what the evaluation says.
#[must_use]
pub fn compare(role: &ProbedRole<'_>, said: StsSaid<'_>) -> ProbeAgreement {
    let arn = quote(role.arn);
    match (said, role.outcome) {
        (_, RoleOutcome::Unknown) => ProbeAgreement::NotEvaluated,
        (StsSaid::Admits, RoleOutcome::Passes) => ProbeAgreement::Agrees,
        (StsSaid::Admits, RoleOutcome::Fails) => disagrees(
            format!(
                "role `{arn}`: STS admits the token, but the evaluation says that it is refused: {}",
                role.found()
            ),
            admitted_fix(role),
        ),
        (StsSaid::Refuses { error, .. }, RoleOutcome::Passes) => disagrees(
            format!(
                "role `{arn}`: STS refuses the token with `{}`, but the evaluation says that role, OIDC provider and trust policy admit it",
                quote(error)
            ),
            refused_fix(role),
        ),
        (StsSaid::Refuses { error, explained_by }, RoleOutcome::Fails) => {
            let is_explained = |finding: &Finding| explained_by.contains(&finding.entry.code);
            // Without findings, the evaluation gives no reason that could differ.
            if role.concerned().next().is_none() || role.concerned().any(is_explained) {
                return ProbeAgreement::Agrees;
            }
            disagrees(
                format!(
                    "role `{arn}`: STS refuses the token with `{}`, and the evaluation says that it is refused for a different reason: {}",
                    quote(error),
                    role.found()
                ),
                refused_fix(role),
            )
        }
    }
}

fn disagrees(message: String, fix: String) -> ProbeAgreement {
    let finding = Finding::new(&ENTRY, message).fix(Fix::manual(fix));
    ProbeAgreement::Disagrees(Box::new(finding))
}

const AGAIN: &str =
    "run the probe again after five minutes: a change in IAM takes up to some minutes to take effect";

fn refused_fix(role: &ProbedRole<'_>) -> String {
    format!(
        "{}{AGAIN}. If STS still refuses, ask the administrator of the AWS organization whether an SCP or RCP denies \
         `sts:AssumeRoleWithWebIdentity`, and check the policy of the VPC endpoint for STS, if there is one. The pods may call STS from a \
         different network or in a different region: compare with the error in their log",
        other_issuer(role)
    )
}

fn admitted_fix(role: &ProbedRole<'_>) -> String {
    format!(
        "{}{AGAIN}. If STS still admits the token, check that the account which irsa-audit reads is the one of the role (`--account`), and \
         report the difference to irsa-audit with the trust policy",
        other_issuer(role)
    )
}

/// That the evaluation used an issuer which is not in the token. That explains everything else.
fn other_issuer(role: &ProbedRole<'_>) -> String {
    match (role.issuer, role.token_issuer) {
        (Some(used), Some(token)) if used != token => format!(
            "the evaluation used the issuer `{}`, but the token has `{}`: use the token's with `--issuer`. Then ",
            quote(used),
            quote(token)
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::AboutRole;
    use crate::rules::{irsa204, irsa301, irsa402};

    const ARN: &str = "arn:aws:iam::111122223333:role/cart";
    const AUTHORIZED: StsSaid<'_> = StsSaid::Refuses {
        error: "AccessDenied",
        explained_by: &["IRSA201", "IRSA204"],
    };

    fn role(outcome: RoleOutcome, findings: &[Finding]) -> ProbedRole<'_> {
        ProbedRole {
            arn: ARN,
            outcome,
            findings,
            issuer: Some("https://a.example"),
            token_issuer: Some("https://a.example"),
        }
    }

    fn finding(entry: &'static Entry) -> Finding {
        Finding::new(entry, String::new())
    }

    /// Whether the answers agree; `None` where there is nothing to compare.
    fn agrees(role: &ProbedRole<'_>, said: StsSaid<'_>) -> Option<bool> {
        match compare(role, said) {
            ProbeAgreement::Agrees => Some(true),
            ProbeAgreement::Disagrees(finding) => {
                assert_eq!(
                    (finding.entry.code, finding.severity),
                    ("IRSA905", Severity::Unknown)
                );
                Some(false)
            }
            ProbeAgreement::NotEvaluated => None,
        }
    }

    #[test]
    fn the_same_answer_agrees_and_the_opposite_one_does_not() {
        let wrong_namespace = [finding(&irsa204::ENTRY)];
        for (outcome, findings, said, expected) in [
            (RoleOutcome::Passes, &[][..], StsSaid::Admits, Some(true)),
            (RoleOutcome::Passes, &[], AUTHORIZED, Some(false)),
            (RoleOutcome::Fails, &wrong_namespace, StsSaid::Admits, Some(false)),
            (RoleOutcome::Fails, &wrong_namespace, AUTHORIZED, Some(true)),
            (RoleOutcome::Unknown, &[], StsSaid::Admits, None),
            (RoleOutcome::Unknown, &wrong_namespace, AUTHORIZED, None),
        ] {
            assert_eq!(
                agrees(&role(outcome, findings), said),
                expected,
                "{outcome:?} {said:?}"
            );
        }
    }

    #[test]
    fn two_refusals_agree_only_if_a_finding_explains_what_sts_says() {
        let of_another_role = finding(&irsa204::ENTRY).about(AboutRole {
            role: "arn:aws:iam::111122223333:role/other".to_owned(),
            audience: String::new(),
        });
        for other in [finding(&irsa402::ENTRY), of_another_role] {
            let findings = [other, finding(&irsa301::ENTRY)];
            assert_eq!(
                agrees(&role(RoleOutcome::Fails, &findings), AUTHORIZED),
                Some(false)
            );
        }
        assert_eq!(agrees(&role(RoleOutcome::Fails, &[]), AUTHORIZED), Some(true));
        let findings = [finding(&irsa204::ENTRY).severity(Severity::Notice)];
        let weighs_less = role(RoleOutcome::Fails, &findings);
        assert_eq!(
            agrees(&weighs_less, AUTHORIZED),
            Some(true),
            "its weight is a matter of taste"
        );
    }

    #[test]
    fn an_issuer_that_is_not_the_tokens_is_named_first() {
        let other = ProbedRole {
            token_issuer: Some("https://b.example"),
            ..role(RoleOutcome::Passes, &[])
        };
        let ProbeAgreement::Disagrees(finding) = compare(&other, AUTHORIZED) else {
            panic!("they agree");
        };
        let fix = finding.fix.unwrap().first.text;
        assert!(
            fix.contains("`https://a.example`") && fix.contains("`https://b.example`"),
            "{fix}"
        );
    }
}
