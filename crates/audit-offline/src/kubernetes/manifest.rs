//! An object as it stands in a manifest.

use serde_json::Value;

/// An object as it stands in a manifest.
#[derive(Debug)]
pub(super) struct Manifest {
    /// The group of its `apiVersion`; empty for the core group.
    pub(super) group: String,
    pub(super) kind: String,
    /// As it stands there; empty where it names none.
    pub(super) namespace: String,
    /// Its name, or what its name is to begin with.
    pub(super) name: String,
    pub(super) value: Value,
}

impl Manifest {
    pub(super) fn new(value: Value, version: &str, kind: String) -> Self {
        let metadata = |name: &str| {
            let text = value
                .get("metadata")
                .and_then(|metadata| metadata.get(name))
                .and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let (namespace, mut name) = (metadata("namespace"), metadata("name"));
        if name.is_empty() {
            name = metadata("generateName");
        }
        let group = version.split_once('/').map_or("", |(group, _)| group).to_owned();
        Self {
            group,
            kind,
            namespace,
            name,
            value,
        }
    }

    /// A text in it.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Gives an object that names no namespace the one where it would be created.
    pub(super) fn settle(&mut self, namespace: &str) {
        if self.namespace.is_empty() {
            namespace.clone_into(&mut self.namespace);
        }
        if let Some(metadata) = self.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), self.namespace.clone().into());
            if !self.name.is_empty() {
                metadata.insert("name".to_owned(), self.name.clone().into());
            }
        }
    }
}
