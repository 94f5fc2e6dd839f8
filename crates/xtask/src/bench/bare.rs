//! What the API server itself takes of a figure: clients that ask of it the same as the operator, and compute nothing.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use audit_api::IrsaAudit;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use super::Error;
use super::world::{ANNOTATION, world};

/// Requests at once: as many as the operator's.
const AT_ONCE: usize = 16;

/// How long the creates and status writes of a cold start take. Of the `IrsaAudit`s that there are, all are deleted, and made again with their
/// statuses.
///
/// # Errors
/// When the API server refuses.
pub async fn cold_start(
    client: &Client,
    namespaces: impl Iterator<Item = String>,
) -> Result<Duration, Error> {
    let audits = Api::<IrsaAudit>::all(client.clone())
        .list(&ListParams::default())
        .await
        .map_err(world)?;
    for namespace in namespaces {
        let api = Api::<IrsaAudit>::namespaced(client.clone(), &namespace);
        api.delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .map_err(world)?;
    }
    let begin = Instant::now();
    let made = stream::iter(audits.items).map(|mut audit| async move {
        let api = Api::<IrsaAudit>::namespaced(client.clone(), &audit.namespace().unwrap_or_default());
        let (name, status) = (audit.name_any(), audit.status.take());
        audit.metadata.resource_version = None;
        audit.metadata.uid = None;
        audit.metadata.managed_fields = None;
        api.create(&PostParams::default(), &audit).await.map_err(world)?;
        patch_status(&api, &name, "", &json!(status)).await
    });
    made.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(begin.elapsed())
}

/// Writes a verdict whenever a ServiceAccount that it has seen names another role: Broken where that is `broken`. It reads nothing else, and
/// never ends.
///
/// # Errors
/// When the API server refuses a write.
pub async fn follow(client: &Client, broken: &str) -> Result<(), Error> {
    let mut named = HashMap::new();
    let changes = watcher(
        Api::<PartialObjectMeta<ServiceAccount>>::all(client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .applied_objects()
    // A watch that breaks begins anew by itself.
    .filter_map(|account| async { account.ok() })
    .filter_map(|account| {
        let (namespace, name) = (account.namespace().unwrap_or_default(), account.name_any());
        let role = account.annotations().get(ANNOTATION).cloned();
        let before = named.insert((namespace.clone(), name.clone()), role.clone());
        let is_news = before.is_some_and(|before| before != role);
        std::future::ready(is_news.then_some((namespace, name, role)))
    });
    changes
        .map(|(namespace, name, role)| async move {
            let verdict = if role.as_deref() == Some(broken) {
                "Broken"
            } else {
                "Working"
            };
            let api = Api::<IrsaAudit>::namespaced(client.clone(), &namespace);
            patch_status(&api, &name, "/verdict", &json!(verdict)).await
        })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await
}

/// Writes a part of a status, or all of it.
async fn patch_status(
    api: &Api<IrsaAudit>,
    name: &str,
    part: &str,
    value: &serde_json::Value,
) -> Result<(), Error> {
    let operations = json!([{"op": "add", "path": format!("/status{part}"), "value": value}]);
    let patch = Patch::<()>::Json(serde_json::from_value(operations).map_err(world)?);
    api.patch_status(name, &PatchParams::default(), &patch)
        .await
        .map(drop)
        .map_err(world)
}
