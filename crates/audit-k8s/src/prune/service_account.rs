//! ServiceAccounts: name, uid and the annotations that could matter to IRSA.

use std::collections::BTreeMap;

use audit_core::model::{BindingKey, ServiceAccount};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Extract, Wire, decode, null_as_default};
use crate::kind::Kind;

/// A ServiceAccount with all its annotations: which of them matter depends on the prefix.
#[derive(Debug, Clone)]
pub(crate) struct ServiceAccountWire(ServiceAccount);

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    metadata: RawMetadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automount_service_account_token: Option<bool>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    namespace: String,
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    uid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<Timestamp>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: BTreeMap<String, String>,
}

impl Wire for ServiceAccountWire {
    type Resource = k8s_openapi::api::core::v1::ServiceAccount;
    type Plain = ServiceAccount;
    const KIND: Kind = Kind::ServiceAccount;

    fn prune(object: Value) -> Result<Self, String> {
        decode(object).map(Self::of)
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self::of)
    }

    fn for_prefix(self, prefix: &str) -> ServiceAccount {
        let mut account = self.0;
        account.annotations = ServiceAccount::kept_annotations(account.annotations, prefix);
        account
    }
}

impl ServiceAccountWire {
    fn of(raw: Raw) -> Self {
        let Raw {
            metadata,
            automount_service_account_token,
        } = raw;
        Self(ServiceAccount {
            key: BindingKey::new(metadata.namespace, metadata.name),
            uid: metadata.uid,
            created: metadata.creation_timestamp,
            annotations: metadata.annotations.into_iter().collect(),
            automount_off: automount_service_account_token == Some(false),
        })
    }
}

impl Extract for ServiceAccountWire {
    fn extract(object: Value, prefix: &str) -> Result<Value, String> {
        let mut raw: Raw = decode(object)?;
        raw.metadata
            .annotations
            .retain(|key, _| ServiceAccount::keeps_annotation(key, prefix));
        serde_json::to_value(raw).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::prune::service_account;

    fn annotated(annotations: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {
                "namespace": "shop", "name": "orders", "uid": "0a1b", "resourceVersion": "7",
                "annotations": annotations,
                "managedFields": [{ "manager": "helm" }]
            },
            "secrets": null, "imagePullSecrets": [{ "name": "registry" }], "automountServiceAccountToken": false
        })
    }

    #[test]
    fn only_annotations_that_could_matter_stay() {
        let object = annotated(&json!({
            "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/orders",
            "eks.amazonaws.com/audience": "sts.amazonaws.com",
            "iam.amazonaws.com/role": "orders",
            "irsa.example.com/audience": "elsewhere",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "meta.helm.sh/release-name": "orders"
        }));
        let kept = |prefix| {
            service_account(object.clone(), prefix)
                .unwrap()
                .annotations
                .into_iter()
                .map(|(key, _)| key)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            kept("eks.amazonaws.com"),
            [
                "eks.amazonaws.com/audience",
                "eks.amazonaws.com/role-arn",
                "iam.amazonaws.com/role"
            ]
        );
        assert!(kept("irsa.example.com").contains(&"irsa.example.com/audience".to_owned()));
        let account = service_account(object, "eks.amazonaws.com").unwrap();
        assert_eq!(
            (account.key, account.uid.as_str()),
            (BindingKey::new("shop", "orders"), "0a1b")
        );
    }

    #[test]
    fn null_annotations_are_none() {
        assert!(
            service_account(annotated(&Value::Null), "eks.amazonaws.com")
                .unwrap()
                .annotations
                .is_empty()
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let refused = |object| service_account(object, "eks.amazonaws.com").unwrap_err();
        let error = refused(annotated(&json!({ "eks.amazonaws.com/role-arn": ["arn"] })));
        assert_eq!(
            (error.kind, error.namespace.as_str(), error.name.as_str()),
            (Kind::ServiceAccount, "shop", "orders")
        );
        assert!(
            error.reason.starts_with("metadata.annotations"),
            "{}",
            error.reason
        );
        for object in [
            Value::Null,
            json!({}),
            json!({ "metadata": { "name": "orders" } }),
            json!({ "metadata": [] }),
        ] {
            refused(object);
        }
    }
}
