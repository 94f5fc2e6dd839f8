//! # IRSA501 `NoPoliciesAttached`
//!
//! ## What it means
//! The role can be assumed, but has neither attached nor inline policies. The finding is *broken* if an `IrsaAudit` expects AWS
//! permissions. Otherwise it is a *risk*, because resource-based policies (of a bucket or a key) and chaining to another role may need
//! no policy here.
//!
//! ## Why it breaks
//! AWS denies what no policy allows. irsa-audit does not evaluate resource-based policies.
//!
//! ## In logs
//! `AccessDenied … assumed-role/NAME/… is not authorized to perform: s3:GetObject … because no identity-based policy
//! allows the … action`.
//!
//! ## Example
//! ```console
//! $ aws iam list-attached-role-policies --role-name cart --query AttachedPolicies
//! []
//! $ aws iam list-role-policies --role-name cart --query PolicyNames
//! []
//! ```
//!
//! ## Fix
//! Run `aws iam attach-role-policy --role-name NAME --policy-arn ARN`, or add an inline policy. If an `IrsaAudit` expects permissions, the
//! command adds one inline policy that allows exactly those.
//!
//! ## Verify
//! `aws iam list-attached-role-policies --role-name NAME` lists it.
//!
//! ## References
//! - [Add and remove IAM identity permissions](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_manage-attach-detach.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)
//! - [Troubleshoot access denied errors](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)

use super::expected::{and_asks, and_by_hand, asked, grant, of_kind};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Command, Fix};
use crate::permissions::expectation::questions;
use crate::permissions::{
    Confirmation, Expected, ExpectedRequest, PolicyAnswer, expected, is_free, question,
};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA501",
    reason: "NoPoliciesAttached",
    severity: Severity::Risk,
    link: Link::Permissions,
    title: "the role has no permission policies",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.past_role().filter(|aws| aws.trust_admits())?;
    let Ok(policies) = aws.policies else { return None };
    if !policies.attached.is_empty() || !policies.inline.is_empty() {
        return None;
    }
    let expectations = chain.request.map_or(&[][..], |request| &request.aws);
    let questions = questions(expectations).map(|(question, _)| question);
    let all = expected(chain);
    let needs_a_policy = |question: &ExpectedRequest<'_>| {
        let answer = all
            .iter()
            .find(|expected| expected.question == *question)
            .map(|expected| &expected.answer);
        match answer {
            Some(PolicyAnswer::Refused(refusal)) => refusal.needs_own,
            Some(answer) => *answer == PolicyAnswer::NotAllowed,
            // Policies that were not read in whole: only a boundary can be missing.
            None => !is_free(question.action) && !question::is_chaining(question.action),
        }
    };
    let missing: Vec<ExpectedRequest<'_>> = questions.filter(needs_a_policy).collect();
    let refused = of_kind(all, |answer| answer.refusal().is_some());
    let refusals: Vec<String> = refused
        .iter()
        .filter_map(|expected| {
            Some(format!(
                "{}: {}",
                asked(&expected.question),
                expected.answer.refusal()?
            ))
        })
        .collect();
    let is_contradicted =
        |expected: &Expected<'_>| matches!(expected.simulated, Confirmation::Contradicts(_));
    let is_proven =
        !refused.is_empty() || (!missing.is_empty() && (all.is_empty() || !all.iter().all(is_contradicted)));
    let mut message = format!(
        "role `{}` has neither attached nor inline policies, so it has no permissions of its own",
        quote(aws.arn.name())
    );
    if !refusals.is_empty() {
        message = format!("{message}; {}", refusals.join("; "));
    }
    let remedies: Vec<String> = refused
        .iter()
        .filter_map(|expected| match &expected.answer {
            PolicyAnswer::Refused(refusal) => Some(refusal.remedy.clone()),
            _ => None,
        })
        .collect();
    let fix = if missing.is_empty() && !remedies.is_empty() {
        Some(Fix::manual(remedies.join("; ")))
    } else if missing.is_empty() {
        let attach = Command::new("aws iam attach-role-policy").option("--role-name", aws.arn.name());
        Some(Fix::manual(format!(
            "attach a policy with `{}`, or add an inline policy",
            attach.own("--policy-arn ARN")
        )))
    } else {
        grant(chain, &missing.iter().collect::<Vec<_>>()).map(|granted| and_by_hand(granted.fix, &remedies))
    };
    let message = and_asks(message, fix.as_ref());
    Some(
        Finding::new(&ENTRY, message)
            .severity(if is_proven {
                Severity::Broken
            } else {
                Severity::Risk
            })
            .fix(fix),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn no_policy_is_a_risk_and_broken_where_permissions_are_expected() {
        let world = World::healthy().policies(0);
        the_one(
            &world.audit(),
            ("IRSA501", Severity::Risk, Link::Permissions, Verdict::AtRisk),
        );
        let expected = world.expect(&["s3:GetObject"], &["arn:aws:s3:::carts/*"]);
        let report = expected.audit();
        let finding = the_one(
            &report,
            ("IRSA501", Severity::Broken, Link::Permissions, Verdict::Broken),
        );
        assert_eq!(
            finding.fix.as_ref().unwrap().first.kind,
            crate::fix::FixKind::AwsCli,
            "{finding:?}"
        );
    }

    #[test]
    fn what_takes_no_permission_is_not_missing() {
        let world = World::healthy()
            .policies(0)
            .expect(&["sts:GetCallerIdentity"], &[]);
        the_one(
            &world.audit(),
            ("IRSA501", Severity::Risk, Link::Permissions, Verdict::AtRisk),
        );
    }

    #[test]
    fn one_inline_policy_is_enough() {
        let world = World::healthy().inline(&serde_json::json!({ "Version": "2012-10-17", "Statement": [] }));
        assert_healthy(&world.audit());
    }

    #[test]
    fn nobody_looks_where_the_trust_policy_does_not_admit() {
        let refusing = World::healthy()
            .policies(0)
            .condition(&condition("system:serviceaccount:shop:orders"));
        assert_eq!(codes(&refusing.expect_aws().audit()), ["IRSA205"]);
    }
}
