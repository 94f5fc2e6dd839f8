//! STS: who the caller is, and roles to assume.

mod trust;
pub(crate) mod web_identity;

use crate::denial;
use crate::error::ServiceError;
use crate::incoming::Incoming;
use crate::keyring::{Principal, Session};
use crate::service::Service;
use crate::world::World;
use crate::xml::Xml;
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

/// The secret key of every session.
const SESSION_SECRET: &str = "fake-session-secret";

/// Does one operation and answers the inside of its result.
pub(crate) fn perform(
    world: &mut World,
    caller: &Principal,
    incoming: &Incoming,
) -> Result<Xml, ServiceError> {
    let mut xml = Xml::default();
    match &*incoming.operation {
        "GetCallerIdentity" => {
            xml.leaf("Arn", &caller.arn)
                .leaf("UserId", &caller.user_id)
                .leaf("Account", &caller.account);
        }
        "AssumeRole" => assume_role(world, caller, incoming, &mut xml)?,
        operation => return Err(ServiceError::unknown_operation(Service::Sts, operation)),
    }
    Ok(xml)
}

/// `AssumeRole`: the whole ARN must match, and the role must trust the caller.
fn assume_role(
    world: &mut World,
    caller: &Principal,
    incoming: &Incoming,
    xml: &mut Xml,
) -> Result<(), ServiceError> {
    let parameters = &incoming.parameters;
    let arn = parameters.required("RoleArn")?;
    let session_name = parameters.required("RoleSessionName")?;
    let asked = parameters
        .integer("DurationSeconds", 900..=43200)?
        .unwrap_or(3600);
    let refused = || denial::error(incoming, Some(caller));
    // A role that does not exist, or not in an account of ours, looks like one that trusts nobody.
    let (account_id, name) = split_role_arn(arn).ok_or_else(refused)?;
    let account = world.accounts.get_mut(account_id).ok_or_else(refused)?;
    account.timeline.advance(Instant::now());
    let stored = account.timeline.visible().roles.get(name).ok_or_else(refused)?;
    let trusted = trust::admits(&stored.role.trust, caller, parameters.get("ExternalId"));
    if stored.arn != arn || !trusted || account.denies("sts:AssumeRole") {
        return Err(refused());
    }
    let seconds = u32::try_from(asked).unwrap_or(u32::MAX);
    if seconds > stored.role.max_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ServiceError::validation(message));
    }
    let role_id = stored.id.clone();
    *xml = session(world, (account_id, arn), &role_id, session_name, seconds);
    Ok(())
}

/// Makes a session of a role, and tells its credentials.
fn session(
    world: &mut World,
    (account_id, role_arn): (&str, &str),
    role_id: &str,
    session_name: &str,
    seconds: u32,
) -> Xml {
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let principal = Principal {
        account: account_id.to_owned(),
        arn: format!("arn:aws:sts::{account_id}:assumed-role/{name}/{session_name}"),
        user_id: format!("{role_id}:{session_name}"),
        role_arn: Some(role_arn.to_owned()),
    };
    let number = world.ids.number();
    let (key, token) = (
        format!("ASIAFAKE{number:012}"),
        format!("FakeSessionToken{number:012}"),
    );
    let expires = Timestamp::now() + SignedDuration::from_secs(seconds.into());
    let mut xml = Xml::default();
    xml.nest("Credentials", |xml| {
        xml.leaf("AccessKeyId", &key)
            .leaf("SecretAccessKey", SESSION_SECRET)
            .leaf("SessionToken", &token);
        xml.leaf("Expiration", &format!("{expires:.0}"));
    });
    xml.nest("AssumedRoleUser", |xml| {
        xml.leaf("AssumedRoleId", &principal.user_id)
            .leaf("Arn", &principal.arn);
    });
    world.keyring.add_session(
        key,
        Session {
            token,
            principal,
            expires,
        },
    );
    xml
}

/// Account and bare name of a role's ARN.
fn split_role_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some((account, path.rsplit('/').next()?))
}
