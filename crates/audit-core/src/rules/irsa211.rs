//! # IRSA211 `ConditionKeyMalformed`
//!
//! ## What it means
//! A condition key is meant for a claim of the token, and no token has it: it has the scheme in it (`https://…:sub`), a
//! slash before `:sub`, the provider's ARN in place of the issuer, the parts of the host in another order, or neither
//! `:sub` nor `:aud` at its end.
//!
//! ## Why it breaks
//! The key is the issuer without its scheme, then `:sub` or `:aud`. Any other is absent from the request, so that the
//! condition cannot hold.
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
//! Rename the key, where that admits this ServiceAccount alone; else append a statement for it.
//!
//! ## Verify
//! The pod's next attempt succeeds; an IAM change can take a minute to act.
//!
//! ## References
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use iam_policy::CauseKind;

use super::trust::{clause, denied, or_by_hand, suggestion};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA211",
    reason: "ConditionKeyMalformed",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "a condition key is misspelt",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(chain, CauseKind::ConditionKeyMalformed, &ENTRY, |cause| {
        format!(
            "{} is not a condition key of this token; the key must be {}",
            clause(cause),
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
