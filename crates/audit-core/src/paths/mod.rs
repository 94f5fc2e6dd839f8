//! How the consumers of a binding really get their credentials: one file for each path.
//!
//! A binding is a subject, a role and the path between them. [`PATHS`] lists the paths in the order in which they explain
//! containers: what an earlier path explains, a later one does not look at. Which of several a container's SDK takes is
//! another question. Its answer differs by SDK, and IRSA406 gives it:
//!
//! | SDKs | order |
//! |---|---|
//! | Go v2, Java v2, PHP, Ruby | environment keys, web identity from the environment, config and credentials files, container, instance |
//! | C++, JavaScript v3, Kotlin, Rust | environment keys, files, web identity from the environment, container, instance |
//! | Python (boto3) | environment keys, `role_arn` in files, web identity from the environment, files, container, instance |
//! | .NET v3 | web identity from the environment before environment keys |
//!
//! Source: [Credential provider chain](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html) and
//! the pages of each SDK that it leads to.

mod carried;
mod launched;
mod node;
mod own;
mod pod_identity;
mod requested;
mod static_keys;
mod way;
mod webhook;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::chain::role::RoleOutcome;
use crate::config::Config;
use crate::model::{BindingKey, Container, Pod, ServiceAccount, Used};
use crate::snapshot::{AskedRole, Binding, Snapshot};

pub use carried::CarriedRoles;
pub use requested::PREFIX as REQUESTERS_PREFIX;
pub use way::{CredentialPath, PathEntry, PathInput, PathRole, Taker, Way};

/// The paths, in the order in which they claim containers.
pub static PATHS: [&PathEntry; 7] = [
    &own::ENTRY,
    &launched::ENTRY,
    &webhook::ENTRY,
    &pod_identity::ENTRY,
    &static_keys::ENTRY,
    &requested::ENTRY,
    &node::ENTRY,
];

/// The most ways with a role or an audience of their own that are followed for one ServiceAccount. People have two or three. Whoever can
/// create objects in a namespace can have thousands, and each takes a whole derivation and requests to AWS: what is beyond is
/// IRSA916's, *unknown*.
pub const MOST_WAYS: usize = 16;

/// The most roles that are followed which one way assumes, one with the credentials of the other.
pub const MOST_NEXT_ROLES: usize = 16;

/// The way of a container, by the first path that claims it.
fn way<'a>(sight: &PathInput<'a>, pod: &'a Pod, container: &'a Container) -> Option<Way<'a>> {
    PATHS.iter().find_map(|entry| {
        let claim = (entry.claim)(sight, pod, container)?;
        let taker = Taker::Container(pod, container);
        Some(Way {
            path: entry.path,
            taker,
            role: claim.role,
            audience: claim.audience,
            then: claim.then,
        })
    })
}

fn addresses(pod: &Pod, container: &Container) -> (usize, usize) {
    (
        std::ptr::from_ref(pod).addr(),
        std::ptr::from_ref(container).addr(),
    )
}

/// The ways of a binding to credentials.
#[derive(Debug, Clone, Default)]
pub struct Ways<'a> {
    all: Vec<Way<'a>>,
    /// The containers that do not need the webhook, by the address of each and of its pod: pods of one template share theirs.
    elsewhere: BTreeSet<(usize, usize)>,
    /// The `SecretProviderClass` objects for which the driver requests tokens.
    mounted: BTreeSet<&'a str>,
    /// Whether a controller requests the token for an object that no pod has to mount.
    has_requester: bool,
    /// Whether a running container was injected by the webhook.
    is_injected: bool,
    known: Known,
}

/// Whether a controller that requests the ServiceAccount's token explains that a pod has no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarePod {
    /// Nothing of the kind: the pod needs credentials of its own.
    Unexplained,
    /// The role may be there for the controller alone. Whether the pod calls AWS does not show.
    MayNeedNone,
    /// It mounts what the controller gets.
    Explained,
}

impl<'a> Ways<'a> {
    /// Finds them.
    #[must_use]
    pub fn find(snapshot: &'a Snapshot, config: &'a Config, now: Timestamp, key: &'a BindingKey) -> Self {
        let binding = snapshot.cluster.binding(key);
        let account = binding.and_then(Binding::service_account);
        let asked = snapshot.cluster.asked(key, &config.annotation_prefix);
        let pods = binding.map_or(&[][..], Binding::pods);
        Self::find_in(snapshot, config, now, key, account, asked, pods)
    }

    /// Finds them for a ServiceAccount and pods that are not those of the snapshot.
    pub(crate) fn find_in(
        snapshot: &'a Snapshot,
        config: &'a Config,
        now: Timestamp,
        key: &'a BindingKey,
        account: Option<&'a ServiceAccount>,
        asked: AskedRole<'a>,
        pods: &'a [Arc<Pod>],
    ) -> Self {
        let mut active = Vec::with_capacity(pods.len());
        active.extend(pods.iter().map(|pod| &**pod).filter(|pod| pod.is_active()));
        let sight = PathInput {
            snapshot,
            config,
            now,
            key,
            account,
            asked,
            pods: active,
        };
        // Most pods have one container.
        let mut all = Vec::with_capacity(sight.pods.len());
        for pod in sight.pods.iter().copied() {
            all.extend(
                pod.containers
                    .iter()
                    .filter_map(|container| way(&sight, pod, container)),
            );
        }
        for entry in PATHS {
            (entry.rest)(&sight, &mut all);
        }
        let elsewhere = all.iter().filter_map(|way| match way.taker {
            Taker::Container(pod, container)
                if way.path != CredentialPath::Node && !way.path.has_webhook() =>
            {
                Some(addresses(pod, container))
            }
            _ => None,
        });
        let mut found = Self {
            elsewhere: elsewhere.collect(),
            all,
            ..Self::default()
        };
        for way in &found.all {
            match way.taker {
                Taker::Object(consumer) if way.path == CredentialPath::Requested => match consumer.used {
                    Used::OfMountingPods => drop(found.mounted.insert(consumer.object.name.as_str())),
                    _ => found.has_requester = true,
                },
                Taker::Container(pod, container) if way.path == CredentialPath::Webhook => {
                    found.is_injected |= !pod.is_template() && container.has_web_identity();
                }
                _ => {}
            }
        }
        found.known = found.tell_apart();
        found
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Way<'a>] {
        &self.all
    }

    /// Those by a path.
    pub fn by(&self, path: CredentialPath) -> impl Iterator<Item = &Way<'a>> {
        self.all.iter().filter(move |way| way.path == path)
    }

    /// Those that lead as one of them does, on the same path: of one kind.
    pub fn like<'w>(&'w self, way: &'w Way<'a>) -> impl Iterator<Item = &'w Way<'a>> {
        self.all.iter().filter(move |other| other.leads_as(way))
    }

    /// The first that takes a path.
    #[must_use]
    pub fn taker_of(&self, path: CredentialPath) -> Option<Taker<'a>> {
        self.by(path).next().map(|way| way.taker)
    }

    /// Those whose role is not seen.
    pub fn unseen(&self) -> impl Iterator<Item = &Way<'a>> {
        self.all.iter().filter(|way| way.role == PathRole::Unseen)
    }

    /// Whether a container of a pod gets its credentials without the webhook.
    #[must_use]
    pub fn is_elsewhere(&self, pod: &Pod, container: &Container) -> bool {
        self.elsewhere.contains(&addresses(pod, container))
    }

    /// Whether a controller explains that a pod has no credentials: by a `SecretProviderClass` only pods that mount it, by another
    /// object none of a workload beside others that the webhook gave the role.
    #[must_use]
    pub fn of_bare(&self, pod: &Pod) -> BarePod {
        let mut classes = pod.secret_provider_classes.iter();
        if classes.any(|class| self.mounted.contains(class.as_str())) {
            BarePod::Explained
        } else if self.has_requester && !self.is_injected {
            BarePod::MayNeedNone
        } else {
            BarePod::Unexplained
        }
    }

    /// The paths that are taken, each once, in the order of the table.
    #[must_use]
    pub fn paths(&self) -> Vec<CredentialPath> {
        let taken = PATHS.iter().map(|entry| entry.path);
        taken.filter(|path| self.by(*path).next().is_some()).collect()
    }

    /// The way that decides: of those that lead to a known role, one that fails before one that nobody can judge, before one
    /// that works; where none does, the first. `outcome` judges a way.
    pub fn deciding(&self, outcome: impl Fn(&Way<'a>) -> RoleOutcome) -> Option<&Way<'a>> {
        if self.known.others.is_empty() {
            let first_of_all = || PATHS.iter().find_map(|entry| self.by(entry.path).next());
            return self.known().next().or_else(first_of_all);
        }
        self.known().min_by_key(|way| {
            let rank = match outcome(way) {
                RoleOutcome::Fails => 0,
                RoleOutcome::Unknown => 1,
                RoleOutcome::Passes => 2,
            };
            // Pods that got nothing are broken; what pods were given is compared with the annotation. A bare container beside one that
            // was given something is neither.
            let got_nothing = way.path == CredentialPath::Node
                && matches!(way.taker, Taker::Container(pod, _) if !pod.containers.iter().any(Container::may_have_web_identity));
            (rank, !got_nothing, !way.path.has_webhook())
        })
    }

    /// Those that lead to a known role, as far as they are followed. A thousand pods of one kind are one way.
    fn known(&self) -> impl Iterator<Item = &Way<'a>> {
        let all = self.known.first.iter().chain(&self.known.others);
        all.filter_map(|index| self.all.get(*index))
    }

    /// Tells the ways that lead to a known role apart.
    fn tell_apart(&self) -> Known {
        let needs_it = |way: &Way<'a>| match way.taker {
            Taker::Container(pod, _) if way.path == CredentialPath::Node => {
                self.of_bare(pod) == BarePod::Unexplained
            }
            _ => true,
        };
        let mut known = Known::default();
        let mut seen = HashSet::new();
        let mut last: Option<&Way<'a>> = None;
        for (index, way) in self.all.iter().enumerate() {
            if !matches!(way.role, PathRole::Asked | PathRole::Named(_)) || !needs_it(way) {
                continue;
            }
            let Some(before) = last else {
                (last, known.first) = (Some(way), Some(index));
                continue;
            };
            if before.leads_as(way) {
                continue;
            }
            // Most bindings have one way, of which nothing is to be remembered.
            if seen.is_empty() {
                seen.insert(before.leads());
            }
            if !seen.insert(way.leads()) {
                continue;
            }
            last = Some(way);
            // What the webhook is asked for is one role, whatever others there are.
            if known.others.len() + 1 < MOST_WAYS || way.role == PathRole::Asked {
                known.others.push(index);
            } else {
                known.left += 1;
            }
        }
        known
    }

    /// How many ways with a role or an audience of their own are not followed, since there are too many.
    #[must_use]
    pub fn unfollowed(&self) -> usize {
        self.known.left
    }

    /// Those that lead to another role than a way does, or to the same role with a token for another audience.
    #[must_use]
    pub fn besides(&self, deciding: &Way<'a>) -> Vec<Way<'a>> {
        let others = self.known().filter(|way| !way.leads_to_same(deciding));
        others.copied().collect()
    }

    /// The roles that followed ways name besides the webhook's, and those that are assumed next: those that nothing but the path
    /// tells of.
    #[must_use]
    pub fn named_roles(&self) -> Vec<RoleArn> {
        if self
            .all
            .iter()
            .all(|way| !matches!(way.role, PathRole::Named(_)) && way.then.is_empty())
        {
            return Vec::new();
        }
        let named = self.known().filter_map(|way| match way.role {
            PathRole::Named(text) => RoleArn::parse(text).ok(),
            _ => None,
        });
        named.chain(next_of(self.known())).collect()
    }

    /// The roles that are assumed next, on the ways that are followed.
    #[must_use]
    pub fn next_roles(&self) -> Vec<RoleArn> {
        if self.all.iter().all(|way| way.then.is_empty()) {
            return Vec::new();
        }
        next_of(self.known()).collect()
    }
}

/// Ways that lead to a known role, each once, by their places among all.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The first. Most bindings have no other.
    first: Option<usize>,
    /// The others that are followed.
    others: Vec<usize>,
    /// How many more there are.
    left: usize,
}

fn next_of<'w, 'a: 'w>(ways: impl Iterator<Item = &'w Way<'a>>) -> impl Iterator<Item = RoleArn> {
    let next = ways.flat_map(|way| way.then.iter().take(MOST_NEXT_ROLES));
    next.filter_map(|next| RoleArn::parse(&next.role).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn a_bare_container_beside_injected_ones_does_not_decide() {
        let path = |world: World| world.audit().facts.path;
        let beside = World::healthy().pod(|pod| pod.containers.push(bare("sidecar")));
        assert_eq!(path(beside), Some(CredentialPath::Webhook));
        let also_bare = World::healthy().another_pod("other", bare("app"));
        assert_eq!(path(also_bare), Some(CredentialPath::Node));
    }

    #[test]
    fn a_way_is_one_pods_although_others_share_its_containers() {
        let world = World::healthy()
            .without_annotation()
            .container(own(AUDIENCE, ROLE));
        let ways = Ways::find(&world.snapshot, &world.config, world.now, &world.key);
        let binding = world.snapshot.cluster.binding(&world.key).unwrap();
        let pod = &binding.pods()[0];
        let another = Pod::clone(pod);
        assert!(another.containers.is_shared_with(&pod.containers));
        let container = &pod.containers[0];
        assert!(ways.is_elsewhere(pod, container) && !ways.is_elsewhere(&another, container));
    }
}
