//! XML that several operations share.

use crate::role::{Role, StoredRole, Tags};
use crate::settings::Settings;
use crate::tables::{ManagedPolicy, PolicyVersion, name_of};
use crate::xml::Xml;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A point in time to the second, as IAM gives it.
pub(super) fn time(xml: &mut Xml, name: &str, at: Timestamp) {
    xml.leaf(name, &format!("{at:.0}"));
}

/// `Tags`.
pub(super) fn tags(xml: &mut Xml, tags: &Tags) {
    xml.nest("Tags", |xml| {
        for (key, value) in tags.iter() {
            xml.nest("member", |xml| {
                xml.leaf("Key", key).leaf("Value", value);
            });
        }
    });
}

/// What every listing says of a role.
pub(super) fn role_core(xml: &mut Xml, stored: &StoredRole, settings: &Settings) {
    let StoredRole {
        id,
        arn,
        created,
        role,
    } = stored;
    xml.leaf("Path", &role.path)
        .leaf("RoleName", &role.name)
        .leaf("RoleId", id)
        .leaf("Arn", arn);
    time(xml, "CreateDate", *created);
    xml.leaf("AssumeRolePolicyDocument", &settings.document(&role.trust));
}

/// What `Role` has on top of `RoleDetail`.
pub(super) fn role_settings(xml: &mut Xml, role: &Role) {
    if let Some(description) = &role.description {
        xml.leaf("Description", description);
    }
    xml.leaf("MaxSessionDuration", &role.max_session.to_string());
}

/// What only reads of a single role and the account's details say of it.
pub(super) fn role_extras(xml: &mut Xml, role: &Role) {
    if let Some(arn) = &role.boundary {
        xml.nest("PermissionsBoundary", |xml| {
            // The service answers `Policy`, its model's only value is `PermissionsBoundaryPolicy`.
            xml.leaf("PermissionsBoundaryType", "Policy")
                .leaf("PermissionsBoundaryArn", arn);
        });
    }
    tags(xml, &role.tags);
    xml.nest("RoleLastUsed", |xml| {
        if let Some(used) = &role.last_used {
            time(xml, "LastUsedDate", used.at);
            xml.leaf("Region", &used.region);
        }
    });
}

/// One attached policy.
pub(super) fn attached_policy(xml: &mut Xml, arn: &str) {
    xml.nest("member", |xml| {
        xml.leaf("PolicyName", name_of(arn)).leaf("PolicyArn", arn);
    });
}

/// Policies attached to a role, as `list` names them.
pub(super) fn attached_policies(xml: &mut Xml, list: &str, arns: &BTreeSet<String>) {
    xml.nest(list, |xml| arns.iter().for_each(|arn| attached_policy(xml, arn)));
}

/// What every answer says of a managed policy; `uses` counts attachments and boundaries.
pub(super) fn policy_core(xml: &mut Xml, policy: &ManagedPolicy, uses: (usize, usize)) {
    xml.leaf("PolicyName", &policy.name)
        .leaf("PolicyId", &policy.id)
        .leaf("Arn", &policy.arn);
    xml.leaf("Path", &policy.path)
        .leaf("DefaultVersionId", &format!("v{}", policy.default));
    xml.leaf("AttachmentCount", &uses.0.to_string());
    xml.leaf("PermissionsBoundaryUsageCount", &uses.1.to_string());
    xml.leaf("IsAttachable", "true");
    if let Some(description) = &policy.description {
        xml.leaf("Description", description);
    }
    time(xml, "CreateDate", policy.created);
    time(xml, "UpdateDate", policy.created);
}

/// One version of a managed policy.
pub(super) fn policy_version(
    xml: &mut Xml,
    policy: &ManagedPolicy,
    version: &PolicyVersion,
    settings: &Settings,
) {
    xml.leaf("Document", &settings.document(&version.document));
    version_core(xml, policy, version);
}

/// The same without its document.
pub(super) fn version_core(xml: &mut Xml, policy: &ManagedPolicy, version: &PolicyVersion) {
    let is_default = version.number == policy.default;
    xml.leaf("VersionId", &version.id())
        .leaf("IsDefaultVersion", &is_default.to_string());
    time(xml, "CreateDate", version.created);
}
