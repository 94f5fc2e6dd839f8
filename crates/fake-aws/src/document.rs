//! Policy documents: how they go over the wire, and the checks IAM makes before it stores one.

use crate::error::ServiceError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Default size quotas, in characters that are not white space (IAM user guide, "IAM and STS quotas").
pub(crate) const TRUST_QUOTA: usize = 2048;
pub(crate) const INLINE_QUOTA: usize = 10_240;
pub(crate) const MANAGED_QUOTA: usize = 6144;

/// What RFC 3986 does not call unreserved.
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a document as IAM does in its answers.
pub(crate) fn percent_encoded(document: &str) -> String {
    utf8_percent_encode(document, &ENCODED).to_string()
}

/// A document's size as quotas count it: without white space.
pub(crate) fn size(document: &str) -> usize {
    document
        .chars()
        .filter(|character| !character.is_whitespace())
        .count()
}

/// What a policy is attached to, which decides the fields it must and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A role's trust policy.
    Trust,
    /// An inline or managed permission policy.
    Identity,
}

/// Refuses a document that IAM would refuse: the frame of the grammar, not the meaning of names in it.
pub(crate) fn check(kind: Kind, document: &str) -> Result<(), ServiceError> {
    let refuse = |message: &str| Err(ServiceError::malformed_policy(message));
    let Ok(Value::Object(policy)) = serde_json::from_str(document) else {
        return refuse("This policy contains invalid Json");
    };
    let version = policy.get("Version");
    if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
        return refuse("The policy must contain a valid version string");
    }
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return refuse("Syntax errors in policy."),
    };
    statements
        .iter()
        .try_for_each(|statement| check_statement(kind, statement))
}

fn check_statement(kind: Kind, statement: &Value) -> Result<(), ServiceError> {
    let refuse = |message: &str| Err(ServiceError::malformed_policy(message));
    let has = |fields: [&str; 2]| {
        fields
            .iter()
            .filter(|field| statement.get(**field).is_some())
            .count()
    };
    if !matches!(
        statement.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        return refuse("Syntax errors in policy.");
    }
    if has(["Action", "NotAction"]) != 1 {
        return refuse("Policy statement must contain actions.");
    }
    match kind {
        Kind::Trust if has(["Resource", "NotResource"]) > 0 => refuse("Has prohibited field Resource"),
        Kind::Trust if has(["Principal", "NotPrincipal"]) != 1 => refuse("Missing required field Principal"),
        Kind::Identity if has(["Principal", "NotPrincipal"]) > 0 => {
            refuse("Policy document should not specify a principal.")
        }
        Kind::Identity if has(["Resource", "NotResource"]) != 1 => {
            refuse("Policy statement must contain resources.")
        }
        Kind::Trust | Kind::Identity => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*"}}"#;
    const IDENTITY: &str = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

    #[test]
    fn encodes_everything_but_unreserved_characters() {
        assert_eq!(
            percent_encoded("{\"a\": \"-._~é/+*\"}"),
            "%7B%22a%22%3A%20%22-._~%C3%A9%2F%2B%2A%22%7D"
        );
    }

    #[test]
    fn size_leaves_white_space_out() {
        assert_eq!(size(" { \"a\" :\n\t1 } "), 7);
    }

    #[test]
    fn each_kind_has_its_fields() {
        assert_eq!(check(Kind::Trust, TRUST), Ok(()));
        assert_eq!(check(Kind::Identity, IDENTITY), Ok(()));
        assert!(check(Kind::Trust, IDENTITY).is_err());
        assert!(check(Kind::Identity, TRUST).is_err());
    }

    #[test]
    fn broken_documents_are_refused() {
        for document in [
            "",
            "[]",
            "{",
            "{}",
            r#"{"Statement":[]}"#,
            r#"{"Statement":"x"}"#,
            r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*"}}"#,
            r#"{"Statement":{"Effect":"allow","Principal":"*","Action":"sts:*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Principal":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"*"}}"#,
        ] {
            assert_eq!(
                check(Kind::Trust, document).unwrap_err().code,
                "MalformedPolicyDocument",
                "{document}"
            );
        }
    }
}
