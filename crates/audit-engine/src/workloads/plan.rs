//! Which workloads are looked up, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::model::{BindingKey, LookedUp, WorkloadRef};
use jiff::Timestamp;

use super::super::action::Lookup;
use super::super::rotation::Rotation;
use super::super::schedule::{Schedule, after, backoff};

/// How soon a workload is looked up again that does not run as it is expected to: a repair is to show. If it still does not, the pause
/// doubles up to the refresh interval.
const AGAIN: Duration = Duration::from_mins(1);

/// How many lookups are under way at once, and how many of them may be of one namespace.
const AT_ONCE: usize = 8;
const AT_ONCE_OF_ONE: usize = 6;

/// The lookups that are wanted, each due at a time, ready or under way.
#[derive(Debug, Default)]
pub struct LookupPlan {
    /// With how many answers one after another said that it does not run as expected.
    wanted: BTreeMap<Lookup, u32>,
    due: Schedule<Lookup>,
    /// Those whose time has come.
    ready: Rotation<Lookup>,
    /// Also those that are no longer wanted: until they are answered, they are work for the API server.
    under_way: BTreeSet<Lookup>,
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
            self.ready.remove(&one);
            self.wanted.remove(&one);
        }
        for workload in workloads {
            let one = Lookup {
                key: key.clone(),
                workload: workload.clone(),
            };
            let is_new = !self.wanted.contains_key(&one);
            if is_new || is_forced {
                self.wanted.insert(one.clone(), 0);
                if !self.under_way.contains(&one) {
                    self.due.set(&one, Some(now));
                }
            }
        }
    }

    fn of(&self, key: &BindingKey) -> impl Iterator<Item = &Lookup> {
        let first = Lookup {
            key: key.clone(),
            workload: WorkloadRef::default(),
        };
        let from = self.wanted.range(first..).map(|(one, _)| one);
        from.take_while(move |one| one.key == *key)
    }

    /// Takes out what is due, as far as there is room; it is under way from now on. Namespaces take turns.
    pub fn begin(&mut self, now: Timestamp) -> Vec<Lookup> {
        for one in self.due.take_due(now) {
            self.ready.insert(one);
        }
        let begun = std::iter::from_fn(|| {
            let one = self
                .ready
                .pop_where(|namespace| has_room_for(&self.under_way, namespace))?;
            self.under_way.insert(one.clone());
            Some(one)
        });
        begun.collect()
    }

    /// Takes note of what came of a lookup, and when it is due again. Returns whether it is still wanted.
    pub fn end(&mut self, lookup: &Lookup, found: &LookedUp, refresh: Duration, now: Timestamp) -> bool {
        self.under_way.remove(lookup);
        let Some(attempt) = self.wanted.get_mut(lookup) else {
            return false;
        };
        let is_expected = |account: &String| *account == lookup.key.service_account;
        let pause = match found {
            LookedUp::RunsAs(account) if is_expected(account) => {
                *attempt = 0;
                refresh
            }
            LookedUp::RunsAs(_) | LookedUp::Absent => {
                let pause = backoff(AGAIN, refresh, *attempt);
                *attempt = attempt.saturating_add(1);
                pause
            }
            LookedUp::Unreadable => refresh,
        };
        self.due.set(lookup, Some(after(now, pause)));
        true
    }

    /// When the next lookup is due; none where only an answer makes room for it.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let is_ready = self
            .ready
            .next_where(|namespace| has_room_for(&self.under_way, namespace))
            .is_some();
        if is_ready {
            return Some(Timestamp::MIN);
        }
        self.due.next().filter(|_| self.under_way.len() < AT_ONCE)
    }

    /// Whether everything that is wanted has been answered, well or not.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.under_way.is_empty() && self.ready.is_empty() && self.due.next().is_none_or(|at| at > now)
    }

    /// Forgets all but which lookups are under way, for a replica that no longer leads.
    pub fn reset(&mut self) {
        *self = Self {
            under_way: std::mem::take(&mut self.under_way),
            ..Self::default()
        };
    }
}

/// Whether one more lookup of a namespace may begin beside those under way.
fn has_room_for(under_way: &BTreeSet<Lookup>, namespace: &str) -> bool {
    let of_it = under_way.iter().filter(|one| one.key.namespace == namespace);
    under_way.len() < AT_ONCE && of_it.count() < AT_ONCE_OF_ONE
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_mins(10);

    fn named(names: std::ops::Range<u32>) -> BTreeSet<WorkloadRef> {
        let workload = |n: u32| WorkloadRef {
            kind: "Deployment".to_owned(),
            name: n.to_string(),
        };
        names.map(workload).collect()
    }

    #[test]
    fn a_namespace_with_many_expected_workloads_keeps_no_other_waiting() {
        let (mut plan, now) = (LookupPlan::default(), Timestamp::UNIX_EPOCH);
        for n in 0..200 {
            plan.want(
                &BindingKey::new("greedy", n.to_string()),
                &named(0..32),
                false,
                now,
            );
        }
        let under_way = plan.begin(now);
        assert_eq!((under_way.len(), plan.next()), (AT_ONCE_OF_ONE, None));
        let other = BindingKey::new("shop", "cart");
        plan.want(&other, &named(0..1), false, now);
        assert_eq!(plan.next(), Some(now));
        assert!(plan.begin(now).iter().all(|one| one.key == other));
        // Those that are not wanted any more take up room until they are answered.
        for n in 0..100 {
            plan.want(
                &BindingKey::new("greedy", n.to_string()),
                &named(0..0),
                false,
                now,
            );
        }
        assert_eq!(plan.begin(now), []);
        for one in under_way {
            plan.end(&one, &LookedUp::Absent, REFRESH, now);
            assert_eq!(plan.begin(now).len(), 1);
        }
        assert!(!plan.is_settled(now));
    }

    #[test]
    fn what_is_not_there_is_asked_for_less_and_less() {
        let (mut plan, mut now) = (LookupPlan::default(), Timestamp::UNIX_EPOCH);
        let key = BindingKey::new("shop", "cart");
        plan.want(&key, &named(0..1), false, now);
        let mut pause = |plan: &mut LookupPlan| {
            for one in plan.begin(now) {
                assert!(plan.end(&one, &LookedUp::Absent, REFRESH, now));
            }
            let next = plan.next().unwrap();
            let minutes = (next.as_second() - now.as_second()) / 60;
            now = next;
            minutes
        };
        let pauses: Vec<i64> = (0..6).map(|_| pause(&mut plan)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        // Somebody asks for it.
        plan.want(&key, &named(0..1), true, Timestamp::UNIX_EPOCH);
        assert_eq!(pause(&mut plan), 1);
    }

    #[test]
    fn a_replica_that_leads_again_counts_what_is_still_under_way() {
        let (mut plan, now) = (LookupPlan::default(), Timestamp::UNIX_EPOCH);
        let key = BindingKey::new("shop", "cart");
        plan.want(&key, &named(0..10), false, now);
        let before = plan.begin(now);
        plan.reset();
        plan.want(&key, &named(0..10), false, now);
        assert_eq!(plan.begin(now), []);
        for one in &before {
            assert!(plan.end(one, &LookedUp::Absent, REFRESH, now));
        }
        assert_eq!(plan.begin(now).len(), 4);
    }
}
