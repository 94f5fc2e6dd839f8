//! The pods of each namespace by name: their own, their workload's, and what labels call them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Cluster;
use crate::model::likeness::workload_names;
use crate::model::{BindingKey, NamespacedName, Pod, WorkloadRef};

/// A name that several tables share.
type Name = Arc<str>;

/// The pods by namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct PodIndex(HashMap<String, OfNamespace>);

#[derive(Debug, Clone, Default)]
struct OfNamespace {
    /// Where each pod is filed, by its name.
    homes: HashMap<Name, PodHome>,
    /// How many pods run as each ServiceAccount.
    accounts: HashMap<Name, usize>,
    /// By the workload's name: one entry for each kind, sorted by it.
    workloads: HashMap<Box<str>, Vec<OfWorkload>>,
    /// By a usual label, where its value is not the workload's name: the names of the pods.
    labelled: HashMap<Box<str>, BTreeSet<Name>>,
    /// By the `SecretProviderClass` that volumes name: the ServiceAccounts as which such pods run, and how many pods these are.
    mounting: HashMap<Box<str>, BTreeMap<Name, usize>>,
}

/// Where a pod is filed.
#[derive(Debug, Clone)]
pub(super) struct PodHome {
    /// The ServiceAccount as which it runs.
    pub account: Name,
    /// Its place among the pods of that binding.
    pub index: usize,
}

/// The pods of workloads of one name and kind.
#[derive(Debug, Clone)]
struct OfWorkload {
    kind: Box<str>,
    /// Those that can still ask for credentials: ServiceAccount and name.
    active: BTreeSet<(Name, Name)>,
    /// How many others there are.
    ended: usize,
}

impl PodIndex {
    /// Where a pod is filed.
    pub(super) fn home(&self, namespace: &str, name: &str) -> Option<&PodHome> {
        self.0.get(namespace)?.homes.get(name)
    }

    /// Namespace and name of each pod.
    pub(super) fn names(&self) -> impl Iterator<Item = NamespacedName> {
        let spaces = self.0.iter();
        spaces.flat_map(|(namespace, pods)| {
            let names = pods.homes.keys();
            names.map(|name| NamespacedName::new(namespace.clone(), &**name))
        })
    }

    /// Files a new pod, whose place among the pods of its binding is `index`.
    pub(super) fn insert(&mut self, pod: &Pod, index: usize) {
        if !self.0.contains_key(&pod.namespace) {
            self.0.insert(pod.namespace.clone(), OfNamespace::default());
        }
        if let Some(pods) = self.0.get_mut(&pod.namespace) {
            pods.insert(pod, index);
        }
    }

    /// Takes a pod away. Returns where it was filed.
    pub(super) fn remove(&mut self, pod: &Pod) -> Option<PodHome> {
        let pods = self.0.get_mut(&pod.namespace)?;
        let (name, home) = pods.homes.remove_entry(&*pod.name)?;
        pods.remove_names(pod, &name, &home.account);
        pods.release(&home.account);
        if pods.homes.is_empty() {
            self.0.remove(&pod.namespace);
        }
        Some(home)
    }

    /// Files a pod under other names, where it has others than before.
    pub(super) fn rename(&mut self, old: &Pod, new: &Pod) {
        if old.workload == new.workload
            && old.also_named == new.also_named
            && old.secret_provider_classes == new.secret_provider_classes
            && old.is_active() == new.is_active()
        {
            return;
        }
        let Some(pods) = self.0.get_mut(&new.namespace) else {
            return;
        };
        let Some((name, home)) = pods.homes.get_key_value(&*new.name) else {
            return;
        };
        let (name, account) = (name.clone(), home.account.clone());
        pods.remove_names(old, &name, &account);
        pods.insert_names(new, &name, &account);
    }

    /// Takes note of another place of a pod among those of its binding.
    pub(super) fn place(&mut self, namespace: &str, name: &str, index: usize) {
        let pods = self.0.get_mut(namespace);
        if let Some(home) = pods.and_then(|pods| pods.homes.get_mut(name)) {
            home.index = index;
        }
    }

    /// The pods of workloads of a name in a namespace, by kind.
    fn of_name(&self, namespace: &str, workload: &str) -> &[OfWorkload] {
        let pods = self.0.get(namespace);
        pods.and_then(|pods| pods.workloads.get(workload))
            .map_or(&[][..], Vec::as_slice)
    }

    /// The pods of a workload.
    fn of_workload(&self, namespace: &str, workload: &WorkloadRef) -> Option<&OfWorkload> {
        let kinds = self.of_name(namespace, &workload.name);
        let place = kinds
            .binary_search_by(|one| (*one.kind).cmp(&workload.kind))
            .ok()?;
        kinds.get(place)
    }

    /// The names of pods that a usual label calls so.
    fn labelled(&self, namespace: &str, label: &str) -> impl Iterator<Item = &Name> {
        let pods = self.0.get(namespace);
        pods.and_then(|pods| pods.labelled.get(label))
            .into_iter()
            .flatten()
    }

    /// The bindings whose pods mount a `SecretProviderClass`.
    pub(super) fn mounting(&self, namespace: &str, class: &str) -> Vec<BindingKey> {
        let pods = self.0.get(namespace);
        let accounts = pods.and_then(|pods| pods.mounting.get(class));
        let accounts = counted::each(accounts.into_iter().flat_map(BTreeMap::keys));
        accounts
            .map(|account| BindingKey::new(namespace, &**account))
            .collect()
    }
}

impl OfNamespace {
    fn insert(&mut self, pod: &Pod, index: usize) {
        let account = match self.accounts.get_key_value(&*pod.service_account) {
            Some((account, _)) => account.clone(),
            None => Name::from(&*pod.service_account),
        };
        *self.accounts.entry(account.clone()).or_default() += 1;
        let name = Name::from(&*pod.name);
        self.insert_names(pod, &name, &account);
        self.homes.insert(name, PodHome { account, index });
    }

    fn release(&mut self, account: &Name) {
        if let Some(count) = self.accounts.get_mut(account) {
            *count -= 1;
            if *count == 0 {
                self.accounts.remove(account);
            }
        }
    }

    fn insert_names(&mut self, pod: &Pod, name: &Name, account: &Name) {
        let kinds = entry(&mut self.workloads, &pod.workload.name);
        let place = match kinds.binary_search_by(|one| (*one.kind).cmp(&pod.workload.kind)) {
            Ok(place) => place,
            Err(place) => {
                let none = OfWorkload {
                    kind: pod.workload.kind.as_str().into(),
                    active: BTreeSet::new(),
                    ended: 0,
                };
                kinds.insert(place, none);
                place
            }
        };
        if let Some(one) = kinds.get_mut(place) {
            if pod.is_active() {
                one.active.insert((account.clone(), name.clone()));
            } else {
                one.ended += 1;
            }
        }
        for label in &pod.also_named {
            entry(&mut self.labelled, label).insert(name.clone());
        }
        for class in &pod.secret_provider_classes {
            *entry(&mut self.mounting, class)
                .entry(account.clone())
                .or_default() += 1;
        }
    }

    fn remove_names(&mut self, pod: &Pod, name: &Name, account: &Name) {
        if let Some(kinds) = self.workloads.get_mut(&*pod.workload.name) {
            if let Ok(place) = kinds.binary_search_by(|one| (*one.kind).cmp(&pod.workload.kind))
                && let Some(one) = kinds.get_mut(place)
            {
                if pod.is_active() {
                    one.active.remove(&(account.clone(), name.clone()));
                } else {
                    one.ended -= 1;
                }
                if one.active.is_empty() && one.ended == 0 {
                    kinds.remove(place);
                }
            }
            if kinds.is_empty() {
                self.workloads.remove(&*pod.workload.name);
            }
        }
        for label in &pod.also_named {
            if let Some(pods) = self.labelled.get_mut(&**label) {
                pods.remove(name);
                if pods.is_empty() {
                    self.labelled.remove(&**label);
                }
            }
        }
        for class in &pod.secret_provider_classes {
            let Some(accounts) = self.mounting.get_mut(&**class) else {
                continue;
            };
            if let Some(count) = accounts.get_mut(account) {
                *count -= 1;
                if *count == 0 {
                    accounts.remove(account);
                }
            }
            if accounts.is_empty() {
                self.mounting.remove(&**class);
            }
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
    pub fn active_pods_of<'a>(
        &'a self,
        namespace: &'a str,
        workload: &WorkloadRef,
    ) -> impl Iterator<Item = &'a Pod> + use<'a> {
        let pods = self.pods.of_workload(namespace, workload);
        let pods = counted::each(pods.into_iter().flat_map(|pods| &pods.active));
        pods.filter_map(|(_, name)| self.pod(namespace, name))
    }

    /// The pods that can still ask for credentials and whose names may fit a ServiceAccount's, see
    /// [`likeness`](crate::model::likeness()). One may come twice.
    pub fn active_pods_like<'a>(&'a self, key: &'a BindingKey) -> impl Iterator<Item = &'a Pod> {
        let namespace = key.namespace.as_str();
        let workloads = workload_names(&key.service_account)
            .flat_map(move |name| self.pods.of_name(namespace, name))
            .flat_map(|kind| &kind.active)
            .map(|(_, name)| name);
        let labelled = self.pods.labelled(namespace, &key.service_account);
        counted::each(workloads.chain(labelled))
            .filter_map(move |name| self.pod(namespace, name))
            .filter(|pod| pod.is_active())
    }

    fn pod(&self, namespace: &str, name: &str) -> Option<&Pod> {
        let home = self.pods.home(namespace, name)?;
        let key = BindingKey::new(namespace, &*home.account);
        self.bindings.get(&key)?.pods.get(home.index)
    }
}
