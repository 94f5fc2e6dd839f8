//! The statement of the template, and its id.

use audit_core::model::IssuerUrl;
use iam_policy::{RoleArn, WebIdentity, trust_statement};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::digest::{canonical, sha256_hex};
use crate::facts::{LiveRole, RemedySubject};
use crate::names::{is_namespace, is_service_account};

/// How the ids of our statements begin.
const SID_PREFIX: &str = "IrsaAudit";
/// How many hexadecimal digits follow: each character counts against a quota of 2048.
const SID_DIGITS: usize = 16;

/// The identity of a ServiceAccount, if a statement with all its parts has exactly one meaning.
pub(super) fn plain_identity(subject: &RemedySubject, at: Timestamp) -> Option<WebIdentity> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| (0x21..=0x7e).contains(&b) && !b"\"'`\\*?${}<>".contains(&b))
    };
    let identity = subject.identity(at);
    let is_right = is_namespace(&subject.namespace)
        && is_service_account(&subject.name)
        && is_plain(&identity.audience)
        && is_plain(&identity.issuer)
        && is_plain(&identity.provider_arn)
        && trust_statement(&identity, SID_PREFIX).is_ok();
    is_right.then_some(identity)
}

/// The id of the statement that a plan appends: different for each role, cluster, ServiceAccount, audience and change of the role, so
/// that a statement that comes late, or comes back, is told from the one that is expected.
///
/// It says nothing of a statement by itself: anyone may copy it. Whole statements are compared.
pub(super) fn statement_id(role: &LiveRole, subject: &RemedySubject, counter: u64) -> String {
    let of = json!({
        "version": 1,
        "roleId": role.id,
        "issuer": subject.issuer.as_str(),
        "namespace": subject.namespace,
        "name": subject.name,
        "audience": subject.audience,
        "counter": counter,
    });
    let digits: String = sha256_hex(canonical(&of).as_bytes())
        .chars()
        .take(SID_DIGITS)
        .collect();
    format!("{SID_PREFIX}{digits}")
}

/// The audience that a statement of the template demands of a ServiceAccount's tokens.
pub(super) fn audience_of<'s>(statement: &'s Value, subject: &RemedySubject) -> Option<&'s str> {
    let key = format!("{}:aud", subject.issuer.host_path());
    statement
        .get("Condition")?
        .get("StringEquals")?
        .get(key)?
        .as_str()
}

/// The statements of a trust policy that are exactly the template's for some ServiceAccount of the cluster with this issuer: the
/// writer's work, or a copy of it.
#[must_use]
pub fn template_statements(role: &RoleArn, trust_text: &str, issuer: &IssuerUrl) -> Vec<Value> {
    // Of an account's roles, nearly all have none.
    if !trust_text.contains(SID_PREFIX) {
        return Vec::new();
    }
    let of_template = |statement: &Value| {
        let claim = |name: &str| {
            let key = format!("{}:{name}", issuer.host_path());
            statement
                .get("Condition")?
                .get("StringEquals")?
                .get(key)?
                .as_str()
        };
        let identity = WebIdentity {
            provider_arn: issuer.provider_arn(role.partition(), role.account()),
            issuer: issuer.host_path().to_owned(),
            subject: claim("sub")?.to_owned(),
            audience: claim("aud")?.to_owned(),
            called_at: None,
        };
        is_our_statement(statement, &identity).then_some(())
    };
    let mut all = statements(trust_text);
    all.retain(|statement| of_template(statement).is_some());
    all
}

/// The statements of a document, as JSON values; none where it cannot be read.
pub(crate) fn statements(text: &str) -> Vec<Value> {
    let parsed = iam_policy::parse(text);
    let document = parsed
        .document
        .and_then(|document| serde_json::from_str::<Value>(document.text()).ok());
    match document.as_ref().and_then(|document| document.get("Statement")) {
        Some(Value::Array(list)) => list.clone(),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    }
}

/// Whether a statement is exactly the template's for this identity, with an id such as ours have.
#[must_use]
pub fn is_our_statement(statement: &Value, identity: &WebIdentity) -> bool {
    let Some(sid) = statement.get("Sid").and_then(Value::as_str) else {
        return false;
    };
    let is_ours = sid.strip_prefix(SID_PREFIX).is_some_and(|digits| {
        digits.len() == SID_DIGITS
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    is_ours && trust_statement(identity, sid).is_ok_and(|template| template == *statement)
}
