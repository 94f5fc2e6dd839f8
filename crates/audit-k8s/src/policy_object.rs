//! An `IrsaAuditPolicy`, reduced to what the operator needs of it.

use audit_api::{IrsaAuditPolicy, IrsaAuditPolicySpec};
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::wire::{Extract, Wire, decode};

/// An `IrsaAuditPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyObject {
    /// Its name.
    pub name: String,
    /// What it says.
    pub spec: IrsaAuditPolicySpec,
}

impl Wire for Box<PolicyObject> {
    type Resource = IrsaAuditPolicy;
    type Plain = Self;
    const KIND: Kind = Kind::IrsaAuditPolicy;

    fn prune(object: Value) -> Result<Self, String> {
        let policy: IrsaAuditPolicy = decode(object)?;
        let name = policy.metadata.name.ok_or("metadata.name is missing")?;
        Ok(Box::new(PolicyObject {
            name,
            spec: policy.spec,
        }))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Extract for Box<PolicyObject> {
    fn extract(object: Value, _: &str) -> Result<Value, String> {
        let policy = Self::prune(object)?;
        Ok(json!({ "metadata": { "name": policy.name }, "spec": policy.spec }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Kind, prune};

    #[test]
    fn a_policy() {
        let object = json!({ "apiVersion": "irsa-audit.dev/v1alpha1", "kind": "IrsaAuditPolicy",
            "metadata": { "name": "default" }, "spec": { "exclude": { "namespaces": ["kube-system"] } } });
        let policy = prune::policy(object).unwrap();
        assert_eq!(policy.name, "default");
        assert_eq!(policy.spec.exclude.unwrap().namespaces, ["kube-system"]);
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_refused() {
        let error = prune::policy(json!({ "metadata": { "name": "default" }, "spec": { "severities": 1 } }))
            .unwrap_err();
        assert_eq!(
            (error.kind, error.name.as_str()),
            (Kind::IrsaAuditPolicy, "default")
        );
        prune::policy(json!({ "metadata": {}, "spec": {} })).unwrap_err();
    }
}
