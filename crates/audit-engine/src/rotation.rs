//! Bindings that wait, each once, of which namespaces take turns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use audit_core::model::BindingKey;

/// Bindings by namespace, and whose turn was last.
#[derive(Debug, Default)]
pub struct Rotation {
    namespaces: BTreeMap<String, BTreeSet<BindingKey>>,
    last: String,
}

impl Rotation {
    /// Adds a binding, unless it waits already.
    pub fn insert(&mut self, key: BindingKey) {
        match self.namespaces.get_mut(&key.namespace) {
            Some(keys) => drop(keys.insert(key)),
            None => drop(self.namespaces.insert(key.namespace.clone(), [key].into())),
        }
    }

    /// Returns whether it was there.
    pub fn remove(&mut self, key: &BindingKey) -> bool {
        let Some(keys) = self.namespaces.get_mut(&key.namespace) else {
            return false;
        };
        let was_there = keys.remove(key);
        if keys.is_empty() {
            self.namespaces.remove(&key.namespace);
        }
        was_there
    }

    /// Takes out the next binding.
    pub fn pop(&mut self) -> Option<BindingKey> {
        self.pop_where(|_| true)
    }

    /// Takes out the next binding of the namespaces that may have their turn.
    pub fn pop_where(&mut self, may_have_it: impl Fn(&str) -> bool) -> Option<BindingKey> {
        let namespace = self.next_where(may_have_it)?.to_owned();
        let keys = self.namespaces.get_mut(&namespace)?;
        let key = keys.pop_first();
        if keys.is_empty() {
            self.namespaces.remove(&namespace);
        }
        self.last = namespace;
        key
    }

    /// The namespace whose turn is next, of those that may have it.
    pub fn next_where(&self, may_have_it: impl Fn(&str) -> bool) -> Option<&str> {
        let last = self.last.as_str();
        let after = (Bound::Excluded(last), Bound::Unbounded);
        let until = (Bound::Unbounded, Bound::Included(last));
        let in_order = self
            .namespaces
            .range::<str, _>(after)
            .chain(self.namespaces.range::<str, _>(until));
        in_order
            .map(|(namespace, _)| namespace.as_str())
            .find(|namespace| may_have_it(namespace))
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }
}
