//! The ConfigMap in which a self-hosted webhook is told what to inject.

use std::collections::BTreeMap;

use audit_core::model::webhook::entries;
use audit_core::model::{BindingKey, WebhookEntry};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::wire::{Extract, Wire, decode, null_as_default};

/// The webhook's ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigMapObject {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it says of which ServiceAccount.
    pub entries: BTreeMap<BindingKey, WebhookEntry>,
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMetadata,
    #[serde(default, deserialize_with = "null_as_default")]
    data: RawData,
}

#[derive(Deserialize)]
struct RawMetadata {
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
struct RawData {
    config: Option<String>,
}

impl Wire for ConfigMapObject {
    type Resource = ConfigMap;
    type Plain = Self;
    const KIND: Kind = Kind::ConfigMap;

    fn prune(object: Value) -> Result<Self, String> {
        let Raw { metadata, data } = decode(object)?;
        let entries = entries(data.config.as_deref().unwrap_or_default())
            .map_err(|error| format!("data.config: {error}"))?;
        Ok(Self {
            namespace: metadata.namespace,
            name: metadata.name,
            entries,
        })
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Extract for ConfigMapObject {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        let map = Self::prune(object)?;
        let entry = |(key, entry): (&BindingKey, &WebhookEntry)| {
            let WebhookEntry {
                role_arn,
                audience,
                token_expiration,
            } = entry;
            let entry =
                json!({ "RoleARN": role_arn, "Audience": audience, "TokenExpiration": token_expiration });
            (key.to_string(), entry)
        };
        let entries: Map<String, Value> = map.entries.iter().map(entry).collect();
        Ok(json!({
            "metadata": { "namespace": map.namespace, "name": map.name },
            "data": { "config": Value::Object(entries).to_string() },
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prune;

    #[test]
    fn its_key_config_is_read_and_nothing_else() {
        let object = |data| json!({ "metadata": { "namespace": "kube-system", "name": "pod-identity-webhook" }, "data": data });
        let config = r#"{"shop/cart": {"RoleARN": "arn"}}"#;
        let read = prune::config_map(object(json!({ "config": config, "other": "x" }))).unwrap();
        assert_eq!(read.entries[&BindingKey::new("shop", "cart")].role_arn, "arn");
        for data in [json!({ "config": "{" }), json!({}), json!(null)] {
            let error = prune::config_map(object(data)).unwrap_err();
            assert!(
                error.reason.starts_with("data.config"),
                "the webhook goes on with what it read before: {error}"
            );
        }
    }
}
