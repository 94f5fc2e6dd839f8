//! What the pod identity webhook is told besides annotations: on self-hosted clusters, such as those of kOps, by a
//! ConfigMap.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::BindingKey;

/// The name of the webhook's ConfigMap; its namespace is the webhook's own.
pub const CONFIG_MAP: &str = "pod-identity-webhook";

/// Stands in the ConfigMap for every namespace.
pub const ANY_NAMESPACE: &str = "*";

/// What the ConfigMap says of one ServiceAccount. It counts where the ServiceAccount's own annotation names no role, and
/// then it counts whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookEntry {
    /// `RoleARN`, as it stands there.
    pub role_arn: String,
    /// `Audience`. Empty, and absent, for the API server's own: the webhook puts in no default here.
    pub audience: String,
    /// `TokenExpiration` in seconds; zero, and absent, for the webhook's default.
    pub token_expiration: i64,
}

/// Reads the value of the ConfigMap's key `config`: a JSON object of `namespace/name` to what is injected. Fields are read
/// as the webhook reads them, whatever the case of their names.
///
/// # Errors
/// Where the webhook would refuse it whole, and go on with what it read before.
pub fn entries(config: &str) -> Result<BTreeMap<BindingKey, WebhookEntry>, String> {
    let object: Map<String, Value> = serde_json::from_str(config).map_err(|error| error.to_string())?;
    let mut entries = BTreeMap::new();
    for (name, value) in object {
        let entry = entry(&value)
            .ok_or_else(|| format!("`{name}` has a field of another type than the webhook reads"))?;
        let mut parts = name.split('/');
        if let (Some(namespace), Some(account)) = (parts.next(), parts.next()) {
            entries.insert(BindingKey::new(namespace, account), entry);
        }
    }
    Ok(entries)
}

fn entry(value: &Value) -> Option<WebhookEntry> {
    let mut entry = WebhookEntry::default();
    for (name, value) in value.as_object()?.iter().filter(|(_, value)| !value.is_null()) {
        match name.to_ascii_lowercase().as_str() {
            "rolearn" => value.as_str()?.clone_into(&mut entry.role_arn),
            "audience" => value.as_str()?.clone_into(&mut entry.audience),
            "tokenexpiration" => entry.token_expiration = value.as_i64()?,
            _ => {}
        }
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_the_webhook_reads_it() {
        let config = r#"{
            "shop/cart": {"RoleARN": "arn:aws:iam::111122223333:role/cart", "Audience": "amazonaws.com",
                "UseRegionalSTS": true, "TokenExpiration": 0},
            "*/agent": {"roleArn": "arn:aws:iam::111122223333:role/agent", "Audience": null, "TokenExpiration": 900}
        }"#;
        let cart = WebhookEntry {
            role_arn: "arn:aws:iam::111122223333:role/cart".to_owned(),
            audience: "amazonaws.com".to_owned(),
            token_expiration: 0,
        };
        let agent = WebhookEntry {
            role_arn: "arn:aws:iam::111122223333:role/agent".to_owned(),
            audience: String::new(),
            token_expiration: 900,
        };
        let expected = [
            (BindingKey::new("shop", "cart"), cart),
            (BindingKey::new(ANY_NAMESPACE, "agent"), agent),
        ];
        assert_eq!(entries(config), Ok(expected.into()));
        assert_eq!(entries(r#"{"no-slash": {}}"#), Ok(BTreeMap::new()));
    }

    #[test]
    fn what_the_webhook_refuses_is_refused_whole() {
        for config in [
            "",
            "[]",
            "null",
            r#"{"a/b": null}"#,
            r#"{"a/b": {"RoleARN": 1}}"#,
            r#"{"a/b": {"TokenExpiration": "1"}}"#,
        ] {
            assert!(entries(config).is_err(), "{config}");
        }
    }
}
