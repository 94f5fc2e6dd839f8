//! Managed policies, as the AWS CLI prints them.

use audit_core::model;
use serde::Deserialize;

use super::embedded::some_document;

/// A managed policy with its versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyDetail {
    pub(crate) arn: String,
    #[serde(default)]
    default_version_id: Option<String>,
    #[serde(rename = "PolicyVersionList", default)]
    versions: Vec<PolicyVersion>,
    #[serde(flatten)]
    counts: PolicyCounts,
}

impl PolicyDetail {
    /// The policy with the document that is in force, where that was printed.
    pub(crate) fn into_model(self) -> Option<model::ManagedPolicy> {
        let default = self.default_version_id;
        let in_force = |version: &PolicyVersion| {
            version.is_default_version || (default.is_some() && version.version_id == default)
        };
        let versions = Some(self.versions.len());
        let document = self.versions.into_iter().find(in_force)?.document?;
        Some(model::ManagedPolicy {
            versions,
            ..self.counts.of(document)
        })
    }
}

/// How many users, groups and roles have a managed policy.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyCounts {
    #[serde(default)]
    attachment_count: Option<u32>,
    #[serde(default)]
    permissions_boundary_usage_count: Option<u32>,
}

impl PolicyCounts {
    /// The policy with this document.
    pub(crate) fn of(self, document: String) -> model::ManagedPolicy {
        model::ManagedPolicy {
            attachments: self.attachment_count,
            bounded: self.permissions_boundary_usage_count,
            ..document.into()
        }
    }
}

/// A version of a managed policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyVersion {
    #[serde(default, deserialize_with = "some_document")]
    pub(crate) document: Option<String>,
    #[serde(default)]
    pub(crate) version_id: Option<String>,
    #[serde(default)]
    pub(crate) is_default_version: bool,
}

/// A managed policy without its versions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ManagedPolicy {
    pub(crate) arn: String,
    #[serde(default)]
    pub(crate) default_version_id: Option<String>,
    #[serde(flatten)]
    pub(crate) counts: PolicyCounts,
}
