//! Finding out the cluster's issuer: the flag, else the `iss` of the operator's own token, else the API server's
//! discovery document. EKS is asked by the directory, where nothing else told.

use std::time::Duration;

use audit_core::model::{BindingKey, ClusterIssuer, IssuerSource, IssuerUrl};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kube::Client;
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

/// How long to wait before the cluster is asked again.
const RETRY: Duration = Duration::from_secs(30);

/// How long the API server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a pod finds its own token.
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// What the subjects of the cluster's own tokens begin with.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The `iss` claim of a ServiceAccount's token, without checking the token: the API server has already believed it. Tokens of
/// people are issued by somebody else, and give nothing.
///
/// Legacy tokens, kept in Secrets, have the issuer `kubernetes/serviceaccount`, which is no URL, and give nothing.
#[must_use]
pub fn of_token(token: &str) -> Option<ClusterIssuer> {
    let claims = claims(token)?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str);
    let url = IssuerUrl::parse(claim("iss")?).ok()?;
    claim("sub").filter(|subject| subject.starts_with(SERVICE_ACCOUNT))?;
    Some(ClusterIssuer {
        url,
        source: IssuerSource::Token,
    })
}

/// The ServiceAccount that this process runs as, by the token that its pod was given: nothing outside of a cluster.
pub async fn own_service_account() -> Option<BindingKey> {
    let token = tokio::fs::read_to_string(TOKEN_FILE).await.ok()?;
    let subject = claims(&token)?
        .get("sub")?
        .as_str()?
        .strip_prefix(SERVICE_ACCOUNT)?
        .to_owned();
    let (namespace, name) = subject.split_once(':')?;
    Some(BindingKey::new(namespace, name))
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.trim().split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The issuer in a discovery document.
#[must_use]
pub fn of_discovery(document: &str) -> Option<ClusterIssuer> {
    let document: Value = serde_json::from_str(document).ok()?;
    let url = IssuerUrl::parse(document.get("issuer")?.as_str()?).ok()?;
    Some(ClusterIssuer {
        url,
        source: IssuerSource::Discovery,
    })
}

/// Looks for the issuer until it is found, or nobody wants to know any more. Tells also that the cluster does not tell it.
pub async fn find(
    client: Client,
    own_token: Option<String>,
    sender: Sender<Option<ClusterIssuer>>,
) -> Option<&'static str> {
    loop {
        let found = ask_as_pod(&client, own_token.as_deref()).await;
        let done = found.is_some();
        if sender.send(found).await.is_err() || done {
            return None;
        }
        tokio::select! {
            () = sender.closed() => return None,
            () = sleep(RETRY) => {}
        }
    }
}

/// Asks the cluster as [`ask`] does; the caller's own token may also be the one that its pod was given.
pub async fn ask_as_pod(client: &Client, own_token: Option<&str>) -> Option<ClusterIssuer> {
    let mounted = tokio::fs::read_to_string(TOKEN_FILE).await.ok();
    ask(client, own_token.or(mounted.as_deref())).await
}

/// Asks the cluster: the caller's own token first, then the API server.
pub async fn ask(client: &Client, own_token: Option<&str>) -> Option<ClusterIssuer> {
    if let Some(issuer) = own_token.and_then(of_token) {
        return Some(issuer);
    }
    let request = http::Request::get("/.well-known/openid-configuration")
        .body(Vec::new())
        .ok()?;
    let error = match timeout(PATIENCE, client.request_text(request)).await {
        Ok(Ok(document)) => return of_discovery(&document),
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::info!(
        error = audit_core::text::reveal(&error),
        "the API server's discovery document could not be read"
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_tells_its_issuer() {
        let found = of_token(&token(
            r#"{"iss":"https://oidc.eks.eu-west-1.amazonaws.com/id/ABC","sub":"system:serviceaccount:a:b"}"#,
        ))
        .unwrap();
        assert_eq!(
            found.url.as_str(),
            "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"
        );
        assert_eq!(found.source, IssuerSource::Token);
    }

    #[test]
    fn what_is_no_token_with_an_issuer_tells_nothing() {
        for text in [
            "",
            "a.b",
            "a.!.c",
            &token("{}"),
            &token(r#"{"iss":"kubernetes/serviceaccount"}"#),
            &token(r#"{"iss":7}"#),
            &token(r#"{"iss":"https://login.example.com","sub":"jane@example.com"}"#),
            &token(r#"{"iss":"https://login.example.com"}"#),
        ] {
            assert_eq!(of_token(text), None, "{text}");
        }
    }

    #[test]
    fn a_discovery_document_tells_the_issuer() {
        assert_eq!(
            of_discovery(r#"{"issuer":"https://a/b"}"#).unwrap().url.as_str(),
            "https://a/b"
        );
        assert_eq!(of_discovery("<html>"), None);
    }
}
