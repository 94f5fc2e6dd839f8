//! # IRSA503 `ActionExplicitlyDenied`
//!
//! ## What it means
//! A statement of the role's policies, of its permissions boundary, or of an SCP or RCP denies what an `IrsaAudit` expects
//! (`spec.expect.aws`), or a part of it. The finding names policy and statement. irsa-audit evaluates SCPs and RCPs that were given as
//! files (`--aws`). They deny for certain only if the files also say that they are attached to the account itself; otherwise the finding is
//! IRSA906.
//!
//! ## Why it breaks
//! An explicit Deny overrides every Allow.
//!
//! ## In logs
//! `AccessDenied … is not authorized to perform: s3:DeleteObject on resource: … with an explicit deny in an identity-based policy`
//! (or `… in a permissions boundary`, `… in a service control policy`, `… in a resource control policy`).
//!
//! ## Example
//! ```json
//! {"Sid": "KeepHistory", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"}
//! ```
//! where `s3:DeleteObject` on `arn:aws:s3:::carts/*` is expected.
//!
//! ## Fix
//! No automatic fix: a Deny is usually deliberate. Ask the owner of the policy to exclude the action or the resource, or remove
//! the expectation.
//!
//! ## Verify
//! `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names s3:DeleteObject --resource-arns ARN` no longer
//! says `explicitDeny`.
//!
//! ## References
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [SCP evaluation](https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html)
//! - [Troubleshoot access denied errors](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)

use iam_policy::ClauseExplanation;

use super::expected::{as_request, asked, message, of_kind};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::admitted;
use crate::permissions::{ExpectedRequest, PolicyAnswer, PolicySource, StatementPlace, clause, expected};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA503",
    reason: "ActionExplicitlyDenied",
    severity: Severity::Broken,
    link: Link::Permissions,
    title: "a policy explicitly denies an expected action",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let all = expected(chain);
    let denied = of_kind(all, |answer| matches!(answer.own(), PolicyAnswer::Denied(_)));
    let PolicyAnswer::Denied(first) = denied.first()?.answer.own() else {
        return None;
    };
    let message = message(chain, aws.arn.name(), &denied, |expected| {
        let what = asked(&expected.question);
        let denied = match expected.answer.own() {
            PolicyAnswer::Denied(place) => format!(
                "{place} explicitly denies {what}{}",
                applies(chain, place, &expected.question)
            ),
            _ => what,
        };
        match expected.answer.refusal() {
            Some(why) => format!("{denied}; also, {why}"),
            None => denied,
        }
    });
    let fix = Fix::manual(match first.policy {
        PolicySource::Organization(_) => format!(
            "no automatic fix: a Deny is usually deliberate, and no policy of the account overrides it. Ask the administrator of the \
             organization to make an exception from {first}"
        ),
        _ => format!(
            "no automatic fix: a Deny is usually deliberate. Ask the policy's owner to make an exception from {first}"
        ),
    });
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// Under which condition a Deny applies, where it has one.
fn applies(chain: &Chain<'_>, place: &StatementPlace<'_>, question: &ExpectedRequest<'_>) -> String {
    let clauses = admitted(chain)
        .and_then(|aws| aws.permissions.as_ref().ok())
        .and_then(|policies| Some(policies.clauses(place, &as_request(chain, question)?)))
        .unwrap_or_default();
    let shown: Vec<String> = clauses.iter().take(2).map(condition).collect();
    if shown.is_empty() {
        return String::new();
    }
    format!(", because its condition is met: {}", shown.join("; "))
}

/// A clause that is met, with what the request has.
fn condition(met: &ClauseExplanation) -> String {
    format!("{}, and {}", clause::wanted(met), clause::got(&met.key, &met.got))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA503", Severity::Broken, Link::Permissions, Verdict::Broken);

    fn with_deny(action: &str, resource: &str) -> World {
        World::healthy().inline(&json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
            deny(action, resource),
        ]}))
    }

    fn deny(action: &str, resource: &str) -> Value {
        json!({ "Sid": "KeepOut", "Effect": "Deny", "Action": action, "Resource": resource })
    }

    #[test]
    fn a_deny_of_a_part_is_a_deny() {
        for (action, resource) in [
            ("s3:DeleteObject", "*"),
            ("s3:Delete*", "arn:aws:s3:::carts/old/*"),
            ("*", "arn:aws:s3:::carts/*"),
        ] {
            let report = with_deny(action, resource)
                .expect(&["s3:DeleteObject"], &["arn:aws:s3:::carts/*"])
                .audit();
            let finding = the_one(&report, BROKEN);
            assert!(
                finding
                    .message
                    .contains("statement `KeepOut` of inline policy `inline`"),
                "{}",
                finding.message
            );
        }
    }

    #[test]
    fn a_deny_of_something_else_is_fine() {
        for (action, resource) in [
            ("s3:PutObject", "*"),
            ("s3:DeleteObject", "arn:aws:s3:::orders/*"),
        ] {
            let report = with_deny(action, resource)
                .expect(&["s3:DeleteObject"], &["arn:aws:s3:::carts/*"])
                .audit();
            assert_healthy(&report);
        }
    }

    #[test]
    fn the_boundary_denies_as_well() {
        let boundary = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            deny("s3:DeleteObject", "*"),
        ]});
        let world = with_deny("s3:PutObject", "*").boundary(&boundary);
        let report = world
            .expect(&["s3:DeleteObject"], &["arn:aws:s3:::carts/*"])
            .audit();
        let finding = the_one(&report, BROKEN);
        assert!(
            finding
                .message
                .contains("policy `arn:aws:iam::111122223333:policy/boundary`"),
            "{}",
            finding.message
        );
    }
}
