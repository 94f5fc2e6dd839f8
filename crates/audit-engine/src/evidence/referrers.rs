//! Which bindings refer to which role of an account.

use std::collections::BTreeSet;

use audit_core::model::{BindingKey, Name};

/// Each role with each binding that refers to it. A set for each role would take a node of a tree, with room for eleven, for the one or two that most
/// roles have.
#[derive(Debug, Default)]
pub struct Referrers(BTreeSet<(Name, BindingKey)>);

impl Referrers {
    /// Whether no binding refers to any role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a binding refers to a role.
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.first(role).is_some()
    }

    /// The bindings that refer to a role, sorted.
    pub fn of(&self, role: &str) -> impl Iterator<Item = &BindingKey> {
        let first = self.first(role);
        let others = first.map(|first| self.0.range(first..)).into_iter().flatten();
        let role = first.map(|(role, _)| role);
        let own = others.take_while(move |(other, _)| Some(other) == role);
        own.map(|(_, key)| key)
    }

    /// The roles, sorted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        let all = self.0.iter().map(|(role, _)| role);
        let each_once = all.filter(move |role| last.replace(*role) != Some(*role));
        each_once.map(Name::as_str)
    }

    /// The bindings; one that refers to several roles comes several times.
    pub fn bindings(&self) -> impl Iterator<Item = &BindingKey> {
        self.0.iter().map(|(_, key)| key)
    }

    /// Takes note of a reference. Returns whether it is the first to the role.
    pub fn insert(&mut self, role: &str, key: &BindingKey) -> bool {
        let known = self.first(role).map(|(role, _)| role.clone());
        let is_first = known.is_none();
        let role = known.unwrap_or_else(|| Name::new(role));
        self.0.insert((role, key.clone()));
        is_first
    }

    /// Forgets a reference. Returns whether no other one is left to the role.
    pub fn remove(&mut self, role: &str, key: &BindingKey) -> bool {
        self.0.remove(&(Name::new(role), key.clone()));
        !self.has(role)
    }

    /// The first reference to a role.
    fn first(&self, role: &str) -> Option<&(Name, BindingKey)> {
        let least = (Name::new(role), BindingKey::new("", ""));
        self.0.range(least..).next().filter(|(other, _)| other == role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_there_for_as_long_as_a_binding_refers_to_it() {
        let [cart, orders] = ["cart", "orders"].map(|name| BindingKey::new("shop", name));
        let mut referrers = Referrers::default();
        assert!(referrers.insert("app", &orders) && !referrers.insert("app", &cart));
        assert!(referrers.insert("app-2", &cart) && !referrers.has("ap"));
        assert!(referrers.roles().eq(["app", "app-2"]));
        assert!(referrers.of("app").eq([&cart, &orders]) && referrers.of("app-").eq::<[&BindingKey; 0]>([]));
        assert!(referrers.bindings().eq([&cart, &orders, &cart]));
        assert!(!referrers.remove("app", &cart) && referrers.remove("app", &orders));
        assert!(!referrers.has("app") && referrers.has("app-2"));
        assert!(referrers.remove("app-2", &cart) && referrers.is_empty());
    }
}
