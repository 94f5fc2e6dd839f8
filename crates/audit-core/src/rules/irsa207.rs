//! # IRSA207 `WildcardInStringEquals`
//!
//! ## What it means
//! A `*` or `?` is under an operator that compares it literally. Under `StringLike` it would match this token.
//!
//! ## Why it breaks
//! `StringEquals` does not support wildcards: `system:serviceaccount:shop:*` equals only the subject of a ServiceAccount that is named
//! `*`, which cannot exist.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:shop:*"}}
//! ```
//!
//! ## Fix
//! Name the subject: the command adds the subject of this ServiceAccount, and admits no one else. `StringLike` would make the value a
//! wildcard. The message says whom the wildcard would admit today. The role's owner decides whether that is intended (IRSA216).
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [IAM condition operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use iam_policy::{Cause, CauseKind, Pattern};

use super::trust::{demand, denied, found, or_by_hand};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::shared::{SHOWN, Search, SharedQuestion};
use crate::text::{quote, quote_first};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA207",
    reason: "WildcardInStringEquals",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "a wildcard is under an operator that compares it literally",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let mut finding = denied(chain, CauseKind::WildcardInStringEquals, &ENTRY, |cause| {
        format!(
            "{}, but this operator compares wildcards literally; {}",
            demand(cause),
            found(cause)
        )
    })?;
    let cause = chain.past_role()?.trust.as_ref()?.cause.as_ref()?;
    finding.message.push_str(&if_meant(chain, cause));
    Some(or_by_hand(chain, finding))
}

/// Whom the wildcard would reach today, if it was meant as one. Who is admitted by it is for the role's owner to decide, so that no
/// command does it.
fn if_meant(chain: &Chain<'_>, cause: &Cause) -> String {
    let Some(value) = cause
        .nearest
        .as_deref()
        .filter(|value| Pattern::new(value).matches(&chain.subject))
    else {
        return String::new();
    };
    let pattern = Pattern::new(value);
    let search = Search {
        patterns: &[value.to_owned()],
        is_meant: &|subject| pattern.matches(subject),
        until: None,
    };
    let others = chain.others(SharedQuestion::Fitting(value.to_owned()), &search);
    let reached = match others.count {
        0 => "today, no other ServiceAccount".to_owned(),
        count => format!(
            "today, {count} others: {}",
            quote_first(others.shown(), SHOWN, count)
        ),
    };
    format!(
        ". If the wildcard is intended, StringLike would admit every ServiceAccount that matches `{}` ({reached}); the fix admits only this \
         ServiceAccount",
        quote(value)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA207", Severity::Broken, Link::Trust, Verdict::Broken);

    #[test]
    fn a_literal_wildcard_is_broken_and_can_be_repaired() {
        for subject in [
            "system:serviceaccount:shop:*",
            "system:serviceaccount:*:cart",
            "system:serviceaccount:shop:car?",
        ] {
            let world = World::healthy().condition(&condition(subject));
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some(), "{subject}");
            let repaired = world.with_trust_repaired().audit();
            assert!(repaired.verdict < Verdict::Unknown, "{}", shown(&repaired));
        }
    }

    #[test]
    fn a_wildcard_that_would_not_match_either_is_something_else() {
        let report = World::healthy()
            .condition(&condition("system:serviceaccount:staging:*"))
            .audit();
        assert!(!codes(&report).contains(&"IRSA207"), "{}", shown(&report));
    }

    #[test]
    fn under_string_like_it_matches() {
        let like = json!({ "StringLike": { format!("{HOST_PATH}:sub"): "system:serviceaccount:shop:c*" },
            "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } });
        assert!(!codes(&World::healthy().condition(&like).audit()).contains(&"IRSA207"));
    }
}
