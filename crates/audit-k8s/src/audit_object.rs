//! An `IrsaAudit`, reduced to what the operator needs of it.

use std::sync::Arc;

use audit_api::status::PackedStatus;
use audit_api::{AUTOMATIC_LABEL, IrsaAudit, REAUDIT_ANNOTATION, spec};
use audit_core::model::{AuditRequest, BindingKey, Name, Uid};
use audit_remedy::RemediationMode;
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::wire::{Extract, Wire, decode};

/// How much of the annotation that asks for a fresh audit is compared, in characters: anyone who may edit the object writes 256 KiB.
const MAX_REAUDIT: usize = 128;

/// How long an owner's name and UID may be, in bytes: longer than any is. The API server takes what is written there.
const MAX_OWNER: usize = 512;

/// How long a status may be that is kept, packed, in bytes: several times the longest that the operator writes. Whoever may write one can write
/// over a megabyte; what is not kept is written anew.
const MAX_STATUS: usize = 128 << 10;

/// An `IrsaAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditObject {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// `metadata.uid`; empty where the object has none.
    pub uid: Uid,
    /// `metadata.resourceVersion`, for deletes and updates that must not undo what somebody else did since.
    pub resource_version: Option<Name>,
    /// `metadata.generation`; 0 where the object has none.
    pub generation: i64,
    /// What it asks for, shared with the snapshot.
    pub request: Arc<AuditRequest>,
    /// What the team opts into: `Off` while the audit is suspended.
    pub remediation: RemediationMode,
    /// It carries the label of the objects that the operator made.
    pub automatic: bool,
    /// It is automatic, and another field manager owns `spec`, or a part of it: the label and the ownerReference are
    /// to be dropped. Read from `metadata.managedFields`, which is not kept.
    pub adopted: bool,
    /// The ServiceAccount among its ownerReferences.
    pub owner: Option<Owner>,
    /// The beginning of the value of the annotation that asks for a fresh audit.
    pub reaudit: Option<String>,
    /// What was published last; absent where nothing was, and where it cannot be read: it is written anew then.
    pub status: Option<PackedStatus>,
}

/// The ServiceAccount that owns an `IrsaAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: Name,
    /// Its uid.
    pub uid: Box<str>,
}

impl AuditObject {
    /// The binding that it asks to audit.
    #[must_use]
    pub fn binding_key(&self) -> BindingKey {
        BindingKey::new(self.namespace.clone(), self.request.service_account.clone())
    }

    /// Whether `other` asks for something else: what people write, and not what the operator does.
    #[must_use]
    pub(crate) fn asks_else(&self, other: &Self) -> bool {
        (&self.uid, self.generation, &self.request) != (&other.uid, other.generation, &other.request)
            || (&self.remediation, &self.reaudit) != (&other.remediation, &other.reaudit)
    }

    /// Whether anything but the version is different in `other`.
    #[must_use]
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let Self {
            namespace,
            name,
            uid,
            resource_version: _,
            generation,
            request,
            remediation,
            automatic,
            adopted,
            owner,
            reaudit,
            status,
        } = self;
        (namespace, name, uid, generation, request, remediation)
            != (
                &other.namespace,
                &other.name,
                &other.uid,
                &other.generation,
                &other.request,
                &other.remediation,
            )
            || (automatic, adopted, owner) != (&other.automatic, &other.adopted, &other.owner)
            || (reaudit, status) != (&other.reaudit, &other.status)
    }
}

impl Wire for Box<AuditObject> {
    type Resource = IrsaAudit;
    type Plain = Self;
    const KIND: Kind = Kind::IrsaAudit;

    fn prune(mut object: Value) -> Result<Self, String> {
        // The status is the operator's own writing, perhaps in an older form: what it says must not keep anybody from
        // reading what people wrote.
        let status = object
            .as_object_mut()
            .and_then(|fields| fields.remove("status"))
            .unwrap_or_default();
        let audit: IrsaAudit = decode(object)?;
        let request = spec::request(&audit);
        let remediation = if request.suspend || audit.metadata.deletion_timestamp.is_some() {
            RemediationMode::Off
        } else {
            audit_api::remediation::opt_in(&audit)
        };
        let automatic = spec::is_automatic(&audit);
        let adopted = spec::is_adopted(&audit);
        let reaudit = audit.annotations().get(REAUDIT_ANNOTATION);
        let reaudit = reaudit.map(|value| value.chars().take(MAX_REAUDIT).collect());
        let metadata = audit.metadata;
        let owner = metadata
            .owner_references
            .into_iter()
            .flatten()
            .find(|owner| {
                let is_account = owner.kind == Kind::ServiceAccount.as_str() && owner.api_version == "v1";
                is_account && owner.name.len() <= MAX_OWNER && owner.uid.len() <= MAX_OWNER
            })
            .map(|owner| Owner {
                name: owner.name.into(),
                uid: owner.uid.into(),
            });
        Ok(Box::new(AuditObject {
            namespace: metadata.namespace.ok_or("metadata.namespace is missing")?.into(),
            name: metadata.name.ok_or("metadata.name is missing")?.into(),
            uid: metadata.uid.unwrap_or_default().into(),
            resource_version: metadata.resource_version.map(Into::into),
            generation: metadata.generation.unwrap_or_default(),
            request: Arc::new(request),
            remediation,
            automatic,
            adopted,
            owner,
            reaudit,
            status: serde_json::from_value(status)
                .ok()
                .as_ref()
                .map(PackedStatus::new)
                .filter(|status| status.length() <= MAX_STATUS),
        }))
    }

    fn for_prefix(self, _: &str) -> Self {
        self
    }
}

impl Extract for Box<AuditObject> {
    fn extract(mut object: Value, _: &str) -> Result<Value, String> {
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        let audit: IrsaAudit = decode(object)?;
        let metadata = &audit.metadata;
        let mut labels = Map::new();
        if spec::is_automatic(&audit) {
            labels.insert(AUTOMATIC_LABEL.to_owned(), "true".into());
        }
        Ok(json!({
            "metadata": {
                "namespace": metadata.namespace,
                "name": metadata.name,
                "creationTimestamp": metadata.creation_timestamp,
                "labels": labels,
            },
            "spec": audit.spec,
        }))
    }
}

#[cfg(test)]
mod tests {
    use audit_api::irsa_audit::VerdictName;
    use serde_json::json;

    use super::*;
    use crate::prune;

    fn fixture() -> Value {
        serde_json::from_str(include_str!("../fixtures/irsa-audit.json")).unwrap()
    }

    fn pruned(object: Value) -> AuditObject {
        *prune::audit(object).unwrap()
    }

    #[test]
    fn an_automatic_object() {
        let audit = pruned(fixture());
        assert_eq!(audit.binding_key(), BindingKey::new("shop", "orders"));
        assert_eq!(
            (audit.generation, audit.resource_version.as_deref()),
            (2, Some("1048300"))
        );
        assert_eq!(audit.uid, "c0ffee00-1234-4abc-9def-0123456789ab");
        assert!(audit.automatic && !audit.adopted && !audit.request.declared);
        assert_eq!(
            audit.owner,
            Some(Owner {
                name: "orders".into(),
                uid: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d".into()
            })
        );
        assert_eq!(audit.reaudit.as_deref(), Some("2026-11-23T07:00:00Z"));
        assert_eq!(audit.status.unwrap().status().verdict, Some(VerdictName::Working));
    }

    #[test]
    fn a_status_that_the_operator_cannot_have_written_is_not_kept() {
        // What does not repeat itself: packing does not make it short.
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{seed:016x}")
        };
        let mut object = fixture();
        object["status"]["message"] = (0..1000).map(|_| random()).collect::<String>().into();
        assert!(pruned(object.clone()).status.is_some());
        object["status"]["message"] = (0..80_000).map(|_| random()).collect::<String>().into();
        assert_eq!(pruned(object).status, None);
    }

    #[test]
    fn an_adopted_object_is_known_by_its_managers() {
        let mut object = fixture();
        object["metadata"]["managedFields"].as_array_mut().unwrap().push(json!({
            "apiVersion": "irsa-audit.dev/v1alpha1", "fieldsType": "FieldsV1", "manager": "argocd-controller",
            "operation": "Apply", "fieldsV1": { "f:spec": { "f:expect": {} } }
        }));
        let audit = pruned(object);
        assert!(audit.automatic && audit.adopted);
    }

    #[test]
    fn a_declared_object_of_no_owner() {
        let object = json!({
            "metadata": { "namespace": "shop", "name": "mine", "ownerReferences": [
                { "apiVersion": "apps/v1", "kind": "Deployment", "name": "orders", "uid": "1" }
            ] },
            "spec": { "serviceAccountName": "orders" }
        });
        let audit = pruned(object);
        assert!(!audit.automatic && !audit.adopted && audit.request.declared);
        assert_eq!((audit.owner, audit.reaudit, audit.status), (None, None, None));
    }

    #[test]
    fn a_status_of_another_form_is_none_and_keeps_nobody_from_the_spec() {
        for status in [
            json!(null),
            json!("Working"),
            json!({ "verdict": "Splendid" }),
            json!({ "findings": 7 }),
        ] {
            let mut object = fixture();
            object["status"] = status.clone();
            assert_eq!(pruned(object).status, None, "{status}");
        }
    }

    #[test]
    fn a_spec_that_cannot_be_read_is_refused() {
        let mut object = fixture();
        object["spec"] = json!({ "serviceAccountName": "orders", "expect": { "workloads": "all" } });
        let error = prune::audit(object).unwrap_err();
        assert_eq!(
            (error.kind, error.namespace.as_str(), error.name.as_str()),
            (Kind::IrsaAudit, "shop", "orders")
        );
        for gone in ["namespace", "name"] {
            let mut object = fixture();
            object["metadata"].as_object_mut().unwrap().remove(gone);
            prune::audit(object).unwrap_err();
        }
    }

    #[test]
    fn what_people_write_asks_for_something_else_and_what_the_operator_writes_does_not() {
        let (old, mut new) = (pruned(fixture()), pruned(fixture()));
        (new.status, new.owner, new.resource_version) = (None, None, None);
        assert!(!old.asks_else(&new));
        let others = [
            AuditObject {
                generation: 3,
                ..old.clone()
            },
            AuditObject {
                reaudit: None,
                ..old.clone()
            },
            AuditObject {
                uid: "another".into(),
                ..old.clone()
            },
        ];
        assert!(others.iter().all(|other| old.asks_else(other)));
    }

    #[test]
    fn versions_alone_make_no_difference() {
        let (old, mut new) = (pruned(fixture()), pruned(fixture()));
        new.resource_version = Some("2".into());
        assert!(!new.differs(&old));
        new.status = None;
        assert!(new.differs(&old));
    }
}
