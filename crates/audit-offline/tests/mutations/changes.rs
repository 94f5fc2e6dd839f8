//! Changes of one place of a text or a policy.

use serde_json::{Map, Value, json};

/// Texts that differ from one in one place.
pub fn texts(text: &str) -> Vec<(&'static str, String)> {
    let mut changed = vec![
        ("longer", format!("{text}x")),
        (
            "shorter",
            text.chars()
                .take(text.chars().count().saturating_sub(1))
                .collect(),
        ),
        ("with space before", format!(" {text}")),
        ("with space behind", format!("{text} ")),
        ("in capitals", text.to_uppercase()),
        ("in small letters", text.to_lowercase()),
        ("with a star", format!("{text}*")),
        ("as a URL", format!("https://{text}")),
        ("in quotation marks", format!("\"{text}\"")),
        (
            "with other digits",
            text.chars().map(|c| if c == '1' { '2' } else { c }).collect(),
        ),
        ("with slashes", text.replace(':', "/")),
        ("empty", String::new()),
    ];
    changed.retain(|(_, changed)| changed != text);
    changed
}

/// Every change of one place of a policy, whatever it means.
pub fn changes(value: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    match value {
        Value::String(text) => all.extend(
            texts(text)
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.into())),
        ),
        Value::Bool(value) => all.push(("negated".to_owned(), (!value).into())),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let mut without = items.clone();
                without.remove(at);
                all.push((format!("without item {at}"), without.into()));
                for (name, changed) in changes(item) {
                    let mut items = items.clone();
                    items[at] = changed;
                    all.push((format!("{at}: {name}"), items.into()));
                }
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let mut without = members.clone();
                without.remove(key);
                all.push((format!("without {key}"), without.into()));
                for (name, renamed) in texts(key) {
                    all.push((format!("{key} {name}"), rename(members, key, &renamed)));
                }
                for (name, changed) in changes(member) {
                    let mut members = members.clone();
                    members.insert(key.clone(), changed);
                    all.push((format!("{key}: {name}"), members.into()));
                }
            }
        }
        _ => {}
    }
    all
}

fn rename(members: &Map<String, Value>, key: &str, to: &str) -> Value {
    let renamed = members.iter().map(|(other, value)| {
        let name = if other == key { to } else { other };
        (name.to_owned(), value.clone())
    });
    Value::Object(renamed.collect())
}

/// Changes of a policy that change nothing in it.
pub fn neutral(document: &Value) -> Vec<(String, Value)> {
    let text = document.to_string();
    let encoded = |keep: &[u8]| -> String {
        let one = |b: u8| {
            if keep.contains(&b) || b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        };
        text.bytes().map(one).collect()
    };
    vec![
        ("as a string".to_owned(), text.clone().into()),
        (
            "with line breaks".to_owned(),
            format!("\r\n\t{document:#}\n").into(),
        ),
        ("percent-encoded".to_owned(), encoded(b"-_.~").into()),
        ("percent-encoded throughout".to_owned(), encoded(b"").into()),
        (
            "escaped".to_owned(),
            text.replace('s', "\\u0073").replace('/', "\\/").into(),
        ),
        ("keys in another order".to_owned(), reversed(document).into()),
        ("statements in another order".to_owned(), {
            let mut document = document.clone();
            if let Value::Array(statements) = &mut document["Statement"] {
                statements.reverse();
            }
            document
        }),
        ("lists of one".to_owned(), {
            let mut document = document.clone();
            each_statement(&mut document, &mut |statement| {
                listed(&mut statement["Action"]);
                for part in ["/Principal", "/Condition"] {
                    let part = statement.pointer_mut(part).and_then(Value::as_object_mut);
                    for value in part.into_iter().flatten().map(|(_, value)| value) {
                        match value {
                            Value::Object(keys) => keys.iter_mut().for_each(|(_, value)| listed(value)),
                            value => listed(value),
                        }
                    }
                }
            });
            document
        }),
        ("actions in another case".to_owned(), {
            let mut document = document.clone();
            each_statement(&mut document, &mut |statement| {
                let text = statement["Action"].to_string();
                statement["Action"] = serde_json::from_str(&text.to_uppercase()).unwrap();
            });
            document
        }),
        ("condition keys in another case".to_owned(), {
            let mut document = document.clone();
            each_statement(&mut document, &mut |statement| {
                let condition = statement.pointer_mut("/Condition").and_then(Value::as_object_mut);
                for (_, keys) in condition.into_iter().flatten() {
                    let members = keys
                        .as_object()
                        .unwrap()
                        .iter()
                        .map(|(key, value)| (key.to_uppercase(), value.clone()));
                    *keys = Value::Object(members.collect());
                }
            });
            document
        }),
        ("with a Sid".to_owned(), {
            let mut document = document.clone();
            let mut number = 0;
            each_statement(&mut document, &mut |statement| {
                statement["Sid"] = format!("Named{number}").into();
                number += 1;
            });
            document
        }),
        ("with an Id".to_owned(), {
            let mut document = document.clone();
            document["Id"] = "policy".into();
            document
        }),
    ]
}

fn listed(value: &mut Value) {
    if !value.is_array() {
        *value = json!([value.take()]);
    }
}

fn each_statement(document: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    match &mut document["Statement"] {
        Value::Array(statements) => statements.iter_mut().for_each(change),
        one => change(one),
    }
}

/// The JSON text with the members of every object from the last to the first.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .rev()
                .map(|(key, value)| format!("{}:{}", json!(key), reversed(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}
