//! The credential chain of one binding, derived once from the snapshot and read by every rule.

pub(crate) mod audience;
mod injection;
mod repairs;
pub(crate) mod role;

use std::cell::OnceCell;

use iam_policy::{RoleArn, RoleArnError};
use jiff::Timestamp;

use crate::config::Config;
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{
    Account, AuditRequest, BindingKey, ClusterIssuer, Misplaced, Observed, Pod, RoleLookup, ServiceAccount,
};
use crate::paths::{CarriedRoles, CredentialPath, PathRole, Taker, Way, Ways};
use crate::permissions::expected::Expected;
use crate::rbac::{self, PermissionAnswer};
use crate::shared::{Others, Reached, Search, SharedAnswers, SharedQuestion};
use crate::snapshot::{AccountTrait, AskedIn, AskedRole, Binding, Snapshot};
use crate::webhook::{InjectedPods, Injection};

pub use audience::{default as default_audience, is_seen as is_default_audience_seen};
pub(crate) use repairs::Repairs;
pub(crate) use role::ABSENT;
pub use role::{Evidence, Gap, RoleChain, RoleOutcome};
use role::{evidence, stale_at};

/// What is said of a role where one may be named: the annotation, the webhook's ConfigMap, a pod, an object that requests a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedRole<'a> {
    /// It is not there, or empty.
    Missing,
    /// It names no role.
    Malformed(&'a str, RoleArnError),
    /// It names a role.
    Role(RoleArn),
}

impl<'a> NamedRole<'a> {
    /// Reads what the webhook is asked for, as the webhook does.
    #[must_use]
    pub fn read(asked: &AskedRole<'a>, config: &Config) -> Self {
        let Some(text) = asked.role else {
            return Self::Missing;
        };
        let composed = match &config.role_home {
            Some(home) if asked.source == AskedIn::Annotation && !text.contains("arn:") => {
                Some(home.compose(text))
            }
            _ => None,
        };
        match RoleArn::parse(composed.as_deref().unwrap_or(text)) {
            Ok(arn) => Self::Role(arn),
            Err(error) => Self::Malformed(text, error),
        }
    }
}

/// The role that the webhook is asked to inject for a ServiceAccount, if it is one.
#[must_use]
pub fn asked_role(snapshot: &Snapshot, config: &Config, key: &BindingKey) -> Option<RoleArn> {
    let asked = snapshot.cluster.asked(key, &config.annotation_prefix);
    match NamedRole::read(&asked, config) {
        NamedRole::Role(arn) => Some(arn),
        NamedRole::Missing | NamedRole::Malformed(..) => None,
    }
}

/// Everything that rules read about one binding.
#[derive(Debug)]
pub struct Chain<'a> {
    /// The binding.
    pub key: &'a BindingKey,
    /// Its `sub` claim.
    pub subject: String,
    /// What people expect, from the `IrsaAudit` that counts.
    pub request: Option<&'a AuditRequest>,
    /// The ServiceAccount, if it exists.
    pub service_account: Option<&'a ServiceAccount>,
    /// The pods that can still ask for credentials; no templates.
    pub pods: Vec<&'a Pod>,
    /// The templates of workloads that name the ServiceAccount and have no pods. Nothing is injected into a template, so
    /// they prove only what a workload names, or presets itself.
    pub templates: Vec<&'a Pod>,
    /// The ways in which its consumers get their credentials.
    pub ways: Ways<'a>,
    /// The path that is audited: the one that decides, of several.
    pub path: Option<CredentialPath>,
    /// The way that is audited, of those on that path.
    pub deciding: Option<Way<'a>>,
    /// The role to which the path leads. Where the webhook is a part of it, that is the annotation's, or what stands in its
    /// place in the webhook's ConfigMap.
    pub named_role: NamedRole<'a>,
    /// Where that stands.
    pub source: AskedIn,

    /// Where the role annotation is missing: one that somebody took for it.
    pub misplaced: Option<Misplaced<'a>>,
    /// The audience of its tokens. Empty where it does not show: see `audience_is_unknown`.
    pub audience: &'a str,
    /// The audience of tokens for which nobody asks for one, where it is known.
    pub default_audience: Option<&'a str>,
    /// Nobody asks for an audience, the webhook's default is not known, and it decides.
    pub audience_is_unknown: bool,
    /// The cluster's issuer.
    pub issuer: Option<&'a ClusterIssuer>,
    /// The AWS side for the annotation's role; absent where the annotation names none, or where nobody takes that way.
    pub aws: Option<RoleChain<'a>>,
    /// The pods get their credentials from EKS Pod Identity: the annotation leads nowhere, whatever it says.
    pub uses_pod_identity: bool,
    /// Names of the roles, with their accounts, whose trust policy names exactly this subject.
    pub trusted_by: Vec<(&'a str, &'a str)>,
    /// The roles that pods carry, once somebody has asked [`Chain::carried_roles`].
    carried: OnceCell<CarriedRoles>,
    /// What the webhook did to the pods, once a rule has asked [`Chain::injected_pods`].
    injected_pods: OnceCell<Option<InjectedPods<'a>>>,
    /// What the expected AWS permissions come to, once somebody has asked
    /// [`expected`](crate::permissions::expectation::expected).
    pub expected: OnceCell<Vec<Expected<'a>>>,
    /// What the expected Kubernetes permissions come to, in their order.
    pub permissions: Vec<PermissionAnswer<'a>>,
    /// What was repaired in memory, in place of what was observed.
    pub(crate) repairs: Option<&'a Repairs>,
    /// What other bindings have asked already.
    pub(crate) shared: Option<&'a SharedAnswers>,
    /// All observations, for rules that look further.
    pub snapshot: &'a Snapshot,
    /// The settings.
    pub config: &'a Config,
    /// The time.
    pub now: Timestamp,
}

impl<'a> Chain<'a> {
    /// Derives the chain of a binding.
    #[must_use]
    pub fn derive(snapshot: &'a Snapshot, config: &'a Config, key: &'a BindingKey, now: Timestamp) -> Self {
        Self::derive_with(snapshot, config, key, now, None)
    }

    /// The same chain, with what other bindings have asked already.
    #[must_use]
    pub fn sharing(self, shared: Option<&'a SharedAnswers>) -> Self {
        Self { shared, ..self }
    }

    /// The same binding along another of its ways, which then decides.
    pub(crate) fn along(&self, way: Way<'a>) -> Self {
        let Self {
            snapshot,
            config,
            key,
            now,
            repairs,
            shared,
            ..
        } = *self;
        Self::derive_along(snapshot, config, key, now, repairs, Some(way)).sharing(shared)
    }

    /// Derives the chain of a binding as it is after repairs.
    pub(crate) fn derive_with(
        snapshot: &'a Snapshot,
        config: &'a Config,
        key: &'a BindingKey,
        now: Timestamp,
        repairs: Option<&'a Repairs>,
    ) -> Self {
        Self::derive_along(snapshot, config, key, now, repairs, None)
    }

    fn derive_along(
        snapshot: &'a Snapshot,
        config: &'a Config,
        key: &'a BindingKey,
        now: Timestamp,
        repairs: Option<&'a Repairs>,
        along: Option<Way<'a>>,
    ) -> Self {
        let binding = snapshot.cluster.binding(key);
        let created = repairs.and_then(|repairs| repairs.service_account.as_ref());
        let service_account = created.or_else(|| binding.and_then(Binding::service_account));
        let prefix = &config.annotation_prefix;
        let subject = key.subject();
        let asked_by = repairs
            .and_then(Repairs::asked)
            .unwrap_or_else(|| snapshot.cluster.asked_by(key, service_account, prefix));
        let asked = NamedRole::read(&asked_by, config);
        let pods = repairs.and_then(|repairs| repairs.pods.as_deref());
        let all_pods = pods.unwrap_or_else(|| binding.map_or(&[][..], Binding::pods));
        let active = || all_pods.iter().map(|pod| &**pod).filter(|pod| pod.is_active());
        let templates: Vec<&Pod> = active().filter(|pod| pod.is_template()).collect();
        let mut pods = Vec::with_capacity(all_pods.len());
        pods.extend(active().filter(|pod| !pod.is_template()));
        let by_role = |arn: RoleArn, audience: &str| {
            RoleChain::derive_with(snapshot, config, now, arn, &subject, audience, repairs)
        };
        let default_audience = default_audience(snapshot, config, &key.namespace);
        let known = asked_by.audience.or(default_audience);
        let audience = known
            .or_else(|| audience::of_pods(&pods))
            .or_else(|| match &asked {
                NamedRole::Role(arn) => {
                    audience::settled(&snapshot.cluster, |audience| by_role(arn.clone(), audience))
                }
                _ => Some(DEFAULT_AUDIENCE),
            });
        let by_webhook = audience.unwrap_or_default();
        let ways = Ways::find_in(snapshot, config, now, key, service_account, asked_by, all_pods);
        let leads = |way: &Way<'a>| led_to(way, &asked, asked_by.source, by_webhook);
        let outcome = |way: &Way<'a>| match leads(way) {
            (NamedRole::Role(arn), _, audience) => by_role(arn, audience).outcome(),
            (NamedRole::Malformed(..), ..) => RoleOutcome::Fails,
            (NamedRole::Missing, ..) => RoleOutcome::Unknown,
        };
        let deciding = along.or_else(|| ways.deciding(outcome).copied());
        let path = deciding.map(|way| way.path);
        let (named_role, source, by_path) = deciding
            .as_ref()
            .map_or_else(|| (asked.clone(), asked_by.source, by_webhook), leads);
        let is_webhooks = matches!(source, AskedIn::Annotation | AskedIn::ConfigMap);
        let audience_is_unknown = audience.is_none() && is_webhooks;
        let audience = by_path;
        let may_be_misplaced = named_role == NamedRole::Missing && path.is_none_or(may_lack_annotation);
        let misplaced = binding
            .filter(|_| may_be_misplaced)
            .and_then(|binding| misplaced(binding, prefix));
        let uses_pod_identity = !pods.is_empty() && pods.iter().all(|pod| pod.relies_on_pod_identity());
        let aws = match &named_role {
            NamedRole::Role(arn) if !uses_pod_identity => Some(by_role(arn.clone(), audience)),
            _ => None,
        };
        let request = binding.and_then(Binding::request);
        let kubernetes = request.map_or(&[][..], |request| &request.kubernetes);
        Self {
            key,
            request,
            carried: OnceCell::new(),
            injected_pods: OnceCell::new(),
            expected: OnceCell::new(),
            permissions: rbac::answers(snapshot, key, kubernetes),
            service_account,
            pods,
            templates,
            uses_pod_identity,
            ways,
            path,
            deciding,
            named_role,
            source,
            misplaced,
            audience,
            default_audience,
            audience_is_unknown,
            issuer: snapshot.issuer.as_ref(),
            aws,
            trusted_by: trusting_roles(snapshot, &subject),
            subject,
            repairs,
            shared: None,
            snapshot,
            config,
            now,
        }
    }

    /// The other ServiceAccounts that a question is about: as others have asked already, or looked for.
    pub(crate) fn others(&self, question: SharedQuestion, search: &Search<'_>) -> Others {
        let cluster = &self.snapshot.cluster;
        let reached = match self.shared {
            Some(answers) => answers.of(question, cluster, search, self.now),
            None => Reached::among(cluster, search),
        };
        let is_reached = cluster.exists(self.key) && (search.is_meant)(&self.subject);
        reached.besides(self.key, is_reached)
    }

    /// Whether the AWS links have anything to say: not where EKS Pod Identity gives the credentials, and not where
    /// nothing carries or expects a role.
    #[must_use]
    pub fn aws_applies(&self) -> bool {
        !self.uses_pod_identity
            && (!matches!(self.named_role, NamedRole::Missing)
                || self.misplaced.is_some()
                || self.request.is_some_and(AuditRequest::expects_role)
                || self.carries_role()
                || self.ways.unseen().next().is_some()
                || self.is_requested()
                || self.is_trusted_by_name())
    }

    /// What the webhook is asked to inject, whatever the path that decides.
    #[must_use]
    pub fn asked(&self) -> AskedRole<'a> {
        let observed = || {
            let cluster = &self.snapshot.cluster;
            cluster.asked_by(self.key, self.service_account, &self.config.annotation_prefix)
        };
        self.repairs.and_then(Repairs::asked).unwrap_or_else(observed)
    }

    /// What the webhook did to the pods; nothing without a role, and nothing on a path of which the webhook is no part.
    #[must_use]
    pub fn injected_pods(&self) -> Option<&InjectedPods<'a>> {
        let told_apart = || {
            Some(InjectedPods::new(
                Injection::of(self)?,
                &self.pods,
                &self.templates,
            ))
        };
        self.injected_pods.get_or_init(told_apart).as_ref()
    }

    /// Whether the webhook is asked for the role that is audited.
    #[must_use]
    pub fn is_webhooks(&self) -> bool {
        matches!(self.source, AskedIn::Annotation | AskedIn::ConfigMap)
    }

    /// Whether a path explains the pods that has no use for an annotation.
    #[must_use]
    pub fn needs_no_annotation(&self) -> bool {
        !self.path.is_none_or(may_lack_annotation)
    }

    /// Whether running pods carry an injected role.
    #[must_use]
    pub fn carries_role(&self) -> bool {
        self.pods.iter().any(|pod| pod.carries_role())
    }

    /// Whether a controller that needs a role requests its token.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.ways.by(CredentialPath::Requested).next().is_some()
    }

    /// Whether a role names exactly this ServiceAccount while workloads run as it, or may. Says nothing where somebody has declared
    /// that only Kubernetes permissions are expected.
    fn is_trusted_by_name(&self) -> bool {
        let cluster = &self.snapshot.cluster;
        let may_run = || {
            cluster
                .binding(self.key)
                .is_some_and(|binding| cluster.may_have_unseen_pods(binding))
        };
        let runs = !self.pods.is_empty() || !self.templates.is_empty() || may_run();
        runs && !self.trusted_by.is_empty()
            && !self.request.is_some_and(AuditRequest::expects_only_kubernetes)
    }

    /// The chain of any role for the same subject, with a token for `audience`.
    #[must_use]
    pub fn for_role(&self, arn: RoleArn, audience: &str) -> RoleChain<'a> {
        let Self {
            snapshot,
            config,
            now,
            ..
        } = *self;
        RoleChain::derive_with(snapshot, config, now, arn, &self.subject, audience, self.repairs)
    }

    /// The role chain, where ServiceAccount and Role pass, so that later links may speak.
    #[must_use]
    pub fn past_role(&self) -> Option<&RoleChain<'a>> {
        self.aws
            .as_ref()
            .filter(|aws| aws.found().is_some() && !aws.has_other_arn())
    }

    /// The roles that pods carry.
    #[must_use]
    pub fn carried_roles(&self) -> &CarriedRoles {
        self.carried
            .get_or_init(|| CarriedRoles::of(self.pods.iter().copied()))
    }

    /// Those of them that are not the audited one.
    pub(crate) fn other_roles(&self) -> impl Iterator<Item = &RoleArn> {
        let audited = self.aws.as_ref().map(|aws| &aws.arn);
        let carried = self.carried_roles().followed().iter();
        carried.filter(move |arn| Some(*arn) != audited)
    }

    /// What the snapshot has of the account of the role.
    #[must_use]
    pub fn role_account(&self) -> Option<&'a Account> {
        self.snapshot.accounts.get(self.aws.as_ref()?.arn.account())
    }

    /// What was observed, unless that is too long ago to prove anything.
    #[must_use]
    pub fn fresh<T>(&self, observed: &'a Observed<T>) -> Option<&'a T> {
        evidence(Some(observed), self.config, self.now, &Gap::Pending).ok()
    }

    /// The next time at which a condition on the time, of a trust policy or of a policy that is asked for what is
    /// expected, may change its outcome; `next` are the roles that are to be assumed next.
    #[must_use]
    pub fn next_turn(&self, next: &[RoleArn]) -> Option<Timestamp> {
        let now = self.now.as_second();
        let own = self.past_role().and_then(|aws| aws.trust_turns_at);
        let others = self.other_roles().chain(next);
        let others = others.filter_map(|arn| {
            let account = self.snapshot.accounts.get(arn.account())?;
            match account.roles.get(arn.name()).and_then(Observed::latest)? {
                RoleLookup::Found(role) => iam_policy::next_turn(role.trust().document.as_ref()?, now),
                RoleLookup::Absent => None,
            }
        });
        let asked = self.past_role().filter(|aws| aws.trust_admits());
        let policies = asked.and_then(|aws| aws.permissions.as_ref().ok());
        let permissions = policies.into_iter().flat_map(|policies| {
            let own = policies.identity.iter().chain(&policies.boundary);
            let all = own.chain(&policies.organization);
            all.filter_map(|policy| iam_policy::next_turn(policy.document()?, now))
        });
        let next = own.into_iter().chain(others).chain(permissions).min()?;
        Timestamp::from_second(next).ok()
    }

    /// When some evidence of this chain, and of the roles that are to be assumed next, will have become stale, if nothing reads it
    /// again.
    #[must_use]
    pub fn stale_at(&self, next: &[RoleArn]) -> Option<Timestamp> {
        let annotated = self.aws.as_ref().map(|aws| aws.arn.clone());
        let documents = self
            .past_role()
            .map(|aws| aws.documents_seen_at(self.snapshot))
            .unwrap_or_default();
        let roles = annotated.iter().chain(self.other_roles()).chain(next);
        let ends = roles.flat_map(|arn| {
            let account = self.snapshot.accounts.get(arn.account());
            let times = account.map(|account| {
                [
                    account.roles.get(arn.name()).and_then(Observed::observed_at),
                    account.provider.observed_at(),
                    account.policies.get(arn.name()).and_then(Observed::observed_at),
                    account.provider_urls.observed_at(),
                    account.trust_quota.observed_at(),
                    account
                        .simulations
                        .get(arn.name())
                        .and_then(Observed::observed_at),
                ]
            });
            times.into_iter().flatten().flatten()
        });
        let accounts = self.snapshot.accounts.having(AccountTrait::SawAssociations);
        let associations = accounts.filter_map(|(_, account)| account.pod_identity.observed_at());
        ends.chain(associations)
            .chain(documents)
            .filter_map(|at| stale_at(at, self.config))
            .filter(|at| *at >= self.now)
            .min()
    }
}

/// Whether what is wrong on a path may be that the ServiceAccount has no annotation.
fn may_lack_annotation(path: CredentialPath) -> bool {
    !matches!(path, CredentialPath::Own | CredentialPath::PodIdentity)
}

/// The role to which a way leads, where that stands, and the audience of the token.
fn led_to<'a>(
    way: &Way<'a>,
    asked: &NamedRole<'a>,
    asked_by: AskedIn,
    by_webhook: &'a str,
) -> (NamedRole<'a>, AskedIn, &'a str) {
    let source = match way.taker {
        Taker::Object(consumer) if consumer.requests() => AskedIn::Requester,
        _ if way.path == CredentialPath::Own => AskedIn::Pod,
        _ => asked_by,
    };
    let audience = way.audience.unwrap_or_default();
    match way.role {
        PathRole::Named(text) => {
            let role = RoleArn::parse(text);
            let role = role.map_or_else(|error| NamedRole::Malformed(text, error), NamedRole::Role);
            (role, source, audience)
        }
        // The annotation is no part of these.
        PathRole::Unseen => (NamedRole::Missing, source, audience),
        PathRole::None if way.path == CredentialPath::Requested => (NamedRole::Missing, source, audience),
        PathRole::Asked | PathRole::None => (asked.clone(), asked_by, by_webhook),
    }
}

/// An annotation of the ServiceAccount, or of pods that run as it, that somebody took for the one that names its role.
pub(crate) fn misplaced<'a>(binding: &'a Binding, prefix: &str) -> Option<Misplaced<'a>> {
    let pods = || binding.pods().iter().filter(|pod| pod.is_active());
    binding.service_account()?.misplaced(prefix).or_else(|| {
        pods()
            .filter_map(|pod| pod.misplaced(prefix))
            .min_by_key(|found| found.on_pods_of)
    })
}

/// Roles whose trust policy names a subject exactly, as (account, role name).
pub(crate) fn trusting_roles<'a>(snapshot: &'a Snapshot, subject: &str) -> Vec<(&'a str, &'a str)> {
    snapshot.trusting_roles(subject)
}
