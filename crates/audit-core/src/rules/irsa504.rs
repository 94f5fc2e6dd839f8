//! # IRSA504 `PermissionsBoundaryBlocks`
//!
//! ## What it means
//! A policy of the role allows what an `IrsaAudit` expects (`spec.expect.aws`), but the role's permissions boundary does not.
//!
//! ## Why it breaks
//! A role with a boundary may do only what both its policies and the boundary allow.
//!
//! ## In logs
//! `AccessDenied … is not authorized to perform: sqs:SendMessage on resource: … because no permissions boundary allows the
//! sqs:SendMessage action`.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart --query Role.PermissionsBoundary.PermissionsBoundaryArn
//! "arn:aws:iam::111122223333:policy/team-boundary"
//! ```
//! with a boundary that allows S3 only.
//!
//! ## Fix
//! A boundary limits roles, usually many of them, so its owner decides. If another role or user has the same policy, the finding has no
//! command, because a wider boundary would apply to them too: ask for a separate boundary for this role. If the boundary is a policy
//! of the account that only this role has, the command creates a new version of it with one more statement, for exactly what is
//! missing. The command fails if the policy has changed since the audit, or if others have the policy by then. The old version remains,
//! so that you can roll back. IAM keeps five versions of a policy: if there are five, delete one first (`aws iam delete-policy-version`),
//! or IAM returns `LimitExceeded`. A boundary that AWS manages cannot be changed: use a policy of the account instead. Or remove the
//! expectation.
//!
//! ## Verify
//! `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names sqs:SendMessage --resource-arns ARN
//! --permissions-boundary-policy-input-list "$BOUNDARY"` says `allowed`.
//!
//! ## References
//! - [Permissions boundaries for IAM entities](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)

use super::expected::{and_asks, asked, message, missed_by_boundary, of_kind, others_with, widen};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::permissions::expectation::admitted;
use crate::permissions::{ExpectedRequest, PolicyAnswer, PolicySource, expected};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA504",
    reason: "PermissionsBoundaryBlocks",
    severity: Severity::Broken,
    link: Link::Permissions,
    title: "the permissions boundary does not allow an expected action",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let all = expected(chain);
    let blocked = of_kind(all, |answer| {
        matches!(answer.own(), PolicyAnswer::OutsideBoundary(_))
    });
    let PolicyAnswer::OutsideBoundary(boundary) = *blocked.first()?.answer.own() else {
        return None;
    };
    let message = message(chain, aws.arn.name(), &blocked, |expected| {
        let what = asked(&expected.question);
        let mut why =
            format!("the role's policies allow {what}, but the permissions boundary, {boundary}, does not");
        if let Some(missed) = missed_by_boundary(chain, &expected.question) {
            why = format!(
                "{why}: the condition of {} is not met: {}",
                missed.place,
                missed.why()
            );
        }
        match expected.answer.refusal() {
            Some(refusal) => format!("{why}; also, {refusal}"),
            None => why,
        }
    });
    let questions: Vec<&ExpectedRequest<'_>> = blocked.iter().map(|expected| &expected.question).collect();
    let fix = widen(chain, aws.permissions.as_ref().ok()?, &questions);
    let others = match boundary {
        PolicySource::Managed(arn) => others_with(chain, arn),
        _ => None,
    };
    let message = match others {
        Some(others) => format!("{message}; {others}"),
        None => message,
    };
    Some(Finding::new(&ENTRY, and_asks(message, fix.as_ref())).fix(fix))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fix::{Fix, FixKind, Form};
    use crate::model::{ManagedPolicy, Observed, RolePolicies};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:q";

    fn bounded(allowed: &str) -> World {
        let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*" }] });
        let boundary = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": allowed, "Resource": "*" }] });
        World::healthy().inline(&all).boundary(&boundary)
    }

    #[test]
    fn what_only_the_policies_allow_is_blocked() {
        let world = bounded("s3:*");
        let report = world
            .clone()
            .expect(&["sqs:SendMessage"], &["arn:aws:sqs:eu-west-1:111122223333:q"])
            .audit();
        the_one(
            &report,
            ("IRSA504", Severity::Broken, Link::Permissions, Verdict::Broken),
        );
        assert_healthy(&world.expect(&["s3:GetObject"], &["arn:aws:s3:::carts/*"]).audit());
    }

    #[test]
    fn what_neither_allows_is_no_matter_of_the_boundary() {
        let topic = "arn:aws:sns:eu-west-1:111122223333:carts";
        let report = bounded("s3:*").expect(&["sns:Publish"], &[topic]).audit();
        assert_eq!(codes(&report), ["IRSA502"]);
        let fix = report.findings[0].fix.clone().unwrap();
        assert!(fix.first.text.contains("put-role-policy"), "{}", fix.first.text);
        let next = fix.then.first().expect("the boundary does not allow it either");
        assert!(next.text.contains("create-policy-version"), "{}", next.text);
    }

    #[test]
    fn a_boundary_is_not_widened_to_every_resource_because_none_was_named() {
        let report = bounded("s3:*").expect(&["sqs:SendMessage"], &[]).audit();
        assert_eq!(codes(&report), ["IRSA504"]);
        let fix = report.findings[0].fix.clone().unwrap();
        assert_eq!((fix.first.kind, fix.then.len()), (FixKind::Manual, 0));
        assert!(fix.first.text.contains("ARN"), "{}", fix.first.text);
    }

    /// The statement that a fix adds, in its form as JSON.
    fn added(fix: &Fix) -> Value {
        let json = fix
            .first
            .alternatives
            .iter()
            .find(|alternative| alternative.form == Form::Json)
            .unwrap();
        serde_json::from_str(&json.text).unwrap()
    }

    #[test]
    fn the_fix_adds_exactly_what_is_missing_and_makes_it_pass() {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:q";
        let world = bounded("s3:*").expect(
            &["sqs:SendMessage", "sqs:DeleteMessage", "s3:GetObject"],
            &[queue],
        );
        let report = world.audit();
        let fix = report.findings[0].fix.clone().unwrap();
        assert_eq!(fix.first.kind, FixKind::AwsCli);
        assert!(
            fix.first.text.len() < 1024,
            "a status shows it: {}",
            fix.first.text
        );
        let statement = added(&fix);
        assert_eq!(
            statement,
            json!({ "Effect": "Allow", "Action": ["sqs:DeleteMessage", "sqs:SendMessage"], "Resource": [queue] })
        );
        let boundary = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }, statement
        ]});
        assert_healthy(&world.boundary(&boundary).audit());
    }

    #[test]
    fn a_boundary_of_aws_or_one_that_is_full_is_for_people() {
        let world = || bounded("s3:*").expect(&["sqs:SendMessage"], &[QUEUE]);
        let kind = |world: World| {
            let report = world.audit();
            report.findings[0].fix.clone().unwrap().first.kind
        };
        assert_eq!(kind(world()), FixKind::AwsCli);
        let full = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": ["*", format!("arn:aws:s3:::{}", "x".repeat(6100))] }
        ]});
        assert_eq!(kind(world().boundary(&full)), FixKind::Manual);
        let managed = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
        let of_aws = world().boundary_named(
            managed,
            &json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }
            ]}),
        );
        assert_eq!(kind(of_aws), FixKind::Manual);
    }

    #[test]
    fn a_deny_that_would_remain_is_never_passed_over() {
        let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }] });
        let region = json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } });
        let boundary = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
            { "Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Condition": region }
        ]});
        let report = World::healthy()
            .inline(&all)
            .boundary(&boundary)
            .expect(&["sqs:SendMessage"], &[QUEUE])
            .audit();
        assert_eq!(codes(&report), ["IRSA504"]);
        assert_eq!(
            report.findings[0].fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }

    #[test]
    fn whom_else_it_limits_is_told() {
        let bounded = bounded("s3:*").expect(&["sqs:SendMessage"], &[QUEUE]);
        let lookup = bounded.snapshot.accounts[ACCOUNT].roles["cart"]
            .latest()
            .cloned()
            .unwrap();
        let report = bounded.any_role("other", lookup).audit();
        assert!(
            report.findings[0].message.contains("another role"),
            "{}",
            report.findings[0].message
        );
        by_hand(&report, "`other`");
    }

    /// No command, and the step by hand says why.
    fn by_hand(report: &crate::BindingReport, why: &str) {
        let fix = report.findings[0].fix.as_ref().unwrap();
        assert_eq!(
            (fix.first.kind, fix.first.alternatives.len()),
            (FixKind::Manual, 0),
            "{fix:?}"
        );
        assert!(fix.first.text.contains(why), "{}", fix.first.text);
    }

    #[test]
    fn a_boundary_that_others_have_is_for_people() {
        let policy = |change: &dyn Fn(&mut ManagedPolicy)| {
            let mut world = bounded("s3:*").expect(&["sqs:SendMessage"], &[QUEUE]);
            let account = world.snapshot.accounts.get_mut(ACCOUNT).unwrap();
            let (policy, _) = account
                .managed
                .values_mut()
                .next()
                .unwrap()
                .value
                .as_mut()
                .unwrap();
            change(policy);
            world.audit()
        };
        let is_command = |report: &crate::BindingReport| {
            report.findings[0].fix.as_ref().unwrap().first.kind == FixKind::AwsCli
        };
        assert!(is_command(&policy(&|policy| policy.bounded = Some(1))));
        by_hand(&policy(&|policy| policy.bounded = Some(2)), "2 roles and users");
        by_hand(&policy(&|policy| policy.attachments = Some(1)), "attached to 1");
        assert!(is_command(&policy(&|policy| policy.versions = Some(4))));
        let full = policy(&|policy| policy.versions = Some(5));
        let fix = full.findings[0].fix.as_ref().unwrap();
        assert!(
            fix.first.kind == FixKind::Manual && fix.first.text.contains("delete-policy-version"),
            "{fix:?}"
        );
        let mut world = bounded("s3:*").expect(&["sqs:SendMessage"], &[QUEUE]);
        let attached = RolePolicies {
            attached: vec![format!("arn:aws:iam::{ACCOUNT}:policy/boundary")],
            ..RolePolicies::default()
        };
        let now = world.now;
        let account = world.snapshot.accounts.get_mut(ACCOUNT).unwrap();
        account
            .policies
            .insert("ci".to_owned(), Observed::known(attached, now));
        by_hand(&world.audit(), "`ci`");
    }

    #[test]
    fn the_command_looks_again_who_has_the_boundary() {
        let report = bounded("s3:*").expect(&["sqs:SendMessage"], &[QUEUE]).audit();
        let text = &report.findings[0].fix.as_ref().unwrap().first.text;
        assert!(text.contains(".PermissionsBoundaryUsageCount == 1"), "{text}");
    }
}
