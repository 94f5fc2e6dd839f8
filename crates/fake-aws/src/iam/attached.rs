//! Managed policies attached to roles.

use super::{Context, elements};
use crate::error::ServiceError;
use crate::paging;
use crate::xml::Xml;

/// `ListAttachedRolePolicies`.
pub(super) fn list(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let stored = context.role()?;
    let arns = stored.role.attached.iter().map(|arn| ((0, arn.as_str()), arn));
    let page = paging::page(context.settings, context.parameters, arns)?;
    xml.nest("AttachedPolicies", |xml| {
        for arn in &page.items {
            elements::attached_policy(xml, arn);
        }
    });
    page.write_end(xml);
    Ok(())
}

/// `AttachRolePolicy`: the policy must exist; attaching twice is no error.
pub(super) fn attach(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let arn = context.parameters.required("PolicyArn")?;
    if !context.aws_managed.contains_key(arn) && !context.timeline.live().policies.contains_key(arn) {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(ServiceError::no_such_entity(message));
    }
    context.change_role(|stored| {
        stored.role.attached.insert(arn.to_owned());
        Ok(())
    })
}

/// `DetachRolePolicy`.
pub(super) fn detach(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let arn = context.parameters.required("PolicyArn")?;
    context.change_role(|stored| {
        if stored.role.attached.remove(arn) {
            return Ok(());
        }
        Err(ServiceError::no_such_entity(format!(
            "Policy {arn} was not found."
        )))
    })
}
