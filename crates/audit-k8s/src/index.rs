//! What was observed, kept: the pure consumer of [`Observation`]s.

mod remediation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_api::CLUSTER_AUDIT_NAME;
use audit_api::status::PackedStatus;
use audit_core::model::rbac::{ObjectId, RbacRole, RoleBinding};
use audit_core::model::{BindingKey, ConsumerObject, NamespacedName, Pod, Registration, ServiceAccount};
use audit_core::rbac::{Allowance, PermissionsChange, Rbac};
use audit_core::snapshot::Cluster;

use crate::audit_object::AuditObject;
use crate::cluster_audit_object::ClusterAuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers::{ConsumerKind, ReadObject};
use crate::kind::Kind;
use crate::namespace_object::NamespaceObject;
use crate::observation::{Observation, WatchChange};
use crate::policy_object::PolicyObject;
use crate::prune::Undecodable;
use crate::remediation::{RemediationDirty, RemediationStore};
use crate::webhook_object::WebhookObject;

/// `IrsaAudit`s and policies, and how far each watch has come. ServiceAccounts, pods, the labels of namespaces and the requests
/// of `IrsaAudit`s go into the core's [`Cluster`], which is passed in.
///
/// | observation | what it does |
/// |---|---|
/// | `Init` | begins a listing; an earlier one that was not finished is forgotten |
/// | `Listed`, `Applied` | stores the object |
/// | `InitDone` | takes away what the listing did not have, so that a watch that starts anew makes nothing flap |
/// | `Deleted` | takes the object away |
/// | `Skipped` | counts; what was last known of the object stands, also through a listing, until it is deleted or can be read again |
/// | `WatchFailed` | changes nothing but the explanation in [`Index::unsynced`] |
#[derive(Debug, Default)]
pub struct Index {
    audits: BTreeMap<NamespacedName, Box<AuditObject>>,
    /// What the statuses of each namespace may take: whoever may write one can make it large.
    statuses: Allowance,
    /// Those that are there and cannot be read.
    unreadable_audits: BTreeSet<NamespacedName>,
    policies: BTreeMap<String, Box<PolicyObject>>,
    remediation: RemediationStore,
    /// Where the pod identity webhook is registered, by the names of the configurations.
    webhooks: BTreeMap<String, Vec<Registration>>,
    watches: BTreeMap<Kind, Progress>,
    /// Those of other projects' kinds, by group and kind.
    consumers: BTreeMap<(&'static str, &'static str), Progress>,
}

/// How far the watch of one kind has come.
#[derive(Debug, Default)]
struct Progress {
    /// While a listing is going on.
    listing: Option<Listing>,
    /// There may be a hundred thousand of the kind, and none is stored yet.
    is_first_of_many: bool,
    synced: bool,
    /// Nothing will ever be told of the kind.
    not_watched: bool,
    skipped: u64,
    failed: u64,
    /// Kept until the first listing is complete.
    last_failure: Option<String>,
}

/// A listing that is going on.
#[derive(Debug)]
enum Listing {
    /// The first of a large kind: nothing is stored that it could lack, so that the names are not kept.
    First,
    /// Any other, with what it had so far.
    Named(BTreeSet<NamespacedName>),
}

/// What a change asks to do with what is stored.
enum Step<T> {
    Nothing,
    Put(T),
    Remove(NamespacedName),
    /// Remove all others.
    Retain(BTreeSet<NamespacedName>),
}

impl Progress {
    fn step<T>(&mut self, change: WatchChange<T>, id: impl Fn(&T) -> NamespacedName) -> Step<T> {
        match change {
            WatchChange::Init => {
                self.listing = Some(if self.is_first_of_many {
                    Listing::First
                } else {
                    Listing::Named(BTreeSet::new())
                });
                Step::Nothing
            }
            WatchChange::Listed(object) | WatchChange::Applied(object) => {
                self.exists(|| id(&object));
                self.is_first_of_many = false;
                Step::Put(object)
            }
            WatchChange::InitDone => match self.listing.take() {
                Some(listed) => {
                    self.synced = true;
                    self.last_failure = None;
                    match listed {
                        Listing::First => Step::Nothing,
                        Listing::Named(listed) => Step::Retain(listed),
                    }
                }
                None => Step::Nothing,
            },
            WatchChange::Deleted { namespace, name } => {
                let id = NamespacedName::new(namespace, name);
                if let Some(Listing::Named(listed)) = &mut self.listing {
                    listed.remove(&id);
                }
                Step::Remove(id)
            }
        }
    }

    /// Takes note that an object exists, readable or not.
    fn exists(&mut self, id: impl FnOnce() -> NamespacedName) {
        if let Some(Listing::Named(listed)) = &mut self.listing {
            listed.insert(id());
        }
    }
}

/// What an observation changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that do not depend on each other"
)]
pub struct Dirty {
    /// Bindings of which something in the cluster changed: to be audited anew from what is known. This alone is no
    /// reason to read anything from AWS again. Includes those whose published status changed, be it by the operator's
    /// own hand: auditing them again shows that nothing is to be written, or puts right what somebody else wrote.
    pub bindings: BTreeSet<BindingKey>,
    /// Of these, whatever is seen is what the operator itself has written, or may be: nobody waits for what follows from it.
    pub is_echo: bool,
    /// Bindings for which somebody set or changed the annotation that asks to read everything anew.
    pub reaudits: BTreeSet<BindingKey>,
    /// The webhook, or what can be seen of it or of the kinds of other projects, changed: any binding may be concerned, and the
    /// cluster's own status.
    pub everything: bool,
    /// A policy changed: any binding may be concerned.
    pub policies: bool,
    /// What changed of roles or bindings: it may concern those of whom permissions are expected.
    pub permissions: PermissionsChange,
    /// Namespaces whose labels changed: what may be told there may have changed with them.
    pub namespaces: BTreeSet<String>,
    /// What concerns plans for repairs, and no verdict.
    pub remediation: RemediationDirty,
    /// There is no `ClusterIrsaAudit`.
    pub cluster_audit_is_gone: bool,
}

impl Dirty {
    fn of(bindings: impl IntoIterator<Item = BindingKey>) -> Self {
        Self {
            bindings: bindings.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
            && self.reaudits.is_empty()
            && !self.everything
            && !self.policies
            && self.permissions.is_empty()
            && self.namespaces.is_empty()
            && self.remediation == RemediationDirty::default()
            && !self.cluster_audit_is_gone
    }

    /// Adds what another observation changed.
    pub fn merge(&mut self, other: Self) {
        self.is_echo &= other.is_echo;
        self.bindings.extend(other.bindings);
        self.reaudits.extend(other.reaudits);
        self.everything |= other.everything;
        self.policies |= other.policies;
        self.permissions.merge(other.permissions);
        self.namespaces.extend(other.namespaces);
        self.remediation.bindings.extend(other.remediation.bindings);
        self.remediation.ended.extend(other.remediation.ended);
        self.remediation.plans |= other.remediation.plans;
        self.cluster_audit_is_gone |= other.cluster_audit_is_gone;
    }
}

impl Index {
    /// An index that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an observation, and says what it changes.
    pub fn apply(&mut self, cluster: &mut Cluster, observation: Observation) -> Dirty {
        match observation {
            Observation::ServiceAccount(change) => Dirty::of(self.service_account(cluster, change)),
            Observation::Pod(change) => Dirty::of(self.pod(cluster, change)),
            Observation::Role(kind, change) => Dirty {
                permissions: self.role(cluster.rbac_mut(), kind, change),
                ..Dirty::default()
            },
            Observation::RoleBinding(kind, change) => Dirty {
                permissions: self.role_binding(cluster.rbac_mut(), kind, change),
                ..Dirty::default()
            },
            Observation::Audit(change) => self.audit_object(cluster, change),
            Observation::ClusterAudit(change) => Dirty {
                cluster_audit_is_gone: self.loses_cluster_audit(change),
                ..Dirty::default()
            },
            Observation::Policy(change) => Dirty {
                policies: self.policy_object(change),
                ..Dirty::default()
            },
            Observation::Approval(change) => {
                self.of_remediation(|index, dirty| index.approval(change, dirty))
            }
            Observation::Change(change) => self.of_remediation(|index, dirty| index.change(change, dirty)),
            Observation::AdmissionPolicy(change) => {
                self.of_remediation(|index, dirty| index.admission_policy(change, dirty))
            }
            Observation::AdmissionBinding(change) => {
                self.of_remediation(|index, dirty| index.admission_binding(change, dirty))
            }
            Observation::Namespace(change) => Dirty {
                namespaces: self.namespace(cluster, change),
                ..Dirty::default()
            },
            Observation::Webhook(change) => Dirty {
                everything: self.webhook(cluster, change),
                ..Dirty::default()
            },
            Observation::ConfigMap(change) => self.config_map(cluster, change),
            Observation::Consumer(kind, change) => Dirty::of(self.consumer(cluster, kind, change)),
            Observation::UnseenConsumers(kinds) => Dirty {
                everything: cluster.set_unseen_kinds(kinds.into_iter().map(ConsumerKind::unseen).collect()),
                ..Dirty::default()
            },
            Observation::NotWatched(kind) => {
                self.progress(kind).not_watched = true;
                Dirty::default()
            }
            Observation::Skipped(Undecodable {
                kind,
                namespace,
                name,
                ..
            }) => {
                let id = NamespacedName::new(namespace, name);
                if kind == Kind::IrsaAudit {
                    self.unreadable_audits.insert(id.clone());
                }
                let progress = self.progress(kind);
                progress.skipped += 1;
                progress.exists(|| id);
                Dirty::default()
            }
            Observation::WatchFailed { kind, message } => {
                let progress = self.progress(kind);
                progress.failed += 1;
                if progress.synced {
                    return Dirty::default();
                }
                progress.last_failure = Some(message);
                let everything = kind == Kind::ConfigMap && cluster.set_webhook_entries_unseen(true);
                Dirty {
                    everything,
                    ..Dirty::default()
                }
            }
        }
    }

    /// Whether every kind has been listed whole at least once, or is one that may be out of reach and is. Before that, what is missing may merely not have been
    /// seen yet. Never goes back to false: while a watch is down, what was last known stands.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.unsynced().next().is_none()
    }

    /// The kinds that have to be, and have never been, listed whole, with the latest failure to do so.
    pub fn unsynced(&self) -> impl Iterator<Item = (Kind, Option<&str>)> {
        Kind::ALL
            .into_iter()
            .filter_map(|kind| match self.watches.get(&kind) {
                Some(progress) if progress.synced || progress.not_watched => None,
                Some(Progress {
                    last_failure: Some(_),
                    ..
                }) if !kind.is_essential() => None,
                progress => Some((kind, progress.and_then(|p| p.last_failure.as_deref()))),
            })
    }

    /// How often an object of a kind could not be read, since the start.
    #[must_use]
    pub fn skipped(&self, kind: Kind) -> u64 {
        self.watches.get(&kind).map_or(0, |progress| progress.skipped)
    }

    /// How often a list or watch call of a kind has failed, since the start.
    #[must_use]
    pub fn failed(&self, kind: Kind) -> u64 {
        self.watches.get(&kind).map_or(0, |progress| progress.failed)
    }

    /// An `IrsaAudit`.
    #[must_use]
    pub fn audit(&self, namespace: &str, name: &str) -> Option<&AuditObject> {
        self.audits
            .get(&NamespacedName::new(namespace, name))
            .map(Box::as_ref)
    }

    /// Whether an `IrsaAudit` is there that cannot be read.
    #[must_use]
    pub fn is_unreadable_audit(&self, id: &NamespacedName) -> bool {
        self.unreadable_audits.contains(id)
    }

    /// All `IrsaAudit`s, by namespace and name.
    pub fn audits(&self) -> impl Iterator<Item = &AuditObject> {
        self.audits.values().map(Box::as_ref)
    }

    /// An `IrsaAuditPolicy`.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&PolicyObject> {
        self.policies.get(name).map(Box::as_ref)
    }

    /// All `IrsaAuditPolicy` objects, by name.
    pub fn policies(&self) -> impl Iterator<Item = &PolicyObject> {
        self.policies.values().map(Box::as_ref)
    }

    /// Returns what changed of roles, or of what is known of them.
    fn role(&mut self, rbac: &mut Rbac, kind: Kind, change: WatchChange<RbacRole>) -> PermissionsChange {
        let id =
            |role: &RbacRole| NamespacedName::new(role.id.namespace.to_string(), role.id.name.to_string());
        let (role, is_news) = match self.progress(kind).step(change, id) {
            Step::Nothing => return PermissionsChange::default(),
            Step::Put(role) => (role.id.clone(), rbac.put_role(role)),
            Step::Remove(id) => {
                let id = ObjectId::new(id.namespace, id.name);
                let was_there = rbac.remove_role(&id);
                (id, was_there)
            }
            Step::Retain(listed) => return retain(rbac, kind, listed),
        };
        let mut dirty = PermissionsChange::default();
        if is_news {
            dirty.add_role(rbac, &role);
        }
        dirty
    }

    /// Returns what changed of bindings, or of what is known of them.
    fn role_binding(
        &mut self,
        rbac: &mut Rbac,
        kind: Kind,
        change: WatchChange<RoleBinding>,
    ) -> PermissionsChange {
        let id = |binding: &RoleBinding| {
            NamespacedName::new(binding.id.namespace.to_string(), binding.id.name.to_string())
        };
        let mut dirty = PermissionsChange::default();
        match self.progress(kind).step(change, id) {
            Step::Nothing => {}
            Step::Put(binding) => {
                let old = rbac.binding(&binding.id).cloned();
                if rbac.put_binding(&binding) {
                    old.iter()
                        .chain(rbac.binding(&binding.id))
                        .for_each(|binding| dirty.add_binding(binding));
                }
            }
            Step::Remove(id) => {
                let id = ObjectId::new(id.namespace, id.name);
                if let Some(binding) = rbac.binding(&id) {
                    dirty.add_binding(binding);
                }
                rbac.remove_binding(&id);
            }
            Step::Retain(listed) => dirty = retain(rbac, kind, listed),
        }
        dirty
    }

    fn progress(&mut self, kind: Kind) -> &mut Progress {
        self.watches.entry(kind).or_insert_with(|| Progress {
            is_first_of_many: kind == Kind::Pod,
            ..Progress::default()
        })
    }

    fn service_account(
        &mut self,
        cluster: &mut Cluster,
        change: WatchChange<ServiceAccount>,
    ) -> Vec<BindingKey> {
        let id = |account: &ServiceAccount| {
            NamespacedName::new(account.key.namespace.clone(), account.key.service_account.clone())
        };
        let key = |id: NamespacedName| BindingKey::new(id.namespace, id.name);
        match self.progress(Kind::ServiceAccount).step(change, id) {
            Step::Nothing => Vec::new(),
            Step::Put(account) => cluster.put_service_account(account),
            Step::Remove(id) => cluster.remove_service_account(&key(id)),
            Step::Retain(listed) => cluster.retain_service_accounts(&listed.into_iter().map(key).collect()),
        }
    }

    fn pod(&mut self, cluster: &mut Cluster, change: WatchChange<Pod>) -> Vec<BindingKey> {
        let id = |pod: &Pod| NamespacedName::new(pod.namespace.clone(), pod.name.clone());
        match self.progress(Kind::Pod).step(change, id) {
            Step::Nothing => Vec::new(),
            Step::Put(pod) => cluster.put_pod(pod),
            Step::Remove(NamespacedName { namespace, name }) => cluster.remove_pod(&namespace, &name),
            Step::Retain(listed) => cluster.retain_pods(&listed),
        }
    }

    /// Returns the bindings that an object of another project concerns.
    fn consumer(
        &mut self,
        cluster: &mut Cluster,
        kind: &'static ConsumerKind,
        change: WatchChange<ReadObject>,
    ) -> Vec<BindingKey> {
        let id =
            |(object, _): &ReadObject| NamespacedName::new(object.namespace.clone(), object.name.clone());
        let progress = self.consumers.entry((kind.group, kind.kind)).or_default();
        match progress.step(change, id) {
            Step::Nothing => Vec::new(),
            Step::Put((object, uses)) => cluster.put_consumer(object, uses),
            Step::Remove(NamespacedName { namespace, name }) => cluster.remove_consumer(&ConsumerObject {
                group: kind.group.to_owned(),
                kind: kind.kind.to_owned(),
                namespace: namespace.into(),
                name: name.into(),
            }),
            Step::Retain(listed) => cluster.retain_consumers(kind.group, kind.kind, &listed),
        }
    }

    fn audit_object(&mut self, cluster: &mut Cluster, change: WatchChange<Box<AuditObject>>) -> Dirty {
        let progress = self.progress(Kind::IrsaAudit);
        match progress.step(change, |audit| {
            NamespacedName::new(audit.namespace.clone(), audit.name.clone())
        }) {
            Step::Nothing => Dirty::default(),
            Step::Put(audit) => self.put_audit(cluster, audit),
            Step::Remove(id) => {
                self.forget_audit(&id);
                self.unreadable_audits.remove(&id);
                Dirty::of(cluster.remove_request(&id.namespace, &id.name))
            }
            Step::Retain(listed) => {
                let gone = self.audits.keys().filter(|id| !listed.contains(*id));
                for id in gone.cloned().collect::<Vec<_>>() {
                    self.forget_audit(&id);
                }
                self.unreadable_audits.retain(|id| listed.contains(id));
                Dirty::of(cluster.retain_requests(&listed))
            }
        }
    }

    fn forget_audit(&mut self, id: &NamespacedName) {
        let status = self.audits.remove(id).and_then(|audit| audit.status);
        let bytes = status.map_or(0, |status| status.length());
        self.statuses.replace(&id.namespace, bytes, 0);
    }

    fn put_audit(&mut self, cluster: &mut Cluster, mut audit: Box<AuditObject>) -> Dirty {
        let id = NamespacedName::new(audit.namespace.clone(), audit.name.clone());
        self.unreadable_audits.remove(&id);
        // Each status that is written comes back: what is as before stays one with what others keep of it.
        if let Some(old) = self.audits.get(&id) {
            if old.request == audit.request {
                audit.request = Arc::clone(&old.request);
            }
            if old.uid == audit.uid {
                audit.uid = old.uid.clone();
            }
        }
        let mut dirty = Dirty::of(cluster.put_request(&audit.namespace, Arc::clone(&audit.request)));
        if let Some(kept) = cluster.request(&audit.namespace, &audit.name) {
            audit.request = Arc::clone(kept);
        }
        let key = audit.binding_key();
        let old = self.audits.get(&id);
        let bytes = |audit: &AuditObject| audit.status.as_ref().map_or(0, PackedStatus::length);
        let before = old.map_or(0, |old| bytes(old));
        // As one that is too long: it is written anew.
        if !self.statuses.replace(&id.namespace, before, bytes(&audit)) {
            audit.status = None;
        }
        // An annotation that was there when the object was first seen was heeded before a restart, or comes with an
        // object whose binding is new and read anyway.
        if audit.reaudit.is_some()
            && old.is_some_and(|old| old.uid == audit.uid && old.reaudit != audit.reaudit)
        {
            dirty.reaudits.insert(key.clone());
        }
        if old.is_none_or(|old| old.differs(&audit)) {
            dirty.bindings.insert(key);
        }
        dirty.is_echo = match old {
            Some(old) => !old.asks_else(&audit),
            None => audit.automatic && !audit.adopted,
        };
        self.audits.insert(id, audit);
        dirty
    }

    /// Returns whether it is news where the pod identity webhook is registered, or that it is nowhere.
    fn webhook(&mut self, cluster: &mut Cluster, change: WatchChange<WebhookObject>) -> bool {
        let id = |webhook: &WebhookObject| NamespacedName::new("", webhook.name.clone());
        match self.progress(Kind::MutatingWebhookConfiguration).step(change, id) {
            Step::Nothing => {}
            Step::Put(WebhookObject { name, registrations }) if !registrations.is_empty() => {
                self.webhooks.insert(name, registrations);
            }
            Step::Put(WebhookObject { name, .. }) => {
                self.webhooks.remove(&name);
            }
            Step::Remove(NamespacedName { name, .. }) => {
                self.webhooks.remove(name.as_str());
            }
            Step::Retain(listed) => self
                .webhooks
                .retain(|name, _| listed.contains(&NamespacedName::new("", name.clone()))),
        }
        let synced = self.progress(Kind::MutatingWebhookConfiguration).synced;
        let all = || self.webhooks.values().flatten().cloned().collect();
        cluster.set_registrations(synced.then(all))
    }

    fn config_map(&mut self, cluster: &mut Cluster, change: WatchChange<ConfigMapObject>) -> Dirty {
        let progress = self.progress(Kind::ConfigMap);
        let id = |map: &ConfigMapObject| NamespacedName::new(map.namespace.clone(), map.name.clone());
        let step = progress.step(change, id);
        let synced = progress.synced;
        let bindings = match step {
            Step::Put(map) => cluster.put_webhook_entries(map.entries),
            Step::Remove(_) => cluster.put_webhook_entries(BTreeMap::new()),
            // There is only the one.
            Step::Retain(listed) if listed.is_empty() => cluster.put_webhook_entries(BTreeMap::new()),
            Step::Nothing | Step::Retain(_) => Vec::new(),
        };
        Dirty {
            everything: synced && cluster.set_webhook_entries_unseen(false),
            ..Dirty::of(bindings)
        }
    }

    /// Returns the namespaces whose labels changed.
    fn namespace(&mut self, cluster: &mut Cluster, change: WatchChange<NamespaceObject>) -> BTreeSet<String> {
        let id = |namespace: &NamespaceObject| NamespacedName::new("", namespace.name.clone());
        match self.progress(Kind::Namespace).step(change, id) {
            Step::Nothing => BTreeSet::new(),
            Step::Put(NamespaceObject { name, labels }) => {
                let changed = cluster.put_namespace(name.clone(), labels);
                changed.then_some(name).into_iter().collect()
            }
            Step::Remove(NamespacedName { name, .. }) => {
                let changed = cluster.remove_namespace(&name);
                changed.then(|| name.into()).into_iter().collect()
            }
            Step::Retain(listed) => {
                cluster.retain_namespaces(|name| listed.contains(&NamespacedName::new("", name.to_owned())))
            }
        }
    }

    /// Returns whether a change shows that there is no `ClusterIrsaAudit`.
    fn loses_cluster_audit(&mut self, change: WatchChange<ClusterAuditObject>) -> bool {
        let progress = self.progress(Kind::ClusterIrsaAudit);
        match progress.step(change, |_| NamespacedName::new("", CLUSTER_AUDIT_NAME)) {
            Step::Remove(_) => true,
            Step::Retain(listed) => listed.is_empty(),
            Step::Nothing | Step::Put(_) => false,
        }
    }

    /// Returns whether a policy changed.
    fn policy_object(&mut self, change: WatchChange<Box<PolicyObject>>) -> bool {
        match self
            .progress(Kind::IrsaAuditPolicy)
            .step(change, |policy| NamespacedName::new("", policy.name.clone()))
        {
            Step::Nothing => false,
            Step::Put(policy) => {
                let changed = self.policies.get(&policy.name) != Some(&policy);
                self.policies.insert(policy.name.clone(), policy);
                changed
            }
            Step::Remove(NamespacedName { name, .. }) => self.policies.remove(name.as_str()).is_some(),
            Step::Retain(listed) => {
                let before = self.policies.len();
                self.policies
                    .retain(|name, _| listed.contains(&NamespacedName::new("", name.clone())));
                self.policies.len() != before
            }
        }
    }
}

/// Takes away what a listing of roles or bindings did not have. After that, or after the first listing, anything may be granted to
/// anyone, or to nobody any more.
fn retain(rbac: &mut Rbac, kind: Kind, listed: BTreeSet<NamespacedName>) -> PermissionsChange {
    let Some(kind) = kind.of_rbac() else {
        return PermissionsChange::default();
    };
    let ids = listed.into_iter().map(|id| ObjectId::new(id.namespace, id.name));
    let changed = rbac.retain(kind, &ids.collect());
    if rbac.set_listed(kind) || changed {
        PermissionsChange::all()
    } else {
        PermissionsChange::default()
    }
}

#[cfg(test)]
#[path = "../tests/unit/index.rs"]
mod tests;

#[cfg(test)]
#[path = "../tests/unit/index_statuses.rs"]
mod statuses_tests;
