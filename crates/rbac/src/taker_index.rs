//! Who can take identities, by the scope in which they can.
//!
//! Powers that reach every ServiceAccount of a scope: whoever has one of these is filed once for all of them. Powers that are limited to names
//! are found by the name and the role: the subjects of all bindings of a role times all names in it may be millions.

use std::collections::{BTreeMap, BTreeSet};

use crate::objects::{ObjectId, RoleBinding, Subject, Text};
use crate::powers::Powers;

/// The takers by scope: by namespace, and with an empty one those of the whole cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct TakerIndex {
    scopes: BTreeMap<Text, ScopeTakers>,
    /// The namespaces in which each subject can take any identity.
    places: BTreeSet<(Subject, Text)>,
}

/// The takers of one scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScopeTakers {
    /// Those who can take any identity there.
    pub any: Takers,
    /// How many of those in `any` can take any identity of the cluster as well.
    pub also_in_cluster: usize,
}

/// Subjects, each with the bindings that make it a taker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Takers {
    all: BTreeSet<(Subject, ObjectId, usize)>,
    /// By the first binding of each, and its place in that.
    order: BTreeSet<(ObjectId, usize, Subject)>,
}

impl Takers {
    /// How many subjects there are.
    pub(crate) fn count(&self) -> usize {
        self.order.len()
    }

    /// Whether a subject is one of them.
    pub(crate) fn has(&self, subject: &Subject) -> bool {
        self.first(subject).is_some()
    }

    /// Each subject, with its first binding and its place in that, in the order of these.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &(ObjectId, usize, Subject)> {
        counted::each(&self.order)
    }

    fn first(&self, subject: &Subject) -> Option<(ObjectId, usize)> {
        let start = (subject.clone(), ObjectId::new("", ""), 0);
        let (own, id, place) = self.all.range(start..).next()?;
        (own == subject).then(|| (id.clone(), *place))
    }

    /// Returns whether the subject is new.
    fn insert(&mut self, subject: &Subject, id: &ObjectId, place: usize) -> bool {
        let before = self.first(subject);
        self.all.insert((subject.clone(), id.clone(), place));
        self.reorder(subject, before)
    }

    /// Returns whether it was the subject's last binding.
    fn remove(&mut self, subject: &Subject, id: &ObjectId, place: usize) -> bool {
        let before = self.first(subject);
        self.all.remove(&(subject.clone(), id.clone(), place));
        self.reorder(subject, before)
    }

    /// Files a subject by its first binding. Returns whether it came or went.
    fn reorder(&mut self, subject: &Subject, before: Option<(ObjectId, usize)>) -> bool {
        let after = self.first(subject);
        if before == after {
            return false;
        }
        let is_news = before.is_none() || after.is_none();
        if let Some((id, place)) = before {
            self.order.remove(&(id, place, subject.clone()));
        }
        if let Some((id, place)) = after {
            self.order.insert((id, place, subject.clone()));
        }
        is_news
    }
}

impl TakerIndex {
    /// The takers of a scope.
    pub(crate) fn of(&self, scope: &str) -> Option<&ScopeTakers> {
        self.scopes.get(scope)
    }

    /// Files the subjects of a binding by what its role lets them do.
    pub(crate) fn insert(&mut self, binding: &RoleBinding, powers: &Powers) {
        self.each(binding, powers, Takers::insert);
    }

    /// Takes them out, as they were filed.
    pub(crate) fn remove(&mut self, binding: &RoleBinding, powers: &Powers) {
        self.each(binding, powers, Takers::remove);
        let scope = &binding.id.namespace;
        if self.of(scope).is_some_and(|takers| takers.any.count() == 0) {
            self.scopes.remove(scope);
        }
    }

    fn each(
        &mut self,
        binding: &RoleBinding,
        powers: &Powers,
        change: impl Fn(&mut Takers, &Subject, &ObjectId, usize) -> bool,
    ) {
        let scope = &binding.id.namespace;
        if !powers.reach_all(scope) {
            return;
        }
        for (place, subject) in binding.subjects.iter().enumerate() {
            counted::step();
            if subject.runs_the_cluster() {
                continue;
            }
            let takers = self.scopes.entry(scope.clone()).or_default();
            if change(&mut takers.any, subject, &binding.id, place) {
                self.count_both(scope, subject);
            }
        }
    }

    /// Counts a subject that came to those of a scope, or went, where it is in both a namespace and the cluster.
    fn count_both(&mut self, scope: &Text, subject: &Subject) {
        let has = |index: &Self, scope: &str| index.scopes.get(scope).is_some_and(|own| own.any.has(subject));
        let is_there = has(self, scope);
        if !scope.is_empty() {
            let place = (subject.clone(), scope.clone());
            if is_there {
                self.places.insert(place);
            } else {
                self.places.remove(&place);
            }
            if has(self, "") {
                self.count(scope, is_there);
            }
            return;
        }
        let places = self.places.range((subject.clone(), Text::from(""))..);
        let places = counted::each(places.take_while(|(own, _)| own == subject));
        for place in places.map(|(_, place)| place.clone()).collect::<Vec<_>>() {
            self.count(&place, is_there);
        }
    }

    fn count(&mut self, scope: &Text, comes: bool) {
        if let Some(takers) = self.scopes.get_mut(scope) {
            if comes {
                takers.also_in_cluster += 1;
            } else {
                takers.also_in_cluster -= 1;
            }
        }
    }
}
