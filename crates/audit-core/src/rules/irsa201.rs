//! # IRSA201 `RoleNotFound`
//!
//! ## What it means
//! The account in the ARN has no role of that name: IAM answered `NoSuchEntity`, or a complete listing of the account
//! does not have it. Usual slips: whatever manages the role has deleted or renamed it, or the ARN has the account of
//! another environment.
//!
//! ## Why it breaks
//! There is nothing to assume. STS does not tell this apart from a role that refuses, so that it looks like a fault of
//! the trust policy.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```console
//! $ aws iam get-role --role-name cart
//! An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name cart cannot be found.
//! ```
//!
//! ## Fix
//! Create the role, or annotate the ServiceAccount with one that exists.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME`, with credentials of that account, prints the ARN of the annotation.
//!
//! ## References
//! - [GetRole](https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::RoleLookup;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA201",
    reason: "RoleNotFound",
    severity: Severity::Broken,
    link: Link::Role,
    title: "the role does not exist",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.aws.as_ref()?;
    if !matches!(aws.role, Ok(RoleLookup::Absent)) {
        return None;
    }
    let message = format!("account {} has no role `{}`", aws.arn.account(), aws.arn.name());
    let fix = Fix::manual(
        "create the role, or set the annotation to the ARN of one that exists: `aws iam list-roles --query \
         'Roles[].Arn'` with credentials of that account prints them",
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_role_that_iam_does_not_know_is_broken() {
        let report = World::healthy().role(RoleLookup::Absent).audit();
        the_one(
            &report,
            ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken),
        );
        for link in [Link::Provider, Link::Trust, Link::Permissions] {
            assert_eq!(state(&report, link), LinkState::NotReached, "{link:?}");
        }
    }

    #[test]
    fn a_role_that_nobody_asked_for_is_not_absent() {
        assert!(!codes(&World::healthy().role_unseen(None).audit()).contains(&"IRSA201"));
    }

    #[test]
    fn it_is_known_without_the_issuer() {
        let report = World::healthy().role(RoleLookup::Absent).issuer_unknown().audit();
        the_one(
            &report,
            ("IRSA201", Severity::Broken, Link::Role, Verdict::Broken),
        );
    }
}
