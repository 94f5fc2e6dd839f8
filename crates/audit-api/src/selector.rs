//! Which namespaces are meant, by their labels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A selector of namespaces by their labels, as in a `NetworkPolicy`: all of it must hold, and an empty one selects every
/// namespace. Each namespace has the label `kubernetes.io/metadata.name` with its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// Labels and their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<Requirement>,
}

/// A requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// The label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// What is required of it.
    pub operator: SelectorOperator,
    /// The values that `In` and `NotIn` speak of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub values: Vec<String>,
}

/// What is required of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectorOperator {
    /// It has one of the values.
    In,
    /// It has none of the values, or is not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl NamespaceSelector {
    /// Whether it selects a namespace with these labels.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        let listed = label.is_some_and(|value| self.values.contains(value));
        match self.operator {
            SelectorOperator::In => listed,
            SelectorOperator::NotIn => !listed,
            SelectorOperator::Exists => label.is_some(),
            SelectorOperator::DoesNotExist => label.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn selects(selector: &Value, labels: &[(&str, &str)]) -> bool {
        let selector: NamespaceSelector = serde_json::from_value(selector.clone()).unwrap();
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        selector.selects(&labels.collect())
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        assert!(selects(&json!({}), &[]));
    }

    #[test]
    fn everything_must_hold() {
        let selector = json!({ "matchLabels": { "team": "shop" }, "matchExpressions": [
            { "key": "stage", "operator": "In", "values": ["prod", "staging"] } ] });
        assert!(selects(&selector, &[("team", "shop"), ("stage", "prod")]));
        assert!(!selects(&selector, &[("team", "shop"), ("stage", "dev")]));
        assert!(!selects(&selector, &[("stage", "prod")]));
    }

    #[test]
    fn a_label_that_is_not_there_is_not_in_anything() {
        let one = |operator: &str, values: &[&str], labels: &[(&str, &str)]| {
            let requirement = json!({ "key": "a", "operator": operator, "values": values });
            selects(&json!({ "matchExpressions": [requirement] }), labels)
        };
        assert!(one("NotIn", &["x"], &[]) && !one("NotIn", &["x"], &[("a", "x")]));
        assert!(one("Exists", &[], &[("a", "")]) && !one("Exists", &[], &[]));
        assert!(one("DoesNotExist", &[], &[]) && !one("DoesNotExist", &[], &[("a", "")]));
    }
}
