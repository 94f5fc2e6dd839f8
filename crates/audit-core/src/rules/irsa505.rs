//! # IRSA505 `AdministratorAccess`
//!
//! ## What it means
//! The role may do everything in its account, however its policies are written (`*`, `*:*`, `NotAction` with a few actions, several
//! statements together): any action of IAM and of any other service, also of future ones, on any resource, and no permissions boundary
//! limits it. A Deny of a part does not change that, unless it denies IAM actions. This finding cannot be waived, unless the
//! `default` IrsaAuditPolicy allows it.
//!
//! ## Why it matters
//! Anyone who takes over a pod, or may create one in the namespace, controls the account.
//!
//! ## In logs
//! Nothing: everything works.
//!
//! ## Example
//! ```console
//! $ aws iam list-attached-role-policies --role-name cart --query AttachedPolicies[].PolicyName
//! ["AdministratorAccess"]
//! ```
//!
//! ## Fix
//! Allow only what the workload does: IAM Access Analyzer generates a policy from its activity.
//!
//! ## Verify
//! The finding is gone, and the workload still does its work.
//!
//! ## References
//! - [Security best practices in IAM: least privilege](https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html)
//! - [Policy generation from access activity](https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-policy-generation.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Command, Fix};
use crate::permissions::NOT_SEEN;
use crate::permissions::expectation::admitted;
use crate::permissions::power::administrator;
use crate::permissions::session::Session;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA505",
    reason: "AdministratorAccess",
    severity: Severity::Risk,
    link: Link::Permissions,
    title: "the role has administrator access",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let policies = aws.permissions.as_ref().ok()?;
    let place = administrator(&Session::of(chain, &aws.arn), policies)?;
    let (name, account) = (quote(aws.arn.name()), aws.arn.account());
    let message =
        format!("role `{name}` has administrator access to account {account}, by {place}; {NOT_SEEN}");
    let report =
        Command::new("aws iam generate-service-last-accessed-details").option("--arn", aws.arn.as_str());
    let fix = Fix::manual(format!(
        "replace {place} with the actions that the workload uses; `{report}` starts a report of the services that the role has used"
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) =
        ("IRSA505", Severity::Risk, Link::Permissions, Verdict::AtRisk);

    fn policy(statements: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    fn everything() -> Value {
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })
    }

    #[test]
    fn everything_on_everything_is_a_risk() {
        for statements in [
            json!([everything()]),
            json!([everything(), { "Effect": "Deny", "Action": "aws-portal:*", "Resource": "*" }]),
            json!([{ "Effect": "Allow", "Action": "*:*", "Resource": "*" }]),
            json!([{ "Effect": "Allow", "Action": ["?*:*"], "NotResource": "arn:aws:s3:::carts" }]),
            json!([{ "Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "*" }]),
            json!([
                { "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" },
                { "Effect": "Allow", "Action": "iam:*", "Resource": "*" }
            ]),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "true" } } }),
            json!([everything(), { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": { "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } } }]),
            json!([{ "Effect": "Allow", "Action": ["s3:*", "*:*", "*"], "Resource": ["arn:aws:s3:::a", "*"] }]),
        ] {
            let report = World::healthy().inline(&policy(&statements)).audit();
            let finding = the_one(&report, RISK);
            assert!(
                finding.message.contains("of inline policy `inline`"),
                "{}",
                finding.message
            );
        }
        the_one(
            &World::healthy()
                .inline(&policy(&json!(everything())))
                .boundary(&policy(&json!(everything())))
                .audit(),
            RISK,
        );
    }

    #[test]
    fn the_path_of_the_role_stays_within_the_command() {
        let arn = "arn:aws:iam::111122223333:role/$(reboot);reboot&reboot|reboot/cart";
        let world = World::healthy().inline(&policy(&everything())).annotation(arn);
        let report = world
            .role(role(arn, &trust(&condition(SUBJECT)).to_string()))
            .container(injected("app", arn))
            .audit();
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.entry.code == "IRSA505");
        assert!(
            finding
                .unwrap()
                .fix
                .as_ref()
                .unwrap()
                .first
                .text
                .contains("$(reboot)")
        );
        assert_safe(&report);
    }

    #[test]
    fn what_holds_a_role_back_makes_it_no_administrator() {
        for statements in [
            json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::carts" }),
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }),
            json!([everything(), { "Effect": "Deny", "Action": "iam:*", "Resource": "*" }]),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:*" }),
            json!([everything(), { "Effect": "Deny", "Action": "*", "Resource": "*" }]),
            json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } }),
        ] {
            assert_healthy(&World::healthy().inline(&policy(&statements)).audit());
        }
        let s3 = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*" });
        assert_healthy(
            &World::healthy()
                .inline(&policy(&json!(everything())))
                .boundary(&policy(&s3))
                .audit(),
        );
    }
}
