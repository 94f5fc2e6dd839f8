//! # IRSA205 `SubjectServiceAccountMismatch`
//!
//! ## What it means
//! The trust policy names a different ServiceAccount. The usual reason is a chart that puts its release name before the name, or a
//! ServiceAccount that was renamed.
//!
//! ## Why it breaks
//! The `sub` claim of a token is `system:serviceaccount:<namespace>:<name>`, and the condition compares all of it.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ServiceAccount `shop/release-cart`:
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:cart"}}
//! ```
//!
//! ## Fix
//! Add the ServiceAccount's subject to the condition, or run the workload as the ServiceAccount that is trusted.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::CauseKind;

use super::trust::{denied, or_by_hand, unmet};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA205",
    reason: "SubjectServiceAccountMismatch",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy names a different ServiceAccount",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::SubjectServiceAccountMismatch, &ENTRY, unmet)?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA205", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn another_name_is_broken_and_can_be_repaired() {
        for subject in [
            "system:serviceaccount:shop:release-cart",
            "system:serviceaccount:staging:orders",
        ] {
            let world = World::healthy().condition(&condition(subject));
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some());
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn the_nearest_of_several_statements_explains_it() {
        let mut document = trust(&condition("system:serviceaccount:shop:carts"));
        let far = statement(&condition("system:serviceaccount:other:very-different"));
        let second = statement(&condition("system:serviceaccount:shop:release-cart"));
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .extend([far, second]);
        document["Statement"][0]["Sid"] = json!("Nearest");
        let report = World::healthy().trust(&document).audit();
        let message = &the_one(&report, BROKEN).message;
        assert!(
            message.contains("statement `Nearest`") && message.contains("2 other statements"),
            "{message}"
        );
    }

    #[test]
    fn one_statement_that_fits_is_enough() {
        let mut document = trust(&condition("system:serviceaccount:shop:release-cart"));
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(statement(&condition(SUBJECT)));
        assert_healthy(&World::healthy().trust(&document).audit());
    }
}
