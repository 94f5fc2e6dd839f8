//! What a question is about, as the API server has it: which resources there are, and whether ServiceAccount and namespace exist.

use std::borrow::Cow;

use audit_core::model::BindingKey;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::Api;
use kube::core::discovery::v2::{APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery};
use kube::{Client, Resource};

use super::presence::{Presence, Subjects};
use super::resources::{ApiKind, ApiKinds};
use crate::cluster::shown;

/// The resources that the API server lists, each in the version that it prefers; Kubernetes' own where it lists none.
pub async fn kinds(client: &Client) -> ApiKinds {
    let lists = async {
        let core = client.list_core_api_versions_aggregated().await?;
        Ok::<_, kube::Error>([core, client.list_api_groups_aggregated().await?])
    };
    match lists.await.map(|lists| read(&lists)) {
        Ok(kinds) if !kinds.kinds.is_empty() => kinds,
        // A server that does not know this form of the list answers with an older one, which has no resources.
        Ok(_) => ApiKinds::built_in(),
        Err(error) => {
            eprintln!(
                "irsa-audit: warning: the API server's resources cannot be listed: {}; Kubernetes' own are known",
                shown(&error)
            );
            ApiKinds::built_in()
        }
    }
}

fn read(lists: &[APIGroupDiscoveryList]) -> ApiKinds {
    let groups = || lists.iter().flat_map(|list| &list.items);
    let mut kinds: Vec<ApiKind> = Vec::new();
    for group in groups() {
        let name = group
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.name.clone())
            .unwrap_or_default();
        // The version that is preferred comes first.
        for resource in group.versions.iter().flat_map(|version| &version.resources) {
            let kind = of_resource(&name, resource);
            if !kinds
                .iter()
                .any(|known| known.group == kind.group && known.plural == kind.plural)
            {
                kinds.push(kind);
            }
        }
    }
    ApiKinds {
        kinds,
        are_all: groups().all(is_current),
    }
}

/// Whether all of a group's resources are listed: an aggregated API that does not answer is stale.
fn is_current(group: &APIGroupDiscovery) -> bool {
    let mut freshness = group.versions.iter().map(|version| version.freshness.as_deref());
    freshness.all(|freshness| freshness != Some("Stale"))
}

fn of_resource(group: &str, resource: &APIResourceDiscovery) -> ApiKind {
    let text = |text: &Option<String>| Cow::Owned(text.clone().unwrap_or_default());
    let subresources = resource.subresources.iter();
    ApiKind {
        group: Cow::Owned(group.to_owned()),
        plural: text(&resource.resource),
        singular: text(&resource.singular_resource),
        short_names: resource.short_names.iter().cloned().map(Cow::Owned).collect(),
        is_namespaced: resource.scope.as_deref() == Some("Namespaced"),
        subresources: subresources
            .map(|subresource| text(&subresource.subresource))
            .collect(),
    }
}

/// Whether the ServiceAccount and the namespace exist.
pub async fn subjects(client: &Client, key: &BindingKey, namespace: Option<&str>) -> Subjects {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &key.namespace);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    Subjects {
        service_account: presence(&accounts, &key.service_account).await,
        namespace: match namespace {
            Some(name) => presence(&namespaces, name).await,
            None => Presence::There,
        },
    }
}

async fn presence<K>(api: &Api<K>, name: &str) -> Presence
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match api.get_metadata_opt(name).await {
        Ok(Some(_)) => Presence::There,
        Ok(None) => Presence::Absent,
        Err(_) => Presence::Unseen,
    }
}

#[cfg(test)]
#[path = "../../tests/unit/can_i/served.rs"]
mod tests;
