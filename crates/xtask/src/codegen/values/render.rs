//! The values as a schema, as YAML and as a table.

use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Values;

/// A value: its path, what it is, and its default.
struct Entry<'a> {
    path: Vec<&'a str>,
    about: &'a str,
    default: &'a Value,
}

/// `values.schema.json`. An unknown key is refused, except for those that Helm itself passes to the chart where it is
/// part of another.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = Some("http://json-schema.org/draft-07/schema#".into());
    });
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Values>()
        .to_value();
    optional(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("global".to_owned(), json!({"type": "object"}));
        properties.insert("enabled".to_owned(), json!({"type": "boolean"}));
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("Values of the chart irsa-audit"));
    }
    schema
}

/// What a user leaves out has a default; only an account's number has none.
fn optional(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_account = object
                .get("properties")
                .and_then(|properties| properties.get("externalId"))
                .is_some();
            if !is_account && object.get("required").is_some_and(Value::is_array) {
                object.remove("required");
            }
            // A number's width is nothing to a person who writes YAML.
            object.remove("format");
            object.values_mut().for_each(optional);
        }
        Value::Array(items) => items.iter_mut().for_each(optional),
        _ => {}
    }
}

/// `values.yaml`: the defaults, each with what it is for.
#[must_use]
pub fn yaml() -> String {
    let (schema, defaults) = (schema(), defaults());
    let mut text = String::new();
    for entry in entries(&schema, &defaults) {
        let Some((name, above)) = entry.path.split_last() else {
            continue;
        };
        let indent = "  ".repeat(above.len());
        if above.is_empty() && !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        for line in wrapped(entry.about, 110 - indent.len()) {
            let _ = writeln!(text, "{indent}# {line}");
        }
        if is_group(&schema, &entry.path) {
            let _ = writeln!(text, "{indent}{name}:");
        } else {
            // JSON is YAML.
            let _ = writeln!(text, "{indent}{name}: {}", flow(entry.default));
        }
    }
    text
}

/// The reference: a row for each value.
#[must_use]
pub fn table() -> String {
    let (schema, defaults) = (schema(), defaults());
    let mut text = "| value | default | what it is |\n|---|---|---|\n".to_owned();
    for entry in entries(&schema, &defaults) {
        if !is_group(&schema, &entry.path) {
            let (path, default) = (shown(&entry.path), flow(entry.default));
            let about = entry.about.replace('\n', " ");
            let _ = writeln!(text, "| `{path}` | `{default}` | {about} |");
        }
    }
    text
}

/// A path as people write it: names with dots are quoted.
fn shown(path: &[&str]) -> String {
    let names = path.iter().map(|name| {
        if name.contains('.') {
            format!("\"{name}\"")
        } else {
            (*name).to_owned()
        }
    });
    names.collect::<Vec<_>>().join(".")
}

fn defaults() -> Value {
    serde_json::to_value(Values::default()).unwrap_or_default()
}

/// Whether a value has keys of its own that the schema names.
fn is_group(schema: &Value, path: &[&str]) -> bool {
    at(schema, path).is_some_and(|schema| schema.get("properties").is_some())
}

fn at<'a>(schema: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter()
        .try_fold(schema, |schema, name| schema.get("properties")?.get(name))
}

/// All values, in the order in which they are declared: JSON forgets it, YAML does not.
fn entries<'a>(schema: &'a Value, defaults: &'a Value) -> Vec<Entry<'a>> {
    let declared = serde_saphyr::to_string(&Values::default()).unwrap_or_default();
    let mut all = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for line in declared.lines() {
        let key = line.trim_start();
        let Some((key, _)) = key.split_once(':') else {
            continue;
        };
        names.truncate((line.len() - line.trim_start().len()) / 2);
        // Only those that live as long as the schema are kept.
        let mut path = Vec::new();
        let mut place = (schema, defaults);
        for name in names.iter().chain([&key]) {
            let found = property(place.0, name).zip(place.1.get(*name));
            let Some(((name, schema), default)) = found else {
                break;
            };
            path.push(name);
            place = (schema, default);
        }
        if path.len() == names.len() + 1
            && let Some(about) = place.0.get("description").and_then(Value::as_str)
        {
            all.push(Entry {
                path,
                about,
                default: place.1,
            });
        }
        names.push(key);
    }
    all
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<(&'a str, &'a Value)> {
    let (name, schema) = schema.get("properties")?.as_object()?.get_key_value(name)?;
    Some((name.as_str(), schema))
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pairs: Vec<String> = object
                .iter()
                .map(|(name, value)| format!("{name}: {}", flow(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether YAML reads a text as a text without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str())
}

/// A text in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yaml_says_what_the_defaults_are() {
        let read: Value = serde_saphyr::from_str(&yaml()).unwrap();
        assert_eq!(read, defaults());
    }

    /// A group that lacks `additionalProperties: false` would let a misspelt key pass.
    #[test]
    fn no_group_takes_unknown_keys_and_each_value_is_described() {
        fn check(schema: &Value, place: &str) {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                return;
            };
            assert_eq!(schema["additionalProperties"], json!(false), "{place}");
            for (name, property) in properties {
                let known = ["global", "enabled"].contains(&name.as_str()) && place.is_empty();
                assert!(known || property.get("description").is_some(), "{place}.{name}");
                check(property, &format!("{place}.{name}"));
            }
        }
        check(&schema(), "");
        assert_eq!(
            schema()["properties"]["operator"]["properties"]["accounts"]["items"]["required"],
            json!(["id"])
        );
    }

    #[test]
    fn each_default_is_in_the_reference() {
        let table = table();
        for path in [
            "image.repository",
            "pod.resources",
            "operator.accounts",
            "rbac.consumers.\"secretstores.external-secrets.io\"",
            "replicas",
        ] {
            assert!(table.contains(&format!("| `{path}` |")), "{path}: {table}");
        }
    }
}
