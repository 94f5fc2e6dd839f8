//! # IRSA206 `SubjectMalformed`
//!
//! ## What it means
//! The subject in the trust policy is not a subject that a token can have: `system:serviceaccount:` is missing or misspelled
//! (`serviceaccounts`), or the subject has `/` instead of `:`, a different case, spaces or quotes. Once corrected, it would match.
//!
//! ## Why it breaks
//! STS compares values exactly, with case.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ServiceAccount `shop/cart`:
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccounts:shop/cart"}}
//! ```
//!
//! ## Fix
//! Write `system:serviceaccount:<namespace>:<name>`. The fix replaces the subject if that admits only this ServiceAccount; otherwise it
//! appends a separate statement.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::CauseKind;

use super::trust::{demand, denied, found, or_by_hand};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA206",
    reason: "SubjectMalformed",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the subject in the trust policy is misspelled",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::SubjectMalformed, &ENTRY, |cause| {
        format!(
            "{}, but no token has such a subject; {}",
            demand(cause),
            found(cause)
        )
    })?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA206", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn misspelt_subjects_are_broken_and_can_be_repaired() {
        for subject in [
            "system:serviceaccounts:shop:cart",
            "serviceaccount:shop:cart",
            "shop:cart",
            "system:serviceaccount:shop/cart",
            "System:ServiceAccount:Shop:Cart",
            "system:serviceaccount:shop: cart",
            "\"system:serviceaccount:shop:cart\"",
            "system:serviceaccount:shop:cart\n",
        ] {
            let world = World::healthy().condition(&condition(subject));
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some(), "{subject:?}");
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn another_name_is_not_misspelt() {
        let report = World::healthy()
            .condition(&condition("system:serviceaccount:shop:carts"))
            .audit();
        assert_eq!(codes(&report), ["IRSA205"]);
    }
}
