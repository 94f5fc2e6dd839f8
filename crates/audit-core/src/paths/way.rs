//! What a path is made of: its name, who takes it, where it leads, and what it is found by.

use std::fmt;

use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::chain::role::{RoleChain, RoleOutcome};
use crate::config::Config;
use crate::model::{BindingKey, Consumer, Container, NextRole, Pod, RoleLookup, ServiceAccount, TokenMount};
use crate::snapshot::{AskedRole, Snapshot};
use crate::text::quote;

/// A way in which a workload gets credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialPath {
    /// The pod identity webhook injects role and token.
    Webhook,
    /// The pod brings role and token itself.
    Own,
    /// A controller asks the API server for the ServiceAccount's token.
    Requested,
    /// EKS Pod Identity gives the credentials.
    PodIdentity,
    /// As `Webhook`, into pods that are started some time.
    Launched,
    /// Keys that do not change.
    Static,
    /// Nothing of the pod's own: the node's role, where pods reach it.
    Node,
}

impl CredentialPath {
    /// The word used in status and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "Webhook",
            Self::Own => "Own",
            Self::Requested => "Requested",
            Self::PodIdentity => "PodIdentity",
            Self::Launched => "Launched",
            Self::Static => "Static",
            Self::Node => "Node",
        }
    }

    /// Whether the pod identity webhook, and what asks it for a role, is a part of the path.
    #[must_use]
    pub fn has_webhook(self) -> bool {
        matches!(self, Self::Webhook | Self::Launched)
    }
}

impl fmt::Display for CredentialPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What there is to say of a path.
pub struct PathEntry {
    /// The path.
    pub path: CredentialPath,
    /// The role and the token's audience of a container that takes it.
    pub(super) claim: for<'a> fn(&PathInput<'a>, &'a Pod, &'a Container) -> Option<Claim<'a>>,
    /// Adds what takes it without being a container, once all containers are told apart.
    pub(super) rest: for<'a> fn(&PathInput<'a>, &mut Vec<Way<'a>>),
}

/// Where a path leads a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The role.
    pub(super) role: PathRole<'a>,
    /// The audience of its token.
    pub(super) audience: Option<&'a str>,
    /// The roles that are assumed next.
    pub(super) then: &'a [NextRole],
}

impl<'a> Claim<'a> {
    /// One that leads to a role, by a token whose audience is not the path's affair.
    pub(super) fn of(role: PathRole<'a>) -> Self {
        Self {
            role,
            audience: None,
            then: &[],
        }
    }

    /// With a token for an audience.
    pub(super) fn audience(self, audience: &'a str) -> Self {
        Self {
            audience: Some(audience),
            ..self
        }
    }
}

/// No container takes the path.
pub(super) fn no_container<'a>(_: &PathInput<'a>, _: &'a Pod, _: &'a Container) -> Option<Claim<'a>> {
    None
}

/// Nothing but containers takes the path.
pub(super) fn nothing_else<'a>(_: &PathInput<'a>, _: &mut Vec<Way<'a>>) {}

/// Who takes a path.
#[derive(Debug, Clone, Copy)]
pub enum Taker<'a> {
    /// A container of a pod, or of a template.
    Container(&'a Pod, &'a Container),
    /// An object of another project.
    Object(&'a Consumer),
    /// Nothing that is there: whatever will run as the ServiceAccount.
    Nothing,
}

impl Taker<'_> {
    /// How a message names it, safe to show.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Container(pod, container) => format!(
                "container `{}` of `{}`",
                quote(&container.name),
                quote(&pod.workload.to_string())
            ),
            Self::Object(consumer) => {
                let object = &consumer.object;
                let namespace = if object.namespace.is_empty() {
                    String::new()
                } else {
                    format!("{}/", object.namespace)
                };
                format!(
                    "{} `{}`",
                    quote(&object.kind),
                    quote(&format!("{namespace}{}", object.name))
                )
            }
            Self::Nothing => "the ServiceAccount".to_owned(),
        }
    }
}

/// Which role a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathRole<'a> {
    /// The one that the webhook is asked for.
    Asked,
    /// This one, as it is written where the path says.
    Named(&'a str),
    /// It is in a file or variable that was not seen.
    Unseen,
    /// None that is known.
    None,
}

/// One way to credentials, of one taker.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The path.
    pub path: CredentialPath,
    /// Who takes it.
    pub taker: Taker<'a>,
    /// The role.
    pub role: PathRole<'a>,
    /// The audience of the token. Absent where that is not known, or where it is the webhook's affair.
    pub audience: Option<&'a str>,
    /// The roles that are assumed next, one with the credentials of the other.
    pub then: &'a [NextRole],
}

impl<'a> Way<'a> {
    /// All by which ways differ, but for their takers.
    pub(super) fn leads(&self) -> (CredentialPath, PathRole<'a>, Option<&'a str>, &'a [NextRole]) {
        (self.path, self.role, self.audience, self.then)
    }

    /// Whether another way leads to the same roles by tokens for the same audience.
    pub(super) fn leads_to_same(&self, other: &Way<'_>) -> bool {
        self.role == other.role && self.audience == other.audience && self.then == other.then
    }

    /// Whether another way is the same but for its taker.
    pub(super) fn leads_as(&self, other: &Way<'_>) -> bool {
        self.path == other.path && self.leads_to_same(other)
    }
}

/// All that paths look at.
pub struct PathInput<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) config: &'a Config,
    pub(super) now: Timestamp,
    pub(super) key: &'a BindingKey,
    pub(super) account: Option<&'a ServiceAccount>,
    pub(super) asked: AskedRole<'a>,
    /// The pods that can still ask for credentials, and the templates of workloads without pods.
    pub(super) pods: Vec<&'a Pod>,
}

impl PathInput<'_> {
    /// Whether a role could be had with a token of this audience: that which trusts the ServiceAccount by its name.
    pub(super) fn is_admitted(&self, audience: &str) -> bool {
        let subject = self.key.subject();
        let trusting = self.snapshot.trusting_roles(&subject);
        trusting.into_iter().any(|(account, name)| {
            let seen = self.snapshot.accounts.get(account);
            let role = seen.and_then(|account| account.roles.get(name)?.latest());
            let Some(RoleLookup::Found(role)) = role else {
                return false;
            };
            self.outcome(self.key, role.arn.clone(), audience) != RoleOutcome::Fails
        })
    }

    /// Whether a ServiceAccount is proven not to get this role with a token of this audience.
    pub(super) fn is_refused(&self, key: &BindingKey, role: &str, audience: Option<&str>) -> bool {
        let audience = audience.unwrap_or_default();
        let arn = RoleArn::parse(role).ok();
        arn.is_some_and(|arn| self.outcome(key, arn, audience) == RoleOutcome::Fails)
    }

    fn outcome(&self, key: &BindingKey, arn: RoleArn, audience: &str) -> RoleOutcome {
        let Self {
            snapshot,
            config,
            now,
            ..
        } = *self;
        RoleChain::derive(snapshot, config, now, arn, &key.subject(), audience).outcome()
    }
}

/// The token that a container brings itself, for somebody else than the API server.
pub(super) fn own_token<'a>(pod: &Pod, container: &'a Container) -> Option<(&'a TokenMount, &'a str)> {
    let own = container
        .tokens
        .iter()
        .filter(|token| pod.is_template() || !token.by_webhook);
    own.filter(|_| !container.pod_identity)
        .find_map(|token| Some((token, token.audience.as_deref()?)))
}
