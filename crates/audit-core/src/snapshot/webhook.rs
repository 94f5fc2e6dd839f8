//! The pod identity webhook in the cluster: whether it is registered, and what it injects for whom.

use std::collections::BTreeMap;

use super::{Binding, Cluster};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::webhook::ANY_NAMESPACE;
use crate::model::{BindingKey, WebhookEntry};

/// What the cluster tells of its webhook.
#[derive(Debug, Clone, Default)]
pub(super) struct Webhook {
    /// Whether it is registered with the API server; absent where nobody looked.
    is_registered: Option<bool>,
    /// What its ConfigMap says.
    entries: BTreeMap<BindingKey, WebhookEntry>,
    /// There may be a ConfigMap that could not be read.
    entries_unseen: bool,
}

/// Where it stands what the webhook injects for a ServiceAccount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the ServiceAccount's annotations.
    Annotation,
    /// In the webhook's ConfigMap.
    ConfigMap,
}

/// What the webhook is asked to inject for a ServiceAccount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Where it stands.
    pub source: Source,
    /// The role as it stands there, where it names one.
    pub role: Option<&'a str>,
    /// The audience of the tokens. Empty for the API server's own.
    pub audience: &'a str,
}

impl Cluster {
    /// Whether the webhook is registered with the API server; absent where nobody looked.
    #[must_use]
    pub fn has_webhook(&self) -> Option<bool> {
        self.webhook.is_registered
    }

    /// Takes note of whether the webhook is registered. Returns whether that is news.
    pub fn set_webhook(&mut self, is_registered: Option<bool>) -> bool {
        std::mem::replace(&mut self.webhook.is_registered, is_registered) != is_registered
    }

    /// Whether the webhook may have a ConfigMap that nobody could read: who is bound by it alone does not show.
    #[must_use]
    pub fn webhook_entries_unseen(&self) -> bool {
        self.webhook.entries_unseen
    }

    /// Takes note of whether the webhook's ConfigMap cannot be read. Returns whether that is news.
    pub fn set_webhook_entries_unseen(&mut self, unseen: bool) -> bool {
        std::mem::replace(&mut self.webhook.entries_unseen, unseen) != unseen
    }

    /// What the webhook's ConfigMap says of a ServiceAccount: by its own name, else by its name in every namespace.
    #[must_use]
    pub fn webhook_entry(&self, key: &BindingKey) -> Option<&WebhookEntry> {
        let entries = &self.webhook.entries;
        if entries.is_empty() {
            return None;
        }
        let anywhere = || entries.get(&BindingKey::new(ANY_NAMESPACE, key.service_account.as_str()));
        entries.get(key).or_else(anywhere)
    }

    /// Stores what the webhook's ConfigMap says, in place of what it said before. Returns the bindings that it changes.
    pub fn put_webhook_entries(&mut self, entries: BTreeMap<BindingKey, WebhookEntry>) -> Vec<BindingKey> {
        let old = std::mem::replace(&mut self.webhook.entries, entries);
        let new = &self.webhook.entries;
        let differs = |key: &&BindingKey| old.get(*key) != new.get(*key);
        let mut changed = Vec::new();
        for key in old.keys().chain(new.keys()).filter(differs) {
            if key.namespace == ANY_NAMESPACE {
                let named = self
                    .bindings
                    .keys()
                    .filter(|other| other.service_account == key.service_account);
                changed.extend(named.cloned());
            } else {
                changed.push(key.clone());
            }
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// What the webhook is asked to inject for a ServiceAccount. The annotation counts if it names a role, with all that
    /// stands beside it; else the ConfigMap's entry, with all that it says.
    #[must_use]
    pub fn asked<'a>(&'a self, key: &BindingKey, prefix: &str) -> Asked<'a> {
        let account = self.bindings.get(key).and_then(Binding::service_account);
        let annotated = Asked {
            source: Source::Annotation,
            role: account.and_then(|account| account.role_arn(prefix)),
            audience: account.map_or(DEFAULT_AUDIENCE, |account| account.audience(prefix)),
        };
        match self.webhook_entry(key) {
            Some(entry) if annotated.role.is_none() && account.is_some() && !entry.role_arn.is_empty() => {
                Asked {
                    source: Source::ConfigMap,
                    role: Some(&entry.role_arn),
                    audience: &entry.audience,
                }
            }
            _ => annotated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AUDIENCE, OLD_ROLE, PREFIX, ROLE, World};

    fn entry(role_arn: &str, audience: &str) -> WebhookEntry {
        WebhookEntry {
            role_arn: role_arn.to_owned(),
            audience: audience.to_owned(),
            token_expiration: 0,
        }
    }

    #[test]
    fn the_annotation_counts_before_the_config_map_and_each_counts_whole() {
        let asked = |world: &World| {
            let asked = world.snapshot.cluster.asked(&world.key, PREFIX);
            (
                asked.source,
                asked.role.map(str::to_owned),
                asked.audience.to_owned(),
            )
        };
        let (by_map, by_hand) = (Source::ConfigMap, Source::Annotation);
        let mut world = World::healthy().audience("mesh");
        let key = world.key.clone();
        let anywhere = BindingKey::new(ANY_NAMESPACE, "cart");
        let put = |world: &mut World, entries: &[(&BindingKey, WebhookEntry)]| {
            let entries = entries
                .iter()
                .map(|(key, entry)| ((*key).clone(), entry.clone()))
                .collect();
            world.snapshot.cluster.put_webhook_entries(entries)
        };
        assert_eq!(
            put(&mut world, &[(&anywhere, entry(OLD_ROLE, "any"))]),
            std::slice::from_ref(&key)
        );
        assert_eq!(asked(&world), (by_hand, Some(ROLE.to_owned()), "mesh".to_owned()));
        world = world.without_annotation();
        assert_eq!(
            asked(&world),
            (by_map, Some(OLD_ROLE.to_owned()), "any".to_owned())
        );
        let both = [(&anywhere, entry(OLD_ROLE, "any")), (&key, entry(ROLE, ""))];
        assert_eq!(put(&mut world, &both), std::slice::from_ref(&key));
        assert_eq!(put(&mut world, &both), [], "nothing changed");
        assert_eq!(asked(&world), (by_map, Some(ROLE.to_owned()), String::new()));
        put(&mut world, &[(&key, entry("", "any"))]);
        assert_eq!(
            asked(&world),
            (by_hand, None, "mesh".to_owned()),
            "the webhook injects nothing"
        );
        put(&mut world, &[]);
        assert_eq!(
            asked(&World::healthy()),
            (by_hand, Some(ROLE.to_owned()), AUDIENCE.to_owned())
        );
    }

    #[test]
    fn only_news_is_news() {
        let mut cluster = Cluster::default();
        assert_eq!(cluster.has_webhook(), None);
        assert!(cluster.set_webhook(Some(false)));
        assert!(!cluster.set_webhook(Some(false)));
        assert!(cluster.set_webhook_entries_unseen(true) && !cluster.set_webhook_entries_unseen(true));
    }
}
