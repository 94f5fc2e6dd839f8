//! Whether a ServiceAccount is meant to have a role: an annotation alone authorises nothing.
//!
//! Anyone who can edit a ServiceAccount can write the ARN of any role into its annotation, and the audit will then name the trust
//! policy as what stands in the way. The role's owner must not let it in because a tool says so: a confused deputy.

use iam_policy::{Cause, CauseKind, Effect, Statement};

use crate::chain::{Chain, RoleChain};
use crate::model::{BindingKey, Role};
use crate::text::quote;

/// What the role's owner has to be asked before the ServiceAccount is let in: where the role admits others by now, and neither an
/// `IrsaAudit` nor the trust policy itself names the two together.
/// Where a condition keeps it out, the owner may have meant just that, and the fix leaves the condition out: `left_out` has those that it
/// leaves out, in words, whatever else the finding is about.
pub(crate) fn question(
    chain: &Chain<'_>,
    aws: &RoleChain<'_>,
    role: &Role,
    cause: &Cause,
    left_out: &[String],
) -> Option<String> {
    let by_itself = cause.kind == CauseKind::ConditionUnsatisfiable;
    let without = match left_out {
        [] | [_] if by_itself => Some((" without this condition".to_owned(), "it")),
        [] => None,
        [one] => Some((format!(" without the condition that {one}"), "it")),
        all => Some((format!(" without these conditions: {}", all.join("; ")), "them")),
    };
    // The finding is about the condition alone: the statement was meant for the ServiceAccount.
    let unnamed = if by_itself {
        None
    } else {
        unnamed(chain, aws, role)
    };
    if without.is_none() && unnamed.is_none() {
        return None;
    }
    let is_without = without.is_some();
    let asks = format!(
        "First ask the owner of role `{}` whether ServiceAccount `{}` should have the role",
        quote(role.arn.name()),
        quote(&chain.key.to_string())
    );
    let asks = match without {
        Some((without, them)) => {
            format!("{asks}{without}: a condition is usually deliberate, and the fix leaves {them} out")
        }
        None => asks,
    };
    Some(match (is_without, unnamed) {
        (_, None) => asks,
        (true, Some(unnamed)) => format!("{asks}. Also, {unnamed}"),
        (false, Some(unnamed)) => format!("{asks}: {unnamed}"),
    })
}

/// Why the ServiceAccount is not known to be meant to have the role.
fn unnamed(chain: &Chain<'_>, aws: &RoleChain<'_>, role: &Role) -> Option<&'static str> {
    let is_expected = chain.request.and_then(|request| request.role_arn.as_deref()) == Some(aws.arn.as_str());
    let parsed = role.trust();
    let document = parsed.document.as_ref()?;
    let statements = document.statements().iter();
    let mut allows = statements
        .filter(|statement| statement.effect() == Effect::Allow)
        .peekable();
    allows.peek()?;
    if is_expected || allows.any(|statement| names_it(chain, statement)) {
        return None;
    }
    Some(
        "no Allow statement of the trust policy names this ServiceAccount, and the annotation alone authorizes nothing",
    )
}

/// Whether a statement was written for the ServiceAccount: an operator that passes what its values name compares a key of this
/// cluster's issuer with its name. Another cluster may have a ServiceAccount of this name, and a negated operator keeps it out.
fn names_it(chain: &Chain<'_>, statement: &Statement) -> bool {
    let Some(issuer) = chain.issuer else {
        return false;
    };
    let host_path = issuer.url.host_path().to_lowercase();
    statement.conditions().any(|(operator, key, values)| {
        operator.is_positive_text()
            && is_key_of(key, &host_path)
            && values.iter().any(|value| is_its_name(chain.key, value))
    })
}

/// Whether a condition key is one of an issuer, as it is or with the scheme that does not belong there. Another issuer's host and path
/// may begin or end with these.
fn is_key_of(key: &str, host_path: &str) -> bool {
    let key = key.trim().to_lowercase();
    let key = key.strip_prefix("https://").unwrap_or(&key);
    key.strip_prefix(host_path)
        .is_some_and(|rest| rest.starts_with(':'))
}

/// Whether a text names the ServiceAccount with its namespace: as a subject, or misspelt.
fn is_its_name(key: &BindingKey, text: &str) -> bool {
    let words: Vec<&str> = text.trim().split([':', '/']).collect();
    matches!(words.as_slice(), [.., namespace, name] if *namespace == key.namespace && *name == key.service_account)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::*;

    /// Whether the fix for a role whose trust policy has these conditions asks its owner first.
    fn asks(conditions: &Value) -> bool {
        let report = World::healthy().condition(conditions).without_pods().audit();
        let fixes = report.findings.iter().filter_map(|finding| finding.fix.as_ref());
        let mut edits = fixes.filter(|fix| fix.first.text.contains("update-assume-role-policy"));
        edits.next().expect("a fix of the trust policy").asks.is_some()
    }

    fn compared(operator: &str, host_path: &str, subject: &str) -> Value {
        json!({operator: {format!("{host_path}:sub"): subject}})
    }

    #[test]
    fn a_role_of_others_is_asked_for_first() {
        assert!(asks(&compared(
            "StringEquals",
            HOST_PATH,
            "system:serviceaccount:bank:till"
        )));
        assert!(asks(&compared(
            "StringLike",
            HOST_PATH,
            "system:serviceaccount:bank:*"
        )));
    }

    #[test]
    fn its_name_with_its_namespace_says_that_it_is_meant() {
        for text in [
            "shop:cart",
            "shop/cart",
            "system:serviceaccounts:shop:cart",
            " system:serviceaccount:shop:cart",
        ] {
            assert!(!asks(&compared("StringEquals", HOST_PATH, text)), "{text}");
        }
    }

    #[test]
    fn a_bare_name_may_be_that_of_any_namespace() {
        for text in ["cart", ":cart", "/cart", " cart", "system:serviceaccount:cart"] {
            assert!(asks(&compared("StringEquals", HOST_PATH, text)), "{text}");
        }
    }

    #[test]
    fn who_is_kept_out_is_not_meant() {
        assert!(asks(&compared("StringNotEquals", HOST_PATH, SUBJECT)));
        assert!(asks(&compared("StringNotLike", HOST_PATH, SUBJECT)));
    }

    #[test]
    fn a_condition_may_be_meant_to_keep_it_out() {
        let mut expired = condition(SUBJECT);
        expired["DateLessThan"] = json!({"aws:CurrentTime": "2026-01-01T00:00:00Z"});
        assert!(asks(&expired));
    }

    #[test]
    fn a_condition_that_the_fix_leaves_out_is_asked_for_whatever_else_is_wrong() {
        let wrong = |also: &str, key: &str, value: &str| {
            let mut conditions = condition("shop/cart");
            conditions[also] = json!({key: value});
            conditions
        };
        assert!(!asks(&condition("shop/cart")));
        assert!(asks(&wrong(
            "DateLessThan",
            "aws:CurrentTime",
            "2020-01-01T00:00:00Z"
        )));
        assert!(asks(&wrong("StringLike", "sts:ExternalId", "x")));
        // What may be met is kept: nothing is left out.
        assert!(!asks(&wrong("IpAddress", "aws:SourceIp", "192.0.2.0/24")));
    }

    #[test]
    fn that_of_another_cluster_is_not_this_one() {
        for other in [
            "oidc.eks.eu-west-1.amazonaws.com/id/AAAA".to_owned(),
            format!("{HOST_PATH}-eu"),
            format!("{HOST_PATH}/eu"),
            format!("eu.{HOST_PATH}"),
            format!("proxy.example.com/{HOST_PATH}"),
        ] {
            assert!(asks(&compared("StringEquals", &other, SUBJECT)), "{other}");
        }
    }

    #[test]
    fn a_key_with_the_scheme_is_meant_for_this_cluster() {
        let with_scheme = format!("https://{HOST_PATH}");
        assert!(!asks(&compared("StringEquals", &with_scheme, SUBJECT)));
        assert!(!asks(&compared(
            "StringEquals",
            &HOST_PATH.to_uppercase(),
            "shop:cart"
        )));
    }
}
