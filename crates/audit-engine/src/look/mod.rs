//! One look at one binding: gather, derive, judge, publish. Each step takes what the one before it made, so that none can be left
//! out, and none done twice.
//!
//! | step | takes | makes |
//! |---|---|---|
//! | [`gather`](Gathered::gather) | observations, settings | [`Gathered`]: which roles the binding refers to, whether it is audited |
//! | [`derive`](Gathered::derive) | [`Gathered`] | [`Chain`](audit_core::chain::Chain): everything that rules read, once |
//! | [`judge`](Judged::judge) | the chain | [`Judged`]: the report, and what the engine needs besides it |
//! | [`publish`](Publisher::publish) | [`Judged`] | [`Published`]: what is written, and when to look again |

mod gather;
mod judge;
mod publish;
mod remediation;

use std::sync::Arc;

use audit_core::audit::is_suspended;
use audit_core::chain::default_audience;
use audit_core::model::BindingKey;
use jiff::Timestamp;

use super::action::Action;
use super::schedule::after;
use super::{Engine, OVERDUE, State};
pub use gather::{Gathered, referenced_roles};
use judge::Judged;
pub use publish::Waiting;
use publish::{Audited, Published, Publisher, is_broken_by_rbac};
#[cfg(test)]
pub use remediation::PlanInputs;

impl Engine {
    /// Audits one binding and says what follows.
    pub(super) fn look_at(
        &mut self,
        key: &BindingKey,
        is_urgent: bool,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let is_forced = self.forced.remove(key);
        self.plan_lookups(key, is_forced, now);
        let mut gathered = Gathered::gather(&self.snapshot, &self.in_force.config, key, now);
        // Roles in an account that was closed, or that is new, are judged by what is known of it from now on.
        self.refer(&mut gathered, is_forced, now);
        let chain = gathered.derive(&self.snapshot, &self.in_force.config, now);
        let judged = chain.map(|chain| Judged::judge(&chain.sharing(Some(&self.shared))));
        let questions = judged.as_ref().map_or(&[][..], |judged| &judged.questions);
        let may_be_held_back = judged
            .as_ref()
            .is_some_and(|judged| is_broken_by_rbac(&judged.report));
        self.plan_review(key, questions, is_forced, may_be_held_back, now);
        let published = self.publish(key, judged, is_urgent, now, actions);
        self.conclude(key, published, now);
    }

    fn publish(
        &mut self,
        key: &BindingKey,
        judged: Option<Judged>,
        is_urgent: bool,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) -> Published {
        let bound = self.bound(key, now);
        let publisher = Publisher {
            key,
            bound,
            snapshot: &self.snapshot,
            disclosure: audit_api::disclosure::level(
                &self.in_force.disclosure,
                self.snapshot.cluster.namespace_labels(&key.namespace),
            ),
            index: &self.index,
            objects: &mut self.objects,
            memory: &mut self.memory,
            may_be_contradicted: self.reviews.is_open(key, now),
            remediation: &self.settings.remediation,
            config: &self.in_force.config,
            default_audience: default_audience(&self.snapshot, &self.in_force.config, &key.namespace),
            is_urgent,
            is_being_listed: self.evidence.is_being_listed(key, now),
            waiting: self.states.get_mut(key).and_then(|state| state.waiting.take()),
            now,
            actions,
            wake: None,
            is_held: false,
        };
        publisher.publish(judged)
    }

    /// Takes note of what came of a look.
    fn conclude(&mut self, key: &BindingKey, published: Published, now: Timestamp) {
        let mut state = self.states.remove(key).unwrap_or_default();
        let old = verdict(&state);
        state.waiting = published.waiting;
        match published.audited {
            Audited::Yes(follows) => {
                self.simulate(key, follows.simulation);
                self.evidence.hang(key, follows.cause, now);
                self.changed.insert(key.clone());
                state.summary = Some(Arc::new(follows.summary));
            }
            Audited::NotYet => {}
            Audited::No => {
                self.simulate(key, None);
                self.evidence.hang(key, None, now);
                if state.summary.is_some() {
                    self.changed.insert(key.clone());
                }
                if self.snapshot.cluster.binding(key).is_some_and(is_suspended) {
                    self.cluster.touch();
                }
                state = State::default();
            }
        }
        if published.is_held && self.snapshot.cluster.put_refused(key, true) {
            // From now on it is audited without an object.
            self.cluster.touch();
            self.dirty.refresh([key.clone()]);
        }
        // Where nothing brings news, the periodic audit comes by itself.
        let periodic = after(now, self.in_force.refresh + self.in_force.refresh / 4);
        let binding = self.snapshot.cluster.binding(key);
        let has_audit = self.snapshot.cluster.is_refused(key)
            || binding.is_some_and(|binding| !binding.requests().is_empty());
        let wake = published
            .wake
            .into_iter()
            .chain(has_audit.then_some(periodic))
            .min();
        // What is overdue waits for the end of a write: there is nothing to gain from looking again and again.
        self.schedule.set(key, wake.map(|at| at.max(after(now, OVERDUE))));
        if old != verdict(&state) {
            self.cluster.touch();
        }
        if state.summary.is_some() || state.waiting.is_some() {
            self.states.insert(key.clone(), state);
        }
    }
}

fn verdict(state: &State) -> Option<(audit_core::Verdict, &'static str)> {
    let summary = state.summary.as_ref()?;
    Some((summary.verdict, summary.reason))
}
