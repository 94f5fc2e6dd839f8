//! The watches: list and watch calls of each kind, with recovery, as [`Observation`]s.

use audit_api::{CLUSTER_AUDIT_NAME, admission};
use audit_core::model::NamespacedName;
use audit_core::model::webhook::CONFIG_MAP;
use futures::{StreamExt, pin_mut};
use kube::runtime::watcher::Event;
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::audit_object::AuditObject;
use crate::cluster_audit_object::ClusterAuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers;
use crate::health::ApiHealth;
use crate::list_watch::{ListSource, list_watch};
use crate::namespace_object::NamespaceObject;
use crate::observation::{Observation, ObservedObject, WatchChange};
use crate::policy_object::PolicyObject;
use crate::prune::{
    ClusterRoleBindingWire, ClusterRoleWire, PodWire, RoleBindingWire, RoleWire, ServiceAccountWire, Wire,
};
use crate::remediation::{AdmissionBindingObject, AdmissionPolicyObject, ApprovalObject, ChangeObject};
use crate::retry::Retry;
use crate::trouble;
use crate::watched::Watched;
use crate::webhook_object::WebhookObject;

/// What is watched.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The prefix of the annotations and labels for IRSA, such as `eks.amazonaws.com`.
    pub prefix: String,
    /// The namespace of the webhook's ConfigMap.
    pub webhook_namespace: String,
}

/// Watches ServiceAccounts, Pods, namespaces, roles and their bindings, `IrsaAudit`s and `IrsaAuditPolicy` objects in all
/// namespaces, each in a task of its own, and sends what they say, the kinds of other projects that are served among them; with them the `MutatingWebhookConfiguration` objects and the one ConfigMap of the webhook.
///
/// Ends when the receiver is gone; dropping the future ends the watches, too. Calls that fail are reported and tried
/// again for ever: where the API server is in trouble, as soon as any call that `health` sees succeeds, and until then all that wait take
/// turns, so that one call is made at least each second;
/// where a kind is missing or forbidden, at least every 15 or 30 seconds. The calls of `client` must be those that `health` sees. A full
/// channel makes the watches wait, nothing is dropped.
pub async fn observe(client: Client, health: ApiHealth, scope: Scope, sender: Sender<Observation>) {
    let Scope {
        prefix,
        webhook_namespace,
    } = scope;
    let mut watches = JoinSet::new();
    let everything = Watcher {
        client,
        health,
        prefix,
        sender,
    };
    watches.spawn(everything.clone().watch::<ServiceAccountWire>());
    let (listed, consumers_are_listed) = oneshot::channel();
    watches.spawn(consumers::observe(
        everything.client.clone(),
        everything.health.clone(),
        everything.sender.clone(),
        listed,
    ));
    // What explains pods comes before the pods: nothing is to be broken for the moment between.
    let pods = everything.clone();
    watches.spawn(async move {
        let _ = consumers_are_listed.await;
        pods.watch::<PodWire>().await;
    });
    watches.spawn(everything.clone().watch::<NamespaceObject>());
    watches.spawn(everything.clone().watch::<RoleWire>());
    watches.spawn(everything.clone().watch::<ClusterRoleWire>());
    watches.spawn(everything.clone().watch::<RoleBindingWire>());
    watches.spawn(everything.clone().watch::<ClusterRoleBindingWire>());
    watches.spawn(everything.clone().watch::<WebhookObject>());
    watches.spawn(everything.clone().watch::<Box<AuditObject>>());
    let its_name = Some(format!("metadata.name={CLUSTER_AUDIT_NAME}"));
    let all = Api::all(everything.client.clone());
    watches.spawn(everything.clone().watch_in::<ClusterAuditObject>(all, its_name));
    watches.spawn(everything.clone().watch::<Box<PolicyObject>>());
    watches.spawn(everything.clone().watch::<Box<ApprovalObject>>());
    watches.spawn(everything.clone().watch::<Box<ChangeObject>>());
    let the_one = Some(format!("metadata.name={}", admission::NAME));
    let all = Api::all(everything.client.clone());
    watches.spawn(
        everything
            .clone()
            .watch_in::<AdmissionPolicyObject>(all, the_one.clone()),
    );
    let all = Api::all(everything.client.clone());
    watches.spawn(
        everything
            .clone()
            .watch_in::<AdmissionBindingObject>(all, the_one),
    );
    let config_map = Api::namespaced(everything.client.clone(), &webhook_namespace);
    let its_name = format!("metadata.name={CONFIG_MAP}");
    watches.spawn(everything.watch_in::<ConfigMapObject>(config_map, Some(its_name)));
    // None of them ends for another reason than the receiver's, so the first to end ends all.
    watches.join_next().await;
}

/// What the watches have in common.
#[derive(Clone)]
struct Watcher {
    client: Client,
    health: ApiHealth,
    prefix: String,
    sender: Sender<Observation>,
}

impl Watcher {
    /// Watches all objects of one kind until the receiver is gone.
    async fn watch<W: Wire<Plain: ObservedObject>>(self) {
        let all = Api::all(self.client.clone());
        self.watch_in::<W>(all, None).await;
    }

    /// Watches the objects of one kind that a field selector leaves, until the receiver is gone.
    async fn watch_in<W: Wire<Plain: ObservedObject>>(self, api: Api<Watched<W>>, fields: Option<String>) {
        tokio::select! {
            () = self.sender.closed() => {}
            () = forward::<W>(&api, fields.as_ref(), &self) => {}
        }
    }
}

async fn forward<W: Wire<Plain: ObservedObject>>(
    api: &Api<Watched<W>>,
    fields: Option<&String>,
    Watcher {
        health,
        prefix,
        sender,
        ..
    }: &Watcher,
) {
    let mut retry = Retry::new(W::KIND.as_str(), health.clone());
    let mut from = ListSource::first_of(W::KIND);
    loop {
        let events = list_watch(api.clone(), fields.cloned(), from);
        from = ListSource::Pages;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            let error = match event {
                Ok(event) => {
                    retry.heard(&event, Instant::now());
                    if let Some(observation) = observation(event, prefix)
                        && sender.send(observation).await.is_err()
                    {
                        return;
                    }
                    continue;
                }
                Err(error) => error,
            };
            let message = trouble::explain(W::KIND, &error);
            let failed = Observation::WatchFailed {
                kind: W::KIND,
                message: message.clone(),
            };
            if sender.send(failed).await.is_err() {
                return;
            }
            if retry.wait(&error, &message).await {
                break;
            }
        }
    }
}

/// What an event says; nothing for an object that was deleted and never had a name.
fn observation<W: Wire<Plain: ObservedObject>>(
    event: Event<Watched<W>>,
    prefix: &str,
) -> Option<Observation> {
    let of = |object: Watched<W>, change: fn(W::Plain) -> WatchChange<W::Plain>| match object.object {
        Ok(object) => W::Plain::observation(W::KIND, change(object.for_prefix(prefix))),
        Err(undecodable) => Observation::Skipped(undecodable),
    };
    Some(match event {
        Event::Init => W::Plain::observation(W::KIND, WatchChange::Init),
        Event::InitApply(object) => of(object, WatchChange::Listed),
        Event::InitDone => W::Plain::observation(W::KIND, WatchChange::InitDone),
        Event::Apply(object) => of(object, WatchChange::Applied),
        Event::Delete(object) => {
            // Gone is gone, readable or not.
            let NamespacedName { namespace, name } = object.id()?;
            let gone = WatchChange::Deleted {
                namespace: namespace.into(),
                name: name.into(),
            };
            W::Plain::observation(W::KIND, gone)
        }
    })
}

#[cfg(test)]
#[path = "../tests/unit/watch.rs"]
mod tests;
