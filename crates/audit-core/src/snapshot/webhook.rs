//! The pod identity webhook in the cluster: where it is registered, what it injects for whom, and which audience its tokens
//! have by default.

use std::collections::{BTreeMap, BTreeSet};

use litemap::LiteMap;

use super::{Binding, Cluster};
use crate::model::webhook::ANY_NAMESPACE;
use crate::model::{BindingKey, Container, Pod, Registration, ServiceAccount, WebhookEntry};

/// What the cluster tells of its webhook.
#[derive(Debug, Clone, Default)]
pub(super) struct Webhook {
    /// Where it is registered with the API server; absent where nobody looked.
    registrations: Option<Vec<Registration>>,
    /// What its ConfigMap says.
    entries: BTreeMap<BindingKey, WebhookEntry>,
    /// There may be a ConfigMap that could not be read.
    entries_unseen: bool,
    /// The audience that its own pods are started with, where their manifest was seen.
    own_audience: Option<String>,
    /// The audiences of the tokens in its volumes.
    live: LiveAudiences,
}

/// The audiences of the tokens that pods were given.
#[derive(Debug, Clone, Default)]
struct LiveAudiences {
    /// Of each binding, the audiences and how many of its pods have each.
    of: BTreeMap<BindingKey, LiteMap<Box<str>, usize>>,
    /// Of these bindings, those whose ServiceAccounts name a role and no audience: the webhook's default is theirs.
    by_default: BTreeSet<BindingKey>,
    /// How many such bindings have tokens of each audience.
    defaults: BTreeMap<String, usize>,
}

impl LiveAudiences {
    /// Takes note of whether the webhook's default is a binding's, before or after its audiences change.
    fn set_default(&mut self, key: &BindingKey, is_default: bool) {
        let audiences = self.of.get(key);
        let is_default = is_default && audiences.is_some();
        if is_default == self.by_default.contains(key) {
            return;
        }
        for audience in audiences.into_iter().flat_map(LiteMap::keys) {
            counted::step();
            if is_default {
                *self.defaults.entry(audience.to_string()).or_default() += 1;
            } else {
                release(&mut self.defaults, audience, true);
            }
        }
        if is_default {
            self.by_default.insert(key.clone());
        } else {
            self.by_default.remove(key);
        }
    }
}

/// Where it stands what the webhook injects for a ServiceAccount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedIn {
    /// In the ServiceAccount's annotations.
    Annotation,
    /// In the webhook's ConfigMap.
    ConfigMap,
    /// In the pods themselves, or in the templates that they come from. The webhook is not asked for it.
    Pod,
    /// In an object whose controller requests tokens, or in the annotation that the controller reads. The webhook is not
    /// asked for it.
    Requester,
}

/// What the webhook is asked to inject for a ServiceAccount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedRole<'a> {
    /// Where it stands.
    pub source: AskedIn,
    /// The role as it stands there, where it names one.
    pub role: Option<&'a str>,
    /// The audience of the tokens. Empty for the API server's own; absent where the webhook's default counts.
    pub audience: Option<&'a str>,
}

impl Cluster {
    /// Whether the webhook is registered with the API server; absent where nobody looked.
    #[must_use]
    pub fn has_webhook(&self) -> Option<bool> {
        self.registrations().map(|all| !all.is_empty())
    }

    /// Whether anything shows that there is a webhook: a registration, its manifest, or a token that it gave a running pod.
    #[must_use]
    pub fn shows_webhook(&self) -> bool {
        self.has_webhook() == Some(true)
            || self.webhook.own_audience.is_some()
            || !self.webhook.live.of.is_empty()
    }

    /// Where the webhook is registered with the API server; absent where nobody looked.
    #[must_use]
    pub fn registrations(&self) -> Option<&[Registration]> {
        self.webhook.registrations.as_deref()
    }

    /// Takes note of where the webhook is registered. Returns whether that is news.
    pub fn set_registrations(&mut self, registrations: Option<Vec<Registration>>) -> bool {
        let is_news = self.webhook.registrations != registrations;
        self.webhook.registrations = registrations;
        is_news
    }

    /// Whether it depends on the labels of namespaces which pods the webhook sees.
    #[must_use]
    pub fn heeds_namespace_labels(&self) -> bool {
        let mut all = self.registrations().unwrap_or_default().iter();
        all.any(|registration| !registration.namespaces.0.is_empty())
    }

    /// Takes note of the audience that the webhook itself is started with.
    pub fn set_own_audience(&mut self, audience: Option<String>) {
        self.webhook.own_audience = audience;
    }

    /// The audience that the webhook gives tokens for which nobody asks for one, as far as its tokens in running pods show, or
    /// its own manifest. Pods that disagree show nothing.
    #[must_use]
    pub fn seen_default_audience(&self) -> Option<&str> {
        // Without a webhook, a volume of this name is the pods' own.
        let is_there = self.has_webhook() != Some(false);
        let mut defaults = self.webhook.live.defaults.keys().filter(|_| is_there);
        match (defaults.next(), defaults.next()) {
            (Some(one), None) => Some(one),
            (None, _) => self.webhook.own_audience.as_deref(),
            (Some(_), Some(_)) => None,
        }
    }

    /// Takes note of the tokens of a pod that came.
    pub(super) fn count_audiences(&mut self, pod: &Pod) {
        let (key, injected) = (pod.binding_key(), injected_audiences(pod));
        if !injected.is_empty() {
            let live = &mut self.webhook.live;
            let is_default = live.by_default.contains(&key);
            let audiences = live.of.entry(key.clone()).or_default();
            for audience in injected {
                let count = audiences.entry(audience.into()).or_default();
                if *count == 0 && is_default {
                    *live.defaults.entry(audience.to_owned()).or_default() += 1;
                }
                *count += 1;
            }
        }
        self.note_defaults(&key);
    }

    /// Takes note of the tokens of a pod that went.
    pub(super) fn discount_audiences(&mut self, pod: &Pod) {
        let (key, injected) = (pod.binding_key(), injected_audiences(pod));
        let live = &mut self.webhook.live;
        let is_default = live.by_default.contains(&key);
        if let Some(audiences) = live.of.get_mut(&key) {
            for audience in injected {
                let Some(count) = audiences.get_mut(audience) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    audiences.remove(audience);
                    release(&mut live.defaults, audience, is_default);
                }
            }
            if audiences.is_empty() {
                live.of.remove(&key);
                live.by_default.remove(&key);
            }
        }
        self.note_defaults(&key);
    }

    /// Takes note of whether the tokens of a binding show the webhook's default. Without regard to the prefix of annotations,
    /// which is not known here: other annotations of these names are not kept.
    pub(super) fn note_defaults(&mut self, key: &BindingKey) {
        if !self.webhook.live.of.contains_key(key) {
            return;
        }
        let account = self.bindings.get(key).and_then(Binding::service_account);
        let has = |name: &str| {
            let mut annotations = account.into_iter().flat_map(|account| &account.annotations);
            annotations.any(|(key, value)| key.ends_with(name) && (name == AUDIENCE || !value.is_empty()))
        };
        let is_default = has(ROLE) && !has(AUDIENCE);
        self.webhook.live.set_default(key, is_default);
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

    /// The audience of all roles in the webhook's ConfigMap, where they agree on one.
    #[must_use]
    pub fn entries_audience(&self) -> Option<&str> {
        let roles = self
            .webhook
            .entries
            .values()
            .filter(|entry| !entry.role_arn.is_empty());
        let mut audiences = roles.map(|entry| entry.audience.as_str());
        let first = audiences.next()?;
        audiences.all(|other| other == first).then_some(first)
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
                changed.extend(self.named(&key.service_account));
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
    pub fn asked<'a>(&'a self, key: &BindingKey, prefix: &str) -> AskedRole<'a> {
        self.asked_by(
            key,
            self.bindings.get(key).and_then(Binding::service_account),
            prefix,
        )
    }

    /// [`Cluster::asked`], with this ServiceAccount in place of the one that is there.
    #[must_use]
    pub fn asked_by<'a>(
        &'a self,
        key: &BindingKey,
        account: Option<&'a ServiceAccount>,
        prefix: &str,
    ) -> AskedRole<'a> {
        let annotated = AskedRole {
            source: AskedIn::Annotation,
            role: account.and_then(|account| account.role_arn(prefix)),
            audience: account.and_then(|account| account.audience(prefix)),
        };
        match self.webhook_entry(key) {
            Some(entry) if annotated.role.is_none() && account.is_some() && !entry.role_arn.is_empty() => {
                AskedRole {
                    source: AskedIn::ConfigMap,
                    role: Some(&entry.role_arn),
                    audience: Some(&entry.audience),
                }
            }
            _ => annotated,
        }
    }
}

/// Takes one binding out of the count of an audience, if it was counted.
fn release(counts: &mut BTreeMap<String, usize>, audience: &str, was_counted: bool) {
    if let Some(count) = counts.get_mut(audience).filter(|_| was_counted) {
        *count -= 1;
        if *count == 0 {
            counts.remove(audience);
        }
    }
}

/// The ends of the keys of annotations.
const ROLE: &str = "/role-arn";
const AUDIENCE: &str = "/audience";

/// The audiences, each once, of the tokens that the webhook gave a pod; of a template's, none.
fn injected_audiences(pod: &Pod) -> BTreeSet<&str> {
    let is_alive = pod.is_active() && !pod.is_template();
    let containers = pod
        .containers
        .iter()
        .filter(|container| is_alive && container.has_web_identity());
    let tokens = containers.flat_map(|container: &Container| &container.tokens);
    tokens
        .filter(|token| token.by_webhook)
        .filter_map(|token| token.audience.as_deref())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OLD_ROLE, PREFIX, ROLE, World, injected, token};

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
                asked.audience.map(str::to_owned),
            )
        };
        let (by_map, by_hand) = (AskedIn::ConfigMap, AskedIn::Annotation);
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
        assert_eq!(
            asked(&world),
            (by_hand, Some(ROLE.to_owned()), Some("mesh".to_owned()))
        );
        world = world.without_annotation();
        assert_eq!(
            asked(&world),
            (by_map, Some(OLD_ROLE.to_owned()), Some("any".to_owned()))
        );
        let both = [(&anywhere, entry(OLD_ROLE, "any")), (&key, entry(ROLE, ""))];
        assert_eq!(put(&mut world, &both), std::slice::from_ref(&key));
        assert_eq!(put(&mut world, &both), [], "nothing changed");
        assert_eq!(
            asked(&world),
            (by_map, Some(ROLE.to_owned()), Some(String::new()))
        );
        put(&mut world, &[(&key, entry("", "any"))]);
        assert_eq!(
            asked(&world),
            (by_hand, None, Some("mesh".to_owned())),
            "the webhook injects nothing"
        );
        put(&mut world, &[]);
        assert_eq!(asked(&World::healthy()), (by_hand, Some(ROLE.to_owned()), None));
    }

    #[test]
    fn tokens_in_its_volumes_show_its_default_audience() {
        let seen = |world: &World| world.snapshot.cluster.seen_default_audience().map(str::to_owned);
        let aimed = |audience: &str| Container {
            tokens: vec![token(audience)],
            ..injected("app", crate::testing::ROLE)
        };
        let world = World::healthy().container(aimed("amazonaws.com"));
        assert_eq!(seen(&world).as_deref(), Some("amazonaws.com"));
        assert_eq!(
            seen(&world.clone().audience("amazonaws.com")),
            None,
            "it was asked for"
        );
        assert_eq!(
            seen(&world.clone().without_annotation()),
            None,
            "whoever put it there"
        );
        assert_eq!(
            seen(&world.clone().another_pod("b", aimed("vault"))),
            None,
            "they disagree"
        );
        assert_eq!(seen(&world.clone().pod(|pod| pod.terminating = true)), None);
        let mut unregistered = world.clone();
        unregistered.snapshot.cluster.set_webhook(Some(false));
        assert_eq!(seen(&unregistered), None);
        let mut without = world.without_pods();
        assert_eq!(seen(&without), None);
        assert!(
            without.snapshot.cluster.webhook.live.of.is_empty(),
            "nothing is left of it"
        );
        without.snapshot.cluster.set_own_audience(Some("mesh".to_owned()));
        assert_eq!(seen(&without).as_deref(), Some("mesh"));
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
