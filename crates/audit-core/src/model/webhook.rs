//! What the API server and the pod identity webhook are told of it: its registrations, which say which pods it sees, and on
//! self-hosted clusters, such as those of kOps, a ConfigMap beside the annotations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::BindingKey;

/// Where the webhook mounts the token, unless a flag says otherwise.
pub const TOKEN_FOLDER: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
/// The token's name there.
pub const TOKEN_NAME: &str = "token";
/// The volume that it adds.
pub const TOKEN_VOLUME: &str = "aws-iam-token";

/// The label by which pods opt out where a registration wants it not to exist, as EKS's does. The webhook itself does not
/// look at it, and its prefix is the same whatever that of the annotations is:
/// <https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/deploy/mutatingwebhook.yaml>.
pub const OPT_OUT_LABEL: &str = "eks.amazonaws.com/skip-pod-identity-webhook";

/// The label with its own name, which the API server gives every namespace.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// One webhook of a `MutatingWebhookConfiguration` that leads new pods to the pod identity webhook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registration {
    /// The name of the `MutatingWebhookConfiguration`.
    pub configuration: String,
    /// The name of the webhook in it.
    pub name: String,
    /// Which namespaces' pods it sees, by their labels.
    pub namespaces: LabelSelector,
    /// Which pods it sees, by their labels.
    pub pods: LabelSelector,
    /// It has `matchConditions`, which say in CEL which pods it sees. They are not evaluated.
    pub has_conditions: bool,
    /// `failurePolicy: Fail`: without the webhook's answer no pod is created.
    pub must_answer: bool,
}

impl Registration {
    /// The registration that EKS and the project's own manifests have.
    #[must_use]
    pub fn usual() -> Self {
        let opt_out = LabelRequirement {
            key: OPT_OUT_LABEL.to_owned(),
            operator: RequirementOperator::DoesNotExist,
            values: Vec::new(),
        };
        Self {
            configuration: "pod-identity-webhook".to_owned(),
            name: "iam-for-pods.amazonaws.com".to_owned(),
            pods: LabelSelector(vec![opt_out]),
            ..Self::default()
        }
    }
}

/// A label selector: all requirements hold. None at all selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector(pub Vec<LabelRequirement>);

/// What a selector wants of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: String,
    /// How its value is compared.
    pub operator: RequirementOperator,
    /// With what.
    pub values: Vec<String>,
}

/// The operators of label selectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequirementOperator {
    /// The value is one of these; an entry of `matchLabels` means the same, with one value.
    In,
    /// The label is absent, or its value none of these.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl LabelRequirement {
    /// Whether a label's value, or its absence, meets it.
    #[must_use]
    pub fn admits(&self, value: Option<&str>) -> bool {
        let is_listed = || value.is_some_and(|value| self.values.iter().any(|one| one == value));
        match self.operator {
            RequirementOperator::In => is_listed(),
            RequirementOperator::NotIn => !is_listed(),
            RequirementOperator::Exists => value.is_some(),
            RequirementOperator::DoesNotExist => value.is_none(),
        }
    }
}

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
    fn requirements_are_those_of_label_selectors() {
        let admits = |operator, values: &[&str], value| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            let requirement = LabelRequirement {
                key: "k".to_owned(),
                operator,
                values,
            };
            requirement.admits(value)
        };
        for (operator, values, with_a, with_b, absent) in [
            (RequirementOperator::In, &["a"][..], true, false, false),
            (RequirementOperator::NotIn, &["a"], false, true, true),
            (RequirementOperator::Exists, &[], true, true, false),
            (RequirementOperator::DoesNotExist, &[], false, false, true),
        ] {
            let found = [Some("a"), Some("b"), None].map(|value| admits(operator, values, value));
            assert_eq!(found, [with_a, with_b, absent], "{operator:?}");
        }
    }

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
