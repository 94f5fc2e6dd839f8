//! Which workloads are looked up, and when.

use std::collections::BTreeSet;

use audit_core::model::{BindingKey, WorkloadRef};
use jiff::Timestamp;

use super::super::action::Lookup;
use super::super::schedule::Schedule;

/// The lookups that are wanted, each due at a time or under way.
#[derive(Debug, Default)]
pub struct LookupPlan {
    due: Schedule<Lookup>,
    in_flight: BTreeSet<Lookup>,
    wanted: BTreeSet<Lookup>,
}

impl LookupPlan {
    /// Wants these workloads of a binding, and no others of it. Those that are new, or all where somebody asked for that, are due at
    /// once.
    pub fn want(
        &mut self,
        key: &BindingKey,
        workloads: &BTreeSet<WorkloadRef>,
        is_forced: bool,
        now: Timestamp,
    ) {
        if workloads.is_empty() && self.wanted.is_empty() {
            return;
        }
        let gone = self.of(key).filter(|one| !workloads.contains(&one.workload));
        let gone: Vec<Lookup> = gone.cloned().collect();
        for one in gone {
            self.due.set(&one, None);
            self.in_flight.remove(&one);
            self.wanted.remove(&one);
        }
        for workload in workloads {
            let one = Lookup {
                key: key.clone(),
                workload: workload.clone(),
            };
            let is_new = self.wanted.insert(one.clone());
            if is_new || (is_forced && !self.in_flight.contains(&one)) {
                self.due.set(&one, Some(now));
            }
        }
    }

    fn of(&self, key: &BindingKey) -> impl Iterator<Item = &Lookup> {
        let first = Lookup {
            key: key.clone(),
            workload: WorkloadRef::default(),
        };
        self.wanted.range(first..).take_while(move |one| one.key == *key)
    }

    /// Takes out what is due; it is under way from now on.
    pub fn begin(&mut self, now: Timestamp) -> Vec<Lookup> {
        let due = self.due.take_due(now);
        self.in_flight.extend(due.iter().cloned());
        due
    }

    /// Takes note of the end of a lookup, and when it is due again. Returns whether it is still wanted.
    pub fn end(&mut self, lookup: &Lookup, again: Timestamp) -> bool {
        let is_wanted = self.in_flight.remove(lookup);
        if is_wanted {
            self.due.set(lookup, Some(again));
        }
        is_wanted
    }

    /// When the next lookup is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.due.next()
    }

    /// Whether everything that is wanted has been answered, well or not.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.in_flight.is_empty() && self.due.next().is_none_or(|at| at > now)
    }

    /// Forgets everything, for a replica that no longer leads.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
