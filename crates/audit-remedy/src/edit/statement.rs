//! The statement of the template, and its id.

use iam_policy::{WebIdentity, trust_statement};
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
