//! `GetAccountAuthorizationDetails`: everything about roles and managed policies in one listing.

use super::{Context, elements, policies};
use crate::error::ServiceError;
use crate::paging::{self, Key};
use crate::parameters::Parameters;
use crate::role::StoredRole;
use crate::settings::Settings;
use crate::tables::ManagedPolicy;
use crate::xml::Xml;
use std::collections::BTreeMap;

/// One item of the listing.
enum Entity<'a> {
    Role(&'a StoredRole),
    Policy(&'a ManagedPolicy),
}

/// `GetAccountAuthorizationDetails`. The account has no users and no groups. Roles come first, then the account's
/// policies, then those of AWS that the account uses; a page may hold some of each.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let kinds = Kinds::asked(context.parameters)?;
    let tables = context.tables();
    let uses = if kinds.local || kinds.aws {
        policies::uses(tables)
    } else {
        BTreeMap::new()
    };
    let roles = tables.roles.iter().filter(|_| kinds.roles);
    let local = tables.policies.iter().filter(|_| kinds.local);
    let aws = context
        .aws_managed
        .iter()
        .filter(|(arn, _)| kinds.aws && uses.contains_key(arn.as_str()));
    let entities = (roles.map(|(name, role)| (key(0, name), Entity::Role(role))))
        .chain(local.map(|(arn, policy)| (key(1, arn), Entity::Policy(policy))))
        .chain(aws.map(|(arn, policy)| (key(2, arn), Entity::Policy(policy))));
    let page = paging::page(context.settings, context.parameters, entities)?;
    xml.nest("UserDetailList", |_| ()).nest("GroupDetailList", |_| ());
    xml.nest("RoleDetailList", |xml| {
        for entity in &page.items {
            if let Entity::Role(role) = entity {
                xml.nest("member", |xml| role_detail(xml, role, context.settings));
            }
        }
    });
    xml.nest("Policies", |xml| {
        for entity in &page.items {
            if let Entity::Policy(policy) = entity {
                let uses = uses.get(policy.arn.as_str()).copied().unwrap_or_default();
                xml.nest("member", |xml| policy_detail(xml, policy, uses, context.settings));
            }
        }
    });
    page.write_end(xml);
    Ok(())
}

fn key(rank: u8, name: &str) -> Key<'_> {
    (rank, name)
}

fn role_detail(xml: &mut Xml, stored: &StoredRole, settings: &Settings) {
    elements::role_core(xml, stored, settings);
    xml.nest("InstanceProfileList", |_| ());
    xml.nest("RolePolicyList", |xml| {
        for (name, document) in &stored.role.inline {
            xml.nest("member", |xml| {
                xml.leaf("PolicyName", name)
                    .leaf("PolicyDocument", &settings.document(document));
            });
        }
    });
    elements::attached_policies(xml, "AttachedManagedPolicies", &stored.role.attached);
    elements::role_extras(xml, &stored.role);
}

fn policy_detail(xml: &mut Xml, policy: &ManagedPolicy, uses: (usize, usize), settings: &Settings) {
    elements::policy_core(xml, policy, uses);
    xml.nest("PolicyVersionList", |xml| {
        for version in &policy.versions {
            xml.nest("member", |xml| {
                elements::policy_version(xml, policy, version, settings);
            });
        }
    });
}

/// What kinds of things the caller wants.
struct Kinds {
    roles: bool,
    local: bool,
    aws: bool,
}

impl Kinds {
    /// What `Filter` names; all without it.
    fn asked(parameters: &Parameters) -> Result<Self, ServiceError> {
        let filter = parameters.list("Filter");
        let known = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
        if let Some(unknown) = filter.iter().find(|kind| !known.contains(kind)) {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: Value '{unknown}' at 'filter' failed to satisfy constraint: Member must \
                 satisfy enum value set"
            )));
        }
        let wants = |kind| filter.is_empty() || filter.contains(&kind);
        Ok(Self {
            roles: wants("Role"),
            local: wants("LocalManagedPolicy"),
            aws: wants("AWSManagedPolicy"),
        })
    }
}
