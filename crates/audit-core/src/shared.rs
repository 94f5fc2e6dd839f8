//! What many bindings ask alike, answered once for all of them.
//!
//! A message on a wildcard says which other ServiceAccounts it reaches. Where each of ten thousand bindings has the same wildcard, each
//! answer by itself is a hundred million looks; where each has one of its own, most wildcards reach few. An answer is a count and the first
//! few: five thousand lists of ten thousand are too much to keep.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::BindingKey;
use crate::snapshot::Cluster;

/// The most that a message names.
pub const SHOWN: usize = 5;

/// So many of the first are kept, so that some may go before all have to be looked for again.
const KEPT: usize = 32;

/// From so many answers on, those are let go of that nobody asks for any more.
const SWEEP: usize = 1024;

/// A question about all ServiceAccounts that does not depend on the binding for which it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SharedQuestion {
    /// Whose subjects fit a pattern.
    Fitting(String),
    /// Whom a trust policy admits, of those whose subjects fit one of some patterns; without patterns, of all.
    Admitted {
        /// The trust policy's text.
        trust: Arc<str>,
        /// The provider that issues the tokens.
        provider_arn: String,
        /// The audience of the tokens.
        audience: String,
        /// The patterns.
        patterns: Vec<String>,
    },
}

/// How a question is answered.
pub struct Search<'s> {
    /// Every subject that is meant fits one of these; others may as well.
    pub patterns: &'s [String],
    /// Whether a subject is meant.
    pub is_meant: &'s dyn Fn(&str) -> bool,
    /// When the answer may be another one although nothing has changed.
    pub until: Option<Timestamp>,
}

/// The answers that were given so far, for one cluster and one issuer. What came and went since is made up for.
#[derive(Debug, Default)]
pub struct SharedAnswers(RefCell<Answers>);

#[derive(Debug, Default)]
struct Answers {
    known: HashMap<SharedQuestion, Answer>,
    /// How many there may be before the next sweep.
    most: usize,
}

#[derive(Debug)]
struct Answer {
    reached: Reached,
    /// As of which version of the cluster's ServiceAccounts.
    version: u64,
    until: Option<Timestamp>,
    /// Somebody has asked since the last sweep.
    is_used: bool,
}

/// ServiceAccounts that exist: how many, and the first of them, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached {
    count: usize,
    first: Vec<BindingKey>,
}

/// Those that are reached, without the one for which it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Others {
    /// How many.
    pub count: usize,
    /// The first of them, sorted: at least as many as a message names.
    pub first: Vec<BindingKey>,
}

impl Others {
    /// The first for a message.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        self.first.iter().map(ToString::to_string)
    }
}

impl SharedAnswers {
    /// Forgets all: the cluster or its issuer is another one.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The answer to a question.
    pub fn of(
        &self,
        question: SharedQuestion,
        cluster: &Cluster,
        search: &Search<'_>,
        now: Timestamp,
    ) -> Reached {
        let mut answers = self.0.borrow_mut();
        if let Some(answer) = answers.known.get_mut(&question)
            && answer.until.is_none_or(|until| now < until)
            && answer.catch_up(cluster, search)
        {
            return answer.reached.clone();
        }
        let reached = Reached::among(cluster, search);
        answers.sweep();
        let answer = Answer {
            reached: reached.clone(),
            version: cluster.existence_version(),
            until: search.until,
            is_used: true,
        };
        answers.known.insert(question, answer);
        reached
    }
}

impl Answers {
    /// Lets go of what nobody has asked for since the last time, once there is much.
    fn sweep(&mut self) {
        if self.known.len() < self.most.max(SWEEP) {
            return;
        }
        self.known.retain(|_, answer| {
            counted::step();
            std::mem::take(&mut answer.is_used)
        });
        self.most = 2 * self.known.len();
    }
}

impl Answer {
    /// Makes up for the ServiceAccounts that came and went. Returns whether that was possible.
    fn catch_up(&mut self, cluster: &Cluster, search: &Search<'_>) -> bool {
        self.is_used = true;
        let Some(changed) = cluster.changed_existence(self.version) else {
            return false;
        };
        for key in changed {
            if !(search.is_meant)(&key.subject()) {
                continue;
            }
            if cluster.exists(key) {
                self.reached.add(key);
            } else if !self.reached.take_out(key) {
                return false;
            }
        }
        self.version = cluster.existence_version();
        true
    }
}

impl Reached {
    /// The ServiceAccounts of a cluster that are meant.
    #[must_use]
    pub fn among(cluster: &Cluster, search: &Search<'_>) -> Self {
        let mut reached = Self::default();
        for key in counted::each(cluster.existing_like(search.patterns)) {
            if (search.is_meant)(&key.subject()) {
                reached.count += 1;
                if reached.first.len() < KEPT {
                    reached.first.push(key.clone());
                }
            }
        }
        reached
    }

    /// Those that are reached without one, which is reached or is not.
    #[must_use]
    pub fn besides(self, key: &BindingKey, is_reached: bool) -> Others {
        let mut first = self.first;
        first.retain(|other| other != key);
        Others {
            count: self.count - usize::from(is_reached),
            first,
        }
    }

    fn add(&mut self, key: &BindingKey) {
        let is_whole = self.first.len() == self.count;
        self.count += 1;
        if let Err(place) = self.first.binary_search(key)
            && (is_whole || place < self.first.len())
        {
            self.first.insert(place, key.clone());
            self.first.truncate(KEPT);
        }
    }

    /// Returns whether enough are left to name.
    fn take_out(&mut self, key: &BindingKey) -> bool {
        self.count -= 1;
        if let Ok(place) = self.first.binary_search(key) {
            self.first.remove(place);
        }
        self.first.len() == self.count || self.first.len() > SHOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Annotations, ServiceAccount};

    fn account(at: usize) -> ServiceAccount {
        ServiceAccount {
            key: BindingKey::new("shop", format!("{at:03}")),
            uid: String::new(),
            created: None,
            annotations: Annotations::default(),
            automount_off: false,
        }
    }

    #[test]
    fn an_answer_follows_those_that_come_and_go() {
        let patterns = ["system:serviceaccount:shop:*".to_owned()];
        let is_meant = |subject: &str| !subject.ends_with('3');
        let search = Search {
            patterns: &patterns,
            is_meant: &is_meant,
            until: None,
        };
        let (mut cluster, answers, mut number) = (Cluster::default(), SharedAnswers::default(), 7_usize);
        for round in 0..3_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let account = account((number >> 16) % 100);
            // First there are more and more, then fewer and fewer.
            if (number >> 8) % 10 < if round < 1_500 { 7 } else { 2 } {
                cluster.put_service_account(account);
            } else {
                cluster.remove_service_account(&account.key);
            }
            let question = SharedQuestion::Fitting(String::new());
            let told = answers.of(question, &cluster, &search, Timestamp::UNIX_EPOCH);
            let looked_for = Reached::among(&cluster, &search);
            assert_eq!(told.count, looked_for.count);
            let named = SHOWN + 1;
            assert_eq!(
                told.first.iter().take(named).collect::<Vec<_>>(),
                looked_for.first.iter().take(named).collect::<Vec<_>>(),
                "round {round}"
            );
        }
    }

    #[test]
    fn an_answer_lasts_until_its_time() {
        let cluster = Cluster::default();
        let answers = SharedAnswers::default();
        let (patterns, at) = (["*".to_owned()], |second| Timestamp::from_second(second).unwrap());
        let asked = std::cell::Cell::new(0);
        let mut full = Cluster::default();
        full.put_service_account(account(1));
        let is_meant = |_: &str| {
            asked.set(asked.get() + 1);
            true
        };
        let search = Search {
            patterns: &patterns,
            is_meant: &is_meant,
            until: Some(at(10)),
        };
        for (now, times) in [(0, 1), (9, 1), (10, 2), (11, 3)] {
            answers.of(SharedQuestion::Fitting(String::new()), &full, &search, at(now));
            assert_eq!(asked.get(), times, "{now}");
        }
        assert_eq!(Reached::among(&cluster, &search).count, 0);
    }
}
