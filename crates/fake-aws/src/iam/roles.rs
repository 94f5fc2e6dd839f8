//! Roles: read, create, delete, and change whom they trust.

use super::{Context, elements, modifiable_role, path, role_name, tags};
use crate::document::{self, Kind, TRUST_QUOTA};
use crate::error::ServiceError;
use crate::paging;
use crate::role::{Role, StoredRole};
use crate::xml::Xml;
use jiff::Timestamp;
use std::sync::Arc;

/// `GetRole`.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let stored = context.role()?;
    xml.nest("Role", |xml| {
        elements::role_core(xml, stored, context.settings);
        elements::role_settings(xml, &stored.role);
        elements::role_extras(xml, &stored.role);
    });
    Ok(())
}

/// `ListRoles`, which leaves out boundary, tags and last use (IAM API reference).
pub(super) fn list(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let prefix = context.parameters.get("PathPrefix").unwrap_or("/");
    let roles = &context.tables().roles;
    let rows = roles
        .iter()
        .filter(|(_, stored)| stored.role.path.starts_with(prefix));
    let rows = rows.map(|(name, stored)| ((0, name.as_str()), stored));
    let page = paging::page(context.settings, context.parameters, rows)?;
    xml.nest("Roles", |xml| {
        for stored in &page.items {
            xml.nest("member", |xml| {
                elements::role_core(xml, stored, context.settings);
                elements::role_settings(xml, &stored.role);
            });
        }
    });
    page.write_end(xml);
    Ok(())
}

/// `CreateRole`.
pub(super) fn create(context: &mut Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let parameters = context.parameters;
    let trust = trust_document(
        parameters.required("AssumeRolePolicyDocument")?,
        trust_quota(context),
    )?;
    let mut role = Role::named(role_name(parameters)?)
        .path(path(parameters)?)
        .trust(trust);
    role.tags = tags::checked(parameters)?;
    role.description = parameters.get("Description").map(ToOwned::to_owned);
    role.boundary = parameters.get("PermissionsBoundary").map(ToOwned::to_owned);
    if let Some(seconds) = parameters.integer("MaxSessionDuration", 3600..=43200)? {
        role.max_session = u32::try_from(seconds).unwrap_or(u32::MAX);
    }
    if role.is_service_linked() {
        return Err(ServiceError::validation(
            "Service-linked roles are created by CreateServiceLinkedRole.",
        ));
    }
    let arn = role.arn(context.account_id);
    let stored = context.write(|tables, ids| {
        let name = role.name.clone();
        if tables.roles.keys().any(|held| held.eq_ignore_ascii_case(&name)) {
            return Err(ServiceError::already_exists(format!(
                "Role with name {name} already exists."
            )));
        }
        let stored = Arc::new(StoredRole {
            id: ids.unique("AROA"),
            arn,
            created: Timestamp::now(),
            role,
        });
        tables.roles.insert(name, Arc::clone(&stored));
        Ok(stored)
    })?;
    xml.nest("Role", |xml| {
        elements::role_core(xml, &stored, context.settings);
        elements::role_settings(xml, &stored.role);
        elements::role_extras(xml, &stored.role);
    });
    Ok(())
}

/// `DeleteRole`: not while it has policies.
pub(super) fn delete(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let name = role_name(context.parameters)?;
    context.write(|tables, _| {
        let role = &modifiable_role(tables, name)?.role;
        if !role.attached.is_empty() {
            return Err(ServiceError::delete_conflict(
                "Cannot delete entity, must detach all policies first.",
            ));
        }
        if !role.inline.is_empty() {
            return Err(ServiceError::delete_conflict(
                "Cannot delete entity, must delete policies first.",
            ));
        }
        tables.roles.remove(name);
        Ok(())
    })
}

/// `UpdateAssumeRolePolicy`.
pub(super) fn update_trust(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let document = context.parameters.required("PolicyDocument")?;
    let quota = trust_quota(context);
    context.change_role(|stored| {
        trust_document(document, quota)?.clone_into(&mut stored.role.trust);
        Ok(())
    })
}

/// `DeleteRolePermissionsBoundary`.
pub(super) fn delete_boundary(context: &mut Context<'_>) -> Result<(), ServiceError> {
    context.change_role(|stored| {
        stored.role.boundary = None;
        Ok(())
    })
}

fn trust_quota(context: &Context<'_>) -> usize {
    context.tables().trust_quota.unwrap_or(TRUST_QUOTA)
}

fn trust_document(document: &str, quota: usize) -> Result<&str, ServiceError> {
    document::check(Kind::Trust, document)?;
    if document::size(document) > quota {
        return Err(ServiceError::limit_exceeded(format!(
            "Cannot exceed quota for ACLSizePerRole: {quota}"
        )));
    }
    Ok(document)
}
