//! One exchange of a token at STS, to learn what STS says of it. What STS gives for the token is dropped at once.
//!
//! Source: [AssumeRoleWithWebIdentity](https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html). The call
//! is not signed, so that no credentials are looked for.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sts::operation::assume_role_with_web_identity::{
    AssumeRoleWithWebIdentityError, AssumeRoleWithWebIdentityOutput,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::failure::judge;

/// The session may do nothing at all.
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

/// The shortest session that STS gives, in seconds.
const SHORTEST: i32 = 900;

/// How long STS may take to answer. It asks the issuer for its keys meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Error codes by which STS refuses this token for this role. With any other code, STS says nothing of the two: it is throttled, it could not
/// ask the issuer, or it does not accept the rest of the request.
const REFUSALS: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IDPRejectedClaim",
    "IDPRejectedClaimException",
    "InvalidIdentityToken",
    "InvalidIdentityTokenException",
    "RegionDisabledException",
    "ValidationError",
];

/// The most characters of a message that are kept.
const LONGEST: usize = 1000;

/// What is asked of STS.
#[derive(Debug)]
pub struct WebIdentityCall<'a> {
    /// The ARN of the role.
    pub role_arn: &'a str,
    /// What CloudTrail shows as the name of the session: 2 to 64 letters, digits and `_+=,.@-`.
    pub session_name: &'a str,
    /// The region whose endpoint is asked, unless the configuration names an endpoint.
    pub region: &'a str,
    /// The token. It is in no answer and in no error.
    pub token: &'a SecretString,
}

/// What STS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StsAnswer {
    /// It gave credentials, which are gone.
    Admitted,
    /// It refused the token for the role.
    Refused(StsError),
    /// It answered with an error that is not about the token and the role.
    Undecided(StsError),
    /// There was no answer of STS, in words that are safe to show.
    Silent(String),
}

/// An error of STS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsError {
    /// Such as `InvalidIdentityToken`.
    pub code: String,
    /// In the words of STS, which may hold anything but the token.
    pub message: String,
}

/// Sends a token to STS once, with a session policy that denies everything. Nothing is retried: each call is an event in CloudTrail.
pub async fn assume_with_token(home: &SdkConfig, call: &WebIdentityCall<'_>) -> StsAnswer {
    let timeouts = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
    let mut builder = home
        .to_builder()
        .region(Region::new(call.region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    builder.set_credentials_provider(None);
    let answer = aws_sdk_sts::Client::new(&builder.build())
        .assume_role_with_web_identity()
        .role_arn(call.role_arn)
        .role_session_name(call.session_name)
        .web_identity_token(call.token.expose_secret())
        .policy(DENY_ALL)
        .duration_seconds(SHORTEST)
        .send()
        .await;
    match answer {
        Ok(output) => admitted(output),
        Err(error) => failed(&error, call.token),
    }
}

/// Overwrites the credentials.
fn admitted(output: AssumeRoleWithWebIdentityOutput) -> StsAnswer {
    let Some(credentials) = output.credentials else {
        return StsAnswer::Silent("an answer that has neither credentials nor an error".to_owned());
    };
    drop(SecretString::from(credentials.secret_access_key));
    drop(SecretString::from(credentials.session_token));
    StsAnswer::Admitted
}

fn failed(error: &SdkError<AssumeRoleWithWebIdentityError, HttpResponse>, token: &SecretString) -> StsAnswer {
    let code = match error {
        SdkError::ServiceError(context) => context.err().code().filter(|code| !code.is_empty()),
        _ => None,
    };
    let Some(code) = code else {
        let why = judge(error, "sts", "AssumeRoleWithWebIdentity")
            .miss
            .into_failure();
        return StsAnswer::Silent(without_token(&why.message, token));
    };
    let error = StsError {
        code: without_token(code, token),
        message: without_token(error.message().unwrap_or_default(), token),
    };
    if REFUSALS.contains(&error.code.as_str()) {
        StsAnswer::Refused(error)
    } else {
        StsAnswer::Undecided(error)
    }
}

/// A text of somebody who was sent the token, without it: STS repeats values that it does not accept. A token is of no use without its
/// signature.
fn without_token(text: &str, token: &SecretString) -> String {
    let token = token.expose_secret();
    let signature = token.rsplit('.').next().unwrap_or_default();
    let mut text = text.to_owned();
    for secret in [token, signature] {
        if !secret.is_empty() {
            text = text.replace(secret, "(the token)");
        }
    }
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_repeats_the_token_is_shown_without_it() {
        let token = SecretString::from("header.claims.signature");
        for (text, expected) in [
            (
                "Value 'header.claims.signature' is long",
                "Value '(the token)' is long",
            ),
            (
                "signature at the end: signature",
                "(the token) at the end: (the token)",
            ),
            ("nothing of it", "nothing of it"),
        ] {
            assert_eq!(without_token(text, &token), expected);
        }
        assert_eq!(without_token("abc", &SecretString::from("")), "abc");
        assert_eq!(without_token(&"é".repeat(2000), &token).chars().count(), LONGEST);
    }

    #[test]
    fn the_session_policy_denies_everything() {
        let policy: serde_json::Value = serde_json::from_str(DENY_ALL).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(
            [&statement["Effect"], &statement["Action"], &statement["Resource"]],
            ["Deny", "*", "*"]
        );
    }
}
