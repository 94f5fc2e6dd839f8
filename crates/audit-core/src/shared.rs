//! What many bindings ask alike, answered once for an audit of all of them.
//!
//! A message on a wildcard says which ServiceAccounts it reaches, for which all of them are looked at. Where each of ten thousand
//! bindings has the same wildcard, each answer by itself is a hundred million looks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use iam_policy::RoleArn;

use crate::model::BindingKey;
use crate::snapshot::Cluster;

/// A question about all ServiceAccounts that does not depend on the binding for which it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SharedQuestion {
    /// Whose subjects fit a pattern.
    Fitting(String),
    /// Whom a role admits with tokens for an audience, of those whose subjects fit one of some patterns.
    Admitted {
        /// The role, with the trust policy of the snapshot.
        role: RoleArn,
        /// The audience.
        audience: String,
        /// The patterns.
        patterns: Vec<String>,
    },
}

/// The answers that were given so far. They hold for one snapshot and its settings, so that whoever audits a snapshot makes
/// one, and lets it go with the report.
#[derive(Debug, Default)]
pub struct SharedAnswers(RefCell<HashMap<SharedQuestion, Reached>>);

/// ServiceAccounts that exist, sorted.
#[derive(Debug, Clone)]
pub struct Reached(Rc<[BindingKey]>);

impl SharedAnswers {
    /// The answer to a question, which `answer` gives the first time.
    pub fn of(&self, question: SharedQuestion, answer: impl FnOnce() -> Reached) -> Reached {
        if let Some(known) = self.0.borrow().get(&question) {
            return known.clone();
        }
        let reached = answer();
        self.0.borrow_mut().insert(question, reached.clone());
        reached
    }
}

impl Reached {
    /// The ServiceAccounts of a cluster whose subjects are meant.
    pub fn among(cluster: &Cluster, is_meant: impl Fn(&str) -> bool) -> Self {
        let accounts = cluster
            .bindings()
            .filter(|(_, binding)| binding.service_account().is_some());
        let reached = accounts
            .map(|(key, _)| key)
            .filter(|key| is_meant(&key.subject()));
        Self(reached.cloned().collect())
    }

    /// How many there are without this one.
    #[must_use]
    pub fn count_besides(&self, key: &BindingKey) -> usize {
        self.0.len() - usize::from(self.0.binary_search(key).is_ok())
    }

    /// The others, for a message.
    pub fn besides<'r>(&'r self, key: &'r BindingKey) -> impl Iterator<Item = String> + 'r {
        let others = self.0.iter().filter(move |other| *other != key);
        others.map(ToString::to_string)
    }
}
