//! # IRSA212 `ExplicitDeny`
//!
//! ## What it means
//! One statement of the trust policy allows the request, but another denies it. Or the request is denied by an RCP of the organization
//! that was given as a file (`--aws`) and is attached to the role's account.
//!
//! ## Why it breaks
//! An explicit Deny overrides every Allow.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`, sometimes `… with an explicit deny`
//! (`… in a resource control policy`).
//!
//! ## Example
//! ```json
//! {"Effect": "Deny", "Principal": "*", "Action": "sts:*",
//!  "Condition": {"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:*"}}}
//! ```
//!
//! ## Fix
//! No automatic fix: a Deny is usually deliberate. Ask the owner of the role to exclude this ServiceAccount from the Deny, or
//! give the workload a different role.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [Resource control policies](https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html)
//! - [Troubleshoot access denied errors](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)

use iam_policy::CauseKind;

use super::trust::{demand, denied, found};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::fix::Repaired;
use crate::text::{quote, reveal};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA212",
    reason: "ExplicitDeny",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "a statement explicitly denies the request",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    by_trust(chain).or_else(|| by_organization(chain))
}

/// An RCP denies what the trust policy allows.
fn by_organization(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.past_role().filter(|aws| aws.trust_policy_admits())?;
    let place = aws.limits.denies.as_ref()?;
    let message = format!(
        "role `{}`: the trust policy admits this ServiceAccount, but {place} explicitly denies `sts:AssumeRoleWithWebIdentity`, so \
         STS refuses the request",
        quote(aws.arn.name())
    );
    let fix = Fix::manual(format!(
        "no automatic fix: a Deny is usually deliberate. Ask the administrator of the organization to exclude `{}` from {place}",
        quote(aws.arn.as_str())
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

fn by_trust(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::ExplicitDeny, &ENTRY, |cause| match &cause.key {
        Some(_) => format!(
            "this Deny applies, because its condition is met: {}, and {}",
            demand(cause),
            found(cause)
        ),
        None => "this Deny has no condition, so it applies to every request".to_owned(),
    })?;
    let fix = Fix::manual(format!(
        "no automatic fix: a Deny is usually deliberate. Ask the owner of role `{}` to exclude `{}` from the Deny",
        quote(chain.past_role()?.arn.name()),
        reveal(&chain.subject)
    ));
    Some(finding.fix(fix.repairs(Repaired::Role)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA212", Severity::Broken, Link::Trust, Verdict::Broken);

    fn with_deny(conditions: Value) -> World {
        let mut document = trust(&condition(SUBJECT));
        let mut deny = json!({ "Sid": "KeepOut", "Effect": "Deny", "Principal": "*", "Action": "sts:*" });
        if !conditions.is_null() {
            deny["Condition"] = conditions;
        }
        document["Statement"].as_array_mut().unwrap().push(deny);
        World::healthy().trust(&document)
    }

    #[test]
    fn a_deny_that_applies_is_broken_and_is_named() {
        let sub = format!("{HOST_PATH}:sub");
        for conditions in [
            Value::Null,
            json!({ "StringEquals": { sub.clone(): SUBJECT } }),
            json!({ "StringNotLike": { sub: "system:serviceaccount:kube-system:*" } }),
        ] {
            let report = with_deny(conditions).audit();
            let finding = the_one(&report, BROKEN);
            assert!(
                finding.message.contains("statement `KeepOut`"),
                "{}",
                finding.message
            );
            assert_eq!(finding.fix.as_ref().unwrap().first.kind, FixKind::Manual);
        }
    }

    #[test]
    fn of_several_conditions_the_one_about_the_subject_is_named() {
        let (sub, aud) = (format!("{HOST_PATH}:sub"), format!("{HOST_PATH}:aud"));
        for conditions in [
            json!({ "Null": { sub.clone(): "false" }, "StringNotEquals": { sub.clone(): "system:serviceaccount:shop:cart-v2" } }),
            json!({ "StringEquals": { aud: "sts.amazonaws.com" }, "StringNotLike": { sub: "system:serviceaccount:shop:cart-v2" } }),
        ] {
            let report = with_deny(conditions).audit();
            let message = &the_one(&report, BROKEN).message;
            assert!(message.contains("cart-v2"), "{message}");
        }
    }

    #[test]
    fn a_deny_of_somebody_else_is_fine() {
        let spared = json!({ "StringNotEquals": { format!("{HOST_PATH}:sub"): SUBJECT } });
        assert_healthy(&with_deny(spared).audit());
    }

    #[test]
    fn a_deny_beside_another_cause_is_told_with_it() {
        let mut document = trust(&condition("system:serviceaccount:staging:cart"));
        let deny = json!({ "Sid": "KeepOut", "Effect": "Deny", "Principal": "*", "Action": "sts:*" });
        document["Statement"].as_array_mut().unwrap().push(deny);
        let report = World::healthy().trust(&document).audit();
        let finding = the_one(
            &report,
            ("IRSA204", Severity::Broken, Link::Trust, Verdict::Broken),
        );
        assert!(
            finding.message.contains("statement 2 also denies"),
            "{}",
            finding.message
        );
        assert_eq!(
            finding.fix.as_ref().unwrap().first.kind,
            FixKind::Manual,
            "mending one is not enough"
        );
    }
}
