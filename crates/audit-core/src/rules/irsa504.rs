//! # IRSA504 `PermissionsBoundaryBlocks`
//!
//! ## What it means
//! A policy of the role allows what an `IrsaAudit` expects (`spec.expect.aws`), and the role's permissions boundary does not.
//!
//! ## Why it breaks
//! A role with a boundary may do only what both allow.
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
//! The boundary is there to limit roles, usually many of them, so that no edit is proposed: ask whoever owns it to allow the action,
//! or expect less.
//!
//! ## Verify
//! `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names sqs:SendMessage --resource-arns ARN
//! --permissions-boundary-policy-input-list "$BOUNDARY"` says `allowed`.
//!
//! ## References
//! - [Permissions boundaries for IAM entities](https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)

use super::expected::{asked, message, of_kind};
use crate::chain::Chain;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::permissions::expectation::admitted;
use crate::permissions::{Answer, expected};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA504",
    reason: "PermissionsBoundaryBlocks",
    severity: Severity::Broken,
    link: Link::Permissions,
    title: "the permissions boundary does not allow an expected action",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = admitted(chain)?;
    let all = expected(chain);
    let blocked = of_kind(&all, |answer| matches!(answer, Answer::OutsideBoundary(_)));
    let Answer::OutsideBoundary(boundary) = blocked.first()?.answer else { return None };
    let message = message(aws.arn.name(), &blocked, |expected| {
        format!("{} is allowed, but not by the permissions boundary, {boundary}", asked(&expected.question))
    });
    let fix = Fix::manual(format!(
        "ask whoever owns the permissions boundary, {boundary}, to allow it there too, or expect less"
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    fn bounded(allowed: &str) -> World {
        let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "*" }] });
        let boundary = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": allowed, "Resource": "*" }] });
        World::healthy().inline(&all).boundary(&boundary)
    }

    #[test]
    fn what_only_the_policies_allow_is_blocked() {
        let world = bounded("s3:*");
        let report = world.clone().expect(&["sqs:SendMessage"], &["arn:aws:sqs:eu-west-1:111122223333:q"]).audit();
        the_one(&report, ("IRSA504", Severity::Broken, Link::Permissions, Verdict::Broken));
        assert_healthy(&world.expect(&["s3:GetObject"], &["arn:aws:s3:::carts/*"]).audit());
    }

    #[test]
    fn what_neither_allows_is_no_matter_of_the_boundary() {
        let report = bounded("s3:*").expect(&["sns:Publish"], &[]).audit();
        assert_eq!(codes(&report), ["IRSA502"]);
    }
}
