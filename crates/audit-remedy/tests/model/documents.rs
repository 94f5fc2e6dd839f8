//! Trust policies as the model reads them: by itself, without the crate.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The statements of a document, one or many.
pub fn statements(text: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(text).unwrap();
    match &document["Statement"] {
        Value::Array(list) => list.clone(),
        single => vec![single.clone()],
    }
}

/// All but the statements.
fn frame(text: &str) -> Value {
    let mut document: Value = serde_json::from_str(text).unwrap();
    document.as_object_mut().unwrap().remove("Statement");
    document
}

pub fn same(one: &str, other: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    value(one) == value(other)
}

/// Whether `with` is `without` and one more statement, and nothing else is different or in another order.
pub fn is_one_more(without: &str, with: &str, statement: &Value) -> bool {
    let (few, many) = (statements(without), statements(with));
    frame(without) == frame(with)
        && many.len() == few.len() + 1
        && (0..many.len()).any(|at| {
            let mut rest = many.clone();
            let own = rest.remove(at);
            own == *statement && rest == few
        })
}

/// Whom a document admits, of those that the model has: provider, subject and audience in one text.
pub fn admitted(text: &str, asked: &[(String, String, String)]) -> BTreeSet<String> {
    let statements = statements(text);
    asked
        .iter()
        .filter(|(issuer, subject, audience)| {
            let applies = |statement: &Value| applies(statement, issuer, subject, audience);
            let of = |effect: &str| {
                statements
                    .iter()
                    .any(|statement| statement["Effect"] == effect && applies(statement))
            };
            of("Allow") && !of("Deny")
        })
        .map(|(issuer, subject, audience)| format!("{issuer} {subject} {audience}"))
        .collect()
}

fn applies(statement: &Value, issuer: &str, subject: &str, audience: &str) -> bool {
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{issuer}");
    if statement["Principal"]["Federated"] != json!(provider) {
        return false;
    }
    let none = serde_json::Map::new();
    let conditions = statement["Condition"].as_object().unwrap_or(&none);
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            let wanted = wanted.as_str().unwrap();
            let value = match key.strip_prefix(issuer) {
                Some(":sub") => subject,
                Some(":aud") => audience,
                _ => return false,
            };
            match operator.as_str() {
                "StringEquals" => value == wanted,
                "StringLike" => wanted
                    .strip_suffix('*')
                    .map_or(value == wanted, |beginning| value.starts_with(beginning)),
                _ => panic!("{operator}"),
            }
        })
    })
}

/// A statement that people write: for a machine, for one ServiceAccount, or for a namespace.
pub fn foreign(rng: &mut fastrand::Rng, number: u64, issuers: &[String]) -> Value {
    let issuer = issuers[rng.usize(..issuers.len())].clone();
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{issuer}");
    let sid = format!("People{number}");
    match rng.u8(..4) {
        0 => {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
        }
        1 => {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {format!("{issuer}:sub"): "system:serviceaccount:bank:till", format!("{issuer}:aud"): "sts.amazonaws.com"}}})
        }
        2 => {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringLike": {format!("{issuer}:sub"): "system:serviceaccount:bank:*"}}})
        }
        _ => {
            json!({"Sid": sid, "Effect": "Deny", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {format!("{issuer}:sub"): "system:serviceaccount:bank:robber"}}})
        }
    }
}

/// A document of these statements; one alone may be no list.
pub fn document(rng: &mut fastrand::Rng, statements: &[Value]) -> String {
    let list = match statements {
        [only] if rng.bool() => only.clone(),
        all => Value::from(all.to_vec()),
    };
    let value = json!({"Version": "2012-10-17", "Statement": list});
    if rng.bool() {
        value.to_string()
    } else {
        serde_json::to_string_pretty(&value).unwrap()
    }
}
