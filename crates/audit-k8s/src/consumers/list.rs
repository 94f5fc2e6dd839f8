//! The kinds that are served, listed once. What cannot be listed is not known.

use kube::api::ListParams;
use kube::{Api, Client};

use super::read;
use super::seen::Seen;
use super::served::served;
use crate::observation::{Observation, WatchChange};

/// Objects in one answer.
const PAGE_SIZE: u32 = 100;

/// What the beginning of the watches would tell.
pub(crate) async fn list(client: &Client, namespace: Option<&str>) -> Vec<Observation> {
    let kinds = match served(client).await {
        Ok(kinds) => kinds,
        Err(error) => {
            tracing::debug!(%error, "which kinds of other projects are served is not known");
            return Vec::new();
        }
    };
    let mut observations = Vec::new();
    for (kind, resource) in kinds {
        let api: Api<Seen> = match namespace {
            Some(namespace) if kind.namespaced => Api::namespaced_with(client.clone(), namespace, &resource),
            _ => Api::all_with(client.clone(), &resource),
        };
        let mut params = ListParams::default().limit(PAGE_SIZE);
        loop {
            let page = match api.list(&params).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(kind = kind.kind, %error, "cannot be listed");
                    break;
                }
            };
            let listed = page.items.iter().filter_map(|seen| read(kind, &seen.value));
            observations
                .extend(listed.map(|object| Observation::Consumer(kind, WatchChange::Applied(object))));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
    }
    observations
}
