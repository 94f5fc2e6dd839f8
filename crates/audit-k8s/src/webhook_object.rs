//! A `MutatingWebhookConfiguration`, reduced to whether it is the pod identity webhook's.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Kind;
use crate::wire::{Wire, decode, null_as_default};

/// What the configuration, the webhook in it, or the Service behind it is called by EKS, kOps and the project itself.
const NAMES: [&str; 2] = ["pod-identity-webhook", "iam-for-pods"];

/// The label by which pods opt out, whatever its prefix: another sign that it is this webhook.
const OPT_OUT: &str = "/skip-pod-identity-webhook";

/// A `MutatingWebhookConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookObject {
    /// Its name.
    pub name: String,
    /// Whether it leads new pods to the pod identity webhook.
    pub injects_credentials: bool,
}

#[derive(Deserialize)]
struct Raw {
    metadata: RawMetadata,
    #[serde(default, deserialize_with = "null_as_default")]
    webhooks: Vec<RawWebhook>,
}

#[derive(Deserialize)]
struct RawMetadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawWebhook {
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    client_config: RawClientConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    object_selector: RawSelector,
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<RawRule>,
}

#[derive(Default, Deserialize)]
struct RawClientConfig {
    service: Option<RawMetadata>,
    url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSelector {
    #[serde(default, deserialize_with = "null_as_default")]
    match_expressions: Vec<RawExpression>,
}

#[derive(Deserialize)]
struct RawExpression {
    key: String,
}

#[derive(Deserialize)]
struct RawRule {
    #[serde(default, deserialize_with = "null_as_default")]
    operations: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    resources: Vec<String>,
}

impl RawWebhook {
    fn sees_new_pods(&self) -> bool {
        let has = |list: &[String], words: &[&str]| list.iter().any(|item| words.contains(&item.as_str()));
        self.rules.iter().any(|rule| {
            has(&rule.operations, &["CREATE", "*"]) && has(&rule.resources, &["pods", "*", "*/*"])
        })
    }

    fn is_called_so(&self) -> bool {
        let service = self.client_config.service.as_ref().map(|service| &service.name);
        let mut names = [Some(&self.name), service, self.client_config.url.as_ref()]
            .into_iter()
            .flatten();
        names.any(|name| is_its_name(name))
            || self
                .object_selector
                .match_expressions
                .iter()
                .any(|expression| expression.key.ends_with(OPT_OUT))
    }
}

fn is_its_name(name: &str) -> bool {
    NAMES.iter().any(|known| name.contains(known))
}

impl Wire for WebhookObject {
    type Resource = MutatingWebhookConfiguration;
    type Plain = Self;
    const KIND: Kind = Kind::MutatingWebhookConfiguration;

    fn prune(object: Value) -> Result<Self, String> {
        let Raw { metadata, webhooks } = decode(object)?;
        let is_called_so = is_its_name(&metadata.name);
        let injects =
            |webhook: &RawWebhook| webhook.sees_new_pods() && (is_called_so || webhook.is_called_so());
        Ok(Self {
            injects_credentials: webhooks.iter().any(injects),
            name: metadata.name,
        })
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::prune;

    fn injects(name: &str, webhook: &Value) -> bool {
        let object = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": name }, "webhooks": [webhook] });
        prune::webhook(object).unwrap().injects_credentials
    }

    fn webhook(name: &str) -> Value {
        json!({ "name": name, "clientConfig": { "url": "https://127.0.0.1:23443/mutate" },
            "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }] })
    }

    #[test]
    fn it_is_known_by_any_of_its_names() {
        assert!(
            injects("pod-identity-webhook", &webhook("iam-for-pods.amazonaws.com")),
            "as on EKS"
        );
        assert!(injects("irsa", &webhook("pod-identity-webhook.amazonaws.com")));
        let mut behind = webhook("irsa.example.com");
        behind["clientConfig"] =
            json!({ "service": { "name": "pod-identity-webhook", "namespace": "kube-system" } });
        assert!(injects("irsa", &behind));
        let mut selecting = webhook("irsa.example.com");
        let key = "irsa.example.com/skip-pod-identity-webhook";
        selecting["objectSelector"] =
            json!({ "matchExpressions": [{ "key": key, "operator": "DoesNotExist" }] });
        assert!(injects("irsa", &selecting));
    }

    #[test]
    fn others_and_what_sees_no_new_pods_are_not_it() {
        assert!(!injects(
            "istio-sidecar-injector",
            &webhook("sidecar-injector.istio.io")
        ));
        for (field, value) in [
            ("operations", json!(["UPDATE"])),
            ("resources", json!(["pods/exec"])),
        ] {
            let mut other = webhook("pod-identity-webhook.amazonaws.com");
            other["rules"][0][field] = value;
            assert!(!injects("pod-identity-webhook", &other));
        }
        let none = json!({ "metadata": { "name": "pod-identity-webhook" }, "webhooks": null });
        assert!(!prune::webhook(none).unwrap().injects_credentials);
        prune::webhook(json!({ "webhooks": [] })).unwrap_err();
    }
}
