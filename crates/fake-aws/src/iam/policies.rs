//! Managed policies.

use super::{Context, elements, path, tags};
use crate::document::{self, Kind, MANAGED_QUOTA};
use crate::error::ServiceError;
use crate::tables::{ManagedPolicy, Tables};
use crate::xml::Xml;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `GetPolicy`.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let policy = context.policy(context.parameters.required("PolicyArn")?)?;
    let uses = uses(context.tables())
        .get(policy.arn.as_str())
        .copied()
        .unwrap_or_default();
    xml.nest("Policy", |xml| {
        elements::policy_core(xml, policy, uses);
        elements::tags(xml, &policy.tags);
    });
    Ok(())
}

/// `GetPolicyVersion`.
pub(super) fn get_version(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let policy = context.policy(context.parameters.required("PolicyArn")?)?;
    let version = context.parameters.required("VersionId")?;
    if version != ManagedPolicy::VERSION {
        let message = format!(
            "Policy {} version {version} does not exist or is not attachable.",
            policy.arn
        );
        return Err(ServiceError::no_such_entity(message));
    }
    xml.nest("PolicyVersion", |xml| {
        elements::policy_version(xml, policy, context.settings);
    });
    Ok(())
}

/// `CreatePolicy`.
pub(super) fn create(context: &mut Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let parameters = context.parameters;
    let name = parameters.required("PolicyName")?;
    let document = parameters.required("PolicyDocument")?;
    let path = path(parameters)?;
    let tags = tags::checked(parameters)?;
    document::check(Kind::Identity, document)?;
    if document::size(document) > MANAGED_QUOTA {
        return Err(ServiceError::limit_exceeded(format!(
            "Cannot exceed quota for PolicySize: {MANAGED_QUOTA}"
        )));
    }
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", context.account_id);
    let policy = context.write(|tables, ids| {
        if tables
            .policies
            .values()
            .any(|held| held.name.eq_ignore_ascii_case(name))
        {
            return Err(ServiceError::already_exists(format!(
                "A policy called {name} already exists."
            )));
        }
        let policy = Arc::new(ManagedPolicy {
            path: path.to_owned(),
            description: parameters.get("Description").map(ToOwned::to_owned),
            tags,
            ..ManagedPolicy::new(ids.unique("ANPA"), arn.clone(), document.to_owned())
        });
        tables.policies.insert(arn, Arc::clone(&policy));
        Ok(policy)
    })?;
    xml.nest("Policy", |xml| {
        elements::policy_core(xml, &policy, (0, 0));
        elements::tags(xml, &policy.tags);
    });
    Ok(())
}

/// How often each policy is attached, and used as a boundary.
pub(super) fn uses(tables: &Tables) -> BTreeMap<&str, (usize, usize)> {
    let mut uses = BTreeMap::<&str, (usize, usize)>::new();
    for stored in tables.roles.values() {
        for arn in &stored.role.attached {
            uses.entry(arn).or_default().0 += 1;
        }
        if let Some(arn) = &stored.role.boundary {
            uses.entry(arn).or_default().1 += 1;
        }
    }
    uses
}
