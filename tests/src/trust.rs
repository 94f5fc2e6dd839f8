//! Trust policies as people write them.

use serde_json::{Value, json};

/// The audience of IRSA's tokens, unless an annotation asks for another.
pub const AUDIENCE: &str = "sts.amazonaws.com";

/// An issuer without its scheme: what condition keys and provider ARNs begin with.
#[must_use]
pub fn host_path(issuer: &str) -> &str {
    issuer.strip_prefix("https://").unwrap_or(issuer)
}

/// The ARN of the provider for an issuer.
#[must_use]
pub fn provider_arn(account: &str, issuer: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{}", host_path(issuer))
}

/// The subject of a ServiceAccount's tokens.
#[must_use]
pub fn subject(namespace: &str, service_account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{service_account}")
}

/// A document with one statement that lets a provider's identities in under a condition.
#[must_use]
pub fn web_identity(provider_arn: &str, condition: &Value) -> String {
    document(&[json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    })])
}

/// A document with these statements.
#[must_use]
pub fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
