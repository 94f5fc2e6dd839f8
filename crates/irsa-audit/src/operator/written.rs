//! What the API server answers to a write.

use std::borrow::Cow;

use audit_api::IrsaAudit;
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::{Deserialize, Deserializer};

/// An `IrsaAudit` as it is after a write: its version. All else is not read, because others write it, among it times of any year in
/// `managedFields`, and a write that was carried out would count as one that failed.
#[derive(Debug, Clone)]
pub struct WrittenAudit {
    metadata: ObjectMeta,
}

impl<'de> Deserialize<'de> for WrittenAudit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Answer {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            resource_version: Option<String>,
        }
        let Answer { metadata } = Answer::deserialize(from)?;
        Ok(Self {
            metadata: ObjectMeta {
                resource_version: metadata.resource_version,
                ..ObjectMeta::default()
            },
        })
    }
}

impl Resource for WrittenAudit {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        IrsaAudit::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        IrsaAudit::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        IrsaAudit::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        IrsaAudit::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_version_is_read_whatever_else_is_in_it() {
        let answer = json!({ "metadata": { "resourceVersion": "7",
            "managedFields": [{ "time": "9999-12-31T23:59:59Z" }] }, "spec": 1 });
        let written: WrittenAudit = serde_json::from_str(&answer.to_string()).unwrap();
        assert_eq!(written.meta().resource_version.as_deref(), Some("7"));
    }
}
