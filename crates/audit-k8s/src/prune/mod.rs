//! Objects as the API server sends them, reduced to what rules read.
//!
//! A pod has some hundred fields and its managedFields are longer than its spec; rules read about ten. Objects are
//! reduced one at a time, as they are read, so that not even a page of a list is ever held whole.

mod pod;
mod rbac;
mod service_account;

use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::{Pod, ServiceAccount};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

use crate::audit_object::AuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::namespace_object::NamespaceObject;
use crate::policy_object::PolicyObject;
use crate::remediation::{AdmissionBindingObject, AdmissionPolicyObject, ApprovalObject, ChangeObject};
use crate::webhook_object::WebhookObject;
pub use crate::wire::Undecodable;
pub(crate) use crate::wire::{Extract, Wire, decode, is_default, null_as_default, prune};

pub(crate) use pod::PodWire;
pub(crate) use rbac::{ClusterRoleBindingWire, ClusterRoleWire, RoleBindingWire, RoleWire};
pub(crate) use service_account::ServiceAccountWire;

/// Reduces a `v1 Pod`. `prefix` is that of the annotations and labels for IRSA, such as `eks.amazonaws.com`.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or a field that is read has another type than a pod's.
pub fn pod(object: Value, prefix: &str) -> Result<Pod, Undecodable> {
    Ok(prune::<PodWire>(object)?.for_prefix(prefix))
}

/// Reduces a `v1 Pod` of a cluster while it is decoded, without a value of it in between.
///
/// # Errors
/// As [`pod`], in the words of the decoder; and where it has no UID.
pub fn pod_from<'de, D: Deserializer<'de>>(from: D, prefix: &str) -> Result<Pod, D::Error> {
    let wire = PodWire::deserialize(from)?;
    if !wire.is_of_a_cluster {
        return Err(D::Error::custom("not a pod of a cluster"));
    }
    Ok(wire.for_prefix(prefix))
}

/// Reduces a `v1 ServiceAccount`. `prefix` is that of the annotations for IRSA, such as `eks.amazonaws.com`.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or a field that is read has another type than a
/// ServiceAccount's.
pub fn service_account(object: Value, prefix: &str) -> Result<ServiceAccount, Undecodable> {
    Ok(prune::<ServiceAccountWire>(object)?.for_prefix(prefix))
}

/// Reduces an `IrsaAudit`.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or a spec that its definition would refuse.
pub fn audit(object: Value) -> Result<Box<AuditObject>, Undecodable> {
    prune(object)
}

/// Reduces an `IrsaAuditPolicy`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or a spec that its definition would refuse.
pub fn policy(object: Value) -> Result<Box<PolicyObject>, Undecodable> {
    prune(object)
}

/// Reduces an `IrsaApproval`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or a spec that its definition would refuse.
pub fn approval(object: Value) -> Result<Box<ApprovalObject>, Undecodable> {
    prune(object)
}

/// Reduces a `TrustPolicyChange`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or a spec that its definition would refuse.
pub fn change(object: Value) -> Result<Box<ChangeObject>, Undecodable> {
    prune(object)
}

/// Reduces the admission policy.
///
/// # Errors
/// Never; the watch reads all kinds alike.
pub fn admission_policy(object: Value) -> Result<AdmissionPolicyObject, Undecodable> {
    prune(object)
}

/// Reduces its binding.
///
/// # Errors
/// Never; the watch reads all kinds alike.
pub fn admission_binding(object: Value) -> Result<AdmissionBindingObject, Undecodable> {
    prune(object)
}

/// Reduces a `Role`.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or a field that is read has another type than a Role's.
pub fn role(object: Value) -> Result<RbacRole, Undecodable> {
    prune::<RoleWire>(object).map(|wire| wire.0)
}

/// Reduces a `ClusterRole`. What it aggregates, and its labels, stay: in files, no controller has filled in its rules.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or a field that is read has another type than a ClusterRole's.
pub fn cluster_role(object: Value) -> Result<RbacRole, Undecodable> {
    prune::<ClusterRoleWire>(object).map(|wire| wire.0)
}

/// Reduces a `RoleBinding`.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or says what the API server would refuse.
pub fn role_binding(object: Value) -> Result<RoleBinding, Undecodable> {
    prune::<RoleBindingWire>(object).map(|wire| wire.0)
}

/// Reduces a `ClusterRoleBinding`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or says what the API server would refuse.
pub fn cluster_role_binding(object: Value) -> Result<RoleBinding, Undecodable> {
    prune::<ClusterRoleBindingWire>(object).map(|wire| wire.0)
}

/// Reduces a `v1 Namespace`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or labels that are none.
pub fn namespace(object: Value) -> Result<NamespaceObject, Undecodable> {
    prune(object)
}

/// Reduces a `MutatingWebhookConfiguration`.
///
/// # Errors
/// [`Undecodable`] where the object has no name, or a field that is read has another type than that kind's.
pub fn webhook(object: Value) -> Result<WebhookObject, Undecodable> {
    prune(object)
}

/// Reduces the webhook's ConfigMap.
///
/// # Errors
/// [`Undecodable`] where the object has no name or namespace, or says what the webhook would refuse to read.
pub fn config_map(object: Value) -> Result<ConfigMapObject, Undecodable> {
    prune(object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FIXTURES: [&str; 3] = [
        include_str!("../../fixtures/pod-irsa.json"),
        include_str!("../../fixtures/pod-pod-identity.json"),
        include_str!("../../fixtures/irsa-audit.json"),
    ];

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            ".{0,12}".prop_map(Value::from),
            Just(json!("2026-11-23T07:00:00Z")),
            Just(json!("$(A)")),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("metadata|spec|name|namespace|[a-z]{1,4}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Puts `new` in the place of the nth value of a document, counted in reading order.
    fn replace_nth(document: &mut Value, n: &mut usize, new: &Value) {
        if *n == 0 {
            *document = new.clone();
        }
        *n = n.wrapping_sub(1);
        match document {
            Value::Array(values) => values.iter_mut().for_each(|value| replace_nth(value, n, new)),
            Value::Object(fields) => fields.values_mut().for_each(|value| replace_nth(value, n, new)),
            _ => {}
        }
    }

    fn prune_as_all_kinds(object: &Value) {
        let _ = pod(object.clone(), "eks.amazonaws.com");
        let _ = service_account(object.clone(), "eks.amazonaws.com");
        let _ = audit(object.clone());
        let _ = policy(object.clone());
        let _ = role(object.clone());
        let _ = cluster_role(object.clone());
        let _ = role_binding(object.clone());
        let _ = cluster_role_binding(object.clone());
        let _ = namespace(object.clone());
        let _ = webhook(object.clone());
        let _ = config_map(object.clone());
    }

    proptest! {
        #[test]
        fn no_value_panics(object in any_json()) {
            prune_as_all_kinds(&object);
        }

        #[test]
        fn no_damaged_object_panics(which in 0..FIXTURES.len(), mut place in 0_usize..200, value in any_json()) {
            let mut object: Value = serde_json::from_str(FIXTURES[which]).unwrap();
            replace_nth(&mut object, &mut place, &value);
            prune_as_all_kinds(&object);
        }
    }

    #[test]
    fn every_fixture_can_be_read_as_what_it_is() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        pod(read(FIXTURES[0]), "eks.amazonaws.com").unwrap();
        pod(read(FIXTURES[1]), "eks.amazonaws.com").unwrap();
        audit(read(FIXTURES[2])).unwrap();
    }
}
