//! A `TrustPolicyChange`, reduced to what tells how far a repair has come.

use audit_api::{TrustPolicyChange, remediation};
use audit_core::model::BindingKey;
use audit_remedy::JournalRecord;
use kube::ResourceExt as _;
use serde_json::Value;

use crate::kind::Kind;
use crate::wire::{Wire, decode};

/// A `TrustPolicyChange`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeObject {
    /// Its name.
    pub name: String,
    /// The binding that it is for.
    pub binding: BindingKey,
    /// What it says, without the documents, which only the writer needs; absent where it is not as the writer makes it.
    pub record: Option<JournalRecord>,
}

impl Wire for Box<ChangeObject> {
    type Resource = TrustPolicyChange;
    type Plain = Self;
    const KIND: Kind = Kind::TrustPolicyChange;

    fn prune(object: Value) -> Result<Self, String> {
        let mut change: TrustPolicyChange = decode(object)?;
        if change.metadata.name.is_none() {
            return Err("metadata.name is missing".to_owned());
        }
        change.spec.before.clear();
        change.spec.after.clear();
        if let Some(status) = &mut change.status {
            status.found = None;
        }
        Ok(Box::new(ChangeObject {
            name: change.name_any(),
            binding: BindingKey::new(change.spec.namespace.clone(), change.spec.service_account.clone()),
            record: remediation::record(&change).ok(),
        }))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}
