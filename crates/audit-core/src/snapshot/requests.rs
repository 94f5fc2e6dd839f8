//! What `IrsaAudit`s ask for, by the ServiceAccount that each names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Cluster;
use crate::model::{AuditRequest, BindingKey, NamespacedName};

impl Cluster {
    /// Stores the request of an `IrsaAudit`, without its expectations where those of its namespace take too much. Returns the bindings that it
    /// changes.
    pub fn put_request(&mut self, namespace: &str, request: impl Into<Arc<AuditRequest>>) -> Vec<BindingKey> {
        let request = request.into();
        let id = NamespacedName::new(namespace, request.name.clone());
        let key = BindingKey::new(namespace, request.service_account.clone());
        let mut changed = Vec::new();
        if self
            .request_homes
            .get(&id)
            .is_some_and(|home| *home != key.service_account)
        {
            changed.extend(self.remove_request(namespace, &request.name));
        }
        let old = self.request(namespace, &request.name);
        let old = old.map_or(0, |old| old.bytes_of_expectations());
        let has_room = self
            .allowance
            .replace(namespace, old, request.bytes_of_expectations());
        let request = if has_room {
            request
        } else {
            request.without_expectations().into()
        };
        let expected = self.expected_of(&key);
        let requests = &mut self.binding_mut(&key).requests;
        match requests.iter_mut().find(|r| r.name == request.name) {
            Some(old) if *old == request => return changed,
            Some(old) => *old = request,
            None => requests.push(request),
        }
        requests.sort_by(|one, other| one.precedence(other));
        self.expectations.replace(&key, &expected, self.expected_of(&key));
        self.request_homes.insert(id, key.service_account.clone());
        changed.push(key);
        changed
    }

    /// The request of an `IrsaAudit`.
    #[must_use]
    pub fn request(&self, namespace: &str, name: &str) -> Option<&Arc<AuditRequest>> {
        let home = self.request_homes.get(&NamespacedName::new(namespace, name))?;
        let binding = self.bindings.get(&BindingKey::new(namespace, home.clone()))?;
        binding.requests.iter().find(|request| request.name == name)
    }

    /// Takes the request of an `IrsaAudit` away. Returns its binding if it was there.
    pub fn remove_request(&mut self, namespace: &str, name: &str) -> Option<BindingKey> {
        let bytes = self
            .request(namespace, name)
            .map_or(0, |request| request.bytes_of_expectations());
        self.allowance.replace(namespace, bytes, 0);
        let home = self.request_homes.remove(&NamespacedName::new(namespace, name))?;
        let key = BindingKey::new(namespace, home);
        let expected = self.expected_of(&key);
        if let Some(binding) = self.bindings.get_mut(&key) {
            binding.requests.retain(|r| r.name != name);
        }
        self.expectations.replace(&key, &expected, self.expected_of(&key));
        self.drop_if_empty(&key);
        Some(key)
    }

    /// Takes away every request that is not in `present`, after a watch has started anew.
    pub fn retain_requests(&mut self, present: &BTreeSet<NamespacedName>) -> Vec<BindingKey> {
        let gone: Vec<NamespacedName> = self
            .request_homes
            .keys()
            .filter(|id| !present.contains(*id))
            .cloned()
            .collect();
        gone.iter()
            .filter_map(|id| self.remove_request(&id.namespace, &id.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{AwsExpectation, Waiver, WorkloadRef};

    /// A request of about 70 KB.
    fn large(number: usize) -> AuditRequest {
        AuditRequest {
            name: format!("a-{number}"),
            service_account: format!("app-{number}"),
            aws: vec![AwsExpectation {
                actions: vec!["s3:GetObject".to_owned()],
                resources: (0..32).map(|at| format!("arn:aws:s3:::{at:0>2000}")).collect(),
                context: BTreeMap::new(),
            }],
            ..AuditRequest::default()
        }
    }

    fn put(cluster: &mut Cluster, namespace: &str, number: usize) -> bool {
        cluster.put_request(namespace, large(number));
        let kept = cluster.request(namespace, &large(number).name).unwrap();
        assert!(kept.expects_role(), "whatever is kept of it");
        assert_eq!(kept.aws.is_empty(), !kept.over_limit.is_empty());
        !kept.aws.is_empty()
    }

    #[test]
    fn the_large_requests_of_one_namespace_have_a_limit_together() {
        let mut cluster = Cluster::default();
        let kept: Vec<bool> = (0..200).map(|number| put(&mut cluster, "shop", number)).collect();
        let count = kept.iter().filter(|is_whole| **is_whole).count();
        assert!(
            (100..160).contains(&count) && kept[..count].iter().all(|is_whole| *is_whole),
            "{count}"
        );
        assert!(put(&mut cluster, "shop", 7), "it is there already");
        assert!(!put(&mut cluster, "shop", 199) && put(&mut cluster, "web", 199));
        assert!(
            cluster.put_request("shop", large(199)).is_empty(),
            "nothing is new"
        );
        // One that names another ServiceAccount, or goes, leaves its room.
        let moved = AuditRequest {
            service_account: "another".to_owned(),
            ..large(7)
        };
        assert_eq!(cluster.put_request("shop", moved).len(), 2);
        assert!(!put(&mut cluster, "shop", 199));
        cluster.remove_request("shop", &large(8).name);
        assert!(put(&mut cluster, "shop", 199));
        // What is kept of one without room takes nothing, however often it is written, whatever it is, and gives nothing back.
        let of_workloads = |number: usize| AuditRequest {
            aws: Vec::new(),
            workloads: vec![
                WorkloadRef {
                    kind: "Deployment".to_owned(),
                    name: "w".repeat(253)
                };
                32
            ],
            waivers: vec![
                Waiver {
                    code: "IRSA610".to_owned(),
                    until: None,
                    reason: "r".repeat(512)
                };
                32
            ],
            ..large(number)
        };
        for number in 200..260 {
            cluster.put_request("shop", of_workloads(number));
            put(&mut cluster, "shop", 300 + number);
            cluster.put_request("shop", of_workloads(number));
            cluster.remove_request("shop", &large(number).name);
        }
        assert!((600..640).all(|number| !put(&mut cluster, "shop", number)));
        cluster.retain_requests(&BTreeSet::new());
        assert!((300..340).all(|number| put(&mut cluster, "shop", number)));
    }
}
