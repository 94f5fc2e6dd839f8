//! The ServiceAccounts that exist: which of them a pattern of subjects may match, and which came and went lately.

use std::collections::{BTreeSet, VecDeque};

use super::{Binding, Cluster};
use crate::model::{BindingKey, Name};

/// So many of the latest changes are remembered. Who has not asked for longer looks at all again.
const REMEMBERED: usize = 1024;

/// What every subject of a ServiceAccount begins with.
const SUBJECT_PREFIX: &str = "system:serviceaccount:";

/// The ServiceAccounts that came or went.
#[derive(Debug, Clone, Default)]
pub(super) struct Existence {
    /// How often any came or went.
    version: u64,
    /// The latest of these, the last one at the end.
    latest: VecDeque<BindingKey>,
}

impl Existence {
    /// Takes note that a ServiceAccount came or went.
    pub(super) fn changed(&mut self, key: &BindingKey) {
        self.version += 1;
        self.latest.push_back(key.clone());
        if self.latest.len() > REMEMBERED {
            self.latest.pop_front();
        }
    }
}

impl Cluster {
    /// A number that is another one whenever ServiceAccounts have come or gone.
    #[must_use]
    pub fn existence_version(&self) -> u64 {
        self.existence.version
    }

    /// The ServiceAccounts that came since a version, or went: each that did not do both. Absent where that was too long ago to tell.
    #[must_use]
    pub fn changed_existence(&self, since: u64) -> Option<BTreeSet<&BindingKey>> {
        let changes = usize::try_from(self.existence.version.checked_sub(since)?).ok()?;
        let known = self.existence.latest.len();
        let mut odd = BTreeSet::new();
        for key in counted::each(self.existence.latest.iter().skip(known.checked_sub(changes)?)) {
            if !odd.remove(key) {
                odd.insert(key);
            }
        }
        Some(odd)
    }

    /// Whether a ServiceAccount exists.
    #[must_use]
    pub fn exists(&self, key: &BindingKey) -> bool {
        let binding = self.binding(key);
        binding.is_some_and(|binding| binding.service_account().is_some())
    }

    /// The ServiceAccounts that exist and may have a subject that one of some patterns matches, sorted: all of those, and few others.
    /// In patterns, `*`, `?` and variables (`${…}`) stand for any text.
    #[must_use]
    pub fn existing_like(&self, patterns: &[String]) -> BTreeSet<&BindingKey> {
        let mut found = BTreeSet::new();
        for pattern in patterns {
            self.add_existing_like(pattern, &mut found);
        }
        found
    }

    fn add_existing_like<'a>(&'a self, pattern: &str, found: &mut BTreeSet<&'a BindingKey>) {
        let (start, end) = literal_ends(pattern);
        let start = match start.strip_prefix(SUBJECT_PREFIX) {
            Some(rest) => rest,
            None if SUBJECT_PREFIX.starts_with(start) && start.len() < pattern.len() => "",
            None => return,
        };
        let existing = |key: &'a BindingKey, binding: &Binding| {
            counted::step();
            binding.service_account().map(|_| key)
        };
        let of_name = end.rsplit_once(':').map(|(_, name)| name);
        match (start.split_once(':'), of_name) {
            (Some((namespace, name)), _) => {
                let own = self.bindings.range(BindingKey::new(namespace, name)..);
                let own = own.take_while(|(key, _)| {
                    key.namespace == namespace && key.service_account.starts_with(name)
                });
                found.extend(own.filter_map(|(key, binding)| existing(key, binding)));
            }
            (None, Some(name)) => {
                let names = self.by_name.range((Name::new(name), Name::new(start))..);
                let names = names.take_while(|(own, namespace)| own == name && namespace.starts_with(start));
                let keys = names.map(|(name, namespace)| BindingKey::new(namespace.clone(), name.clone()));
                found.extend(keys.filter_map(|key| {
                    let (key, binding) = self.bindings.get_key_value(&key)?;
                    existing(key, binding)
                }));
            }
            (None, None) => {
                let own = self.bindings.range(BindingKey::new(start, "")..);
                let own = own.take_while(|(key, _)| key.namespace.starts_with(start));
                found.extend(own.filter_map(|(key, binding)| existing(key, binding)));
            }
        }
    }
}

/// What a pattern begins with, and what it ends in, without anything that stands for other text. All of one that stands for itself only.
fn literal_ends(pattern: &str) -> (&str, &str) {
    let start = pattern.split(['*', '?', '$']).next().unwrap_or_default();
    let end = pattern.rsplit(['*', '?', '}']).next().unwrap_or_default();
    (start, end)
}

#[cfg(test)]
mod tests {
    use iam_policy::Pattern;

    use super::*;
    use crate::model::{Annotations, ServiceAccount};

    fn cluster(names: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster::default();
        for (namespace, name) in names {
            cluster.put_service_account(account(namespace, name));
        }
        cluster
    }

    fn account(namespace: &str, name: &str) -> ServiceAccount {
        ServiceAccount {
            key: BindingKey::new(namespace, name),
            uid: String::new(),
            created: None,
            annotations: Annotations::default(),
            automount_off: false,
        }
    }

    #[test]
    fn every_subject_that_a_pattern_matches_is_found_and_others_are_left_out() {
        let namespaces = ["a", "ab", "b-prod", "prod", "shop"];
        let names = ["app", "apple", "cart", "c"];
        let all: Vec<(&str, &str)> = namespaces
            .into_iter()
            .flat_map(|namespace| names.map(|name| (namespace, name)))
            .collect();
        let cluster = cluster(&all);
        for (pattern, most) in [
            ("*", 20),
            ("system:serviceaccount:*:*", 20),
            ("system:*", 20),
            ("*:app", 5),
            ("system:serviceaccount:*-prod:app", 5),
            ("system:serviceaccount:*prod:ap*", 20),
            ("system:serviceaccount:a*:app", 2),
            ("system:serviceaccount:a*", 8),
            ("system:serviceaccount:a:*", 4),
            ("system:serviceaccount:a:app", 2),
            ("system:serviceaccount:a:ap*", 2),
            ("system:serviceaccount:?:c*t", 20),
            ("system:serviceaccount:shop:c${aws:username}", 2),
            ("repo:*", 0),
            ("", 0),
        ] {
            let found = cluster.existing_like(&[pattern.to_owned()]);
            let compiled = Pattern::new(pattern);
            for (key, _) in cluster.bindings() {
                let matches = compiled.matches(&key.subject());
                assert!(!matches || found.contains(key), "{pattern}: {key}");
            }
            assert!(found.len() <= most, "{pattern}: {found:?}");
        }
        let both = ["system:serviceaccount:a:*".to_owned(), "*:app".to_owned()];
        assert_eq!(cluster.existing_like(&both).len(), 8);
    }

    #[test]
    fn who_came_or_went_is_told_until_it_is_too_long_ago() {
        let mut cluster = cluster(&[("a", "x")]);
        let version = cluster.existence_version();
        cluster.put_service_account(account("a", "y"));
        cluster.put_service_account(account("a", "z"));
        cluster.remove_service_account(&BindingKey::new("a", "z"));
        cluster.remove_service_account(&BindingKey::new("a", "x"));
        let (x, y) = (BindingKey::new("a", "x"), BindingKey::new("a", "y"));
        assert_eq!(cluster.changed_existence(version), Some([&x, &y].into()));
        let now = cluster.existence_version();
        assert_eq!(cluster.changed_existence(now), Some([].into()));
        for _ in 0..REMEMBERED {
            cluster.put_service_account(account("a", "z"));
            cluster.remove_service_account(&BindingKey::new("a", "z"));
        }
        assert_eq!(cluster.changed_existence(version), None);
    }
}
