//! Objects of other projects that use ServiceAccounts, by the bindings that they concern.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::rbac::Allowance;

use super::{Binding, Cluster};
use crate::model::consumer::SECRET_PROVIDER_CLASS;
use crate::model::{
    BindingKey, Consumer, ConsumerObject, Explains, NamespacedName, ObjectUses, UnseenKind, Used,
};

/// The uses that are not filed under one binding, and where each object's uses are.
#[derive(Debug, Clone, Default)]
pub(super) struct Consumers {
    /// The uses of each object.
    objects: BTreeMap<Arc<ConsumerObject>, Filed>,
    /// How many uses have been filed under bindings so far: it tells them apart, and keeps them in order.
    count: u64,
    /// Those of a ServiceAccount in any namespace, by its name.
    anywhere: BTreeMap<String, BTreeSet<Arc<ConsumerObject>>>,
    /// Those of the pods that mount an object, by its namespace and name.
    mounted: BTreeMap<NamespacedName, BTreeSet<Arc<ConsumerObject>>>,
    /// Those of a ServiceAccount in the namespace of a controller, by its name.
    with_controller: BTreeMap<String, BTreeSet<Arc<ConsumerObject>>>,
    /// The kinds whose objects could not be listed.
    unseen: Vec<UnseenKind>,
    /// What the uses of each namespace's objects may take.
    allowance: Allowance,
    /// The objects with uses that are not kept, by namespace, and whether controllers request tokens for those.
    cut: BTreeMap<String, BTreeMap<Arc<ConsumerObject>, bool>>,
}

/// What a use takes beside its texts, in bytes: it may be all that there is of a binding, which is audited for it.
const BINDING: usize = 2048;

/// About how many bytes uses take: each is kept with the object and with its binding.
fn bytes(uses: &[Consumer]) -> usize {
    uses.iter().map(|one| BINDING + 2 * one.bytes()).sum()
}

/// The uses of one object, and where those are filed that are filed under bindings.
#[derive(Debug, Clone, Default)]
struct Filed {
    uses: ObjectUses,
    homes: Vec<(BindingKey, u64)>,
}

impl Consumers {
    /// The uses of an object.
    fn uses(&self, object: &ConsumerObject) -> &[Consumer] {
        self.objects.get(object).map_or(&[][..], |filed| &filed.uses.uses)
    }
}

impl Cluster {
    /// The uses that objects make of a ServiceAccount.
    pub fn consumers<'a>(&'a self, key: &'a BindingKey) -> impl Iterator<Item = &'a Consumer> {
        let index = &self.consumers;
        let binding = self.binding(key);
        let named = binding.into_iter().flat_map(|binding| binding.consumers.values());
        let exists = binding.is_some_and(|binding| binding.service_account.is_some());
        let anywhere = index
            .anywhere
            .get(key.service_account.as_str())
            .filter(|_| exists);
        let anywhere = anywhere.into_iter().flatten().flat_map(move |object| {
            index
                .uses(object)
                .iter()
                .filter(|one| matches!(&one.used, Used::InAnyNamespace(name) if *name == key.service_account))
        });
        let mounts = classes(binding, &key.namespace);
        let mounted = mounts.into_iter().flat_map(move |id| {
            let objects = index.mounted.get(&id).into_iter().flatten();
            objects.flat_map(move |object| {
                let uses = index.uses(object).iter();
                uses.filter(|one| one.used == Used::OfMountingPods)
            })
        });
        named.chain(anywhere).chain(mounted)
    }

    /// The kinds that may have objects, and could not be listed.
    #[must_use]
    pub fn unseen_kinds(&self) -> &[UnseenKind] {
        &self.consumers.unseen
    }

    /// Takes note of the kinds that may have objects, and could not be listed. What was seen of them before stands. Returns
    /// whether that is news.
    pub fn set_unseen_kinds(&mut self, mut kinds: Vec<UnseenKind>) -> bool {
        kinds.sort();
        let is_news = self.consumers.unseen != kinds;
        self.consumers.unseen = kinds;
        is_news
    }

    /// The objects that may use a ServiceAccount in a way that is not kept, because they or those of their namespace use too many.
    pub fn cut_consumers(&self, key: &BindingKey) -> impl Iterator<Item = &ConsumerObject> {
        self.cut_of(key).map(|(object, _)| &**object)
    }

    /// Those of them for which a controller may request the token of the ServiceAccount, for any role.
    pub fn cut_requesters(&self, key: &BindingKey) -> impl Iterator<Item = &ConsumerObject> {
        self.cut_of(key)
            .filter(|(_, requests)| **requests)
            .map(|(object, _)| &**object)
    }

    fn cut_of(&self, key: &BindingKey) -> impl Iterator<Item = (&Arc<ConsumerObject>, &bool)> {
        let scopes = [key.namespace.as_str(), ""].into_iter();
        scopes.flat_map(|scope| self.consumers.cut.get(scope).into_iter().flatten())
    }

    /// Whether something that was not seen may use a ServiceAccount: a kind, or what is not kept of an object.
    #[must_use]
    pub fn consumers_unseen(&self, key: &BindingKey) -> bool {
        !self.unseen_kinds().is_empty() || self.cut_consumers(key).next().is_some()
    }

    /// The kinds of which an object may have a controller request the token of a ServiceAccount without being seen.
    #[must_use]
    pub fn unseen_requesters(&self, key: &BindingKey) -> Vec<&UnseenKind> {
        let is_one = |kind: &&UnseenKind| match kind.explains {
            Explains::RequestsForTheirRole | Explains::Requests => true,
            Explains::RequestsOfMountingPods => !self.unseen_classes(key).is_empty(),
            Explains::Launches => false,
        };
        self.consumers.unseen.iter().filter(is_one).collect()
    }

    /// The kinds of which an object may name the role of any ServiceAccount without being seen.
    #[must_use]
    pub fn unseen_role_givers(&self) -> Vec<&UnseenKind> {
        let kinds = self.consumers.unseen.iter();
        kinds
            .filter(|kind| kind.explains == Explains::RequestsForTheirRole)
            .collect()
    }

    /// The `SecretProviderClass` objects that pods of a ServiceAccount mount and that are not among the objects here, by
    /// name.
    #[must_use]
    pub fn unseen_classes(&self, key: &BindingKey) -> BTreeSet<String> {
        let (group, kind) = SECRET_PROVIDER_CLASS;
        let is_unseen = |id: &NamespacedName| {
            let object = ConsumerObject {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: id.namespace.to_string(),
                name: id.name.to_string(),
            };
            let filed = self.consumers.objects.get(&object);
            filed.is_none_or(|filed| filed.uses.has_more)
        };
        let mounted = classes(self.binding(key), &key.namespace);
        mounted
            .into_iter()
            .filter(is_unseen)
            .map(|id| id.name.into())
            .collect()
    }

    /// Stores the uses that an object makes of ServiceAccounts, in place of those that it made before. An object without any
    /// is remembered as well: it was seen. One of many is remembered without them where those of its namespace take too much. Returns the bindings
    /// that this changes.
    pub fn put_consumer(&mut self, object: ConsumerObject, uses: impl Into<ObjectUses>) -> Vec<BindingKey> {
        let mut uses: ObjectUses = uses.into();
        let requests = uses.uses.iter().any(Consumer::requests);
        let filed = self.consumers.objects.get(&object);
        let old = filed.map_or(0, |filed| bytes(&filed.uses.uses));
        let new = bytes(&uses.uses);
        let mut without_room = Vec::new();
        if !self.consumers.allowance.replace(&object.namespace, old, new) {
            without_room = std::mem::take(&mut uses.uses);
            uses.has_more = true;
        }
        if filed.is_some_and(|filed| filed.uses == uses) {
            return Vec::new();
        }
        let mut changed = self.unfile_consumer(&object);
        // Of these, it is unknown from now on.
        let unknown = without_room
            .iter()
            .flat_map(|one| self.concerned(&object, &one.used));
        changed.extend(unknown);
        let object = Arc::new(object);
        if uses.has_more {
            let cut = self.consumers.cut.entry(object.namespace.clone()).or_default();
            cut.insert(Arc::clone(&object), requests);
        }
        let mut homes = Vec::new();
        for one in &uses.uses {
            changed.extend(self.concerned(&object, &one.used));
            match &one.used {
                Used::Named(key) => homes.push(self.file(key.clone(), one.clone())),
                Used::InAnyNamespace(name) => {
                    let objects = self.consumers.anywhere.entry(name.clone()).or_default();
                    objects.insert(Arc::clone(&object));
                }
                Used::OfMountingPods => {
                    let id = NamespacedName::new(object.namespace.clone(), object.name.clone());
                    let objects = self.consumers.mounted.entry(id).or_default();
                    objects.insert(Arc::clone(&object));
                }
                Used::WithController { name, usual } => {
                    let keys = self.with_controller(name, usual);
                    let is_certain = one.is_certain && keys.len() == 1;
                    for key in keys {
                        let one = Consumer {
                            is_certain,
                            ..one.clone()
                        };
                        homes.push(self.file(key, one));
                    }
                    let objects = self.consumers.with_controller.entry(name.clone()).or_default();
                    objects.insert(Arc::clone(&object));
                }
            }
        }
        self.consumers.objects.insert(object, Filed { uses, homes });
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Files a use under a binding. Returns where.
    fn file(&mut self, key: BindingKey, one: Consumer) -> (BindingKey, u64) {
        self.consumers.count += 1;
        let place = self.consumers.count;
        self.binding_mut(&key).consumers.insert(place, one);
        (key, place)
    }

    /// Takes an object away. Returns the bindings that this changes.
    pub fn remove_consumer(&mut self, object: &ConsumerObject) -> Vec<BindingKey> {
        let filed = self.consumers.objects.get(object);
        let bytes = filed.map_or(0, |filed| bytes(&filed.uses.uses));
        self.consumers.allowance.replace(&object.namespace, bytes, 0);
        self.unfile_consumer(object)
    }

    fn unfile_consumer(&mut self, object: &ConsumerObject) -> Vec<BindingKey> {
        let Some((object, Filed { uses, homes })) = self.consumers.objects.remove_entry(object) else {
            return Vec::new();
        };
        if let Some(cut) = self.consumers.cut.get_mut(&object.namespace) {
            cut.remove(&object);
            if cut.is_empty() {
                self.consumers.cut.remove(&object.namespace);
            }
        }
        let mut changed = Vec::new();
        for (key, place) in homes {
            if let Some(binding) = self.bindings.get_mut(&key) {
                binding.consumers.remove(&place);
            }
            self.drop_if_empty(&key);
            changed.push(key);
        }
        for one in &uses.uses {
            changed.extend(self.concerned(&object, &one.used));
            match &one.used {
                Used::Named(_) => {}
                Used::InAnyNamespace(name) => discard(&mut self.consumers.anywhere, name, &object),
                Used::OfMountingPods => {
                    let id = NamespacedName::new(object.namespace.clone(), object.name.clone());
                    discard(&mut self.consumers.mounted, &id, &object);
                }
                Used::WithController { name, .. } => {
                    discard(&mut self.consumers.with_controller, name, &object);
                }
            }
        }
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

    /// Files the uses of a ServiceAccount in the namespace of a controller again, after one of this name has come or gone:
    /// it may be another one now. Returns the bindings that this changes.
    pub(super) fn refile_with_controller(&mut self, name: &str) -> Vec<BindingKey> {
        let objects = self.consumers.with_controller.get(name).cloned();
        let mut changed = Vec::new();
        for object in objects.into_iter().flatten() {
            let uses = self
                .consumers
                .objects
                .get(&object)
                .map(|filed| filed.uses.clone());
            let uses = uses.unwrap_or_default();
            changed.extend(self.remove_consumer(&object));
            changed.extend(self.put_consumer(Arc::unwrap_or_clone(object), uses));
        }
        changed
    }

    /// The ServiceAccounts of a name, one of which is in the namespace of a controller: that of the usual namespace, if it
    /// exists there, or nowhere.
    #[must_use]
    pub fn with_controller(&self, name: &str, usual: &str) -> Vec<BindingKey> {
        let usual = BindingKey::new(usual, name);
        let exists = |key: &BindingKey| {
            let binding = self.binding(key);
            binding.is_some_and(|binding| binding.service_account.is_some())
        };
        let existing: Vec<BindingKey> = self.named(name).into_iter().filter(exists).collect();
        if existing.is_empty() || existing.contains(&usual) {
            return vec![usual];
        }
        existing
    }

    /// The bindings that a use concerns.
    fn concerned(&self, object: &ConsumerObject, used: &Used) -> Vec<BindingKey> {
        match used {
            Used::Named(key) => vec![key.clone()],
            Used::InAnyNamespace(name) => self.named(name),
            Used::WithController { name, usual } => self.with_controller(name, usual),
            Used::OfMountingPods => self.pods.mounting(&object.namespace, &object.name),
        }
    }
}

/// Takes an object out of an entry of a table, and the entry with its last one.
fn discard<K: Ord>(
    table: &mut BTreeMap<K, BTreeSet<Arc<ConsumerObject>>>,
    key: &K,
    object: &Arc<ConsumerObject>,
) {
    if let Some(objects) = table.get_mut(key) {
        objects.remove(object);
        if objects.is_empty() {
            table.remove(key);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Annotations, RequestedAudience, ServiceAccount, Use};

    fn account(namespace: &str) -> ServiceAccount {
        ServiceAccount {
            key: BindingKey::new(namespace, "dns"),
            uid: namespace.to_owned(),
            created: None,
            annotations: Annotations::default(),
            automount_off: false,
        }
    }

    /// Where the use of a `ClusterIssuer` is filed, and whether that is certain.
    fn filed(cluster: &Cluster) -> Vec<(&str, bool)> {
        let bindings = cluster.bindings();
        bindings
            .flat_map(|(key, binding)| {
                let consumers = binding.consumers.values();
                consumers.map(|one| (key.namespace.as_str(), one.is_certain))
            })
            .collect()
    }

    #[test]
    fn of_many_objects_of_one_namespace_that_use_much_some_are_remembered_alone() {
        let workflow = |namespace: &str, n: usize| ConsumerObject {
            group: "argoproj.io".to_owned(),
            kind: "Workflow".to_owned(),
            namespace: namespace.to_owned(),
            name: format!("w{n}"),
        };
        let much = |object: &ConsumerObject| {
            let one = |n| Consumer {
                object: Arc::new(object.clone()),
                used: Used::Named(BindingKey::new(object.namespace.clone(), format!("s{n}"))),
                how: Use::Launches,
                is_certain: true,
            };
            (0..200).map(one).collect::<Vec<_>>()
        };
        let mut cluster = Cluster::default();
        let mut put = |object: ConsumerObject| {
            let key = BindingKey::new(object.namespace.clone(), "s0");
            cluster.put_consumer(object.clone(), much(&object));
            cluster.consumers(&key).any(|one| *one.object == object)
        };
        let kept = (0..200).filter(|n| put(workflow("shop", *n))).count();
        assert!((10..100).contains(&kept), "{kept}");
        assert!(put(workflow("web", 0)), "another namespace has its own");
        assert!(!put(workflow("shop", 199)), "written again");
        let may_be_used =
            |cluster: &Cluster, namespace| cluster.consumers_unseen(&BindingKey::new(namespace, "any"));
        assert!(may_be_used(&cluster, "shop") && !may_be_used(&cluster, "web"));
        let without_room = workflow("shop", 300);
        let uses = much(&without_room);
        let unknown = cluster.put_consumer(without_room, uses);
        assert_eq!(unknown.len(), 200, "those that it names are told");
        cluster.remove_consumer(&workflow("shop", 0));
        let again = workflow("shop", 199);
        let uses = much(&again);
        assert!(!cluster.put_consumer(again, uses).is_empty(), "one has made room");
        cluster.retain_consumers("argoproj.io", "Workflow", &BTreeSet::new());
        assert!(!may_be_used(&cluster, "shop"));
    }

    #[test]
    fn a_controllers_account_is_one_that_exists() {
        let mut cluster = Cluster::default();
        let object = ConsumerObject {
            group: "cert-manager.io".to_owned(),
            kind: "ClusterIssuer".to_owned(),
            namespace: String::new(),
            name: "dns".to_owned(),
        };
        let used = Used::WithController {
            name: "dns".to_owned(),
            usual: "cert-manager",
        };
        let how = Use::Requests {
            audience: RequestedAudience::Annotated,
            role: None,
            then: Vec::new(),
        };
        let consumer = Consumer {
            object: Arc::new(object.clone()),
            used,
            how,
            is_certain: true,
        };
        let key = |namespace| BindingKey::new(namespace, "dns");
        cluster.put_consumer(object.clone(), vec![consumer]);
        assert_eq!(filed(&cluster), [("cert-manager", true)]);
        let changed = cluster.put_service_account(account("web"));
        assert!(changed.contains(&key("web")) && changed.contains(&key("cert-manager")));
        assert_eq!(filed(&cluster), [("web", true)]);
        cluster.put_service_account(account("other"));
        assert_eq!(filed(&cluster), [("other", false), ("web", false)]);
        cluster.put_service_account(account("cert-manager"));
        assert_eq!(filed(&cluster), [("cert-manager", true)]);
        cluster.remove_service_account(&key("cert-manager"));
        let changed = cluster.remove_service_account(&key("other"));
        assert!(changed.contains(&key("web")));
        assert_eq!(filed(&cluster), [("web", true)]);
        cluster.remove_consumer(&object);
        assert_eq!(filed(&cluster), []);
        cluster.remove_service_account(&key("web"));
        assert_eq!(cluster.bindings().count(), 0);
    }
}
