//! Which bindings somebody expects something of, by what a change of the cluster looks them up.

use std::collections::{BTreeMap, BTreeSet};

use super::{Binding, Cluster};
use crate::model::likeness::account_names;
use crate::model::{AuditRequest, BindingKey, KubernetesExpectation, Name, Pod, WorkloadRef, likeness};

/// The bindings by what is expected of them in the request that counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Expectations {
    /// The ServiceAccounts that workloads are expected to run as, by namespace and workload.
    workloads: BTreeMap<Name, BTreeMap<WorkloadRef, BTreeSet<Name>>>,
    /// Those of which Kubernetes permissions are expected.
    permissions: BTreeSet<BindingKey>,
    /// The same by the namespaces in which they are expected; with an empty one, in none or in all.
    permissions_in: BTreeSet<(String, BindingKey)>,
    /// The same by namespace, then the name and the namespace of the ServiceAccount.
    permissions_named: BTreeSet<(String, Name, Name)>,
}

/// What is expected of one binding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Expected {
    workloads: Vec<WorkloadRef>,
    /// The namespaces of the Kubernetes permissions.
    permissions_in: BTreeSet<String>,
}

impl Expected {
    /// What the request that counts asks for.
    pub(super) fn of(request: Option<&AuditRequest>) -> Self {
        request.map_or_else(Self::default, |request| Self {
            workloads: request.workloads.clone(),
            permissions_in: request.kubernetes.iter().flat_map(scopes).collect(),
        })
    }
}

impl Expectations {
    /// Takes note of what is expected of a binding, in place of what was.
    pub(super) fn replace(&mut self, key: &BindingKey, old: &Expected, new: Expected) {
        if *old == new {
            return;
        }
        if let Some(workloads) = self.workloads.get_mut(&key.namespace) {
            for workload in &old.workloads {
                let Some(accounts) = workloads.get_mut(workload) else {
                    continue;
                };
                accounts.remove(&key.service_account);
                if accounts.is_empty() {
                    workloads.remove(workload);
                }
            }
            if workloads.is_empty() {
                self.workloads.remove(&key.namespace);
            }
        }
        for workload in new.workloads {
            let workloads = self.workloads.entry(key.namespace.clone()).or_default();
            let accounts = workloads.entry(workload).or_default();
            accounts.insert(key.service_account.clone());
        }
        for scope in &old.permissions_in {
            self.permissions_in.remove(&(scope.clone(), key.clone()));
            self.permissions_named.remove(&named(scope, key));
        }
        if new.permissions_in.is_empty() {
            self.permissions.remove(key);
        } else {
            self.permissions.insert(key.clone());
        }
        for scope in new.permissions_in {
            self.permissions_named.insert(named(&scope, key));
            self.permissions_in.insert((scope, key.clone()));
        }
    }
}

fn named(scope: &str, key: &BindingKey) -> (String, Name, Name) {
    (
        scope.to_owned(),
        key.service_account.clone(),
        key.namespace.clone(),
    )
}

/// The namespaces of the requests for what is expected.
fn scopes(expected: &KubernetesExpectation) -> BTreeSet<String> {
    let requests = ::rbac::requests(expected).into_iter();
    requests
        .map(|request| request.namespace.unwrap_or_default().to_owned())
        .collect()
}

impl Cluster {
    /// What is expected of a binding.
    pub(super) fn expected_of(&self, key: &BindingKey) -> Expected {
        let binding = self.binding(key);
        Expected::of(binding.and_then(Binding::request))
    }

    /// The bindings for which somebody expects Kubernetes permissions.
    pub fn expecting_permissions(&self) -> impl Iterator<Item = &BindingKey> {
        counted::each(&self.expectations.permissions)
    }

    /// Of these, those of a namespace.
    pub fn expecting_permissions_in<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a BindingKey> {
        let keys = self
            .expectations
            .permissions
            .range(BindingKey::new(namespace, "")..);
        counted::each(keys.take_while(move |key| key.namespace == namespace))
    }

    /// Of these, those of which permissions in a namespace are expected, whatever their own; with an empty one, in none or in all.
    pub fn expecting_permissions_for<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = &'a BindingKey> {
        let keys = &self.expectations.permissions_in;
        let keys = keys.range((scope.to_owned(), BindingKey::new("", ""))..);
        counted::each(keys.take_while(move |(own, _)| own == scope)).map(|(_, key)| key)
    }

    /// Of these, those whose ServiceAccounts are in a namespace.
    pub fn expecting_permissions_for_in<'a>(
        &'a self,
        scope: &'a str,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a BindingKey> {
        let keys = &self.expectations.permissions_in;
        let keys = keys.range((scope.to_owned(), BindingKey::new(namespace, ""))..);
        let of_both = keys.take_while(move |(own, key)| own == scope && key.namespace == namespace);
        counted::each(of_both).map(|(_, key)| key)
    }

    /// The bindings whose ServiceAccounts have a name and for which somebody expects Kubernetes permissions in a namespace; with an
    /// empty one, any.
    #[must_use]
    pub fn expecting_permissions_named(&self, scope: &str, name: &str) -> Vec<BindingKey> {
        if scope.is_empty() {
            let named = self.named(name).into_iter();
            return named.filter(|key| self.expects_permissions(key)).collect();
        }
        let names = &self.expectations.permissions_named;
        let names = names.range((scope.to_owned(), Name::new(name), Name::default())..);
        counted::each(names.take_while(|(own_scope, own, _)| own_scope == scope && own == name))
            .map(|(_, name, namespace)| BindingKey::new(namespace.clone(), name.clone()))
            .collect()
    }

    /// Whether somebody expects Kubernetes permissions of a binding.
    #[must_use]
    pub fn expects_permissions(&self, key: &BindingKey) -> bool {
        self.expectations.permissions.contains(key)
    }

    /// Whether somebody expects Kubernetes permissions of it in a namespace; with an empty one, in none or in all.
    #[must_use]
    pub fn expects_permissions_for(&self, scope: &str, key: &BindingKey) -> bool {
        let expected = &self.expectations.permissions_in;
        expected.contains(&(scope.to_owned(), key.clone()))
    }

    /// The bindings that a pod may be missing from: those for which somebody expects its workload, and those without
    /// pods to whose ServiceAccount its names fit.
    pub(super) fn expecting(&self, pod: &Pod) -> Vec<BindingKey> {
        let workload = WorkloadRef {
            kind: pod.workload.kind.to_string(),
            name: pod.workload.name.to_string(),
        };
        let expected = self.expectations.workloads.get(pod.namespace.as_str());
        let expected = expected.and_then(|workloads| workloads.get(&workload));
        let key = |name: &str| BindingKey::new(pod.namespace.clone(), name);
        let expected = counted::each(expected.into_iter().flatten()).map(|name| key(name));
        let lacks_pods = |key: &BindingKey| {
            let binding = self.binding(key);
            binding.is_some_and(|binding| binding.pods.is_empty())
                && likeness(&key.service_account, pod).is_some()
        };
        let alike = counted::each(account_names(pod))
            .map(|name| key(&name))
            .filter(lacks_pods);
        expected.chain(alike).collect()
    }
}
