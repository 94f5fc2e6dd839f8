//! # IRSA213 `ConditionUnsatisfiable`
//!
//! ## What it means
//! A condition that no other code explains can never be met by this token: a numeric comparison of a subject, `Null`
//! that requires `sub` to be absent, a session tag or an `amr` that tokens of Kubernetes never have, a time that has ended.
//!
//! ## Why it breaks
//! All conditions of a statement must be met.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"aws:RequestTag/team": "shop"}}
//! ```
//!
//! ## Fix
//! Ask the owner of the role whether the condition is deliberate. Then append a statement without it, or remove the condition if it is a
//! mistake. Conditions that the request may meet stay.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [IAM condition operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use iam_policy::CauseKind;

use super::trust::{denied, has_ended, or_by_hand, unmet};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA213",
    reason: "ConditionUnsatisfiable",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "this token can never meet a condition",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let finding = denied(
        chain,
        CauseKind::ConditionUnsatisfiable,
        &ENTRY,
        |cause| match &cause.key {
            Some(_) if has_ended(cause.operator.as_deref(), cause.key.as_deref()) => format!(
                "{}, so the time that this statement allows has ended",
                unmet(cause)
            ),
            Some(_) => unmet(cause),
            None => "the conditions of this statement contradict each other, so no request can meet them"
                .to_owned(),
        },
    )?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA213", Severity::Broken, Link::Trust, Verdict::Broken);

    /// The usual conditions and one more.
    fn with(operator: &str, key: &str, value: &Value) -> World {
        let mut conditions = condition(SUBJECT);
        conditions[operator][key] = value.clone();
        World::healthy().condition(&conditions)
    }

    #[test]
    fn what_no_token_of_kubernetes_has_is_broken_and_can_be_repaired() {
        let sub = format!("{HOST_PATH}:sub");
        let amr = format!("{HOST_PATH}:amr");
        for (operator, key, value) in [
            ("NumericEquals", sub.as_str(), json!("7")),
            ("Null", sub.as_str(), json!("true")),
            ("StringEquals", amr.as_str(), json!("authenticated")),
            ("StringEquals", "aws:RequestTag/team", json!("shop")),
            ("StringNotEquals", sub.as_str(), json!(SUBJECT)),
        ] {
            let world = with(operator, key, &value);
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some(), "{operator} {key}");
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn what_every_token_meets_is_fine() {
        let sub = format!("{HOST_PATH}:sub");
        assert_healthy(&with("Null", &sub, &json!("false")).audit());
        assert_healthy(&with("StringEqualsIfExists", "aws:RequestTag/team", &json!("shop")).audit());
    }
}
