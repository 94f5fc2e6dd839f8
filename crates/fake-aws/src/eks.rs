//! EKS: clusters, their issuers, and associations of Pod Identity.

mod pod_identity;

use crate::error::ServiceError;
use crate::incoming::Incoming;
use crate::keyring::Principal;
use crate::paging;
use crate::service::Service;
use crate::settings::Settings;
use crate::tables::Tables;
use serde_json::{Value, json};

/// Does one operation. A cluster is in the region that its issuer names; in every one where that names none.
pub(crate) fn perform(
    tables: &Tables,
    settings: &Settings,
    caller: &Principal,
    incoming: &Incoming,
) -> Result<Value, ServiceError> {
    match &*incoming.operation {
        "ListClusters" => list(tables, settings, incoming),
        "DescribeCluster" => describe(tables, caller, incoming),
        "ListPodIdentityAssociations" => pod_identity::list(tables, settings, &incoming.parameters),
        "DescribePodIdentityAssociation" => pod_identity::describe(tables, &incoming.parameters),
        operation => Err(ServiceError::unknown_operation(Service::Eks, operation)),
    }
}

fn list(tables: &Tables, settings: &Settings, incoming: &Incoming) -> Result<Value, ServiceError> {
    let parameters = &incoming.parameters;
    let invalid = || ServiceError::new(400, "InvalidParameterException", "invalid paging parameters");
    let asked = parameters
        .integer("maxResults", 1..=100)
        .map_err(|_| invalid())?
        .unwrap_or(100);
    let there = tables
        .clusters
        .iter()
        .filter(|(_, issuer)| is_in(issuer, incoming.region()));
    let names = there.map(|(name, _)| ((0, name.as_str()), name));
    let page = paging::cut(settings, asked, parameters.get("nextToken"), names).ok_or_else(invalid)?;
    Ok(json!({ "clusters": page.items, "nextToken": page.next }))
}

fn describe(tables: &Tables, caller: &Principal, incoming: &Incoming) -> Result<Value, ServiceError> {
    let name = incoming.parameters.required("name")?;
    let issuer = cluster(tables, name)
        .ok()
        .filter(|issuer| is_in(issuer, incoming.region()))
        .ok_or_else(|| no_cluster(name))?;
    let arn = format!(
        "arn:aws:eks:{}:{}:cluster/{name}",
        incoming.region(),
        caller.account
    );
    Ok(json!({ "cluster": {
        "name": name,
        "arn": arn,
        "status": "ACTIVE",
        "version": "1.33",
        "platformVersion": "eks.1",
        "identity": { "oidc": { "issuer": issuer } },
        "tags": {},
    }}))
}

/// The issuer of a cluster.
fn cluster<'a>(tables: &'a Tables, name: &str) -> Result<&'a String, ServiceError> {
    tables.clusters.get(name).ok_or_else(|| no_cluster(name))
}

fn no_cluster(name: &str) -> ServiceError {
    let message = format!("No cluster found for name: {name}.");
    ServiceError::new(404, "ResourceNotFoundException", message)
}

/// Whether a cluster with this issuer is in a region.
fn is_in(issuer: &str, region: &str) -> bool {
    let own = issuer
        .strip_prefix("https://oidc.eks.")
        .and_then(|rest| rest.split('.').next());
    own.is_none_or(|own| own == region)
}
