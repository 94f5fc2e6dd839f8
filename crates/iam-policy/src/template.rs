//! The one statement that may be appended to a trust policy, and the proof that nothing else was touched.
//!
//! Sources:
//! - IAM User Guide, `Sid`: unique within a policy, letters and digits,
//!   <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html>
//! - AWS's own template of such a statement,
//!   <https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>

use serde_json::Value;

use crate::arn::components;
use crate::document::Document;
use crate::evaluate::{Decision, PolicyKind, decide};
use crate::operator::Test;
use crate::parse::parse;
use crate::request::{ASSUME_ROLE_WITH_WEB_IDENTITY, Request, WebIdentity};
use crate::subject_pattern::SUBJECT_PREFIX;
use crate::text::quoted;

/// Why a statement cannot be appended or taken away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The document does not parse whole, or has a key twice.
    #[error("the trust policy cannot be edited safely: {0}; mend it by hand first")]
    NotWhole(String),
    /// The document is no trust policy.
    #[error("the document is no trust policy: each statement needs a `Principal` and no `Resource`")]
    NotATrustPolicy,
    /// The `Sid` has other characters than ASCII letters and digits, or none.
    #[error("{0} is not a statement id; use letters and digits")]
    BadSid(String),
    /// The `Sid` stands in the document already.
    #[error("the trust policy already has a statement {0}")]
    SidTaken(String),
    /// The provider ARN is not that of the issuer.
    #[error("{0} is not the ARN of an OpenID Connect provider for the issuer {1}")]
    ProviderMismatch(String, String),
    /// The subject is not that of a ServiceAccount.
    #[error("{0} is not `system:serviceaccount:<namespace>:<name>`")]
    BadSubject(String),
    /// The audience is empty or has characters that a policy cannot hold literally.
    #[error("{0} cannot stand literally in a policy")]
    BadAudience(String),
    /// There is no statement, or more than one, equal to the one to take away.
    #[error("the trust policy has {0} statements equal to the one to take away, not one")]
    NotOnce(usize),
    /// It is the only statement: without it the document would have none, which IAM does not take.
    #[error(
        "the trust policy has no other statement: without this one it would be empty, which IAM does not take"
    )]
    OnlyStatement,
    /// What was built does not prove right: a number, perhaps, that does not survive reading.
    #[error(
        "the edited document could not be proven equal to the original beside the statement; edit it by hand"
    )]
    Unproven,
}

/// How `Statement` stood in the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementShape {
    /// A list.
    List,
    /// One object, which appending makes the first of a list.
    Single,
}

/// A document with the statement appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// The decoded original with nothing but the statement put in, byte for byte.
    pub text: String,
    /// The same as a value.
    pub document: Value,
    /// The statement.
    pub statement: Value,
    /// What `Statement` was before.
    pub shape: StatementShape,
    /// What the new document says about the identity: not Allowed where a Deny stands in the way.
    pub decision: Decision,
}

/// The statement that admits exactly this identity: this provider, `sts:AssumeRoleWithWebIdentity`, and
/// `StringEquals` of exactly this subject and audience.
///
/// # Errors
/// If `sid` or a part of the identity cannot stand in such a statement; see [`TemplateError`].
pub fn trust_statement(identity: &WebIdentity, sid: &str) -> Result<Value, TemplateError> {
    let text = statement_text(identity, sid, &[])?;
    serde_json::from_str(&text).map_err(|_| TemplateError::Unproven)
}

/// Appends [`trust_statement`] to a trust policy, plain or percent-encoded.
///
/// Proves by reading the result back that taking the statement away gives the original JSON value.
///
/// # Errors
/// If the document does not parse whole, is no trust policy, has the `Sid` already, or the proof fails.
pub fn append(text: &str, identity: &WebIdentity, sid: &str) -> Result<Appended, TemplateError> {
    append_with(text, identity, sid, &[])
}

/// A condition on something else than the subject and the audience, as JSON text where it is put in as it stands.
pub(crate) struct Extra {
    pub(crate) operator: String,
    /// With its quotation marks.
    pub(crate) key: String,
    /// One value, or a list.
    pub(crate) values: String,
}

/// Appends [`trust_statement`] with more conditions, which can only narrow it.
pub(crate) fn append_with(
    text: &str,
    identity: &WebIdentity,
    sid: &str,
    extras: &[Extra],
) -> Result<Appended, TemplateError> {
    let original = whole(text)?;
    if original
        .statements
        .iter()
        .any(|statement| statement.sid.as_deref() == Some(sid))
    {
        return Err(TemplateError::SidTaken(quoted(sid)));
    }
    let added = statement_text(identity, sid, extras)?;
    let statement: Value = serde_json::from_str(&added).map_err(|_| TemplateError::Unproven)?;
    let span = original.statements_span.clone();
    // Where text is put in: around a single statement, else behind the last of the list, or into the empty list.
    let (shape, places) = match original.statements.last() {
        _ if !original.is_list => {
            let places = vec![(span.start, "[".to_owned()), (span.end, format!(",{added}]"))];
            (StatementShape::Single, places)
        }
        Some(last) => (StatementShape::List, vec![(last.span.end, format!(",{added}"))]),
        None => (StatementShape::List, vec![(span.start + 1, added)]),
    };
    let text = insert(&original.text, &places).ok_or(TemplateError::Unproven)?;
    let document: Value = serde_json::from_str(&text).map_err(|_| TemplateError::Unproven)?;
    let before: Value = serde_json::from_str(&original.text).map_err(|_| TemplateError::Unproven)?;
    if take_away(&document, &statement, shape)? != before {
        return Err(TemplateError::Unproven);
    }
    let decision = decide(&whole(&text)?, &Request::from(identity));
    Ok(Appended {
        text,
        document,
        statement,
        shape,
        decision,
    })
}

/// The document without the statement; nothing else is touched. With the shape of the original it is the inverse
/// of [`append`]; to take a statement out of a document that has lived on, use [`StatementShape::List`].
///
/// # Errors
/// If not exactly one statement equals `statement`.
pub fn take_away(document: &Value, statement: &Value, shape: StatementShape) -> Result<Value, TemplateError> {
    let mut result = document.clone();
    let list = result
        .get_mut("Statement")
        .and_then(Value::as_array_mut)
        .ok_or(TemplateError::NotOnce(0))?;
    let equal = list.iter().filter(|other| *other == statement).count();
    if equal != 1 {
        return Err(TemplateError::NotOnce(equal));
    }
    list.retain(|other| other != statement);
    if shape == StatementShape::Single {
        match list.as_mut_slice() {
            [only] => {
                let only = only.take();
                if let Some(place) = result.get_mut("Statement") {
                    *place = only;
                }
            }
            _ => return Err(TemplateError::Unproven),
        }
    }
    Ok(result)
}

/// A document with one statement taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The decoded original with nothing but the statement cut out, byte for byte. Of a list that becomes one of a single
    /// statement, the brackets stay.
    pub text: String,
    /// The same as a value.
    pub document: Value,
    /// The statement's index in the original, from 0: put back there, it gives the original JSON value.
    pub index: usize,
}

/// Takes the one statement that equals `statement`, as a JSON value, out of a trust policy, plain or percent-encoded.
///
/// Proves by reading the result back that putting the statement in again gives the original JSON value.
///
/// # Errors
/// If the document does not parse whole, is no trust policy, has the statement not exactly once or nothing else, or the
/// proof fails.
pub fn remove(text: &str, statement: &Value) -> Result<Removed, TemplateError> {
    let original = whole(text)?;
    let before: Value = serde_json::from_str(&original.text).map_err(|_| TemplateError::Unproven)?;
    let list = match before.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => return Err(TemplateError::Unproven),
    };
    let equal: Vec<usize> = (0..list.len())
        .filter(|at| list.get(*at) == Some(statement))
        .collect();
    let &[index] = equal.as_slice() else {
        return Err(TemplateError::NotOnce(equal.len()));
    };
    if list.len() == 1 {
        return Err(TemplateError::OnlyStatement);
    }
    // The statement, with the comma before it, or that behind the first one.
    let span = |at: usize| {
        original
            .statements
            .get(at)
            .map(|statement| statement.span.clone())
    };
    let cut = match index.checked_sub(1) {
        Some(earlier) => span(earlier)
            .zip(span(index))
            .map(|(earlier, own)| earlier.end..own.end),
        None => span(index)
            .zip(span(1))
            .map(|(own, later)| own.start..later.start),
    };
    let cut = cut.ok_or(TemplateError::Unproven)?;
    let (head, tail) = original
        .text
        .get(..cut.start)
        .zip(original.text.get(cut.end..))
        .ok_or(TemplateError::Unproven)?;
    let text = format!("{head}{tail}");
    whole(&text)?;
    let document: Value = serde_json::from_str(&text).map_err(|_| TemplateError::Unproven)?;
    if put_back(&document, statement, index).as_ref() != Some(&before) {
        return Err(TemplateError::Unproven);
    }
    Ok(Removed {
        text,
        document,
        index,
    })
}

/// The document with the statement at an index of its list; `None` where `Statement` is no list that long.
#[must_use]
pub fn put_back(document: &Value, statement: &Value, index: usize) -> Option<Value> {
    let mut result = document.clone();
    let list = result.get_mut("Statement")?.as_array_mut()?;
    if index > list.len() {
        return None;
    }
    list.insert(index, statement.clone());
    Some(result)
}

/// The text with other texts put in, at offsets in ascending order.
fn insert(text: &str, places: &[(usize, String)]) -> Option<String> {
    let mut result = String::with_capacity(text.len() + 512);
    let mut at = 0;
    for (place, added) in places {
        result.push_str(text.get(at..*place)?);
        result.push_str(added);
        at = *place;
    }
    result.push_str(text.get(at..)?);
    Some(result)
}

/// The document, if it may be edited.
fn whole(text: &str) -> Result<Document, TemplateError> {
    let parsed = parse(text);
    match parsed.document {
        Some(document) if parsed.problems.is_empty() => {
            if document
                .statements
                .iter()
                .all(|statement| statement.fits(PolicyKind::Trust))
            {
                Ok(document)
            } else {
                Err(TemplateError::NotATrustPolicy)
            }
        }
        _ => Err(TemplateError::NotWhole(
            parsed
                .problems
                .first()
                .map(ToString::to_string)
                .unwrap_or_default(),
        )),
    }
}

fn statement_text(identity: &WebIdentity, sid: &str, extras: &[Extra]) -> Result<String, TemplateError> {
    if sid.is_empty() || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(TemplateError::BadSid(quoted(sid)));
    }
    let WebIdentity {
        provider_arn,
        issuer,
        subject,
        audience,
        called_at: _,
    } = identity;
    let is_provider = components(provider_arn).is_some_and(|[_, _, service, region, account, resource]| {
        (service, region) == ("iam", "")
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && resource.strip_prefix("oidc-provider/") == Some(issuer)
    });
    let is_plain = |text: &str| {
        text.bytes()
            .all(|b| (0x21..=0x7e).contains(&b) && !b"\"\\*?${}".contains(&b))
    };
    if !is_provider || issuer.is_empty() || issuer.contains(':') || !is_plain(provider_arn) {
        return Err(TemplateError::ProviderMismatch(
            quoted(provider_arn),
            quoted(issuer),
        ));
    }
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    let names = subject
        .strip_prefix(SUBJECT_PREFIX)
        .and_then(|rest| rest.split_once(':'));
    if !names.is_some_and(|(namespace, name)| is_name(namespace) && is_name(name)) {
        return Err(TemplateError::BadSubject(quoted(subject)));
    }
    // IAM takes characters up to U+00FF in policies; `${` would begin a variable.
    let is_literal = |c: char| matches!(c, ' '..='\u{7e}' | '\u{a1}'..='\u{ff}');
    if audience.is_empty() || !audience.chars().all(is_literal) || audience.contains("${") {
        return Err(TemplateError::BadAudience(quoted(audience)));
    }
    let json = |text: &str| Value::from(text).to_string();
    let entry = |key: &str, value: &str| format!("{key}:{value}");
    let claim = |claim: &str, value: &str| entry(&json(&format!("{issuer}:{claim}")), &json(value));
    let mut conditions = vec![(
        Test::StringEquals.name(),
        vec![claim("sub", subject), claim("aud", audience)],
    )];
    for extra in extras {
        let entry = entry(&extra.key, &extra.values);
        match conditions
            .iter_mut()
            .find(|(operator, _)| *operator == extra.operator)
        {
            Some((_, entries)) => entries.push(entry),
            None => conditions.push((&extra.operator, vec![entry])),
        }
    }
    let conditions: Vec<String> = conditions
        .iter()
        .map(|(operator, entries)| format!("{}:{{{}}}", json(operator), entries.join(",")))
        .collect();
    Ok(format!(
        r#"{{"Sid":{},"Effect":"Allow","Principal":{{"Federated":{}}},"Action":{},"Condition":{{{}}}}}"#,
        json(sid),
        json(provider_arn),
        json(ASSUME_ROLE_WITH_WEB_IDENTITY),
        conditions.join(","),
    ))
}
