//! # IRSA107 `RoleUnexpected`
//!
//! ## What it means
//! The annotation names a different role from the `IrsaAudit`'s `expect.roleArn`.
//!
//! ## Why it breaks
//! The workload may get credentials, but those of a role that is not meant for it: the role of a different environment,
//! or a role from before a migration.
//!
//! ## In logs
//! `AccessDenied … assumed-role/<the other role>/… is not authorized to perform …`.
//!
//! ## Example
//! ```yaml
//! kind: IrsaAudit
//! spec:
//!   serviceAccountName: cart
//!   expect:
//!     roleArn: arn:aws:iam::111122223333:role/cart   # the annotation says role/cart-staging
//! ```
//!
//! ## Fix
//! Set the expected role where the role is named now (the annotation, the webhook's ConfigMap, the pod template, or the object whose
//! controller requests the token) and recreate the pods. Or change the expectation.
//!
//! ## Verify
//! `aws sts get-caller-identity` in a new pod names the expected role.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use super::repair;
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA107",
    reason: "RoleUnexpected",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the annotation names a different role from the one that is expected",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let NamedRole::Role(annotated) = &chain.named_role else {
        return None;
    };
    let request = chain.request.filter(|_| chain.aws_applies())?;
    let expected = request
        .role_arn
        .as_deref()
        .filter(|arn| *arn != annotated.as_str())?;
    let message = format!(
        "{} names role `{annotated}`, but IrsaAudit `{}` expects role `{}`",
        repair::where_it_stands(chain, "role-arn"),
        quote(&request.name),
        quote(expected)
    );
    let fix = repair::name_role(chain, expected);
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA107", Severity::Broken, Link::ServiceAccount, Verdict::Broken);

    #[test]
    fn another_role_than_expected_is_broken_however_well_it_works() {
        let report = World::healthy().expect_role(OLD_ROLE).audit();
        let fix = the_one(&report, BROKEN).fix.clone().unwrap();
        assert_eq!(fix.first.kind, FixKind::Kubectl);
        assert!(fix.first.text.ends_with(OLD_ROLE));
        assert_healthy(&World::healthy().expect_role(ROLE).audit());
    }

    #[test]
    fn a_malformed_annotation_is_the_nearer_cause() {
        let report = World::healthy().annotation("arn:x").expect_role(ROLE).audit();
        assert_eq!(codes(&report), ["IRSA102"]);
    }

    #[test]
    fn an_expectation_that_nobody_can_paste_gives_no_command() {
        let report = World::healthy().expect_role("arn:\u{1b}[0m").audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }
}
