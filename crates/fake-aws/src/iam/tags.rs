//! Tags of roles.

use super::Context;
use crate::error::ServiceError;
use crate::parameters::Parameters;
use crate::role::Tags;

/// At most so many tags on a role.
const LIMIT: usize = 50;

/// `TagRole`.
pub(super) fn tag_role(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let new = checked(context.parameters)?;
    context.change_role(|stored| {
        let mut tags = stored.role.tags.clone();
        for (key, value) in new.iter() {
            tags.set(key.to_owned(), value.to_owned());
        }
        if tags.len() > LIMIT {
            let message = format!("The number of tags has exceeded the limit of {LIMIT}.");
            return Err(ServiceError::limit_exceeded(message));
        }
        stored.role.tags = tags;
        Ok(())
    })
}

/// `UntagRole`: keys that are not there do not matter.
pub(super) fn untag_role(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let keys = context.parameters.list("TagKeys");
    context.change_role(|stored| {
        for key in &keys {
            stored.role.tags.remove(key);
        }
        Ok(())
    })
}

/// The request's tags, if IAM would take them.
pub(super) fn checked(parameters: &Parameters) -> Result<Tags, ServiceError> {
    let given = parameters.tags()?;
    for (key, value) in &given {
        let legal = |text: &str| text.chars().all(is_tag_character);
        if key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || !legal(key)
            || !legal(value)
        {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: tag '{key}' failed to satisfy constraint: keys have 1 to 128, values up \
                 to 256 letters, digits, spaces and _.:/=+-@"
            )));
        }
    }
    let count = given.len();
    let tags = Tags::from_iter(given);
    if tags.len() != count {
        return Err(ServiceError::invalid_input(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    Ok(tags)
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}
