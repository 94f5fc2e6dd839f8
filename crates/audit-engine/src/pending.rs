//! Bindings that wait for a look, or for a review. What somebody has just changed goes before what is refreshed, and namespaces take
//! turns, so that neither a large namespace nor a busy one keeps the others waiting.

use audit_core::model::BindingKey;

use super::rotation::Rotation;

/// So many looks at changed bindings in a row, then one at a binding that is refreshed: constant changes must not stop refreshing.
const CHANGED_IN_A_ROW: u32 = 4;

/// The bindings that wait, each once.
#[derive(Debug, Default)]
pub struct Pending {
    changed: Rotation,
    refreshed: Rotation,
    in_a_row: u32,
}

impl Pending {
    /// Something of this binding changed.
    pub fn insert(&mut self, key: BindingKey) {
        self.changed.insert(key);
    }

    /// Something of these bindings changed.
    pub fn extend(&mut self, keys: impl IntoIterator<Item = BindingKey>) {
        for key in keys {
            self.changed.insert(key);
        }
    }

    /// These bindings are due without a change of their own: periodically, or because of something that concerns all.
    pub fn refresh(&mut self, keys: impl IntoIterator<Item = BindingKey>) {
        for key in keys {
            self.refreshed.insert(key);
        }
    }

    /// Takes a binding out. Returns whether it waited.
    pub fn remove(&mut self, key: &BindingKey) -> bool {
        // Both, so that nothing of it stays.
        self.changed.remove(key) | self.refreshed.remove(key)
    }

    /// The next binding.
    pub fn pop(&mut self) -> Option<NextLook> {
        self.pop_where(|_| true)
    }

    /// The next binding of the namespaces that may have their turn.
    pub fn pop_where(&mut self, may_have_it: impl Fn(&str) -> bool) -> Option<NextLook> {
        let is_turn_of_changed =
            self.in_a_row < CHANGED_IN_A_ROW || self.refreshed.next_where(&may_have_it).is_none();
        if is_turn_of_changed && let Some(key) = self.changed.pop_where(&may_have_it) {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.refreshed.remove(&key);
            return Some(NextLook { key, is_urgent: true });
        }
        self.in_a_row = 0;
        let key = self.refreshed.pop_where(may_have_it)?;
        let is_urgent = self.changed.remove(&key);
        Some(NextLook { key, is_urgent })
    }

    /// Whether a binding waits of a namespace that may have its turn.
    pub fn has_next_where(&self, may_have_it: impl Fn(&str) -> bool) -> bool {
        let mut both = [&self.changed, &self.refreshed].into_iter();
        both.any(|waiting| waiting.next_where(&may_have_it).is_some())
    }

    /// Whether a binding waits that has changed.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.refreshed.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A binding whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextLook {
    /// The binding.
    pub key: BindingKey,
    /// Something of it changed, and somebody waits for the verdict.
    pub is_urgent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> BindingKey {
        let (namespace, name) = text.split_once('/').unwrap();
        BindingKey::new(namespace, name)
    }

    fn keys(texts: &[&str]) -> Vec<BindingKey> {
        texts.iter().map(|text| key(text)).collect()
    }

    fn order(pending: &mut Pending) -> Vec<String> {
        std::iter::from_fn(|| pending.pop())
            .map(|NextLook { key, .. }| format!("{}/{}", key.namespace, key.service_account))
            .collect()
    }

    #[test]
    fn namespaces_take_turns() {
        let mut pending = Pending::default();
        pending.extend(keys(&["a/1", "a/2", "a/3", "b/1", "c/1", "c/2"]));
        assert_eq!(order(&mut pending), ["a/1", "b/1", "c/1", "a/2", "c/2", "a/3"]);
        assert!(pending.is_empty());
    }

    #[test]
    fn a_namespace_that_changes_all_the_time_does_not_keep_another_waiting() {
        let mut pending = Pending::default();
        pending.extend(keys(&["a/1", "a/2", "z/1"]));
        assert_eq!(pending.pop().map(|next| next.key), Some(key("a/1")));
        pending.extend(keys(&["a/1", "a/2", "a/3"]));
        assert_eq!(pending.pop().map(|next| next.key), Some(key("z/1")));
    }

    #[test]
    fn what_has_changed_goes_first_and_refreshing_goes_on_beside_it() {
        let mut pending = Pending::default();
        pending.refresh(keys(&["r/1", "r/2"]));
        pending.extend(keys(&["a/1", "b/1", "c/1", "d/1", "e/1", "f/1"]));
        assert_eq!(
            order(&mut pending),
            ["a/1", "b/1", "c/1", "d/1", "r/1", "e/1", "f/1", "r/2"]
        );
    }

    #[test]
    fn one_look_serves_both() {
        let mut pending = Pending::default();
        pending.refresh(keys(&["a/1", "a/2"]));
        pending.extend(keys(&["a/2", "a/2"]));
        assert_eq!(order(&mut pending), ["a/2", "a/1"]);
    }
}
