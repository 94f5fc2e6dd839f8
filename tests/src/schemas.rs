//! JSON schemas of Kubernetes releases for kubeconform, made from the OpenAPI document that each release ships in its Go
//! module: nothing is asked of the network but the module proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::tools::{self, ToolError, written};

/// The oldest Kubernetes release that is supported, and the newest: that of the API server of the tests.
pub const RELEASES: [&str; 2] = ["v1.30.14", "v1.36.3"];

/// Kinds that the chart uses, as `kind` and `apiVersion`.
const KINDS: &[(&str, &str)] = &[
    ("ClusterRole", "rbac.authorization.k8s.io/v1"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
    ("ConfigMap", "v1"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ("Deployment", "apps/v1"),
    ("Namespace", "v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("PriorityClass", "scheduling.k8s.io/v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("Service", "v1"),
    ("ServiceAccount", "v1"),
    ("ValidatingAdmissionPolicy", "admissionregistration.k8s.io/v1"),
    (
        "ValidatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io/v1",
    ),
];

/// A folder with the schemas of a release, one a kind, and of our own kinds.
///
/// # Errors
/// [`ToolError`].
pub async fn of(release: &str) -> Result<PathBuf, ToolError> {
    let folder = tools::cache()?.join("schemas").join(release);
    if !KINDS
        .iter()
        .all(|(kind, version)| folder.join(file(kind, version)).is_file())
    {
        let document = swagger(release).await?;
        written(&folder, fs::create_dir_all(&folder))?;
        for (kind, version) in KINDS {
            if let Some(schema) = schema(&document, kind, version) {
                write(&folder.join(file(kind, version)), &schema)?;
            }
        }
    }
    // Ours change with the code.
    for (_, definition) in audit_api::crds::all() {
        let kind = definition.spec.names.kind;
        for version in definition.spec.versions {
            let schema = version
                .schema
                .and_then(|schema| serde_json::to_value(schema.open_api_v3_schema).ok());
            let mut schema = schema.unwrap_or_default();
            strict(&mut schema);
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                for name in ["apiVersion", "kind", "metadata"] {
                    properties.insert(name.to_owned(), json!({}));
                }
            }
            let api_version = format!("{}/{}", definition.spec.group, version.name);
            write(&folder.join(file(&kind, &api_version)), &schema)?;
        }
    }
    Ok(folder)
}

/// Writes aside and renames, because several tests may do so at once.
fn write(path: &Path, schema: &Value) -> Result<(), ToolError> {
    let folder = path.parent().unwrap_or(path);
    let aside = written(folder, tempfile::NamedTempFile::new_in(folder))?;
    written(path, fs::write(aside.path(), schema.to_string()))?;
    written(path, aside.persist(path).map_err(|error| error.error))?;
    Ok(())
}

/// The name under which kubeconform looks for a schema.
fn file(kind: &str, api_version: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let group = group.split('.').next().unwrap_or_default();
    let dash = if group.is_empty() { "" } else { "-" };
    format!("{}{dash}{group}-{version}.json", kind.to_lowercase())
}

/// The OpenAPI document of a release.
async fn swagger(release: &str) -> Result<Value, ToolError> {
    let module = format!("k8s.io/kubernetes@{release}");
    let answer = tools::run(Path::new("go"), &["mod", "download", "-json", &module]).await?;
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    let folder = answer.get("Dir").and_then(Value::as_str).unwrap_or_default();
    let path = Path::new(folder).join("api/openapi-spec/swagger.json");
    let text = written(&path, fs::read_to_string(&path))?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// The schema of a kind, with the definitions that it refers to and no others.
fn schema(document: &Value, kind: &str, api_version: &str) -> Option<Value> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let wanted = json!([{"group": group, "kind": kind, "version": version}]);
    let definitions = document.get("definitions")?.as_object()?;
    let is_wanted = |definition: &Value| definition.get("x-kubernetes-group-version-kind") == Some(&wanted);
    let (root, _) = definitions.iter().find(|(_, definition)| is_wanted(definition))?;
    let mut reached = BTreeMap::new();
    let mut ahead = BTreeSet::from([root.clone()]);
    while let Some(name) = ahead.pop_first() {
        let mut definition = definitions.get(&name)?.clone();
        references(&definition, &mut ahead);
        ahead.retain(|name| !reached.contains_key(name));
        if name.ends_with(".IntOrString") || name.ends_with(".Quantity") {
            // The document calls them strings, and the API server takes numbers as well.
            definition = json!({"type": ["string", "number"]});
        }
        strict(&mut definition);
        reached.insert(name, definition);
    }
    let definitions: Map<String, Value> = reached.into_iter().collect();
    Some(json!({"$ref": format!("#/definitions/{root}"), "definitions": definitions}))
}

fn references(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str);
            found.extend(
                name.and_then(|name| name.strip_prefix("#/definitions/"))
                    .map(str::to_owned),
            );
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Lets no unknown key pass.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let has_properties = object.get("properties").is_some_and(Value::is_object);
            if has_properties && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            // OpenAPI's formats, such as `int32`, are none of JSON Schema's.
            if object.get("format").is_some_and(Value::is_string) {
                object.remove("format");
            }
            object.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}
