//! OpenID Connect providers.

use super::{Context, elements, tags};
use crate::error::ServiceError;
use crate::tables::{Provider, without_scheme};
use crate::xml::Xml;
use jiff::Timestamp;
use std::sync::Arc;

/// At most so many client ids of a provider.
const CLIENT_IDS: usize = 100;

/// `ListOpenIDConnectProviders`, which has no pages.
pub(super) fn list(context: &Context<'_>, xml: &mut Xml) {
    xml.nest("OpenIDConnectProviderList", |xml| {
        for arn in context.tables().providers.keys() {
            xml.nest("member", |xml| {
                xml.leaf("Arn", arn);
            });
        }
    });
}

/// `GetOpenIDConnectProvider`, which gives the URL without its scheme.
pub(super) fn get(context: &Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let arn = context.parameters.required("OpenIDConnectProviderArn")?;
    let provider = context.tables().providers.get(arn).ok_or_else(|| missing(arn))?;
    xml.leaf("Url", &provider.url);
    strings(xml, "ClientIDList", &provider.client_ids);
    strings(xml, "ThumbprintList", &provider.thumbprints);
    elements::time(xml, "CreateDate", provider.created);
    elements::tags(xml, &provider.tags);
    Ok(())
}

/// `CreateOpenIDConnectProvider`.
pub(super) fn create(context: &mut Context<'_>, xml: &mut Xml) -> Result<(), ServiceError> {
    let url = context.parameters.required("Url")?;
    if !url.starts_with("https://") || url.contains('?') {
        return Err(ServiceError::validation("Invalid Open ID Connect Provider URL"));
    }
    let client_ids = owned(&context.parameters.list("ClientIDList"));
    if client_ids.len() > CLIENT_IDS {
        return Err(too_many_client_ids());
    }
    let provider = Provider {
        url: without_scheme(url).to_owned(),
        client_ids,
        thumbprints: owned(&context.parameters.list("ThumbprintList")),
        created: Timestamp::now(),
        tags: tags::checked(context.parameters)?,
    };
    let arn = Provider::arn(context.account_id, url);
    xml.leaf("OpenIDConnectProviderArn", &arn);
    elements::tags(xml, &provider.tags);
    context.write(|tables, _| {
        if tables.providers.contains_key(&arn) {
            return Err(ServiceError::already_exists(format!(
                "Provider with url {url} already exists."
            )));
        }
        tables.providers.insert(arn, Arc::new(provider));
        Ok(())
    })
}

/// `DeleteOpenIDConnectProvider`: one that is not there is no error (IAM API reference: idempotent).
pub(super) fn delete(context: &mut Context<'_>) -> Result<(), ServiceError> {
    let arn = context.parameters.required("OpenIDConnectProviderArn")?;
    context.write(|tables, _| {
        tables.providers.remove(arn);
        Ok(())
    })
}

/// `AddClientIDToOpenIDConnectProvider`: one that is there is no error.
pub(super) fn add_client_id(context: &mut Context<'_>) -> Result<(), ServiceError> {
    change(context, |provider, client_id| {
        if provider.client_ids.iter().any(|held| held == client_id) {
            return Ok(());
        }
        if provider.client_ids.len() >= CLIENT_IDS {
            return Err(too_many_client_ids());
        }
        provider.client_ids.push(client_id.to_owned());
        Ok(())
    })
}

/// `RemoveClientIDFromOpenIDConnectProvider`: one that is not there is no error.
pub(super) fn remove_client_id(context: &mut Context<'_>) -> Result<(), ServiceError> {
    change(context, |provider, client_id| {
        provider.client_ids.retain(|held| held != client_id);
        Ok(())
    })
}

fn change(
    context: &mut Context<'_>,
    change: impl FnOnce(&mut Provider, &str) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let arn = context.parameters.required("OpenIDConnectProviderArn")?;
    let client_id = context.parameters.required("ClientID")?;
    context.write(|tables, _| {
        let provider = tables.providers.get_mut(arn).ok_or_else(|| missing(arn))?;
        change(Arc::make_mut(provider), client_id)
    })
}

fn strings(xml: &mut Xml, list: &str, values: &[String]) {
    xml.nest(list, |xml| {
        for value in values {
            xml.leaf("member", value);
        }
    });
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn missing(arn: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

fn too_many_client_ids() -> ServiceError {
    ServiceError::limit_exceeded(format!(
        "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}"
    ))
}
