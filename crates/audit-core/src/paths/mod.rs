//! How the consumers of a binding really get their credentials: one file for each path.
//!
//! A binding is a subject, a role and the path between them. [`PATHS`] lists the paths in the order in which they claim
//! containers: what an earlier path explains, a later one does not look at. So the order is that in which SDKs take
//! credentials, as far as SDKs agree.
//!
//! | SDKs | order |
//! |---|---|
//! | C++, Go v2, Java v2, PHP, Ruby | environment keys, web identity from the environment, config and credentials files, container, instance |
//! | JavaScript v3, Kotlin, Rust | environment keys, files, web identity from the environment, container, instance |
//! | Python (boto3) | environment keys, `role_arn` in files, web identity from the environment, files, container, instance |
//! | .NET v3 | web identity from the environment before environment keys |
//!
//! Source: [Credential provider chain](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html) and
//! the pages of each SDK that it leads to.

mod launched;
mod node;
mod own;
mod pod_identity;
mod requested;
mod static_keys;
mod way;
mod webhook;

use std::collections::BTreeSet;

use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::chain::role::RoleOutcome;
use crate::config::Config;
use crate::model::{BindingKey, Container, Pod, ServiceAccount};
use crate::snapshot::{AskedRole, Binding, Snapshot};

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

/// The ways of a binding to credentials.
#[derive(Debug, Clone, Default)]
pub struct Ways<'a> {
    all: Vec<Way<'a>>,
    /// The addresses of the containers that do not need the webhook.
    elsewhere: BTreeSet<usize>,
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
        pods: &'a [Pod],
    ) -> Self {
        let sight = PathInput {
            snapshot,
            config,
            now,
            key,
            account,
            asked,
            pods: pods.iter().filter(|pod| pod.is_active()).collect(),
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
            Taker::Container(_, container) if way.path != CredentialPath::Node && !way.path.has_webhook() => {
                Some(std::ptr::from_ref(container).addr())
            }
            _ => None,
        });
        Self {
            elsewhere: elsewhere.collect(),
            all,
        }
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

    /// The first that takes a path.
    #[must_use]
    pub fn taker_of(&self, path: CredentialPath) -> Option<Taker<'a>> {
        self.by(path).next().map(|way| way.taker)
    }

    /// Those whose role is not seen.
    pub fn unseen(&self) -> impl Iterator<Item = &Way<'a>> {
        self.all.iter().filter(|way| way.role == PathRole::Unseen)
    }

    /// Whether a container gets its credentials without the webhook.
    #[must_use]
    pub fn is_elsewhere(&self, container: &Container) -> bool {
        self.elsewhere.contains(&std::ptr::from_ref(container).addr())
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
        match self.known().as_slice() {
            [] => PATHS.iter().find_map(|entry| self.by(entry.path).next()),
            [one] => Some(one),
            several => several.iter().copied().min_by_key(|way| {
                let rank = match outcome(way) {
                    RoleOutcome::Fails => 0,
                    RoleOutcome::Unknown => 1,
                    RoleOutcome::Passes => 2,
                };
                // Pods that got nothing are broken; what pods were given is compared with the annotation.
                (rank, way.path != CredentialPath::Node, !way.path.has_webhook())
            }),
        }
    }

    /// Those that lead to a known role. A thousand pods of one kind are one way.
    fn known(&self) -> Vec<&Way<'a>> {
        let mut known: Vec<&Way<'a>> = Vec::new();
        // A controller that requests the token explains why the pods have nothing.
        let is_requested = self.by(CredentialPath::Requested).next().is_some();
        for way in &self.all {
            let is_known = matches!(way.role, PathRole::Asked | PathRole::Named(_))
                && !(is_requested && way.path == CredentialPath::Node);
            if is_known && !known.iter().any(|other| other.leads_as(way)) {
                known.push(way);
            }
        }
        known
    }

    /// Those that lead to another role than a way does, or to the same role with a token for another audience.
    #[must_use]
    pub fn besides(&self, deciding: &Way<'a>) -> Vec<Way<'a>> {
        if self.all.len() < 2 {
            return Vec::new();
        }
        let same = |way: &Way<'a>| way.leads_to_same(deciding);
        self.known()
            .into_iter()
            .filter(|way| !same(way))
            .copied()
            .collect()
    }

    /// The roles that ways name besides the webhook's, and those that are assumed next: those that nothing but the path tells of.
    #[must_use]
    pub fn named_roles(&self) -> Vec<RoleArn> {
        let named = self.all.iter().filter_map(|way| match way.role {
            PathRole::Named(text) => RoleArn::parse(text).ok(),
            _ => None,
        });
        named.chain(self.next_roles()).collect()
    }

    /// The roles that are assumed next.
    pub fn next_roles(&self) -> impl Iterator<Item = RoleArn> {
        let next = self.all.iter().flat_map(|way| way.then);
        next.filter_map(|next| RoleArn::parse(&next.role).ok())
    }
}
