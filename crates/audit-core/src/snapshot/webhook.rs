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
    /// How many such bindings of each namespace have tokens of each audience: by audience, then by namespace.
    defaults: BTreeMap<String, BTreeMap<String, usize>>,
    /// The same, by namespace and audience.
    shown: BTreeSet<(String, String)>,
    /// The audiences that several namespaces show.
    witnessed: BTreeSet<String>,
    news: DefaultNews,
}

/// For which namespaces the default audience may be a different one now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultNews {
    /// For all.
    pub is_for_all: bool,
    /// For these.
    pub namespaces: BTreeSet<String>,
}

impl DefaultNews {
    /// Whether the default is the same everywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.is_for_all && self.namespaces.is_empty()
    }
}

/// So many namespaces have to show an audience before it is the default of others: pods can have any token in a volume of the webhook's
/// name, and nobody should decide by the pods of one namespace what is said of another. The webhook's own manifest counts as one.
const WITNESSES: usize = 2;

/// How many show an audience: namespaces, and the manifest.
fn witnesses(audience: &str, namespaces: &BTreeMap<String, usize>, own: Option<&str>) -> usize {
    namespaces.len() + usize::from(own == Some(audience))
}

impl LiveAudiences {
    /// Counts one more binding of a namespace that shows an audience.
    fn show(&mut self, audience: &str, namespace: &str, own: Option<&str>) {
        let namespaces = self.defaults.entry(audience.to_owned()).or_default();
        let count = namespaces.entry(namespace.to_owned()).or_default();
        *count += 1;
        if *count == 1 {
            self.shown.insert((namespace.to_owned(), audience.to_owned()));
            if namespaces.len() == WITNESSES {
                self.witnessed.insert(audience.to_owned());
            }
            self.news.is_for_all |= witnesses(audience, namespaces, own) == WITNESSES;
            self.news.namespaces.insert(namespace.to_owned());
        }
    }

    /// Counts one binding less of a namespace that shows an audience.
    fn hide(&mut self, audience: &str, namespace: &str, own: Option<&str>) {
        let Some(namespaces) = self.defaults.get_mut(audience) else {
            return;
        };
        let Some(count) = namespaces.get_mut(namespace) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            namespaces.remove(namespace);
            self.shown.remove(&(namespace.to_owned(), audience.to_owned()));
            if namespaces.len() + 1 == WITNESSES {
                self.witnessed.remove(audience);
            }
            self.news.is_for_all |= witnesses(audience, namespaces, own) + 1 == WITNESSES;
            self.news.namespaces.insert(namespace.to_owned());
            if namespaces.is_empty() {
                self.defaults.remove(audience);
            }
        }
    }

    /// Takes note of whether the webhook's default is a binding's, before or after its audiences change.
    fn set_default(&mut self, key: &BindingKey, is_default: bool, own: Option<&str>) {
        let audiences = self.of.get(key);
        let is_default = is_default && audiences.is_some();
        if is_default == self.by_default.contains(key) {
            return;
        }
        let audiences: Vec<Box<str>> = audiences.into_iter().flat_map(LiteMap::keys).cloned().collect();
        for audience in audiences {
            counted::step();
            if is_default {
                self.show(&audience, &key.namespace, own);
            } else {
                self.hide(&audience, &key.namespace, own);
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
        self.webhook.live.news.is_for_all |= is_news;
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
        self.webhook.live.news.is_for_all |= self.webhook.own_audience != audience;
        self.webhook.own_audience = audience;
    }

    /// The audience that the webhook gives tokens in a namespace for which no annotation names one, as far as its tokens in running pods
    /// show, or its own manifest. Tokens count that pods of the namespace itself have, or of several namespaces, or of one namespace with
    /// the audience that the manifest names. Where they disagree, the audience is not known.
    #[must_use]
    pub fn seen_default_audience(&self, namespace: &str) -> Option<&str> {
        let own = self.webhook.own_audience.as_deref();
        let live = &self.webhook.live;
        // Without a webhook, a volume of this name is the pods' own.
        let is_there = self.has_webhook() != Some(false);
        let from = (namespace.to_owned(), String::new());
        let here = live.shown.range(from..).take_while(|(own, _)| own == namespace);
        let witnessed = live.witnessed.iter().map(String::as_str);
        let of_manifest = own.filter(|own| live.defaults.contains_key(*own));
        let seen = here.map(|(_, audience)| audience.as_str()).chain(witnessed);
        let mut seen = counted::each(seen.chain(of_manifest)).filter(|_| is_there);
        match seen.next() {
            None => own,
            Some(one) => seen.all(|other| other == one).then_some(one),
        }
    }

    /// For which namespaces [`Cluster::seen_default_audience`] may say something else than when this was last taken.
    #[must_use]
    pub fn default_news(&self) -> &DefaultNews {
        &self.webhook.live.news
    }

    /// Takes [`Cluster::default_news`].
    pub fn take_default_news(&mut self) -> DefaultNews {
        std::mem::take(&mut self.webhook.live.news)
    }

    /// Takes note of the tokens of a pod that came.
    pub(super) fn count_audiences(&mut self, pod: &Pod) {
        let (key, injected) = (pod.binding_key(), injected_audiences(pod));
        if !injected.is_empty() {
            let Webhook {
                live, own_audience, ..
            } = &mut self.webhook;
            let is_default = live.by_default.contains(&key);
            for audience in injected {
                let audiences = live
                    .of
                    .entry(key.clone())
                    .or_insert_with(|| LiteMap::with_capacity(1));
                let count = audiences.entry(audience.into()).or_default();
                *count += 1;
                if *count == 1 && is_default {
                    live.show(audience, &key.namespace, own_audience.as_deref());
                }
            }
        }
        self.note_defaults(&key);
    }

    /// Takes note of the tokens of a pod that went.
    pub(super) fn discount_audiences(&mut self, pod: &Pod) {
        let (key, injected) = (pod.binding_key(), injected_audiences(pod));
        let Webhook {
            live, own_audience, ..
        } = &mut self.webhook;
        let is_default = live.by_default.contains(&key);
        let mut hidden = Vec::new();
        if let Some(audiences) = live.of.get_mut(&key) {
            for audience in injected {
                let Some(count) = audiences.get_mut(audience) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    audiences.remove(audience);
                    hidden.push(audience);
                }
            }
            if audiences.is_empty() {
                live.of.remove(&key);
                live.by_default.remove(&key);
            }
        }
        for audience in hidden.into_iter().filter(|_| is_default) {
            live.hide(audience, &key.namespace, own_audience.as_deref());
        }
        self.note_defaults(&key);
    }

    /// Takes note of whether the tokens of a binding show the webhook's default. Without regard to the prefix of annotations,
    /// which is not known here: other annotations of these names are not kept.
    pub(super) fn note_defaults(&mut self, key: &BindingKey) {
        if !self.webhook.live.of.contains_key(key) {
            return;
        }
        let account = self.binding(key).and_then(Binding::service_account);
        let has = |name: &str| {
            let mut annotations = account.into_iter().flat_map(|account| &account.annotations);
            annotations.any(|(key, value)| key.ends_with(name) && (name == AUDIENCE || !value.is_empty()))
        };
        let is_default = has(ROLE) && !has(AUDIENCE);
        let own = self.webhook.own_audience.as_deref();
        self.webhook.live.set_default(key, is_default, own);
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
        self.asked_by(key, self.binding(key).and_then(Binding::service_account), prefix)
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

/// The ends of the keys of annotations.
const ROLE: &str = "/role-arn";
const AUDIENCE: &str = "/audience";

/// The audiences, each once, of the tokens that the webhook gave a pod; of a template's, none. It gives one: two, of however many, show that
/// they say nothing of it.
fn injected_audiences(pod: &Pod) -> BTreeSet<&str> {
    let is_alive = pod.is_active() && !pod.is_template();
    let containers = pod
        .containers
        .iter()
        .filter(|container| is_alive && container.has_web_identity());
    let tokens = containers.flat_map(|container: &Container| &container.tokens);
    let mut audiences = BTreeSet::new();
    for token in tokens.filter(|token| token.by_webhook) {
        audiences.extend(token.audience.as_deref());
        if audiences.len() == 2 {
            break;
        }
    }
    audiences
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
        let seen = |world: &World| {
            let cluster = &world.snapshot.cluster;
            cluster
                .seen_default_audience(&world.key.namespace)
                .map(str::to_owned)
        };
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
    fn tokens_of_one_namespace_alone_show_others_nothing() {
        let mut world = World::healthy().without_pods();
        let shows = |world: &mut World, namespace: &str, audience: &str| {
            let key = BindingKey::new(namespace, "cart");
            let mut account = ServiceAccount::clone(
                world
                    .snapshot
                    .cluster
                    .binding(&world.key)
                    .unwrap()
                    .service_account()
                    .unwrap(),
            );
            account.key = key.clone();
            world.snapshot.cluster.put_service_account(account);
            let container = Container {
                tokens: vec![token(audience)],
                ..injected("app", crate::testing::ROLE)
            };
            world
                .snapshot
                .cluster
                .put_pod(crate::testing::pod(&key, audience, container));
        };
        let seen = |world: &World, namespace: &str| {
            let cluster = &world.snapshot.cluster;
            cluster.seen_default_audience(namespace).map(str::to_owned)
        };
        let some = |audience: &str| Some(audience.to_owned());
        world.snapshot.cluster.take_default_news();
        shows(&mut world, "a", "kops");
        assert_eq!((seen(&world, "a"), seen(&world, "shop")), (some("kops"), None));
        assert!(
            world
                .snapshot
                .cluster
                .take_default_news()
                .namespaces
                .contains("a")
        );
        shows(&mut world, "b", "kops");
        assert!(world.snapshot.cluster.take_default_news().is_for_all);
        assert_eq!(
            (seen(&world, "a"), seen(&world, "shop")),
            (some("kops"), some("kops"))
        );
        // One namespace can make only itself unknown, and is looked at alone.
        shows(&mut world, "evil", "odd");
        assert!(!world.snapshot.cluster.take_default_news().is_for_all);
        assert_eq!((seen(&world, "evil"), seen(&world, "shop")), (None, some("kops")));
        // However many audiences it shows, others do not look through them.
        for n in 0..50 {
            shows(&mut world, "evil", &format!("odd-{n}"));
        }
        let before = counted::steps();
        assert_eq!((seen(&world, "evil"), seen(&world, "shop")), (None, some("kops")));
        assert!(counted::steps() - before < 10);
        world.snapshot.cluster.set_own_audience(some("odd"));
        assert_eq!(seen(&world, "shop"), None, "the manifest agrees with it");
        world.snapshot.cluster.set_own_audience(None);
        shows(&mut world, "more", "odd");
        assert_eq!(seen(&world, "shop"), None, "they disagree");
        let mut alone = World::healthy().without_pods();
        alone.snapshot.cluster.set_own_audience(some("kops"));
        shows(&mut alone, "evil", "odd");
        assert_eq!(seen(&alone, "shop"), some("kops"));
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
