//! When the API server is asked, and when what it says is believed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use audit_core::model::{BindingKey, Name};
use audit_core::rbac::review::Evaluated;
use audit_core::rbac::{ReviewQuestion, Reviewed, Ruling};
use jiff::Timestamp;

use super::super::action::{Review, ReviewOutcome};
use super::super::pending::Pending;
use super::super::schedule::{Schedule, after, backoff};

/// The most requests of one binding for which the API server is asked: expectations may be long.
pub const MOST: usize = 64;

/// The least time between two reviews of one binding. A contradiction that is heard again after it is no lag.
const GAP: Duration = Duration::from_secs(5);

/// How many bindings are reviewed at once, and how many of them may be of one namespace.
const AT_ONCE: usize = 8;
const AT_ONCE_OF_ONE: usize = 6;

/// So often somebody who audits once waits for a contradiction to be heard again.
const PATIENCE: u32 = 3;

/// What is known of the reviews of one binding.
#[derive(Debug, Default)]
struct Case {
    /// The questions, in short: with the same ones there is nothing new to ask.
    asked: Option<u64>,
    /// The review under way, if its answer still counts.
    round: Option<u64>,
    /// When the next one may begin.
    not_before: Option<Timestamp>,
    /// The contradictions of the latest answer.
    doubts: Vec<Reviewed>,
    /// Reviews one after another that failed, or left something open.
    attempt: u32,
    /// No answer has come yet that all agree with, or that was repeated.
    open: bool,
    /// A verdict waits for the answer.
    is_awaited: bool,
}

/// Plans the reviews. Bindings of which nobody expects anything are not in it.
#[derive(Debug)]
pub struct ReviewPlan {
    refresh: Duration,
    cases: BTreeMap<BindingKey, Case>,
    due: Schedule<BindingKey>,
    /// Those whose time has come. Those go first on which a verdict waits that is held back meanwhile.
    ready: Pending,
    /// The namespace of each review under way. Also of cases that are closed by now: as long as they are not answered, they are work for the API server.
    under_way: BTreeMap<u64, Name>,
    rounds: u64,
    /// The operator may not ask. A missing right is not granted within seconds.
    refused_until: Option<Timestamp>,
}

impl ReviewPlan {
    /// A plan that asks for everything anew at every `refresh`.
    #[must_use]
    pub fn new(refresh: Duration) -> Self {
        Self {
            refresh,
            cases: BTreeMap::new(),
            due: Schedule::default(),
            ready: Pending::default(),
            under_way: BTreeMap::new(),
            rounds: 0,
            refused_until: None,
        }
    }

    /// Takes in another refresh interval.
    pub fn set_refresh(&mut self, refresh: Duration) {
        self.refresh = refresh;
    }

    /// Forgets all but which reviews are under way, for a replica that no longer leads.
    pub fn reset(&mut self) {
        *self = Self {
            under_way: std::mem::take(&mut self.under_way),
            rounds: self.rounds,
            ..Self::new(self.refresh)
        };
    }

    /// Forgets a binding.
    pub fn forget(&mut self, key: &BindingKey) {
        if self.cases.remove(key).is_some() {
            self.due.set(key, None);
            self.ready.remove(key);
        }
    }

    /// Takes in what there is to ask of a binding. Where that is another thing than before, it is asked for soon, and an answer
    /// to the old questions that is under way counts no more.
    pub fn want(&mut self, key: &BindingKey, questions: &[ReviewQuestion], now: Timestamp) {
        let asked = Some(in_short(questions));
        let case = self.cases.entry(key.clone()).or_default();
        if case.asked == asked {
            return;
        }
        case.asked = asked;
        case.round = None;
        case.doubts.retain(|doubt| questions.contains(&doubt.question));
        case.attempt = 0;
        case.open = true;
        self.ask_soon(key, now);
    }

    /// Asks for a binding as soon as that may be, and before others.
    pub fn hasten(&mut self, key: &BindingKey, now: Timestamp) {
        self.put_first(key);
        self.ask_soon(key, now);
    }

    /// Asks for a binding before others once its time has come: a verdict is held back until there is an answer, if one may come yet.
    pub fn put_first(&mut self, key: &BindingKey) {
        if let Some(case) = self.cases.get_mut(key).filter(|case| case.open) {
            case.is_awaited = true;
            if self.ready.remove(key) {
                self.ready.insert(key.clone());
            }
        }
    }

    fn ask_soon(&mut self, key: &BindingKey, now: Timestamp) {
        let Some(case) = self.cases.get(key).filter(|case| case.round.is_none()) else {
            return;
        };
        self.due
            .set(key, Some(case.not_before.map_or(now, |at| at.max(now))));
    }

    /// When the next review is due; none where only an answer makes room for it.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        let has_room = |namespace: &str| has_room_for(&self.under_way, namespace);
        let next = if self.ready.has_next_where(has_room) {
            Some(Timestamp::MIN)
        } else {
            self.due.next()
        };
        let next = next.filter(|_| self.under_way.len() < AT_ONCE)?;
        Some(self.refused_until.map_or(next, |until| until.max(next)))
    }

    fn is_refused(&self, now: Timestamp) -> bool {
        self.refused_until.is_some_and(|until| until > now)
    }

    /// A binding that is to be reviewed now. Those come first on which a verdict waits, and among equals namespaces take turns.
    pub fn take_due(&mut self, now: Timestamp) -> Option<BindingKey> {
        if self.under_way.len() >= AT_ONCE || self.is_refused(now) {
            return None;
        }
        for key in self.due.take_due(now) {
            if self.cases.get(&key).is_some_and(|case| case.is_awaited) {
                self.ready.insert(key);
            } else {
                self.ready.refresh([key]);
            }
        }
        let has_room = |namespace: &str| has_room_for(&self.under_way, namespace);
        self.ready.pop_where(has_room).map(|next| next.key)
    }

    /// Begins the review of a binding.
    pub fn begin(&mut self, key: &BindingKey, questions: Vec<ReviewQuestion>, now: Timestamp) -> Review {
        self.rounds += 1;
        self.under_way.insert(self.rounds, key.namespace.clone());
        if let Some(case) = self.cases.get_mut(key) {
            case.asked = Some(in_short(&questions));
            case.round = Some(self.rounds);
            case.not_before = Some(after(now, GAP));
            case.is_awaited = false;
        }
        Review {
            key: key.clone(),
            round: self.rounds,
            questions,
        }
    }

    /// Takes in what came of a review. Returns the answers that are to be believed and make a difference; nothing where what was
    /// believed stands.
    pub fn reviewed(
        &mut self,
        review: Review,
        outcome: ReviewOutcome,
        now: Timestamp,
    ) -> Option<Vec<Reviewed>> {
        self.under_way.remove(&review.round);
        let case = self.cases.get_mut(&review.key)?;
        if case.round != Some(review.round) {
            return None;
        }
        case.round = None;
        let (wait, believed) = match outcome {
            ReviewOutcome::Answered(rulings) => {
                self.refused_until = None;
                let (wait, believed) = case.hear(review.questions, &rulings, self.refresh);
                (wait, Some(believed))
            }
            ReviewOutcome::Refused => {
                self.refused_until = Some(after(now, self.refresh));
                case.open = false;
                (self.refresh, None)
            }
            ReviewOutcome::Failed => {
                case.open = false;
                (case.again(self.refresh), None)
            }
        };
        self.due.set(&review.key, Some(after(now, wait)));
        believed
    }

    /// Whether the API server may yet say within moments what it says of a binding: for the first time, or once more.
    #[must_use]
    pub fn is_open(&self, key: &BindingKey, now: Timestamp) -> bool {
        !self.is_refused(now) && self.cases.get(key).is_some_and(|case| case.open)
    }

    /// Whether everything has been said that can be heard within moments.
    #[must_use]
    pub fn are_settled(&self, now: Timestamp) -> bool {
        self.is_refused(now) || self.cases.values().all(|case| !case.open)
    }
}

impl Case {
    /// Takes in answers. Returns how long to wait for the next ones, and which of these are to be believed.
    fn hear(
        &mut self,
        questions: Vec<ReviewQuestion>,
        rulings: &[Ruling],
        refresh: Duration,
    ) -> (Duration, Vec<Reviewed>) {
        let answered = questions.into_iter().zip(rulings.iter().copied());
        let mut heard: Vec<Reviewed> = answered
            .map(|(question, ruling)| Reviewed { question, ruling })
            .collect();
        // Where roles were not seen, somebody may grant something and no watch tells.
        let unsettled = |reviewed: &Reviewed| match reviewed.question.evaluated {
            Evaluated::Unseen => reviewed.ruling != Ruling::Allowed,
            evaluated => evaluated.is_contradicted_by(reviewed.ruling),
        };
        let is_unsettled = heard.iter().any(unsettled);
        heard.retain(|reviewed| reviewed.question.evaluated.is_changed_by(reviewed.ruling));
        let is_repeated = |reviewed: &Reviewed| {
            reviewed.question.evaluated == Evaluated::Unseen
                || self
                    .doubts
                    .iter()
                    .any(|doubt| doubt.question == reviewed.question)
        };
        let believed: Vec<Reviewed> = heard.iter().filter(|r| is_repeated(r)).cloned().collect();
        self.open = believed.len() < heard.len() && self.attempt + 1 < PATIENCE;
        self.doubts = heard;
        let wait = if is_unsettled {
            self.again(refresh)
        } else {
            self.attempt = 0;
            refresh
        };
        (wait, believed)
    }

    /// How long to wait before asking once more.
    fn again(&mut self, refresh: Duration) -> Duration {
        let wait = backoff(GAP, refresh, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }
}

/// Whether one more review of a namespace may begin beside those under way.
fn has_room_for(under_way: &BTreeMap<u64, Name>, namespace: &str) -> bool {
    let of_it = under_way.values().filter(|of| *of == namespace).count();
    under_way.len() < AT_ONCE && of_it < AT_ONCE_OF_ONE
}

/// Tells questions apart.
fn in_short(questions: &[ReviewQuestion]) -> u64 {
    let mut hasher = DefaultHasher::new();
    questions.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_verdict_waits_for_goes_first_and_the_rest_has_its_turn() {
        let mut plan = ReviewPlan::new(Duration::from_hours(1));
        let now = Timestamp::UNIX_EPOCH;
        for n in 0..1_000 {
            plan.want(&BindingKey::new(format!("ns-{n}"), "app"), &[], now);
        }
        // Some wait in their turn already, others not yet.
        for n in 0..AT_ONCE {
            assert!(plan.take_due(now).is_some(), "{n}");
        }
        for n in 990..1_000 {
            plan.hasten(&BindingKey::new(format!("ns-{n}"), "app"), now);
        }
        plan.want(&BindingKey::new("late", "app"), &[], now);
        plan.hasten(&BindingKey::new("late", "app"), now);
        let awaited = |key: &BindingKey| key.namespace.starts_with("ns-99") || key.namespace == "late";
        let taken: Vec<bool> = std::iter::from_fn(|| plan.take_due(now))
            .map(|key| awaited(&key))
            .take(16)
            .collect();
        assert_eq!(
            taken.iter().filter(|is_awaited| **is_awaited).count(),
            11,
            "{taken:?}"
        );
        assert!(taken[..5].contains(&false), "{taken:?}");
    }

    #[test]
    fn a_namespace_with_many_expectations_keeps_no_other_waiting() {
        let mut plan = ReviewPlan::new(Duration::from_hours(1));
        let now = Timestamp::UNIX_EPOCH;
        for n in 0..200 {
            plan.want(&BindingKey::new("greedy", n.to_string()), &[], now);
        }
        let begin = |plan: &mut ReviewPlan| -> Vec<Review> {
            let due = std::iter::from_fn(|| {
                let key = plan.take_due(now)?;
                Some(plan.begin(&key, Vec::new(), now))
            });
            due.collect()
        };
        let under_way = begin(&mut plan);
        assert_eq!((under_way.len(), plan.next()), (AT_ONCE_OF_ONE, None));
        plan.want(&BindingKey::new("shop", "cart"), &[], now);
        assert_eq!(plan.next(), Some(now));
        assert_eq!(
            begin(&mut plan)
                .first()
                .map(|review| review.key.namespace.as_str()),
            Some("shop")
        );
        // Each end makes room for the next one.
        for review in under_way {
            plan.reviewed(review, ReviewOutcome::Answered(Vec::new()), now);
            assert_eq!(begin(&mut plan).len(), 1);
        }
    }
}
