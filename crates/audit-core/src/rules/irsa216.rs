//! # IRSA216 `SubjectTooBroad`
//!
//! ## What it means
//! A wildcard in the condition on `:sub` admits other ServiceAccounts besides this one. The message names those that exist now.
//!
//! ## Why it matters
//! `StringLike` with `system:serviceaccount:team-*:app` gives the role to anyone who can create a ServiceAccount that matches.
//!
//! ## In logs
//! Nothing: the workload gets its credentials.
//!
//! ## Example
//! ```json
//! "Condition": {"StringLike": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:sub": "system:serviceaccount:team-*:cart"}}
//! ```
//!
//! ## Fix
//! List the subjects under `StringEquals`.
//!
//! ## Verify
//! `aws iam get-role --role-name NAME --query Role.AssumeRolePolicyDocument` shows no wildcard, and the pods of every
//! listed subject still get credentials.
//!
//! ## References
//! - [IAM condition operators](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)
//! - [EKS best practices: identity and access management](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html)

use iam_policy::ExposureKind;

use super::admitted::admitted;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::shared::SHOWN;
use crate::text::{quote, quote_first, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA216",
    reason: "SubjectTooBroad",
    severity: Severity::Risk,
    link: Link::Trust,
    title: "a wildcard admits other ServiceAccounts",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.past_role()?;
    let role = aws.found()?;
    let patterns: Vec<&String> = aws
        .trust
        .as_ref()?
        .exposures
        .iter()
        .filter_map(|exposure| match &exposure.kind {
            ExposureKind::SubjectTooBroad { patterns } => Some(patterns),
            _ => None,
        })
        .flatten()
        .collect();
    if patterns.is_empty() {
        return None;
    }
    let owned: Vec<String> = patterns.iter().copied().cloned().collect();
    let others = admitted(chain, aws, &owned)?;
    let now = match others.count {
        0 => "no other ServiceAccount matches now".to_owned(),
        count => {
            let shown = quote_first(others.shown(), SHOWN, count);
            format!("others that match now: {shown}")
        }
    };
    let message = format!(
        "trust policy of role `{}`: the wildcard in {} admits other ServiceAccounts as well; {now}",
        quote(role.arn.name()),
        quote_list(&patterns, 3)
    );
    Some(Finding::new(&ENTRY, message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA216", Severity::Risk, Link::Trust, Verdict::AtRisk);

    fn like(pattern: &str) -> Value {
        json!({ "StringLike": { format!("{HOST_PATH}:sub"): pattern }, "StringEquals": { format!("{HOST_PATH}:aud"): AUDIENCE } })
    }

    #[test]
    fn a_wildcard_that_reaches_others_is_a_risk() {
        for pattern in [
            "*",
            "system:serviceaccount:shop:*",
            "system:serviceaccount:*:cart",
            "system:serviceaccount:shop:car?",
        ] {
            the_one(&World::healthy().condition(&like(pattern)).audit(), RISK);
        }
    }

    #[test]
    fn those_that_exist_now_are_named_if_they_are_admitted() {
        let mut document = trust(&like("system:serviceaccount:shop:*"));
        let sub = format!("{HOST_PATH}:sub");
        document["Statement"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "Effect": "Deny", "Principal": "*", "Action": "*",
            "Condition": { "StringEquals": { sub: "system:serviceaccount:shop:denied" } } }));
        let world = World::healthy().trust(&document);
        assert!(
            the_one(&world.audit(), RISK)
                .message
                .contains("no other ServiceAccount matches now")
        );
        let report = world
            .service_account("shop", "orders")
            .service_account("shop", "denied")
            .service_account("staging", "cart")
            .audit();
        let message = &the_one(&report, RISK).message;
        assert!(message.contains("match now: `shop/orders`"), "{message}");
        assert!(
            !message.contains("denied") && !message.contains("staging"),
            "{message}"
        );
    }

    #[test]
    fn a_pattern_without_wildcards_is_fine() {
        assert_healthy(&World::healthy().condition(&like(SUBJECT)).audit());
    }

    #[test]
    fn a_wildcard_beside_an_exact_condition_reaches_nobody() {
        let mut conditions = like("system:serviceaccount:*");
        conditions["StringEquals"][format!("{HOST_PATH}:sub")] = json!(SUBJECT);
        assert_healthy(&World::healthy().condition(&conditions).audit());
    }
}
