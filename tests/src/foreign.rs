//! The kinds of other projects, as the least definitions that serve them.

use audit_k8s::consumers::{self, ConsumerKind};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Target};
use crate::manifests::{self, InstallError};

/// Kubernetes' own groups, which are served without a definition.
const BUILT_IN: [&str; 1] = ["batch"];

/// The kinds of the table among objects, each once.
#[must_use]
pub fn kinds<'o>(objects: impl IntoIterator<Item = &'o Value>) -> Vec<&'static ConsumerKind> {
    let text = |object: &'o Value, name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut found: Vec<&'static ConsumerKind> = Vec::new();
    for object in objects {
        let (group, _) = text(object, "apiVersion").split_once('/').unwrap_or_default();
        let kind = consumers::kind(group, text(object, "kind"));
        found.extend(kind.filter(|kind| !BUILT_IN.contains(&kind.group) && !found.contains(kind)));
    }
    found
}

/// The name of a kind's definition.
#[must_use]
pub fn name(kind: &ConsumerKind) -> String {
    format!("{}.{}", kind.plural, kind.group)
}

/// The definition of a kind, at version `v1`, which takes whatever is in `spec` and `status`.
#[must_use]
pub fn definition(kind: &ConsumerKind) -> Value {
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        // Kubernetes asks for it in groups that end with `.k8s.io`.
        "metadata": {"name": name(kind), "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"}},
        "spec": {
            "group": kind.group,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "names": {"kind": kind.kind, "plural": kind.plural, "singular": kind.kind.to_lowercase()},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": any, "status": any}}},
            }],
        },
    })
}

/// Installs the definitions of kinds, and awaits that they are served.
///
/// # Errors
/// [`InstallError`].
pub async fn install(cluster: &Cluster, kinds: &[&ConsumerKind]) -> Result<(), InstallError> {
    for kind in kinds {
        cluster.apply(&definition(kind), "helm").await?;
    }
    for kind in kinds {
        manifests::await_definition(cluster, &name(kind)).await?;
    }
    Ok(())
}

/// Removes the definition of a kind, with all its objects.
///
/// # Errors
/// [`InstallError`].
pub async fn remove(cluster: &Cluster, kind: &ConsumerKind) -> Result<(), InstallError> {
    let target = Target {
        api_version: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        namespace: "",
        name: &name(kind),
    };
    cluster.delete(target).await?;
    Ok(())
}
