//! What was read of the roles of an account, by their names, and by what else roles are looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::{Observed, RoleLookup, RolePolicies};

/// By what roles are looked up beside their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleKey {
    /// Their names in lower case, where these have other letters.
    LowerCase(String),
    /// Their unique ids (`AROA…`).
    Id(String),
    /// The ARNs of their permissions boundaries.
    Boundary(String),
    /// The ARNs of managed policies that they have attached.
    Attached(String),
}

/// What was read of a role, and the keys under which the role is found by it.
pub trait Indexed {
    /// The keys.
    fn keys(name: &str, seen: Option<&Self>) -> Vec<RoleKey>;
}

impl Indexed for RoleLookup {
    fn keys(name: &str, seen: Option<&Self>) -> Vec<RoleKey> {
        let mut keys = Vec::new();
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            keys.push(RoleKey::LowerCase(name.to_ascii_lowercase()));
        }
        if let Some(Self::Found(role)) = seen {
            keys.push(RoleKey::Id(role.id.clone()));
            let boundary = role.boundary.as_deref().map(str::to_owned);
            keys.extend(boundary.map(RoleKey::Boundary));
        }
        keys
    }
}

impl Indexed for RolePolicies {
    fn keys(_: &str, seen: Option<&Self>) -> Vec<RoleKey> {
        let attached = seen.into_iter().flat_map(|policies| &policies.attached);
        attached.cloned().map(RoleKey::Attached).collect()
    }
}

/// What was read of each role, by its name. It reads as a map.
///
/// An index by other keys is brought up to date when somebody asks: it costs as much as has changed since, and nothing where nobody asks.
/// Changes by [`ByRole::insert`], [`ByRole::remove`] and [`ByRole::slot`] are known one by one; after any other, all is indexed again.
#[derive(Debug)]
pub struct ByRole<T> {
    all: BTreeMap<String, Observed<T>>,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// The roles that may have other keys now.
    touched: BTreeSet<String>,
    /// Any may.
    all_touched: bool,
    /// Each key with the names of the roles that have it.
    names: BTreeSet<(RoleKey, String)>,
    /// The keys of each role that has any.
    keys: HashMap<String, Vec<RoleKey>>,
}

impl Index {
    fn file(&mut self, name: &str, keys: &[RoleKey]) {
        counted::step();
        if keys.is_empty() {
            let old = self.keys.remove(name);
            self.unlist(name, old.unwrap_or_default());
            return;
        }
        if self.keys.get(name).is_some_and(|old| old == keys) {
            return;
        }
        for key in keys {
            self.names.insert((key.clone(), name.to_owned()));
        }
        let old = self.keys.insert(name.to_owned(), keys.to_vec());
        let gone = old.into_iter().flatten().filter(|key| !keys.contains(key));
        self.unlist(name, gone.collect());
    }

    fn unlist(&mut self, name: &str, keys: Vec<RoleKey>) {
        for key in keys {
            self.names.remove(&(key, name.to_owned()));
        }
    }
}

impl<T: Indexed> ByRole<T> {
    /// Stores what was read of a role.
    pub fn insert(&mut self, name: String, seen: Observed<T>) {
        self.touch(&name);
        self.all.insert(name, seen);
    }

    /// Forgets what was read of a role.
    pub fn remove(&mut self, name: &str) {
        self.touch(name);
        self.all.remove(name);
    }

    /// Where what is read of a role is kept.
    pub fn slot(&mut self, name: &str) -> &mut Observed<T> {
        self.touch(name);
        self.all.entry(name.to_owned()).or_default()
    }

    fn touch(&mut self, name: &str) {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !index.all_touched && !index.touched.contains(name) {
            index.touched.insert(name.to_owned());
        }
    }

    /// The names of the roles that have a key, sorted.
    #[must_use]
    pub fn having(&self, key: RoleKey) -> Vec<String> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut index.all_touched) {
            *index = Index::default();
            for (name, seen) in &self.all {
                index.file(name, &T::keys(name, seen.latest()));
            }
        }
        for name in std::mem::take(&mut index.touched) {
            let seen = self.all.get(&name);
            let keys = seen.map(|seen| T::keys(&name, seen.latest()));
            index.file(&name, &keys.unwrap_or_default());
        }
        let first = (key, String::new());
        let found = index.names.range(&first..);
        counted::each(found.take_while(|(own, _)| *own == first.0))
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// The roles whose names differ from one by no more than the case of letters, sorted by name.
    pub fn alike(&self, name: &str) -> impl Iterator<Item = (&String, &Observed<T>)> {
        let lower = name.to_ascii_lowercase();
        let mut names = self.having(RoleKey::LowerCase(lower.clone()));
        names.push(lower);
        names.into_iter().filter_map(|name| self.all.get_key_value(&name))
    }
}

impl<T> Default for ByRole<T> {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            index: Mutex::default(),
        }
    }
}

impl<T: Clone> Clone for ByRole<T> {
    /// A copy makes an index of its own.
    fn clone(&self) -> Self {
        Self {
            all: self.all.clone(),
            index: Mutex::new(Index {
                all_touched: true,
                ..Index::default()
            }),
        }
    }
}

impl<T> Deref for ByRole<T> {
    type Target = BTreeMap<String, Observed<T>>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl<T> DerefMut for ByRole<T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        index.all_touched = true;
        index.touched.clear();
        &mut self.all
    }
}

impl<T> FromIterator<(String, Observed<T>)> for ByRole<T> {
    fn from_iter<I: IntoIterator<Item = (String, Observed<T>)>>(roles: I) -> Self {
        let mut all = Self::default();
        all.extend(roles);
        all
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn attached(arns: &[&str]) -> Observed<RolePolicies> {
        let policies = RolePolicies {
            attached: arns.iter().map(|arn| (*arn).to_owned()).collect(),
            inline: Vec::new(),
        };
        Observed::known(policies, Timestamp::UNIX_EPOCH)
    }

    fn having(roles: &ByRole<RolePolicies>, arn: &str) -> Vec<String> {
        roles.having(RoleKey::Attached(arn.to_owned()))
    }

    #[test]
    fn roles_are_found_by_what_was_read_last() {
        let mut roles = ByRole::default();
        roles.insert("b".to_owned(), attached(&["x", "y"]));
        *roles.slot("a") = attached(&["x"]);
        assert_eq!(having(&roles, "x"), ["a", "b"]);
        *roles.slot("b") = attached(&["y", "z"]);
        assert_eq!(
            (having(&roles, "x"), having(&roles, "z")),
            (vec!["a".to_owned()], vec!["b".to_owned()])
        );
        let copy = roles.clone();
        roles.remove("a");
        assert_eq!(
            (having(&roles, "x"), having(&copy, "x")),
            (vec![], vec!["a".to_owned()])
        );
        // By any other change.
        roles.values_mut().for_each(|seen| *seen = attached(&["w"]));
        assert_eq!(
            (having(&roles, "w"), having(&roles, "y")),
            (vec!["b".to_owned()], vec![])
        );
        roles.clear();
        assert_eq!(having(&roles, "w"), [""; 0]);
    }

    #[test]
    fn names_that_differ_by_case_are_alike() {
        let mut roles: ByRole<RoleLookup> = ByRole::default();
        for name in ["App", "app", "APP", "apps"] {
            roles.insert(
                name.to_owned(),
                Observed::known(RoleLookup::Absent, Timestamp::UNIX_EPOCH),
            );
        }
        let alike: Vec<&str> = roles.alike("aPP").map(|(name, _)| name.as_str()).collect();
        assert_eq!(alike, ["APP", "App", "app"]);
    }
}
