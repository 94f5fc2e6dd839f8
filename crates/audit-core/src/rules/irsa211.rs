//! # IRSA211 `ConditionKeyMalformed`
//!
//! ## What it means
//! A condition key is intended for a claim of the token, but no token has this key. The key contains the scheme (`https://…:sub`), a
//! slash before `:sub`, the provider's ARN instead of the issuer, or the parts of the host in a different order, or it ends in neither
//! `:sub` nor `:aud`.
//!
//! ## Why it breaks
//! The key must be the issuer without its scheme, then `:sub` or `:aud`. Any other key is absent from the request, so the
//! condition is never met.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"https://oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:cart"}}
//! ```
//!
//! ## Fix
//! Rename the key if that admits only this ServiceAccount. Otherwise append a statement for it.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use iam_policy::CauseKind;

use super::trust::{clause_of, denied, or_by_hand, suggestion};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA211",
    reason: "ConditionKeyMalformed",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "a condition key is misspelled",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::ConditionKeyMalformed, &ENTRY, |cause| {
        format!(
            "{} is not a condition key of this token, so the condition is never met; the key must be {}",
            clause_of(cause),
            suggestion(cause)
        )
    })?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA211", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn misspelt_keys_are_broken_and_can_be_repaired() {
        let shuffled = HOST_PATH.replace("oidc.eks.", "eks.oidc.");
        for key in [
            format!("https://{HOST_PATH}:sub"),
            format!("{HOST_PATH}/:sub"),
            format!("{}:sub", provider_arn(HOST_PATH)),
            format!("{HOST_PATH}:subject"),
            format!("{shuffled}:sub"),
            format!("{HOST_PATH}: sub"),
            "sub".to_owned(),
        ] {
            let conditions =
                json!({ "StringEquals": { key.clone(): SUBJECT, format!("{HOST_PATH}:aud"): AUDIENCE } });
            let world = World::healthy().condition(&conditions);
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some(), "{key}");
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn the_case_of_a_key_does_not_matter() {
        let conditions = json!({ "StringEquals": {
            format!("{}:SUB", HOST_PATH.to_lowercase()): SUBJECT, format!("{HOST_PATH}:aud"): AUDIENCE } });
        assert_healthy(&World::healthy().condition(&conditions).audit());
    }
}
