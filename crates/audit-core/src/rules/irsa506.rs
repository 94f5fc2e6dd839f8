//! # IRSA506 `PrivilegeEscalation`
//!
//! ## What it means
//! The role can give itself permissions that it does not have, in one of five well-known ways: it may put an inline policy on itself
//! (`iam:PutRolePolicy`); attach any managed policy to itself (`iam:AttachRolePolicy`); create a new version of a policy of the account
//! that is attached to it (`iam:CreatePolicyVersion`); make any role of the account trust it (`iam:UpdateAssumeRolePolicy`); or pass any
//! role of the account to a service that runs code with it (`iam:PassRole` with EC2, Lambda, ECS, `CloudFormation`, Glue or
//! `CodeBuild`). A way counts only if every step of it is certainly allowed. Administrators are IRSA505. This finding cannot be waived,
//! unless the `default` IrsaAuditPolicy allows it.
//!
//! ## Why it matters
//! Anyone who takes over a pod, or may create one in the namespace, can take control of the account. A permissions boundary limits the
//! first three ways.
//!
//! ## In logs
//! Nothing, until the way is used: CloudTrail then has `PutRolePolicy`, `AttachRolePolicy`, … by the role's own session.
//!
//! ## Example
//! ```json
//! {"Effect": "Allow", "Action": ["iam:PassRole", "lambda:*"], "Resource": "*"}
//! ```
//!
//! ## Fix
//! Name the resources: the one role that may be passed, to the one service (`iam:PassedToService`); policies below a path. Or give the
//! role a permissions boundary, and allow it to change roles only where they have it (`iam:PermissionsBoundary`).
//!
//! ## Verify
//! The finding is gone, and the workload still does its work.
//!
//! ## References
//! - [Ways of privilege escalation in AWS, and their mitigation](https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/)
//! - [pathfinding.cloud: a catalogue of such ways](https://pathfinding.cloud/)
//! - [Grant permissions to pass a role to a service](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::admitted;
use crate::permissions::organization::not_seen;
use crate::permissions::power::{EscalationWay, administrator, ways};
use crate::permissions::session::Session;
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA506",
    reason: "PrivilegeEscalation",
    severity: Severity::Risk,
    link: Link::Permissions,
    title: "the role can give itself more permissions",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let policies = aws.permissions.as_ref().ok()?;
    if administrator(&Session::of(chain, &aws.arn), policies).is_some() {
        return None;
    }
    let ways = ways(&Session::of(chain, &aws.arn), policies);
    ways.first()?;
    let told: Vec<String> = ways.iter().map(told).collect();
    let boundary = match &policies.boundary {
        Some(policy) => format!(", within its permissions boundary, {}", policy.source),
        None => String::new(),
    };
    let message = format!(
        "role `{}` can give itself more permissions: it can {}{boundary}; {}",
        quote(aws.arn.name()),
        told.join(", or "),
        not_seen(chain.snapshot)
    );
    let mut places: Vec<String> = ways.iter().map(|way| way.by.to_string()).collect();
    places.dedup();
    let fix = Fix::manual(format!(
        "in {}, replace wildcards with the resources that the workload needs: the one role to pass, with `iam:PassedToService`; \
         policies below a path; or only roles that have a boundary (`iam:PermissionsBoundary`)",
        places.join(", and in ")
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

fn told(way: &EscalationWay<'_>) -> String {
    format!(
        "{} ({}, by {})",
        way.what,
        quote_list(way.actions, way.actions.len()),
        way.by
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) =
        ("IRSA506", Severity::Risk, Link::Permissions, Verdict::AtRisk);

    fn allowing(actions: &Value, resource: &str) -> World {
        World::healthy().inline(&json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resource }]
        }))
    }

    #[test]
    fn each_way_is_named() {
        for (actions, named) in [
            (json!("iam:PutRolePolicy"), "iam:PutRolePolicy"),
            (json!("iam:Attach*"), "iam:AttachRolePolicy"),
            (json!("iam:UpdateAssumeRolePolicy"), "iam:UpdateAssumeRolePolicy"),
            (json!(["iam:PassRole", "ec2:RunInstances"]), "ec2:RunInstances"),
            (json!(["iam:PassRole", "lambda:*"]), "lambda:CreateFunction"),
        ] {
            let report = allowing(&actions, "*").audit();
            let finding = the_one(&report, RISK);
            assert!(finding.message.contains(named), "{}", finding.message);
            assert!(
                finding.message.contains("of inline policy `inline`"),
                "{}",
                finding.message
            );
        }
    }

    #[test]
    fn a_policy_that_the_role_may_rewrite_is_a_way() {
        let own = "arn:aws:iam::111122223333:policy/own";
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": own }]
        });
        the_one(&World::healthy().attached(own, &document).audit(), RISK);
        assert_healthy(&World::healthy().inline(&document).audit());
    }

    #[test]
    fn a_way_with_a_step_missing_is_none() {
        for (actions, resource) in [
            (json!("iam:PutRolePolicy"), "arn:aws:iam::111122223333:role/other"),
            (json!("iam:PassRole"), "*"),
            (json!(["iam:PassRole", "lambda:CreateFunction"]), "*"),
            (json!(["ec2:RunInstances", "lambda:*", "iam:Get*"]), "*"),
            (
                json!(["iam:PassRole", "ec2:RunInstances"]),
                "arn:aws:iam::111122223333:role/worker",
            ),
        ] {
            assert_healthy(&allowing(&actions, resource).audit());
        }
        let conditional = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
              "Condition": { "StringEquals": { "iam:PassedToService": "eks.amazonaws.com" } } },
            { "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*",
              "Condition": { "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess" } } }
        ]});
        assert_healthy(&World::healthy().inline(&conditional).audit());
    }

    #[test]
    fn administrators_need_no_way() {
        assert_eq!(codes(&allowing(&json!("*"), "*").audit()), ["IRSA505"]);
    }
}
