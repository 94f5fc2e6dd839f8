//! # IRSA202 `WebIdentityNotAllowed`
//!
//! ## What it means
//! No Allow statement of the trust policy covers `sts:AssumeRoleWithWebIdentity`. The role was created for a different purpose:
//! `sts:AssumeRole` for EC2 or for another role, or `sts:AssumeRole` with `sts:TagSession` for EKS Pod Identity.
//!
//! ## Why it breaks
//! A web identity token needs its own action, `sts:AssumeRoleWithWebIdentity`. `sts:AssumeRole` does not cover it.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
//! ```
//!
//! ## Fix
//! Append a statement that allows this action for the cluster's provider, for this subject and audience.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` shows the action.
//!
//! ## References
//! - [Create a role for OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html)
//! - [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html)

use iam_policy::CauseKind;

use super::trust::{denied, or_by_hand};
use crate::chain::{Chain, RoleChain};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::quote_list;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA202",
    reason: "WebIdentityNotAllowed",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy does not allow sts:AssumeRoleWithWebIdentity",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::WebIdentityNotAllowed, &ENTRY, |cause| {
        let allowed = if cause.got.is_empty() {
            "the policy allows no action".to_owned()
        } else if is_exception(chain, cause.statement) {
            format!(
                "the policy allows every action except {}",
                quote_list(&cause.got, 3)
            )
        } else {
            format!("the policy allows {}", quote_list(&cause.got, 3))
        };
        format!("no statement allows `sts:AssumeRoleWithWebIdentity`, so STS refuses the token; {allowed}")
    })?;
    Some(or_by_hand(chain, finding))
}

/// Whether a statement has `NotAction`.
fn is_exception(chain: &Chain<'_>, statement: Option<usize>) -> bool {
    let document = chain
        .past_role()
        .and_then(RoleChain::found)
        .and_then(|role| role.trust().document);
    document
        .as_ref()
        .zip(statement)
        .and_then(|(document, at)| document.statements().get(at))
        .is_some_and(|s| s.actions().1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA202", Severity::Broken, Link::Trust, Verdict::Broken);

    fn allowing(principal: &Value, action: &Value) -> World {
        let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action });
        World::healthy().trust(&json!({ "Version": "2012-10-17", "Statement": statement }))
    }

    #[test]
    fn a_role_for_something_else_is_broken_and_can_be_repaired() {
        for (principal, action) in [
            (json!({ "Service": "ec2.amazonaws.com" }), json!("sts:AssumeRole")),
            (
                json!({ "Service": "pods.eks.amazonaws.com" }),
                json!(["sts:AssumeRole", "sts:TagSession"]),
            ),
            (
                json!({ "Federated": provider_arn(HOST_PATH) }),
                json!("sts:AssumeRole"),
            ),
        ] {
            let world = allowing(&principal, &action);
            let report = world.audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains("sts:AssumeRole`"), "{}", finding.message);
            assert!(finding.fix.is_some());
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn the_action_counts_in_any_case_and_with_wildcards() {
        for action in [
            "STS:assumerolewithwebidentity",
            "sts:AssumeRoleWith*",
            "sts:*",
            "*",
        ] {
            let mut document = trust(&condition(SUBJECT));
            document["Statement"][0]["Action"] = json!(action);
            assert_healthy(&World::healthy().trust(&document).audit());
        }
    }
}
