//! What nobody audits, although something shows it: that must not look like silence.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Cluster;
use crate::config::Config;
use crate::model::BindingKey;

/// How many ServiceAccounts of a namespace are not audited, or not whole, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unaudited {
    /// Their `IrsaAudit` is suspended.
    pub suspended: u32,
    /// The API server refuses to create their `IrsaAudit`, or others have all its names: audits of other ServiceAccounts, or such as cannot
    /// be read.
    pub refused: u32,
    /// Their `IrsaAudit` expects more than is evaluated.
    pub over_limit: u32,
}

impl Unaudited {
    /// All together.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.suspended
            .saturating_add(self.refused)
            .saturating_add(self.over_limit)
    }
}

impl Cluster {
    /// Takes note of whether the API server refuses to create the `IrsaAudit` of a ServiceAccount. Returns whether that is news.
    pub fn put_refused(&mut self, key: &BindingKey, is_refused: bool) -> bool {
        if is_refused {
            self.refused.insert(key.clone())
        } else {
            self.refused.remove(key)
        }
    }

    /// Whether a ServiceAccount has no `IrsaAudit` because the API server refuses it.
    #[must_use]
    pub fn is_refused(&self, key: &BindingKey) -> bool {
        self.refused.contains(key)
    }

    /// Forgets what the API server refused to create of ServiceAccounts that are gone, or have an `IrsaAudit`.
    pub fn sweep_refused(&mut self) {
        let bindings = &self.bindings;
        self.refused.retain(|key| {
            bindings
                .get(key)
                .is_some_and(|binding| binding.requests.is_empty())
        });
    }

    /// Forgets what the API server refused to create.
    pub fn forget_refused(&mut self) {
        self.refused.clear();
    }

    /// What is not audited, by namespace, the most first. Namespaces of which everything is are not in it.
    #[must_use]
    pub fn unaudited(&self, config: &Config) -> Vec<(&str, Unaudited)> {
        let mut namespaces: BTreeMap<&str, Unaudited> = BTreeMap::new();
        let requested = self.bindings.iter().filter_map(|(key, binding)| {
            let request = binding.requests.first()?;
            (request.suspend || !request.over_limit.is_empty()).then_some((key, request))
        });
        for (key, request) in requested.filter(|(key, _)| !config.excludes(key)) {
            let of = namespaces.entry(&key.namespace).or_default();
            if request.suspend {
                of.suspended += 1;
            } else {
                of.over_limit += 1;
            }
        }
        for key in self.refused.iter().filter(|key| !config.excludes(key)) {
            namespaces.entry(&key.namespace).or_default().refused += 1;
        }
        let mut namespaces: Vec<(&str, Unaudited)> = namespaces.into_iter().collect();
        namespaces.sort_by_key(|(_, count)| Reverse(count.total()));
        namespaces
    }
}
