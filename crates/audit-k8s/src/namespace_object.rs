//! A namespace, reduced to what a policy may select it by.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::wire::{Extract, Wire, decode, null_as_default};

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamespaceObject {
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Raw {
    metadata: NamespaceObject,
}

impl Wire for NamespaceObject {
    type Resource = Namespace;
    type Plain = Self;
    const KIND: Kind = Kind::Namespace;

    fn prune(object: Value) -> Result<Self, String> {
        let Raw { metadata } = decode(object)?;
        Ok(metadata)
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Extract for NamespaceObject {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        let Raw { metadata } = decode(object)?;
        Ok(json!({ "metadata": { "name": metadata.name, "labels": metadata.labels } }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::prune;

    #[test]
    fn only_its_labels_stay() {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop",
            "labels": { "team": "shop" }, "annotations": { "a": "b" } }, "status": { "phase": "Active" } });
        let namespace = prune::namespace(object).unwrap();
        assert_eq!(
            (namespace.name.as_str(), namespace.labels["team"].as_str()),
            ("shop", "shop")
        );
        let bare = prune::namespace(json!({ "metadata": { "name": "bare", "labels": null } })).unwrap();
        assert!(bare.labels.is_empty());
        prune::namespace(json!({ "metadata": { "labels": {} } })).unwrap_err();
    }
}
