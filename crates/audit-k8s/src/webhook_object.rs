//! A `MutatingWebhookConfiguration`, reduced to where it leads new pods to the pod identity webhook.

use std::collections::BTreeMap;

use audit_core::model::{LabelRequirement, LabelSelector, Registration, RequirementOperator};
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::Kind;
use crate::wire::{Extract, Present, Wire, decode, null_as_default};

/// What the configuration, the webhook in it, or the Service behind it is called by EKS, kOps, `OpenShift` and the project
/// itself.
const NAMES: [&str; 2] = ["pod-identity-webhook", "iam-for-pods"];

/// `OpenShift` has webhooks of the same name for the identities of other clouds.
const OTHER_CLOUDS: [&str; 2] = ["azure", "gcp"];

/// The label by which pods opt out, whatever its prefix: another sign that it is this webhook.
const OPT_OUT: &str = "/skip-pod-identity-webhook";

/// A `MutatingWebhookConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookObject {
    /// Its name.
    pub name: String,
    /// Its webhooks that lead new pods to the pod identity webhook.
    pub registrations: Vec<Registration>,
}

#[derive(Deserialize, Serialize)]
struct Raw {
    metadata: RawMetadata,
    #[serde(default, deserialize_with = "null_as_default")]
    webhooks: Vec<RawWebhook>,
}

#[derive(Deserialize, Serialize)]
struct RawMetadata {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawWebhook {
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    client_config: RawClientConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    namespace_selector: RawSelector,
    #[serde(default, deserialize_with = "null_as_default")]
    object_selector: RawSelector,
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<RawRule>,
    #[serde(default, deserialize_with = "null_as_default")]
    match_conditions: Vec<Present>,
    /// `Fail` where it is absent, in `v1`.
    #[serde(default, deserialize_with = "null_as_default")]
    failure_policy: String,
}

#[derive(Default, Deserialize, Serialize)]
struct RawClientConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<RawMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawSelector {
    #[serde(default, deserialize_with = "null_as_default")]
    match_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_as_default")]
    match_expressions: Vec<RawExpression>,
}

#[derive(Deserialize, Serialize)]
struct RawExpression {
    key: String,
    operator: RawOperator,
    #[serde(default, deserialize_with = "null_as_default")]
    values: Vec<String>,
}

#[derive(Deserialize, Serialize)]
enum RawOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawRule {
    #[serde(default, deserialize_with = "null_as_default")]
    operations: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    api_groups: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    api_versions: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    resources: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    scope: String,
}

impl RawWebhook {
    /// Whether it is the pod identity webhook, in a configuration of this name.
    fn injects(&self, configuration: &str) -> bool {
        let is_called_so = is_its_name(configuration) || self.is_called_so();
        self.sees_new_pods() && is_called_so && !self.is_of_another_cloud()
    }

    fn sees_new_pods(&self) -> bool {
        let has = |list: &[String], words: &[&str]| list.iter().any(|item| words.contains(&item.as_str()));
        // Manifests in part, as in tests and documents, leave out what the API server demands.
        let may_have = |list: &[String], words: &[&str]| list.is_empty() || has(list, words);
        self.rules.iter().any(|rule| {
            has(&rule.operations, &["CREATE", "*"])
                && has(&rule.resources, &["pods", "*", "*/*"])
                && may_have(&rule.api_groups, &["", "*"])
                && may_have(&rule.api_versions, &["v1", "*"])
                && rule.scope != "Cluster"
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

    fn is_of_another_cloud(&self) -> bool {
        OTHER_CLOUDS
            .iter()
            .any(|cloud| self.name.split('.').any(|part| part == *cloud))
    }

    fn registration(self, configuration: &str) -> Registration {
        Registration {
            configuration: configuration.to_owned(),
            name: self.name,
            namespaces: self.namespace_selector.plain(),
            pods: self.object_selector.plain(),
            has_conditions: !self.match_conditions.is_empty(),
            must_answer: matches!(self.failure_policy.as_str(), "" | "Fail"),
        }
    }
}

impl RawSelector {
    fn plain(self) -> LabelSelector {
        let labels = self
            .match_labels
            .into_iter()
            .map(|(key, value)| LabelRequirement {
                key,
                operator: RequirementOperator::In,
                values: vec![value],
            });
        let expressions = self.match_expressions.into_iter().map(|one| LabelRequirement {
            key: one.key,
            operator: match one.operator {
                RawOperator::In => RequirementOperator::In,
                RawOperator::NotIn => RequirementOperator::NotIn,
                RawOperator::Exists => RequirementOperator::Exists,
                RawOperator::DoesNotExist => RequirementOperator::DoesNotExist,
            },
            values: one.values,
        });
        LabelSelector(labels.chain(expressions).collect())
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
        let its = webhooks
            .into_iter()
            .filter(|webhook| webhook.injects(&metadata.name));
        Ok(Self {
            registrations: its.map(|webhook| webhook.registration(&metadata.name)).collect(),
            name: metadata.name,
        })
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Extract for WebhookObject {
    /// Other webhooks of the configuration are left out.
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        let mut raw: Raw = decode(object)?;
        let name = raw.metadata.name.clone();
        raw.webhooks.retain(|webhook| webhook.injects(&name));
        serde_json::to_value(raw).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::{LabelRequirement, RequirementOperator};
    use serde_json::{Value, json};

    use crate::prune;

    fn injects(name: &str, webhook: &Value) -> bool {
        let object = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": name }, "webhooks": [webhook] });
        !prune::webhook(object).unwrap().registrations.is_empty()
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
    fn what_selects_pods_is_kept() {
        let mut webhook = webhook("pod-identity-webhook.aws.mutate.io");
        webhook["namespaceSelector"] = json!({ "matchLabels": { "irsa": "on" },
            "matchExpressions": [{ "key": "openshift.io/run-level", "operator": "NotIn", "values": ["0"] }] });
        webhook["matchConditions"] = json!([{ "name": "a", "expression": "true" }]);
        webhook["failurePolicy"] = json!("Ignore");
        let object = json!({ "metadata": { "name": "pod-identity-webhook" }, "webhooks": [webhook] });
        let found = prune::webhook(object).unwrap().registrations.remove(0);
        let requirement = |key: &str, operator, value: &str| LabelRequirement {
            key: key.to_owned(),
            operator,
            values: vec![value.to_owned()],
        };
        let wanted = [
            requirement("irsa", RequirementOperator::In, "on"),
            requirement("openshift.io/run-level", RequirementOperator::NotIn, "0"),
        ];
        assert_eq!(found.namespaces.0, wanted);
        assert!(found.pods.0.is_empty() && found.has_conditions && !found.must_answer);
        assert_eq!(found.configuration, "pod-identity-webhook");
    }

    #[test]
    fn webhooks_of_that_name_for_other_clouds_are_not_it() {
        assert!(!injects(
            "pod-identity-webhook",
            &webhook("pod-identity-webhook.azure.mutate.io")
        ));
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
            ("apiGroups", json!(["apps"])),
            ("scope", json!("Cluster")),
        ] {
            let mut other = webhook("pod-identity-webhook.amazonaws.com");
            other["rules"][0][field] = value;
            assert!(!injects("pod-identity-webhook", &other));
        }
        let none = json!({ "metadata": { "name": "pod-identity-webhook" }, "webhooks": null });
        assert!(prune::webhook(none).unwrap().registrations.is_empty());
        prune::webhook(json!({ "webhooks": [] })).unwrap_err();
    }
}
