//! Everything that was observed, indexed by what the rules look up.
//!
//! The operator keeps one snapshot and changes it as watch events and reads come in; the command line fills one from
//! files. Who changes it learns which bindings the change concerns.

mod accounts;
mod consumers;
mod existing;
mod expectations;
mod gaps;
mod pod_set;
mod pods;
mod requests;
mod unaudited;
mod webhook;
mod workloads;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ::rbac::{Allowance, Rbac};
use smallvec::SmallVec;

use crate::model::{
    AuditRequest, BindingKey, ClusterIssuer, Consumer, ControlPolicy, DEFAULT_SERVICE_ACCOUNT, LookedUp,
    Name, NamespacedName, Pod, Reviews, ServiceAccount, WorkloadRef,
};
pub use accounts::{AccountTrait, Accounts};
use consumers::Consumers;
use existing::Existence;
use expectations::Expectations;
pub use gaps::GapKind;
use gaps::Gaps;
use pods::PodIndex;
pub use unaudited::Unaudited;
use webhook::Webhook;
pub use webhook::{AskedIn, AskedRole, DefaultNews};
pub use workloads::WorkloadFacts;
use workloads::Workloads;

/// Where observations come from, and with that, what it means that something is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// A cluster and AWS, which answer in time: what is not there has not been asked for, or its answer is on its way.
    #[default]
    Live,
    /// Files, which are all that there will ever be: what is not there was not given. All roles of an account are, once
    /// it has a listing.
    Files,
}

/// All observations.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Where they come from.
    pub origin: Origin,
    /// The cluster's objects.
    pub cluster: Cluster,
    /// The cluster's issuer, once it is known.
    pub issuer: Option<ClusterIssuer>,
    /// AWS accounts by id.
    pub accounts: Accounts,
    /// Policies of the organization of the accounts, as far as they were given: only from files.
    pub control_policies: Vec<ControlPolicy>,
    /// What the cluster's API server itself says of expected permissions, where it makes a difference.
    pub reviews: Reviews,
}

impl Snapshot {
    /// Roles whose trust policy names a subject exactly, as (account, role name).
    pub(crate) fn trusting_roles<'a>(&'a self, subject: &str) -> Vec<(&'a str, &'a str)> {
        let accounts = self.accounts.having(AccountTrait::NamesSubjects);
        let named = accounts.flat_map(|(id, account)| {
            let roles = account.trusted_subjects.get(subject).into_iter().flatten();
            roles.map(move |role| (id, role.as_str()))
        });
        named.collect()
    }
}

/// The cluster's objects, by binding.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// Apart from the nodes of the tree, of which half is free.
    bindings: BTreeMap<BindingKey, Box<Binding>>,
    /// The same by name: name and namespace.
    by_name: BTreeSet<(Name, Name)>,
    pods: PodIndex,
    /// The mirrors of static pods, by namespace and name. They have no ServiceAccount.
    mirrors: BTreeSet<NamespacedName>,
    /// Which ServiceAccount an audit request of this namespace and name names.
    request_homes: HashMap<NamespacedName, Name>,
    /// What the requests of each namespace may hold.
    allowance: Allowance,
    expectations: Expectations,
    existence: Existence,
    /// The labels of namespaces, by name.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// What was said of workloads without pods that are expected to run as a ServiceAccount.
    looked_up: BTreeMap<(BindingKey, WorkloadRef), LookedUp>,
    /// ServiceAccounts whose `IrsaAudit` the API server refuses to create.
    refused: BTreeSet<BindingKey>,
    consumers: Consumers,
    webhook: Webhook,
    workloads: Workloads,
    rbac: Rbac,
    gaps: Gaps,
    /// There are more objects than these, so that the absence of one proves nothing.
    is_partial: bool,
}

/// What the cluster has about one ServiceAccount, present or not.
#[derive(Debug, Clone, Default)]
pub struct Binding {
    service_account: Option<ServiceAccount>,
    requests: SmallVec<[Arc<AuditRequest>; 1]>,
    pods: Vec<Arc<Pod>>,
    /// By the order in which they were filed.
    consumers: BTreeMap<u64, Consumer>,
}

impl Binding {
    /// The ServiceAccount, if it exists.
    #[must_use]
    pub fn service_account(&self) -> Option<&ServiceAccount> {
        self.service_account.as_ref()
    }

    /// The `IrsaAudit`s that name it, the one that counts first, see [`AuditRequest::precedence`].
    #[must_use]
    pub fn requests(&self) -> &[Arc<AuditRequest>] {
        &self.requests
    }

    /// The `IrsaAudit` that counts.
    #[must_use]
    pub fn request(&self) -> Option<&AuditRequest> {
        self.requests.first().map(Arc::as_ref)
    }

    /// The pods that run as it, in no particular order.
    #[must_use]
    pub fn pods(&self) -> &[Arc<Pod>] {
        &self.pods
    }

    fn is_empty(&self) -> bool {
        self.service_account.is_none()
            && self.requests.is_empty()
            && self.pods.is_empty()
            && self.consumers.is_empty()
    }
}

impl Cluster {
    /// Objects that are not the whole cluster, such as a chart's: the absence of another proves nothing.
    #[must_use]
    pub fn partial() -> Self {
        Self {
            is_partial: true,
            ..Self::default()
        }
    }

    /// Whether there may be objects that are not among these.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Its roles and their bindings.
    #[must_use]
    pub fn rbac(&self) -> &Rbac {
        &self.rbac
    }

    /// Its roles and their bindings, to be changed.
    pub fn rbac_mut(&mut self) -> &mut Rbac {
        &mut self.rbac
    }

    /// The labels of a namespace; absent where it has not been seen.
    #[must_use]
    pub fn namespace_labels(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.namespaces.get(name)
    }

    /// Stores the labels of a namespace. Returns whether they are news.
    pub fn put_namespace(&mut self, name: String, labels: BTreeMap<String, String>) -> bool {
        if self.namespaces.get(&name) == Some(&labels) {
            return false;
        }
        self.namespaces.insert(name, labels);
        true
    }

    /// Takes a namespace away. Returns whether it was there.
    pub fn remove_namespace(&mut self, name: &str) -> bool {
        self.namespaces.remove(name).is_some()
    }

    /// Takes away every namespace that is not in `present`, after a watch has started anew. Returns those that went.
    pub fn retain_namespaces(&mut self, present: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let gone = self.namespaces.keys().filter(|name| !present(name));
        let gone: BTreeSet<String> = gone.cloned().collect();
        self.namespaces.retain(|name, _| !gone.contains(name));
        gone
    }

    /// What the API server said of a workload that is expected to run as a ServiceAccount.
    #[must_use]
    pub fn looked_up(&self, key: &BindingKey, workload: &WorkloadRef) -> Option<&LookedUp> {
        // Few are, and the copies are short.
        self.looked_up.get(&(key.clone(), workload.clone()))
    }

    /// Takes note of what the API server said of an expected workload. Returns whether that is news.
    pub fn put_looked_up(&mut self, key: &BindingKey, workload: &WorkloadRef, found: LookedUp) -> bool {
        let id = (key.clone(), workload.clone());
        let is_news = self.looked_up.get(&id) != Some(&found);
        self.looked_up.insert(id, found);
        is_news
    }

    /// Forgets what was said of all workloads.
    pub fn forget_looked_up(&mut self) {
        self.looked_up.clear();
    }

    /// Forgets what was said of the workloads of a binding, but for these.
    pub fn retain_looked_up(&mut self, key: &BindingKey, workloads: &BTreeSet<WorkloadRef>) {
        let of_key = self.looked_up.range((key.clone(), WorkloadRef::default())..);
        let of_key = counted::each(of_key).take_while(|((other, _), _)| other == key);
        let gone = of_key.filter(|((_, workload), _)| !workloads.contains(workload));
        for id in gone.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.looked_up.remove(&id);
        }
    }

    /// What there is about a ServiceAccount.
    #[must_use]
    pub fn binding(&self, key: &BindingKey) -> Option<&Binding> {
        self.bindings.get(key).map(Box::as_ref)
    }

    /// All ServiceAccounts of which anything is known, sorted.
    pub fn bindings(&self) -> impl Iterator<Item = (&BindingKey, &Binding)> {
        counted::each(&self.bindings).map(|(key, binding)| (key, &**binding))
    }

    /// What there is about the ServiceAccounts of a namespace, sorted.
    pub fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&BindingKey, &Binding)> {
        let first = BindingKey::new(namespace, "");
        let bindings = self.bindings.range(first..);
        counted::each(bindings.take_while(move |(key, _)| key.namespace == namespace))
            .map(|(key, binding)| (key, &**binding))
    }

    /// The pods of a namespace, whatever they run as.
    pub fn pods_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a Pod> {
        counted::each(
            self.in_namespace(namespace)
                .flat_map(|(_, binding)| binding.pods())
                .map(|pod| &**pod),
        )
    }

    /// Stores a ServiceAccount. Returns the bindings that this changes.
    pub fn put_service_account(&mut self, account: ServiceAccount) -> Vec<BindingKey> {
        let key = account.key.clone();
        let binding = self.binding_mut(&key);
        if binding.service_account.as_ref() == Some(&account) {
            return Vec::new();
        }
        let is_new = binding.service_account.replace(account).is_none();
        self.note_defaults(&key);
        let mut changed = Vec::new();
        if is_new {
            self.existence.changed(&key);
            changed = self.refile_with_controller(&key.service_account);
        }
        changed.push(key);
        changed
    }

    /// Takes a ServiceAccount away. Returns the bindings that this changes; none if it was not there.
    pub fn remove_service_account(&mut self, key: &BindingKey) -> Vec<BindingKey> {
        let binding = self.bindings.get_mut(key);
        if binding
            .and_then(|binding| binding.service_account.take())
            .is_none()
        {
            return Vec::new();
        }
        self.existence.changed(key);
        self.note_defaults(key);
        let mut changed = self.refile_with_controller(&key.service_account);
        self.drop_if_empty(key);
        changed.push(key.clone());
        changed
    }

    /// Stores a pod. Returns the bindings that it changes, each once: its own, that under which it was filed before, and
    /// those that it may be missing from; none if it is the same.
    pub fn put_pod(&mut self, mut pod: Pod) -> Vec<BindingKey> {
        if pod.service_account.is_empty() {
            return self.put_mirror(NamespacedName::new(pod.namespace.clone(), &*pod.name));
        }
        let key = pod.binding_key();
        let mut changed = Vec::new();
        let home = self.pods.home(&pod.namespace, &pod.name);
        if home.is_some_and(|home| home.pod.service_account != key.service_account) {
            changed.extend(self.remove_pod(&pod.namespace, &pod.name));
        }
        let home = self.pods.home(&pod.namespace, &pod.name);
        if home.is_some_and(|home| *home.pod == pod) {
            return changed;
        }
        let filed_at = home.map(|home| home.index);
        changed.extend(self.expecting(&pod));
        self.count_audiences(&pod);
        let pods = &mut self.binding_mut(&key).pods;
        share(pods, &mut pod);
        let pod = Arc::new(pod);
        if let Some(filed) = filed_at.and_then(|index| pods.get_mut(index)) {
            let old = std::mem::replace(filed, Arc::clone(&pod));
            self.pods.replace(&old, &pod);
            self.discount_audiences(&old);
        } else {
            let index = pods.len();
            pods.push(Arc::clone(&pod));
            self.pods.insert(&pod, index);
        }
        changed.push(key);
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Takes note of the mirror of a static pod, which has no ServiceAccount. What seems to be that of its namespace is not.
    fn put_mirror(&mut self, id: NamespacedName) -> Vec<BindingKey> {
        let mut changed = self.remove_pod(&id.namespace, &id.name);
        changed.push(BindingKey::new(id.namespace.clone(), DEFAULT_SERVICE_ACCOUNT));
        self.mirrors.insert(id);
        changed
    }

    /// Whether static pods are all that could run as a ServiceAccount: as the `default` one of their namespace, which they do
    /// not.
    #[must_use]
    pub fn has_only_mirrors(&self, key: &BindingKey) -> bool {
        if key.service_account != DEFAULT_SERVICE_ACCOUNT {
            return false;
        }
        let first = NamespacedName::new(key.namespace.clone(), "");
        let mut mirrors = self
            .mirrors
            .range(first..)
            .take_while(|id| id.namespace == key.namespace);
        mirrors.next().is_some()
            && self
                .binding(key)
                .is_none_or(|binding| binding.pods.is_empty() && binding.consumers.is_empty())
    }

    /// Takes a pod away. Returns the bindings that it changes, each once: its own, and those that it may have been missing
    /// from; none if it was not there.
    pub fn remove_pod(&mut self, namespace: &str, name: &str) -> Vec<BindingKey> {
        let id = NamespacedName::new(namespace, name);
        if self.mirrors.remove(&id) {
            return vec![BindingKey::new(namespace, DEFAULT_SERVICE_ACCOUNT)];
        }
        let Some(home) = self.pods.home(namespace, name) else {
            return Vec::new();
        };
        let (key, index) = (home.pod.binding_key(), home.index);
        let mut changed = vec![key.clone()];
        if let Some(binding) = self.bindings.get_mut(&key)
            && index < binding.pods.len()
        {
            let pod = binding.pods.swap_remove(index);
            self.pods.remove(&pod);
            // The last one is in its place now.
            if let Some(moved) = binding.pods.get(index) {
                self.pods.place(namespace, &moved.name, index);
            }
            if binding.pods.capacity() > 2 * binding.pods.len() + 8 {
                binding.pods.shrink_to_fit();
            }
            self.discount_audiences(&pod);
            changed.extend(self.expecting(&pod));
        }
        self.drop_if_empty(&key);
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Takes away every ServiceAccount that is not in `present`, after a watch has started anew.
    pub fn retain_service_accounts(&mut self, present: &BTreeSet<BindingKey>) -> Vec<BindingKey> {
        let gone: Vec<BindingKey> = self
            .bindings
            .iter()
            .filter(|(key, binding)| binding.service_account.is_some() && !present.contains(*key))
            .map(|(key, _)| key.clone())
            .collect();
        gone.iter()
            .flat_map(|key| self.remove_service_account(key))
            .collect()
    }

    /// Takes away every pod that is not in `present`, after a watch has started anew.
    pub fn retain_pods(&mut self, present: &BTreeSet<NamespacedName>) -> Vec<BindingKey> {
        let gone: Vec<NamespacedName> = self
            .pods
            .names()
            .chain(self.mirrors.iter().cloned())
            .filter(|id| !present.contains(id))
            .collect();
        gone.iter()
            .flat_map(|id| self.remove_pod(&id.namespace, &id.name))
            .collect()
    }

    fn drop_if_empty(&mut self, key: &BindingKey) {
        if self.binding(key).is_some_and(Binding::is_empty) {
            self.bindings.remove(key);
            let by_name = (key.service_account.clone(), key.namespace.clone());
            self.by_name.remove(&by_name);
        }
    }

    /// What there is about a ServiceAccount, to be added to.
    fn binding_mut(&mut self, key: &BindingKey) -> &mut Binding {
        if !self.bindings.contains_key(key) {
            let by_name = (key.service_account.clone(), key.namespace.clone());
            self.by_name.insert(by_name);
        }
        self.bindings.entry(key.clone()).or_default()
    }

    /// The bindings of a name, in all namespaces.
    fn named(&self, name: &str) -> Vec<BindingKey> {
        let names = self.by_name.range((Name::new(name), Name::default())..);
        counted::each(names.take_while(|(own, _)| own == name))
            .map(|(name, namespace)| BindingKey::new(namespace.clone(), name.clone()))
            .collect()
    }
}

/// How many of the latest pods are asked for the same labels and containers: those of one workload come together.
const NEIGHBORS: usize = 8;

/// Gives a pod what is the same in another one, so that it is kept once.
fn share(pods: &[Arc<Pod>], pod: &mut Pod) {
    let neighbors = || pods.iter().rev().take(NEIGHBORS);
    if let Some(same) = neighbors().find(|other| other.workload == pod.workload) {
        pod.workload = Arc::clone(&same.workload);
    }
    if let Some(same) = neighbors().find(|other| other.common == pod.common) {
        pod.common = Arc::clone(&same.common);
        return;
    }
    if let Some(same) = neighbors().find(|other| other.labels == pod.labels) {
        pod.labels = Arc::clone(&same.labels);
    }
    if let Some(same) = neighbors().find(|other| other.containers == pod.containers) {
        pod.containers = same.containers.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Annotations, WorkloadRef};
    use crate::testing::{bare, pod};

    fn key(name: &str) -> BindingKey {
        BindingKey::new("shop", name)
    }

    fn request(name: &str, service_account: &str) -> AuditRequest {
        AuditRequest {
            name: name.to_owned(),
            service_account: service_account.to_owned(),
            ..AuditRequest::default()
        }
    }

    #[test]
    fn a_pod_is_filed_under_its_service_account_and_moves_with_it() {
        let mut cluster = Cluster::default();
        let cart = pod(&key("cart"), "web", bare("app"));
        assert_eq!(cluster.put_pod(cart.clone()), [key("cart")]);
        assert_eq!(cluster.put_pod(cart.clone()), [], "nothing changed");
        let mut moved = cart.clone();
        moved.service_account = "orders".into();
        assert_eq!(cluster.put_pod(moved), [key("cart"), key("orders")]);
        assert!(cluster.binding(&key("cart")).is_none(), "nothing is left of it");
        assert_eq!(cluster.remove_pod("shop", &cart.name), [key("orders")]);
        assert_eq!(cluster.remove_pod("shop", &cart.name), []);
        assert_eq!(cluster.bindings().count(), 0);
    }

    #[test]
    fn pods_of_one_template_share_what_they_have_in_common() {
        let mut cluster = Cluster::default();
        let first = pod(&key("cart"), "web", bare("app"));
        let named = |name: &str, container| Pod {
            name: name.into(),
            ..pod(&key("cart"), "web", container)
        };
        cluster.put_pod(first);
        cluster.put_pod(named("web-2", bare("app")));
        cluster.put_pod(named("web-3", bare("side")));
        let pods = cluster.binding(&key("cart")).unwrap().pods();
        assert!(Arc::ptr_eq(&pods[0].common, &pods[1].common));
        assert!(Arc::ptr_eq(&pods[0].labels, &pods[2].labels));
        assert!(!pods[0].containers.is_shared_with(&pods[2].containers));
    }

    #[test]
    fn the_mirror_of_a_static_pod_runs_as_nobody() {
        let mut cluster = Cluster::default();
        let default = key("default");
        let mirror = pod(&key(""), "etcd", bare("app"));
        assert!(!cluster.has_only_mirrors(&default));
        assert_eq!(cluster.put_pod(mirror.clone()), std::slice::from_ref(&default));
        assert_eq!(cluster.pods_in("shop").count(), 0);
        assert!(cluster.has_only_mirrors(&default) && !cluster.has_only_mirrors(&key("cart")));
        cluster.put_pod(pod(&default, "web", bare("app")));
        assert!(!cluster.has_only_mirrors(&default));
        assert_eq!(
            cluster.remove_pod("shop", &mirror.name),
            std::slice::from_ref(&default)
        );
        assert_eq!(cluster.put_pod(mirror).len(), 1);
        assert_eq!(cluster.retain_pods(&[].into()).len(), 2);
        assert!(!cluster.has_only_mirrors(&default));
    }

    #[test]
    fn a_pod_concerns_who_expects_its_workload() {
        let mut cluster = Cluster::default();
        let expected = vec![WorkloadRef {
            kind: "Deployment".to_owned(),
            name: "web".to_owned(),
        }];
        cluster.put_request(
            "shop",
            AuditRequest {
                workloads: expected,
                ..request("cart", "cart")
            },
        );
        assert_eq!(
            cluster.put_pod(pod(&key("default"), "web", bare("app"))),
            [key("cart"), key("default")]
        );
        assert_eq!(
            cluster.put_pod(pod(&key("default"), "other", bare("app"))),
            [key("default")]
        );
        let elsewhere = BindingKey::new("staging", "default");
        assert_eq!(cluster.put_pod(pod(&elsewhere, "web", bare("app"))), [elsewhere]);
        assert_eq!(cluster.pods_in("shop").count(), 2);
        assert_eq!(cluster.pods_in("sho").count(), 0);
    }

    #[test]
    fn requests_are_kept_in_the_order_of_precedence() {
        let mut cluster = Cluster::default();
        assert_eq!(
            cluster.put_request("shop", request("automatic", "cart")),
            [key("cart")]
        );
        let declared = AuditRequest {
            declared: true,
            ..request("declared", "cart")
        };
        cluster.put_request("shop", declared.clone());
        let names = |cluster: &Cluster| -> Vec<String> {
            let binding = cluster.binding(&key("cart"));
            binding
                .map(|b| b.requests().iter().map(|r| r.name.clone()).collect())
                .unwrap_or_default()
        };
        assert_eq!(names(&cluster), ["declared", "automatic"]);
        assert_eq!(cluster.put_request("shop", declared.clone()), []);
        let moved = AuditRequest {
            service_account: "orders".to_owned(),
            ..declared
        };
        assert_eq!(cluster.put_request("shop", moved), [key("cart"), key("orders")]);
        assert_eq!(names(&cluster), ["automatic"]);
        assert_eq!(cluster.remove_request("shop", "automatic"), Some(key("cart")));
        assert_eq!(cluster.remove_request("shop", "automatic"), None);
    }

    #[test]
    fn after_a_new_list_only_what_is_in_it_stays() {
        let account = |name: &str| ServiceAccount {
            key: key(name),
            uid: String::new(),
            created: None,
            annotations: Annotations::default(),
            automount_off: false,
        };
        let mut cluster = Cluster::default();
        for name in ["a", "b"] {
            assert_eq!(cluster.put_service_account(account(name)), [key(name)]);
            assert_eq!(cluster.put_service_account(account(name)), []);
            cluster.put_pod(pod(&key(name), name, bare("app")));
            cluster.put_request("shop", request(name, name));
        }
        let id = |name: &str| NamespacedName::new("shop", name);
        let pod_name = |name: &str| pod(&key(name), name, bare("app")).name;
        assert_eq!(cluster.retain_service_accounts(&[key("a")].into()), [key("b")]);
        assert_eq!(cluster.retain_pods(&[id(&pod_name("a"))].into()), [key("b")]);
        assert_eq!(cluster.retain_requests(&[id("a")].into()), [key("b")]);
        assert_eq!(
            cluster.bindings().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
            [key("a")]
        );
        assert_eq!(cluster.remove_service_account(&key("b")), []);
    }
}
