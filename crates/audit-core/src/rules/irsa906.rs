//! # IRSA906 `ExpectationNotEvaluated`
//!
//! ## What it means
//! An `IrsaAudit` expects something that this version does not evaluate: single AWS actions (`expect.aws`), or a role for
//! pods that get their credentials from EKS Pod Identity.
//!
//! ## Why it is unknown
//! Saying nothing would pass the expectation off as met.
//!
//! ## In logs
//! Nothing: it is told here alone.
//!
//! ## Example
//! ```yaml
//! kind: IrsaAudit
//! spec:
//!   serviceAccountName: cart
//!   expect:
//!     aws:
//!       - actions: ["s3:GetObject"]
//! ```
//!
//! ## Fix
//! Take the expectation away, or waive this code until a version evaluates it.
//!
//! ## Verify
//! The finding is gone.
//!
//! ## References
//! - [EKS Pod Identity](https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html)
//! - [How IAM evaluates policies](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)

use crate::chain::Chain;
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA906",
    reason: "ExpectationNotEvaluated",
    severity: Severity::Unknown,
    link: Link::Permissions,
    title: "an expectation is not evaluated by this version",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let request = chain.request?;
    // A role without policies is IRSA501's, one whose policies were not seen is another unknown's.
    let has_policies = chain
        .past_role()
        .filter(|aws| aws.trust_admits())
        .is_some_and(|aws| matches!(aws.policies, Ok(p) if !p.attached.is_empty() || !p.inline.is_empty()));
    let (link, field) = if request.role_arn.is_some() && chain.uses_pod_identity {
        (Link::Role, "expect.roleArn")
    } else if !request.aws.is_empty() && (has_policies || chain.uses_pod_identity) {
        (Link::Permissions, "expect.aws")
    } else {
        return None;
    };
    Some(Finding::new(&ENTRY, format!("`spec.{field}` is not evaluated by this version")).at(link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn what_is_not_evaluated_is_unknown() {
        for (world, link) in [
            (World::healthy().expect_aws(), Link::Permissions),
            (World::healthy().expect_aws().container(with_pod_identity("app")), Link::Permissions),
            (World::healthy().expect_role(OLD_ROLE).container(with_pod_identity("app")), Link::Role),
        ] {
            let report = world.audit();
            the_one(&report, ("IRSA906", Severity::Unknown, link, Verdict::Unknown));
        }
    }

    #[test]
    fn without_expectations_nothing_is_missing() {
        assert_healthy(&World::healthy().request(|_| ()).audit());
        assert_healthy(&World::healthy().expect_role(ROLE).audit());
    }
}
