//! The kinds that are served, listed once. What cannot be listed is not known.

use kube::api::ListParams;
use kube::{Api, Client};

use super::seen::Seen;
use super::served::served;
use super::{ConsumerKind, kinds, read};
use crate::observation::{Observation, WatchChange};
use crate::pages::{Page, Pages};

/// What the beginning of the watches would tell.
pub(crate) async fn list(client: &Client, namespace: Option<&str>) -> Vec<Observation> {
    let served = match served(client).await {
        Ok(kinds) => kinds,
        Err(error) => {
            tracing::debug!(%error, "which kinds of other projects are served is not known");
            return vec![Observation::UnseenConsumers(kinds().collect())];
        }
    };
    let mut observations = Vec::new();
    let mut unseen = Vec::new();
    for (kind, resource) in served {
        let api: Api<Seen> = match namespace {
            Some(namespace) if kind.namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
            _ => Api::all_with(client.clone(), &resource),
        };
        if let Err(error) = pages(kind, &api, &mut observations).await {
            tracing::debug!(kind = kind.kind, %error, "cannot be listed");
            unseen.push(kind);
        }
    }
    observations.push(Observation::UnseenConsumers(unseen));
    observations
}

/// All objects of a kind, page by page.
async fn pages(
    kind: &'static ConsumerKind,
    api: &Api<Seen>,
    observations: &mut Vec<Observation>,
) -> Result<(), kube::Error> {
    let client = api.clone().into_client();
    let mut pages = Pages::new(client, api.resource_url(), ListParams::default());
    loop {
        let page: Page<Seen> = pages.next().await?;
        let listed = page.items.iter().filter_map(|seen| read(kind, &seen.value));
        observations.extend(listed.map(|object| Observation::Consumer(kind, WatchChange::Applied(object))));
        if page.is_last() {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/consumers/list.rs"]
mod tests;
