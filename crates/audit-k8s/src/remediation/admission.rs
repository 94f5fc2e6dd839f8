//! The admission policy that makes approvals true, and its binding, as JSON: no type drops a field that weakens them.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::wire::Wire;

/// The `ValidatingAdmissionPolicy`: its `spec`, and whether it is being deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionPolicyObject(pub(crate) Value);

/// The `ValidatingAdmissionPolicyBinding`, likewise.
#[derive(Debug, Clone, PartialEq)]
pub struct AdmissionBindingObject(pub(crate) Value);

impl Wire for AdmissionPolicyObject {
    type Resource = ValidatingAdmissionPolicy;
    type Plain = Self;
    const KIND: Kind = Kind::ValidatingAdmissionPolicy;

    fn prune(object: Value) -> Result<Self, String> {
        Ok(Self(reduced(object)))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Wire for AdmissionBindingObject {
    type Resource = ValidatingAdmissionPolicyBinding;
    type Plain = Self;
    const KIND: Kind = Kind::ValidatingAdmissionPolicyBinding;

    fn prune(object: Value) -> Result<Self, String> {
        Ok(Self(reduced(object)))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

/// What [`audit_api::admission`] reads of such an object.
fn reduced(object: Value) -> Value {
    let Value::Object(mut fields) = object else {
        return Value::Null;
    };
    let mut metadata = Map::new();
    if let Some(Value::Object(all)) = fields.get_mut("metadata") {
        for name in ["creationTimestamp", "deletionTimestamp"] {
            metadata.extend(all.remove(name).map(|time| (name.to_owned(), time)));
        }
    }
    let spec = fields.remove("spec").unwrap_or_default();
    Value::Object(Map::from_iter([
        ("metadata".to_owned(), Value::Object(metadata)),
        ("spec".to_owned(), spec),
    ]))
}
