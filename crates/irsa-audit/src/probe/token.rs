//! A token of the ServiceAccount, by the caller's own permissions, and the caller's name.

use std::time::Duration;

use audit_core::fix::Command;
use audit_core::model::BindingKey;
use audit_core::text::quote;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, PostParams};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use crate::cluster::{issuer, shown};

/// The shortest validity that the API server accepts, in seconds.
const SHORTEST: i64 = 600;

/// How long the API server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What each session name begins with.
const SESSION: &str = "irsa-audit-probe";

/// The longest session name that STS accepts.
const LONGEST_SESSION: usize = 64;

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// RBAC forbids it.
    #[error(
        "the API server does not let you create a token of ServiceAccount `{}`: {}. You need the verb `create` on `serviceaccounts/token`, for \
         example by a RoleBinding to the role of `{}`",
        quote(&.key.to_string()), .message, role(.key)
    )]
    Forbidden {
        /// The ServiceAccount.
        key: BindingKey,
        /// In the words of the API server. Safe to show.
        message: String,
    },
    /// It was deleted after it was read.
    #[error("ServiceAccount `{}` does not exist any more", quote(&.0.to_string()))]
    Gone(BindingKey),
    /// Anything else.
    #[error("the API server gave no token of ServiceAccount `{}`: {}; check with `{}`", quote(&.key.to_string()), .message, create(.key))]
    Failed {
        /// The ServiceAccount.
        key: BindingKey,
        /// What stood in the way. Safe to show.
        message: String,
    },
}

fn role(key: &BindingKey) -> Command {
    Command::new("kubectl create role irsa-audit-probe --verb=create --resource=serviceaccounts/token")
        .option("--resource-name", key.service_account.as_str())
        .option("--namespace", key.namespace.as_str())
}

/// Whether the caller may do it; it creates nothing.
fn create(key: &BindingKey) -> Command {
    Command::new("kubectl auth can-i create serviceaccounts/token")
        .option("--namespace", key.namespace.as_str())
}

/// A token, which shows nowhere.
#[derive(Debug)]
pub(super) struct MintedToken {
    /// The token.
    pub token: SecretString,
    /// The issuer in it.
    pub issuer: Option<String>,
}

/// Asks for a token for an audience, valid for as short as possible.
pub(super) async fn mint(
    client: &Client,
    key: &BindingKey,
    audience: &str,
) -> Result<MintedToken, TokenError> {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: vec![audience.to_owned()],
            expiration_seconds: Some(SHORTEST),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), &key.namespace);
    let params = PostParams::default();
    let asked = api.create_token_request(&key.service_account, &params, &request);
    let failed = |message: String| TokenError::Failed {
        key: key.clone(),
        message,
    };
    let answer = match timeout(PATIENCE, asked).await {
        Err(_) => return Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
            return Err(TokenError::Forbidden {
                key: key.clone(),
                message: shown(&kube::Error::Api(status)),
            });
        }
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => {
            return Err(TokenError::Gone(key.clone()));
        }
        Ok(Err(error)) => return Err(failed(shown(&error))),
        Ok(Ok(answer)) => answer,
    };
    let token = answer.status.map(|status| SecretString::from(status.token));
    let token = token.filter(|token| !token.expose_secret().is_empty());
    let token = token.ok_or_else(|| failed("the answer has no token".to_owned()))?;
    let issuer = issuer::of_token(token.expose_secret()).map(|issuer| issuer.url.to_string());
    Ok(MintedToken { token, issuer })
}

/// The name under which the API server knows the caller; nothing where it does not say.
pub(super) async fn own_name(client: &Client) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let (params, review) = (PostParams::default(), SelfSubjectReview::default());
    let answer = timeout(PATIENCE, api.create(&params, &review)).await.ok()?.ok()?;
    answer.status?.user_info?.username
}

/// What CloudTrail shows as the name of the session: the caller's name, as far as STS accepts its characters.
pub(super) fn session_name(user: Option<&str>) -> String {
    let is_accepted = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let user = user.unwrap_or_default().chars();
    let user: String = user.map(|c| if is_accepted(c) { c } else { '-' }).collect();
    let name = if user.is_empty() {
        SESSION.to_owned()
    } else {
        format!("{SESSION}-{user}")
    };
    name.chars().take(LONGEST_SESSION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_its_caller() {
        assert_eq!(session_name(None), SESSION);
        assert_eq!(
            session_name(Some("jane@example.com")),
            "irsa-audit-probe-jane@example.com"
        );
        assert_eq!(
            session_name(Some("system:serviceaccount:a:b")),
            "irsa-audit-probe-system-serviceaccount-a-b"
        );
        assert_eq!(session_name(Some("é\n")), "irsa-audit-probe---");
        let long = session_name(Some(&"x".repeat(200)));
        assert_eq!(long.len(), LONGEST_SESSION);
    }

    #[test]
    fn a_token_shows_nowhere() {
        let minted = MintedToken {
            token: SecretString::from("header.claims.signature"),
            issuer: None,
        };
        assert!(!format!("{minted:?}").contains("signature"));
    }
}
