//! An object without what nothing reads of it, in the form of the API server.

use serde_json::{Map, Value};

use super::usage::ConsumerKind;

/// The part of a path that stands for each element of a list.
const EACH: &str = "*";

/// An object of a kind with nothing in it but its name and what its kind's function reads.
pub(crate) fn extract(kind: &ConsumerKind, version: &str, object: &Value) -> Value {
    let mut extract = Value::Object(Map::new());
    let names = ["/metadata/name", "/metadata/namespace", "/metadata/uid"];
    for path in names.iter().chain(kind.reads) {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        copy(&parts, object, &mut extract);
    }
    if let Some(fields) = extract.as_object_mut() {
        fields.insert("apiVersion".to_owned(), version.into());
        fields.insert("kind".to_owned(), kind.kind.into());
    }
    extract
}

/// Copies what is at a path, if anything is.
fn copy(path: &[&str], from: &Value, to: &mut Value) {
    match (path, from) {
        ([], from) => leaf(from, to),
        ([EACH, rest @ ..], Value::Array(elements)) => {
            if !to.is_array() {
                *to = vec![Value::Object(Map::new()); elements.len()].into();
            }
            let places = to.as_array_mut().into_iter().flatten();
            for (element, place) in elements.iter().zip(places) {
                copy(rest, element, place);
            }
        }
        ([field, rest @ ..], Value::Object(fields)) => {
            let Some(value) = fields.get(*field) else { return };
            if !to.is_object() {
                *to = Value::Object(Map::new());
            }
            if let Some(to) = to.as_object_mut() {
                copy(rest, value, to.entry(*field).or_insert(Value::Null));
            }
        }
        _ => {}
    }
}

/// Copies a value: texts, numbers, and lists of them. Of an object it only shows that it is there.
fn leaf(from: &Value, to: &mut Value) {
    let plain = |value: &Value| match value {
        Value::Object(_) | Value::Array(_) => Value::Object(Map::new()),
        plain => plain.clone(),
    };
    match from {
        Value::Object(_) if to.is_object() => {}
        Value::Array(elements) => *to = elements.iter().map(plain).collect(),
        other => *to = plain(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kind;
    use super::*;

    #[test]
    fn what_nothing_reads_is_left_out() {
        let secret = "s3cr3t";
        let object = json!({
            "metadata": {
                "name": "x", "namespace": "shop", "uid": "1", "labels": {"a": secret}, "annotations": {"a": secret},
                "managedFields": [{"manager": secret}],
            },
            "spec": {
                "serviceAccountName": "cart",
                "arguments": {"parameters": [{"name": "password", "value": secret}]},
                "templates": [
                    {"name": secret, "serviceAccountName": "web", "container": {"env": [{"name": "A", "value": secret}]}},
                    {"container": {"args": [secret]}},
                ],
            },
            "status": {"phase": "Running", "message": secret},
        });
        let workflow = kind("argoproj.io", "Workflow").unwrap();
        let found = extract(workflow, "argoproj.io/v1alpha1", &object);
        assert!(!found.to_string().contains(secret), "{found}");
        let expected = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": "x", "namespace": "shop", "uid": "1"},
            "spec": {"serviceAccountName": "cart", "templates": [{"serviceAccountName": "web"}, {}]},
            "status": {"phase": "Running"},
        });
        assert_eq!(found, expected);
    }
}
