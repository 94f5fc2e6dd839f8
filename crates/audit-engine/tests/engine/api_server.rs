//! A pretend API server: it keeps `IrsaAudit`s as they are on the wire.

use std::collections::BTreeMap;

use audit_k8s::{Observation, WatchChange, prune};
use serde_json::{Value, json};

use crate::{Write, WriteOutcome};
use audit_core::model::NamespacedName;

#[derive(Debug, Default)]
pub struct ApiServer {
    pub objects: BTreeMap<NamespacedName, Value>,
    pub cluster: Option<Value>,
    revision: u64,
}

impl ApiServer {
    /// Does a write. Returns its outcome, and what the watch shows of it.
    pub fn write(&mut self, write: &Write) -> (WriteOutcome, Vec<Observation>) {
        match write {
            Write::Create { name, key, owner } => {
                let object = NamespacedName::new(key.namespace.clone(), name.clone());
                if self.objects.contains_key(&object) {
                    return (
                        WriteOutcome::Done {
                            resource_version: None,
                        },
                        Vec::new(),
                    );
                }
                let owners: Vec<Value> = owner
                    .iter()
                    .map(|owner| service_account_reference(&owner.name, &owner.uid))
                    .collect();
                let created = json!({
                    "metadata": {
                        "namespace": key.namespace, "name": name,
                        "labels": {audit_api::AUTOMATIC_LABEL: "true"}, "ownerReferences": owners,
                    },
                    "spec": {"serviceAccountName": key.service_account},
                });
                let observations = self.put(created);
                (self.done(), observations)
            }
            Write::Status {
                object, uid, status, ..
            } => self.change(object, uid, |stored| {
                stored["status"] = serde_json::to_value(status.status()).unwrap();
            }),
            Write::Own { object, uid, owner } => self.change(object, uid, |stored| {
                stored["metadata"]["ownerReferences"] =
                    json!([service_account_reference(&owner.name, &owner.uid)]);
            }),
            Write::Release { object, uid } => self.change(object, uid, |stored| {
                stored["metadata"]["labels"] = json!({});
                stored["metadata"]["ownerReferences"] = json!([]);
            }),
            Write::Delete { object, uid } => {
                if self
                    .objects
                    .get(object)
                    .is_none_or(|stored| stored["metadata"]["uid"] != uid.as_str())
                {
                    return (WriteOutcome::Gone, Vec::new());
                }
                let observations = self.delete(object);
                (
                    WriteOutcome::Done {
                        resource_version: None,
                    },
                    observations,
                )
            }
            Write::Cluster { status } => {
                self.cluster = Some(serde_json::to_value(status).unwrap());
                (self.done(), Vec::new())
            }
        }
    }

    /// Stores an object as somebody else would have it, with what every object has.
    pub fn put(&mut self, mut object: Value) -> Vec<Observation> {
        self.revision += 1;
        let metadata = &mut object["metadata"];
        let name = NamespacedName::new(
            metadata["namespace"].as_str().unwrap(),
            metadata["name"].as_str().unwrap(),
        );
        metadata["resourceVersion"] = json!(self.revision.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(format!("uid-{}", self.revision));
            metadata["generation"] = json!(1);
            metadata["creationTimestamp"] = json!(format!("2026-01-01T00:{:02}:00Z", self.revision % 60));
        }
        if object["status"].is_null() {
            object["status"] = json!({"observedGeneration": -1});
        }
        self.objects.insert(name.clone(), object);
        vec![self.shown(&name)]
    }

    /// Changes an object as somebody else would.
    pub fn edit(&mut self, object: &NamespacedName, change: impl FnOnce(&mut Value)) -> Vec<Observation> {
        let mut stored = self.objects[object].clone();
        let spec = stored["spec"].clone();
        change(&mut stored);
        if stored["spec"] != spec {
            stored["metadata"]["generation"] = json!(stored["metadata"]["generation"].as_i64().unwrap() + 1);
        }
        self.put(stored)
    }

    pub fn delete(&mut self, object: &NamespacedName) -> Vec<Observation> {
        self.objects.remove(object);
        let NamespacedName { namespace, name } = object.clone();
        let (namespace, name) = (namespace.into(), name.into());
        vec![Observation::Audit(WatchChange::Deleted { namespace, name })]
    }

    /// An object as a listing shows it.
    pub fn listed(&self) -> Vec<Observation> {
        let pruned = |object: &Value| prune::audit(object.clone()).unwrap();
        self.objects
            .values()
            .map(|object| Observation::Audit(WatchChange::Listed(pruned(object))))
            .collect()
    }

    fn change(
        &mut self,
        object: &NamespacedName,
        uid: &str,
        change: impl FnOnce(&mut Value),
    ) -> (WriteOutcome, Vec<Observation>) {
        if self
            .objects
            .get(object)
            .is_none_or(|stored| stored["metadata"]["uid"] != *uid)
        {
            return (WriteOutcome::Gone, Vec::new());
        }
        let observations = self.edit(object, change);
        (self.done(), observations)
    }

    fn shown(&self, name: &NamespacedName) -> Observation {
        Observation::Audit(WatchChange::Applied(
            prune::audit(self.objects[name].clone()).unwrap(),
        ))
    }

    fn done(&self) -> WriteOutcome {
        WriteOutcome::Done {
            resource_version: Some(self.revision),
        }
    }
}

fn service_account_reference(name: &str, uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": name, "uid": uid})
}
