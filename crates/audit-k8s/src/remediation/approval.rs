//! An `IrsaApproval`, reduced to what decides whether it counts.

use audit_api::{IrsaApproval, remediation};
use audit_core::model::BindingKey;
use audit_remedy::ApprovalRecord;
use kube::ResourceExt as _;
use serde_json::Value;

use crate::kind::Kind;
use crate::wire::{Wire, decode};

/// An `IrsaApproval`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalObject {
    /// Its name.
    pub name: String,
    /// The binding that it is for.
    pub binding: BindingKey,
    /// What it says; absent while it is being deleted.
    pub record: Option<ApprovalRecord>,
}

impl Wire for Box<ApprovalObject> {
    type Resource = IrsaApproval;
    type Plain = Self;
    const KIND: Kind = Kind::IrsaApproval;

    fn prune(object: Value) -> Result<Self, String> {
        let approval: IrsaApproval = decode(object)?;
        if approval.metadata.name.is_none() {
            return Err("metadata.name is missing".to_owned());
        }
        Ok(Box::new(ApprovalObject {
            name: approval.name_any(),
            binding: BindingKey::new(
                approval.spec.namespace.clone(),
                approval.spec.service_account.clone(),
            ),
            // The store knows since when the admission policy has been there.
            record: remediation::approval(&approval, None),
        }))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}
