//! Managed policies.

use super::{Context, elements, path, tags};
use crate::document::{self, Kind, MANAGED_QUOTA};
use crate::error::ServiceError;
use crate::parameters::Parameters;
use crate::tables::{ManagedPolicy, PolicyVersion, Tables};
use crate::xml::Xml;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many versions a policy may have.
const MAX_VERSIONS: usize = 5;

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
    let id = context.parameters.required("VersionId")?;
    let version = policy.versions.iter().find(|version| version.id() == id);
    let version = version.ok_or_else(|| {
        let message = format!(
            "Policy {} version {id} does not exist or is not attachable.",
            policy.arn
        );
        ServiceError::no_such_entity(message)
    })?;
    xml.nest("PolicyVersion", |xml| {
        elements::policy_version(xml, policy, version, context.settings);
    });
    Ok(())
}

/// `CreatePolicyVersion`.
pub(super) fn create_version(context: &mut Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let parameters = context.parameters;
    let arn = parameters.required("PolicyArn")?;
    let document = checked_document(parameters)?;
    let is_default = parameters.get("SetAsDefault") == Some("true");
    let policy = context.write(|tables, _| {
        let held = tables
            .policies
            .get_mut(arn)
            .ok_or_else(|| ServiceError::no_such_entity(format!("Policy {arn} was not found.")))?;
        if held.versions.len() >= MAX_VERSIONS {
            return Err(ServiceError::limit_exceeded(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
                 version."
                    .to_owned(),
            ));
        }
        let policy = Arc::make_mut(held);
        let number = policy.versions.iter().map(|version| version.number).max();
        let version = PolicyVersion::new(number.unwrap_or_default() + 1, document.to_owned());
        if is_default {
            policy.default = version.number;
        }
        policy.versions.push(version);
        Ok(Arc::clone(held))
    })?;
    if let Some(version) = policy.versions.last() {
        xml.nest("PolicyVersion", |xml| {
            elements::version_core(xml, &policy, version);
        });
    }
    Ok(())
}

/// `CreatePolicy`.
pub(super) fn create(context: &mut Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let parameters = context.parameters;
    let name = parameters.required("PolicyName")?;
    let document = checked_document(parameters)?;
    let path = path(parameters)?;
    let tags = tags::checked(parameters)?;
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

/// `PolicyDocument`, unless IAM would refuse it.
fn checked_document(parameters: &Parameters) -> Result<&str, ServiceError> {
    let document = parameters.required("PolicyDocument")?;
    document::check(Kind::Identity, document)?;
    if document::size(document) > MANAGED_QUOTA {
        return Err(ServiceError::limit_exceeded(format!(
            "Cannot exceed quota for PolicySize: {MANAGED_QUOTA}"
        )));
    }
    Ok(document)
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
