//! Objects of other projects that use ServiceAccounts, by the bindings that they concern.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Binding, Cluster};
use crate::model::consumer::SECRET_PROVIDER_CLASS;
use crate::model::{BindingKey, Consumer, ConsumerObject, NamespacedName, Pod, Used};

/// The uses that are not filed under one binding, and where each object's uses are.
#[derive(Debug, Clone, Default)]
pub(super) struct Consumers {
    /// The uses of each object.
    objects: BTreeMap<Arc<ConsumerObject>, Vec<Consumer>>,
    /// Those of a ServiceAccount in any namespace, by its name.
    anywhere: BTreeMap<String, BTreeSet<Arc<ConsumerObject>>>,
    /// Those of the pods that mount an object, by its namespace and name.
    mounted: BTreeMap<NamespacedName, BTreeSet<Arc<ConsumerObject>>>,
}

impl Cluster {
    /// The uses that objects make of a ServiceAccount.
    pub fn consumers<'a>(&'a self, key: &'a BindingKey) -> impl Iterator<Item = &'a Consumer> {
        let index = &self.consumers;
        let binding = self.bindings.get(key);
        let named = binding.map_or(&[][..], |binding| &binding.consumers);
        let exists = binding.is_some_and(|binding| binding.service_account.is_some());
        let anywhere = index.anywhere.get(&key.service_account).filter(|_| exists);
        let anywhere = anywhere.into_iter().flatten().flat_map(move |object| {
            let uses = index.objects.get(object).map_or(&[][..], Vec::as_slice);
            uses.iter()
                .filter(|one| matches!(&one.used, Used::InAnyNamespace(name) if *name == key.service_account))
        });
        let mounts = classes(binding, &key.namespace);
        let mounted = mounts.into_iter().flat_map(move |id| {
            let objects = index.mounted.get(&id).into_iter().flatten();
            objects.flat_map(move |object| {
                let uses = index.objects.get(object).map_or(&[][..], Vec::as_slice);
                uses.iter().filter(|one| one.used == Used::OfMountingPods)
            })
        });
        named.iter().chain(anywhere).chain(mounted)
    }

    /// The objects that a pod mounts and that nobody has seen, so that what they ask for does not show.
    #[must_use]
    pub fn unseen_classes<'a>(&self, pod: &'a Pod) -> Vec<&'a str> {
        let (group, kind) = SECRET_PROVIDER_CLASS;
        let is_unseen = |name: &&str| {
            let object = ConsumerObject {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: pod.namespace.clone(),
                name: (*name).to_owned(),
            };
            !self.consumers.objects.contains_key(&object)
        };
        let names = pod.secret_provider_classes.iter().map(String::as_str);
        names.filter(is_unseen).collect()
    }

    /// Stores the uses that an object makes of ServiceAccounts, in place of those that it made before. An object without any
    /// is remembered as well: it was seen. Returns the bindings that this changes.
    pub fn put_consumer(&mut self, object: ConsumerObject, uses: Vec<Consumer>) -> Vec<BindingKey> {
        if self.consumers.objects.get(&object) == Some(&uses) {
            return Vec::new();
        }
        let mut changed = self.remove_consumer(&object);
        let object = Arc::new(object);
        for one in &uses {
            changed.extend(self.concerned(&object, &one.used));
            match &one.used {
                Used::Named(key) => {
                    let binding = self.bindings.entry(key.clone()).or_default();
                    binding.consumers.push(one.clone());
                }
                Used::InAnyNamespace(name) => {
                    let objects = self.consumers.anywhere.entry(name.clone()).or_default();
                    objects.insert(Arc::clone(&object));
                }
                Used::OfMountingPods => {
                    let id = NamespacedName::new(object.namespace.clone(), object.name.clone());
                    let objects = self.consumers.mounted.entry(id).or_default();
                    objects.insert(Arc::clone(&object));
                }
            }
        }
        self.consumers.objects.insert(object, uses);
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Takes an object away. Returns the bindings that this changes.
    pub fn remove_consumer(&mut self, object: &ConsumerObject) -> Vec<BindingKey> {
        let Some((object, uses)) = self.consumers.objects.remove_entry(object) else {
            return Vec::new();
        };
        let mut changed = Vec::new();
        for one in &uses {
            changed.extend(self.concerned(&object, &one.used));
            match &one.used {
                Used::Named(key) => {
                    if let Some(binding) = self.bindings.get_mut(key) {
                        binding.consumers.retain(|other| other.object != object);
                    }
                    self.drop_if_empty(key);
                }
                Used::InAnyNamespace(name) => {
                    if let Some(objects) = self.consumers.anywhere.get_mut(name) {
                        objects.remove(&object);
                    }
                }
                Used::OfMountingPods => {
                    let id = NamespacedName::new(object.namespace.clone(), object.name.clone());
                    if let Some(objects) = self.consumers.mounted.get_mut(&id) {
                        objects.remove(&object);
                    }
                }
            }
        }
        self.consumers.anywhere.retain(|_, objects| !objects.is_empty());
        self.consumers.mounted.retain(|_, objects| !objects.is_empty());
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Takes away every object of a kind that is not in `present`, after a watch has started again.
    pub fn retain_consumers(
        &mut self,
        group: &str,
        kind: &str,
        present: &BTreeSet<NamespacedName>,
    ) -> Vec<BindingKey> {
        let of_kind = |object: &&Arc<ConsumerObject>| object.group == group && object.kind == kind;
        let is_gone = |object: &&Arc<ConsumerObject>| {
            !present.contains(&NamespacedName::new(
                object.namespace.clone(),
                object.name.clone(),
            ))
        };
        let objects = self.consumers.objects.keys();
        let gone: Vec<_> = objects.filter(of_kind).filter(is_gone).cloned().collect();
        gone.iter()
            .flat_map(|object| self.remove_consumer(object))
            .collect()
    }

    /// The bindings that a use concerns.
    fn concerned(&self, object: &ConsumerObject, used: &Used) -> Vec<BindingKey> {
        match used {
            Used::Named(key) => vec![key.clone()],
            Used::InAnyNamespace(name) => {
                let keys = self.bindings.keys();
                keys.filter(|key| key.service_account == *name).cloned().collect()
            }
            Used::OfMountingPods => {
                let bindings = self.in_namespace(&object.namespace);
                let mounts = |binding: &Binding| {
                    let mut pods = binding.pods.iter();
                    pods.any(|pod| pod.secret_provider_classes.contains(&object.name))
                };
                bindings
                    .filter(|(_, binding)| mounts(binding))
                    .map(|(key, _)| key.clone())
                    .collect()
            }
        }
    }
}

/// The objects that a binding's pods mount, as namespace and name, each once.
fn classes(binding: Option<&Binding>, namespace: &str) -> BTreeSet<NamespacedName> {
    let pods = binding.map_or(&[][..], Binding::pods).iter();
    let names = pods
        .filter(|pod| pod.is_active())
        .flat_map(|pod| &pod.secret_provider_classes);
    names
        .map(|name| NamespacedName::new(namespace, name.clone()))
        .collect()
}
