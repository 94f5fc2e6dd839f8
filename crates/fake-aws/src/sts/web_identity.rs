//! `AssumeRoleWithWebIdentity`: as much as shows a caller each answer. The token's signature is not verified, and the trust policy is not
//! evaluated: a test that wants STS to refuse says so with a [`Fault`](crate::Fault).

use super::{session, split_role_arn};
use crate::error::ServiceError;
use crate::incoming::Incoming;
use crate::service::WEB_IDENTITY;
use crate::tables::Provider;
use crate::world::World;
use crate::xml::Xml;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::time::Instant;

/// Gives a session of the role, if the account has a provider for the token's issuer and audience.
pub(crate) fn perform(world: &mut World, incoming: &Incoming) -> Result<Xml, ServiceError> {
    let parameters = &incoming.parameters;
    let arn = parameters.required("RoleArn")?;
    let session_name = parameters.required("RoleSessionName")?;
    let token = parameters.required("WebIdentityToken")?;
    let seconds = parameters
        .integer("DurationSeconds", 900..=43200)?
        .unwrap_or(3600);
    let claims = claims(token).ok_or_else(|| {
        invalid_token(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    })?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let refused = || {
        ServiceError::new(
            403,
            "AccessDenied",
            format!("Not authorized to perform sts:{WEB_IDENTITY}"),
        )
    };
    let (account_id, name) = split_role_arn(arn).ok_or_else(refused)?;
    let account = world.accounts.get_mut(account_id).ok_or_else(refused)?;
    account.timeline.advance(Instant::now());
    let tables = account.timeline.visible();
    let provider = tables
        .providers
        .get(&Provider::arn(account_id, issuer))
        .ok_or_else(|| {
            let message = format!("No OpenIDConnect provider found in your account for {issuer}");
            invalid_token(message)
        })?;
    let accepts = |audience: &str| provider.client_ids.iter().any(|id| id == audience);
    if !audiences(&claims).any(accepts) {
        return Err(invalid_token("Incorrect token audience"));
    }
    let stored = tables.roles.get(name).filter(|stored| stored.arn == arn);
    let role_id = stored.ok_or_else(refused)?.id.clone();
    Ok(session(
        world,
        (account_id, arn),
        &role_id,
        session_name,
        u32::try_from(seconds).unwrap_or(u32::MAX),
    ))
}

fn invalid_token(message: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidIdentityToken", message)
}

fn claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// A token has one audience, or a list of them.
fn audiences(claims: &Value) -> impl Iterator<Item = &str> {
    let audience = claims.get("aud");
    let list = audience.and_then(Value::as_array).into_iter().flatten();
    list.chain(audience).filter_map(Value::as_str)
}
