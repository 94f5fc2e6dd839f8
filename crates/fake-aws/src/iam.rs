//! IAM: the operations, one file for each kind of thing they are about.

mod attached;
mod details;
mod elements;
mod inline;
mod policies;
mod providers;
mod roles;
mod simulation;
mod summary;
mod tags;

use crate::error::ServiceError;
use crate::ids::Ids;
use crate::parameters::Parameters;
use crate::role::StoredRole;
use crate::service::Service;
use crate::settings::Settings;
use crate::tables::{ManagedPolicy, Tables};
use crate::timeline::Timeline;
use crate::xml::Xml;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What an operation works on.
pub(crate) struct Context<'a> {
    pub(crate) account_id: &'a str,
    pub(crate) timeline: &'a mut Timeline,
    pub(crate) aws_managed: &'a BTreeMap<String, ManagedPolicy>,
    pub(crate) ids: &'a mut Ids,
    pub(crate) settings: &'a Settings,
    pub(crate) parameters: &'a Parameters,
}

/// Does one operation and answers the inside of its result.
pub(crate) fn perform(context: &mut Context<'_>, operation: &str) -> Result<Xml, ServiceError> {
    let mut result = Xml::default();
    let xml = &mut result;
    match operation {
        "GetRole" => roles::get(context, xml),
        "ListRoles" => roles::list(context, xml),
        "CreateRole" => roles::create(context, xml),
        "DeleteRole" => roles::delete(context),
        "UpdateAssumeRolePolicy" => roles::update_trust(context),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(context),
        "TagRole" => tags::tag_role(context),
        "UntagRole" => tags::untag_role(context),
        "ListRolePolicies" => inline::list(context, xml),
        "GetRolePolicy" => inline::get(context, xml),
        "PutRolePolicy" => inline::put(context),
        "DeleteRolePolicy" => inline::delete(context),
        "ListAttachedRolePolicies" => attached::list(context, xml),
        "AttachRolePolicy" => attached::attach(context),
        "DetachRolePolicy" => attached::detach(context),
        "GetPolicy" => policies::get(context, xml),
        "GetPolicyVersion" => policies::get_version(context, xml),
        "CreatePolicy" => policies::create(context, xml),
        "CreatePolicyVersion" => policies::create_version(context, xml),
        "ListOpenIDConnectProviders" => {
            providers::list(context, xml);
            Ok(())
        }
        "GetOpenIDConnectProvider" => providers::get(context, xml),
        "CreateOpenIDConnectProvider" => providers::create(context, xml),
        "DeleteOpenIDConnectProvider" => providers::delete(context),
        "AddClientIDToOpenIDConnectProvider" => providers::add_client_id(context),
        "RemoveClientIDFromOpenIDConnectProvider" => providers::remove_client_id(context),
        "SimulatePrincipalPolicy" => simulation::simulate(context, xml),
        "GetAccountAuthorizationDetails" => details::get(context, xml),
        "GetAccountSummary" => {
            summary::get(context, xml);
            Ok(())
        }
        _ => Err(ServiceError::unknown_operation(Service::Iam, operation)),
    }?;
    Ok(result)
}

impl Context<'_> {
    /// The tables as reads see them.
    fn tables(&self) -> &Tables {
        self.timeline.visible()
    }

    /// The role that `RoleName` names. IAM takes the bare name alone: what path the caller has in mind does not
    /// matter.
    fn role(&self) -> Result<&StoredRole, ServiceError> {
        let name = role_name(self.parameters)?;
        self.tables()
            .roles
            .get(name)
            .map(Arc::as_ref)
            .ok_or_else(|| ServiceError::no_such_role(name))
    }

    /// A managed policy that this account may use, its own or AWS'.
    fn policy(&self, arn: &str) -> Result<&ManagedPolicy, ServiceError> {
        let own = self.tables().policies.get(arn).map(Arc::as_ref);
        own.or_else(|| self.aws_managed.get(arn))
            .ok_or_else(|| ServiceError::no_such_entity(format!("Policy {arn} was not found.")))
    }

    /// Writes to the tables; `change` leaves them alone when it fails.
    fn write<T>(
        &mut self,
        change: impl FnOnce(&mut Tables, &mut Ids) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let ids = &mut *self.ids;
        self.timeline
            .write(Instant::now(), self.settings.consistency_delay, |tables| {
                change(tables, ids)
            })
    }

    /// Changes the role that `RoleName` names, unless it belongs to AWS; `change` leaves it alone when it fails.
    fn change_role(
        &mut self,
        change: impl FnOnce(&mut StoredRole) -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        let name = role_name(self.parameters)?;
        self.write(|tables, _| change(Arc::make_mut(modifiable_role(tables, name)?)))
    }
}

/// A role, unless it belongs to AWS.
fn modifiable_role<'a>(tables: &'a mut Tables, name: &str) -> Result<&'a mut Arc<StoredRole>, ServiceError> {
    let stored = tables
        .roles
        .get_mut(name)
        .ok_or_else(|| ServiceError::no_such_role(name))?;
    if stored.role.is_service_linked() {
        return Err(ServiceError::unmodifiable_role(name));
    }
    Ok(stored)
}

/// `RoleName`, which must be a bare name.
fn role_name(parameters: &Parameters) -> Result<&str, ServiceError> {
    let name = parameters.required("RoleName")?;
    let allowed = |character: char| character.is_ascii_alphanumeric() || "+=,.@_-".contains(character);
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(ServiceError::validation(
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-",
        ));
    }
    Ok(name)
}

/// `Path`, which starts and ends with a slash.
fn path(parameters: &Parameters) -> Result<&str, ServiceError> {
    let path = parameters.get("Path").unwrap_or("/");
    if path.starts_with('/') && path.ends_with('/') {
        return Ok(path);
    }
    Err(ServiceError::validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters.",
    ))
}
