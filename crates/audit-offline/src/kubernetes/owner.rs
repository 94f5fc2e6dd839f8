//! Who controls what: from a pod to what a person would restart.

use std::collections::HashMap;

use audit_core::model::Workload;
use serde_json::Value;

use super::manifest::Manifest;

/// How many controllers may stand above each other.
const MAX_OWNERS: usize = 8;

/// The controllers above the objects that were given, by namespace and object.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<(String, Workload), Workload>);

impl Owners {
    /// Takes note of what controls an object.
    pub(super) fn take(&mut self, namespace: &str, object: Workload, controller: Workload) {
        self.0.insert((namespace.to_owned(), object), controller);
    }

    /// What somebody would restart in place of a controller's helper: the Deployment of a `ReplicaSet`, the `CronJob` of a Job.
    pub(super) fn resolve(&self, namespace: &str, mut workload: Workload) -> Workload {
        for _ in 0..MAX_OWNERS {
            if !is_helper(&workload.kind) {
                break;
            }
            match self.0.get(&(namespace.to_owned(), workload.clone())) {
                Some(owner) => workload = owner.clone(),
                None => break,
            }
        }
        workload
    }
}

/// Whether objects of a kind are made by another's controller for its own ends.
pub(super) fn is_helper(kind: &str) -> bool {
    matches!(kind, "ReplicaSet" | "Job")
}

/// The name of the Deployment to which a `ReplicaSet` belongs by its own name, `NAME-HASH`.
pub(super) fn deployment_by_name(workload: &Workload) -> Option<&str> {
    let (name, _) = workload.name.rsplit_once('-')?;
    (workload.kind == "ReplicaSet").then_some(name)
}

/// An object as a workload.
pub(super) fn workload(object: &Manifest) -> Workload {
    Workload {
        kind: object.kind.as_str().into(),
        name: object.name.as_str().into(),
    }
}

/// The owner that controls an object.
pub(super) fn controller(object: &Value) -> Option<Workload> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners
        .iter()
        .find(|owner| owner.get("controller") == Some(&Value::Bool(true)))?;
    let text = |name: &str| owner.get(name).and_then(Value::as_str).map(Into::into);
    Some(Workload {
        kind: text("kind")?,
        name: text("name")?,
    })
}
