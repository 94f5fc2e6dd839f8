//! Which kinds of the table the API server serves now, and at which version.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::api::DynamicObject;
use kube::core::discovery::ApiResource;
use kube::{Client, Resource as _};

use super::{ConsumerKind, kinds};
use crate::trouble::NOT_FOUND;

/// The kinds of the table whose definitions are installed.
///
/// # Errors
/// Where the API server does not say what it has: a kind that does not answer is not gone.
pub(crate) async fn served(
    client: &Client,
) -> Result<Vec<(&'static ConsumerKind, ApiResource)>, kube::Error> {
    let groups = client.list_api_groups().await?.groups;
    let groups: BTreeMap<&str, &APIGroup> = groups.iter().map(|group| (group.name.as_str(), group)).collect();
    let mut found: Vec<(&ConsumerKind, ApiResource)> = Vec::new();
    for (name, group) in groups {
        let mut wanted: Vec<&'static ConsumerKind> = kinds().filter(|kind| kind.group == name).collect();
        for version in versions(group) {
            if wanted.is_empty() {
                break;
            }
            let list = match client.list_api_group_resources(&version).await {
                Ok(list) => list,
                // It went between the two calls.
                Err(kube::Error::Api(status)) if status.code == NOT_FOUND => continue,
                Err(error) => return Err(error),
            };
            let is_in = |kind: &ConsumerKind| {
                let mut resources = list.resources.iter();
                resources.any(|one| one.kind == kind.kind && one.name == kind.plural)
            };
            let (here, elsewhere): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|kind| is_in(kind));
            found.extend(here.into_iter().map(|kind| (kind, resource(kind, &version))));
            wanted = elsewhere;
        }
    }
    Ok(found)
}

/// The path of the list of a kind, in all namespaces or in one.
pub(crate) fn url_path(resource: &ApiResource, namespace: Option<&str>) -> String {
    DynamicObject::url_path(resource, namespace)
}

/// The versions of a group as `group/version`, the preferred one first.
fn versions(group: &APIGroup) -> Vec<String> {
    let preferred = group
        .preferred_version
        .iter()
        .map(|one| one.group_version.clone());
    let all = group.versions.iter().map(|one| one.group_version.clone());
    let mut versions: Vec<String> = Vec::new();
    for version in preferred.chain(all) {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    versions
}

fn resource(kind: &ConsumerKind, version: &str) -> ApiResource {
    ApiResource {
        group: kind.group.to_owned(),
        version: version.rsplit('/').next().unwrap_or_default().to_owned(),
        api_version: version.to_owned(),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    }
}
