//! The pods of each namespace by name: their own, their workload's, and what labels call them.
//!
//! There may be a hundred thousand. Each is in memory once, shared by its binding and these tables, and no table copies its names.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::Cluster;
use super::pod_set::PodSet;
use crate::model::likeness::workload_names;
use crate::model::{BindingKey, NamespacedName, Pod, WorkloadRef};

/// The pods of all namespaces.
#[derive(Debug, Clone, Default)]
pub(super) struct PodIndex {
    hasher: RandomState,
    /// Where each pod is filed, by namespace and name.
    homes: HashTable<PodHome>,
    /// By namespace and the workload's name.
    workloads: HashTable<SameName>,
    /// What cannot be told from the names of pods and workloads, by namespace.
    rarities: HashMap<Box<str>, Rarities>,
}

/// Where a pod is filed.
#[derive(Debug, Clone)]
pub(super) struct PodHome {
    pub pod: Arc<Pod>,
    /// Its place among the pods of its binding.
    pub index: usize,
}

/// The pods of the workloads of one name, by kind, and sorted by it. There is at least one.
#[derive(Debug, Clone, Default)]
struct SameName(SmallVec<[PodSet; 1]>);

/// What few pods of a namespace have.
#[derive(Debug, Clone, Default)]
struct Rarities {
    /// By a usual label, where its value is not the workload's name.
    labelled: HashMap<Box<str>, PodSet>,
    /// By the `SecretProviderClass` that volumes name: the ServiceAccounts as which such pods run, and how many pods these are.
    mounting: HashMap<Box<str>, BTreeMap<Box<str>, usize>>,
}

impl PodHome {
    fn hash(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one((&*self.pod.namespace, &*self.pod.name))
    }

    fn is_of(&self, namespace: &str, name: &str) -> bool {
        *self.pod.name == *name && self.pod.namespace == namespace
    }
}

impl SameName {
    fn first(&self) -> Option<&Pod> {
        self.0.first()?.first()
    }

    fn is_of(&self, namespace: &str, name: &str) -> bool {
        self.first()
            .is_some_and(|pod| pod.workload.name == name && pod.namespace == namespace)
    }

    fn place(&self, kind: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|pods| pods.first().map_or("", |pod| &pod.workload.kind).cmp(kind))
    }

    fn of_kind(&self, kind: &str) -> Option<&PodSet> {
        self.0.get(self.place(kind).ok()?)
    }

    fn insert(&mut self, pod: &Arc<Pod>) {
        match self.place(&pod.workload.kind) {
            Ok(place) => {
                if let Some(pods) = self.0.get_mut(place) {
                    pods.insert(pod);
                }
            }
            Err(place) => self.0.insert(place, PodSet::of(pod)),
        }
    }

    fn remove(&mut self, pod: &Arc<Pod>) {
        if let Ok(place) = self.place(&pod.workload.kind)
            && let Some(pods) = self.0.get_mut(place)
        {
            pods.remove(pod);
            if pods.is_empty() {
                self.0.remove(place);
            }
        }
    }
}

impl PodIndex {
    /// Where a pod is filed.
    pub(super) fn home(&self, namespace: &str, name: &str) -> Option<&PodHome> {
        let hash = self.hasher.hash_one((namespace, name));
        self.homes.find(hash, |home| home.is_of(namespace, name))
    }

    /// Namespace and name of each pod.
    pub(super) fn names(&self) -> impl Iterator<Item = NamespacedName> {
        let pods = self.homes.iter().map(|home| &home.pod);
        pods.map(|pod| NamespacedName::new(pod.namespace.clone(), &*pod.name))
    }

    /// Files a new pod, whose place among the pods of its binding is `index`.
    pub(super) fn insert(&mut self, pod: &Arc<Pod>, index: usize) {
        let hasher = &self.hasher;
        let of = |home: &PodHome| home.hash(hasher);
        let home = PodHome {
            pod: Arc::clone(pod),
            index,
        };
        self.homes.insert_unique(of(&home), home, of);
        self.insert_names(pod);
    }

    /// Takes a pod away.
    pub(super) fn remove(&mut self, pod: &Arc<Pod>) {
        let hash = self.hasher.hash_one((&*pod.namespace, &*pod.name));
        let home = self
            .homes
            .find_entry(hash, |home| home.is_of(&pod.namespace, &pod.name));
        if let Ok(home) = home {
            home.remove();
            self.remove_names(pod);
        }
        let few = self.homes.len() * 4 < self.homes.capacity();
        if few && self.homes.capacity() > 1024 {
            let hasher = &self.hasher;
            self.homes.shrink_to_fit(|home| home.hash(hasher));
        }
    }

    /// Files a pod in the place of what it was before.
    pub(super) fn replace(&mut self, old: &Arc<Pod>, new: &Arc<Pod>) {
        let hash = self.hasher.hash_one((&*new.namespace, &*new.name));
        let home = self
            .homes
            .find_mut(hash, |home| home.is_of(&new.namespace, &new.name));
        if let Some(home) = home {
            home.pod = Arc::clone(new);
            self.remove_names(old);
            self.insert_names(new);
        }
    }

    /// Takes note of another place of a pod among those of its binding.
    pub(super) fn place(&mut self, namespace: &str, name: &str, index: usize) {
        let hash = self.hasher.hash_one((namespace, name));
        if let Some(home) = self.homes.find_mut(hash, |home| home.is_of(namespace, name)) {
            home.index = index;
        }
    }

    /// The pods of workloads of a name in a namespace.
    fn of_name(&self, namespace: &str, workload: &str) -> Option<&SameName> {
        let hash = self.hasher.hash_one((namespace, workload));
        self.workloads.find(hash, |same| same.is_of(namespace, workload))
    }

    /// The pods of a workload.
    fn of_workload(&self, namespace: &str, workload: &WorkloadRef) -> Option<&PodSet> {
        self.of_name(namespace, &workload.name)?.of_kind(&workload.kind)
    }

    /// The pods that a usual label calls so.
    fn labelled(&self, namespace: &str, label: &str) -> Option<&PodSet> {
        self.rarities.get(namespace)?.labelled.get(label)
    }

    /// The bindings whose pods mount a `SecretProviderClass`.
    pub(super) fn mounting(&self, namespace: &str, class: &str) -> Vec<BindingKey> {
        let pods = self.rarities.get(namespace);
        let accounts = pods.and_then(|pods| pods.mounting.get(class));
        let accounts = counted::each(accounts.into_iter().flat_map(BTreeMap::keys));
        accounts
            .map(|account| BindingKey::new(namespace, &**account))
            .collect()
    }

    fn insert_names(&mut self, pod: &Arc<Pod>) {
        let (hasher, namespace, workload) = (&self.hasher, &*pod.namespace, &*pod.workload.name);
        let hash = hasher.hash_one((namespace, workload));
        if let Some(same) = self
            .workloads
            .find_mut(hash, |same| same.is_of(namespace, workload))
        {
            same.insert(pod);
        } else {
            let mut same = SameName::default();
            same.insert(pod);
            self.workloads.insert_unique(hash, same, |same| {
                let pod = same.first().map(|pod| (&*pod.namespace, &*pod.workload.name));
                hasher.hash_one(pod.unwrap_or_default())
            });
        }
        if pod.also_named.is_empty() && pod.secret_provider_classes.is_empty() {
            return;
        }
        let rarities = entry(&mut self.rarities, namespace);
        for label in &pod.also_named {
            entry(&mut rarities.labelled, label).insert(pod);
        }
        for class in &pod.secret_provider_classes {
            let accounts = entry(&mut rarities.mounting, class);
            *accounts.entry(pod.service_account.as_str().into()).or_default() += 1;
        }
    }

    fn remove_names(&mut self, pod: &Arc<Pod>) {
        let (namespace, workload) = (&*pod.namespace, &*pod.workload.name);
        let hash = self.hasher.hash_one((namespace, workload));
        let same = self
            .workloads
            .find_entry(hash, |same| same.is_of(namespace, workload));
        if let Ok(mut same) = same {
            same.get_mut().remove(pod);
            if same.get().0.is_empty() {
                same.remove();
            }
        }
        let Some(rarities) = self.rarities.get_mut(namespace) else {
            return;
        };
        for label in &pod.also_named {
            if let Some(pods) = rarities.labelled.get_mut(&**label) {
                pods.remove(pod);
                if pods.is_empty() {
                    rarities.labelled.remove(&**label);
                }
            }
        }
        for class in &pod.secret_provider_classes {
            let Some(accounts) = rarities.mounting.get_mut(&**class) else {
                continue;
            };
            if let Some(count) = accounts.get_mut(&*pod.service_account) {
                *count -= 1;
                if *count == 0 {
                    accounts.remove(&*pod.service_account);
                }
            }
            if accounts.is_empty() {
                rarities.mounting.remove(&**class);
            }
        }
        if rarities.labelled.is_empty() && rarities.mounting.is_empty() {
            self.rarities.remove(namespace);
        }
    }
}

/// The entry of a table under a name, which is copied where it is new only.
fn entry<'t, V: Default>(table: &'t mut HashMap<Box<str>, V>, name: &str) -> &'t mut V {
    if !table.contains_key(name) {
        table.insert(name.into(), V::default());
    }
    table.entry(name.into()).or_default()
}

impl Cluster {
    /// Whether pods of a workload were seen, whatever they run as. Pods that have ended count.
    #[must_use]
    pub fn has_pods_of(&self, namespace: &str, workload: &WorkloadRef) -> bool {
        self.pods.of_workload(namespace, workload).is_some()
    }

    /// The pods of a workload that can still ask for credentials, whatever they run as, sorted by ServiceAccount and name.
    pub fn active_pods_of(&self, namespace: &str, workload: &WorkloadRef) -> impl Iterator<Item = &Pod> {
        let pods = self.pods.of_workload(namespace, workload);
        counted::each(pods.into_iter().flat_map(PodSet::active))
    }

    /// The pods that can still ask for credentials and whose names may fit a ServiceAccount's, see
    /// [`likeness`](crate::model::likeness()). One may come twice.
    pub fn active_pods_like<'a>(&'a self, key: &'a BindingKey) -> impl Iterator<Item = &'a Pod> {
        let namespace = key.namespace.as_str();
        let workloads = workload_names(&key.service_account)
            .filter_map(move |name| self.pods.of_name(namespace, name))
            .flat_map(|same| &same.0);
        let labelled = self.pods.labelled(namespace, &key.service_account);
        counted::each(workloads.chain(labelled).flat_map(PodSet::active))
    }
}
