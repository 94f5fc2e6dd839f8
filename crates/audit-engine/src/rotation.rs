//! Bindings, or questions about them, that wait, each once. Namespaces take turns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use audit_core::model::BindingKey;

use super::action::Lookup;

/// What waits for the turn of its namespace.
pub trait OfNamespace: Ord {
    /// The namespace.
    fn namespace(&self) -> &str;
}

impl OfNamespace for BindingKey {
    fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl OfNamespace for Lookup {
    fn namespace(&self) -> &str {
        &self.key.namespace
    }
}

/// What waits, by namespace, and whose turn was last.
#[derive(Debug)]
pub struct Rotation<K = BindingKey> {
    namespaces: BTreeMap<String, BTreeSet<K>>,
    last: String,
}

impl<K> Default for Rotation<K> {
    fn default() -> Self {
        Self {
            namespaces: BTreeMap::new(),
            last: String::new(),
        }
    }
}

impl<K: OfNamespace> Rotation<K> {
    /// Adds one, unless it waits already.
    pub fn insert(&mut self, key: K) {
        match self.namespaces.get_mut(key.namespace()) {
            Some(keys) => drop(keys.insert(key)),
            None => drop(self.namespaces.insert(key.namespace().to_owned(), [key].into())),
        }
    }

    /// Returns whether it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        let Some(keys) = self.namespaces.get_mut(key.namespace()) else {
            return false;
        };
        let was_there = keys.remove(key);
        if keys.is_empty() {
            self.namespaces.remove(key.namespace());
        }
        was_there
    }

    /// Takes out the next one of the namespaces that may have their turn.
    pub fn pop_where(&mut self, may_have_it: impl Fn(&str) -> bool) -> Option<K> {
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
