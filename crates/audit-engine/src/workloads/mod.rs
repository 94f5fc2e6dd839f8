//! Which workloads to look up: those that are expected to run as a ServiceAccount and have no pods, so that nothing that is watched
//! shows as which ServiceAccount they would run.
//!
//! Workloads are not watched: there may be as many as pods, and few are expected by name. Each of these is asked for by itself.

mod plan;

use std::collections::BTreeSet;

use audit_core::audit::is_suspended;
use audit_core::model::{BindingKey, LookedUp, WorkloadRef};
use jiff::Timestamp;

use super::Engine;
use super::action::{Action, Lookup};
pub use plan::LookupPlan;

impl Engine {
    /// Takes in what came of a lookup.
    pub fn looked_up(&mut self, lookup: Lookup, found: LookedUp, now: Timestamp) {
        if !self.lookups.end(&lookup, &found, self.in_force.refresh, now) {
            return;
        }
        let cluster = &mut self.snapshot.cluster;
        let (key, workload) = (&lookup.key, &lookup.workload);
        // A failure changes nothing that was known.
        let is_told = found == LookedUp::Unreadable && cluster.looked_up(key, workload).is_some();
        if !is_told && cluster.put_looked_up(key, workload, found) {
            self.dirty.insert(lookup.key);
        }
    }

    /// Sees to it that expected workloads without pods are looked up, and forgets what was said of others.
    pub(super) fn plan_lookups(&mut self, key: &BindingKey, is_forced: bool, now: Timestamp) {
        let workloads = self.workloads_without_pods(key);
        self.lookups.want(key, &workloads, is_forced, now);
        self.snapshot.cluster.retain_looked_up(key, &workloads);
    }

    /// Looks up what is due.
    pub(super) fn begin_lookups(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        actions.extend(self.lookups.begin(now).into_iter().map(Action::LookUp));
    }

    fn workloads_without_pods(&self, key: &BindingKey) -> BTreeSet<WorkloadRef> {
        let cluster = &self.snapshot.cluster;
        let Some(binding) = cluster.binding(key) else {
            return BTreeSet::new();
        };
        let Some(request) = binding.request() else {
            return BTreeSet::new();
        };
        if self.in_force.config.excludes(key) || is_suspended(binding) {
            return BTreeSet::new();
        }
        let is_unseen = |workload: &&WorkloadRef| !cluster.has_pods_of(&key.namespace, workload);
        request.workloads.iter().filter(is_unseen).cloned().collect()
    }
}
