//! Inline policies of roles.

use super::Context;
use crate::document::{self, INLINE_QUOTA, Kind};
use crate::error::ServiceError;
use crate::paging;
use crate::xml::Xml;

/// `ListRolePolicies`.
pub(super) fn list(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let stored = context.role()?;
    let names = stored.role.inline.keys().map(|name| ((0, name.as_str()), name));
    let page = paging::page(context.settings, context.parameters, names)?;
    xml.nest("PolicyNames", |xml| {
        for name in &page.items {
            xml.leaf("member", name);
        }
    });
    page.write_end(xml);
    Ok(())
}

/// `GetRolePolicy`.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let name = context.parameters.required("PolicyName")?;
    let stored = context.role()?;
    let document = stored.role.inline.get(name).ok_or_else(|| missing(name))?;
    xml.leaf("RoleName", &stored.role.name).leaf("PolicyName", name);
    xml.leaf("PolicyDocument", &context.settings.document(document));
    Ok(())
}

/// `PutRolePolicy`.
pub(super) fn put(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let name = context.parameters.required("PolicyName")?;
    let document = context.parameters.required("PolicyDocument")?;
    document::check(Kind::Identity, document)?;
    context.change_role(|stored| {
        let role = &mut stored.role;
        let others = role
            .inline
            .iter()
            .filter(|(held, _)| *held != name)
            .map(|(_, held)| document::size(held));
        // The quota is of all inline policies of the role together.
        if others.sum::<usize>() + document::size(document) > INLINE_QUOTA {
            let message = format!(
                "Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {}",
                role.name
            );
            return Err(ServiceError::limit_exceeded(message));
        }
        role.inline.insert(name.to_owned(), document.to_owned());
        Ok(())
    })
}

/// `DeleteRolePolicy`.
pub(super) fn delete(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let name = context.parameters.required("PolicyName")?;
    context.change_role(|stored| {
        stored
            .role
            .inline
            .remove(name)
            .map(drop)
            .ok_or_else(|| missing(name))
    })
}

fn missing(name: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("The role policy with name {name} cannot be found."))
}
