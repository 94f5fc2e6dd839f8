//! The credential chain of one binding, derived once from the snapshot and read by every rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use iam_policy::{RoleArn, RoleArnError, TrustDiagnosis, WebIdentity, diagnose_trust};
use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::model::{
    Access, Account, AuditRequest, BindingKey, ClusterIssuer, FailureKind, Observed, Pod, Provider,
    ReadFailure, Role, RoleLookup, RolePolicies, ServiceAccount,
};
use crate::snapshot::{Binding, Snapshot};

/// What the role annotation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Annotation<'a> {
    /// It is not there, or empty.
    Missing,
    /// It names no role.
    Malformed(&'a str, RoleArnError),
    /// It names a role.
    Role(RoleArn),
}

/// Why evidence is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// Nobody has asked yet, or the first answer is on its way.
    Pending,
    /// Never seen, because reading it failed.
    Failed(FailureKind),
    /// Seen, too long ago.
    Stale {
        /// When.
        observed: Timestamp,
        /// Why it is not read again, if that is known.
        failure: Option<FailureKind>,
    },
    /// The configuration gives no way into the account.
    AccountNotConfigured,
}

/// A piece of evidence, or why it is missing.
pub type Evidence<'a, T> = Result<&'a T, Gap>;

/// The AWS side of the chain for one role, whether or not it is the annotation's.
#[derive(Debug, Clone)]
pub struct RoleChain<'a> {
    /// The ARN that the credential request names.
    pub arn: RoleArn,
    /// The role's existence and trust policy.
    pub role: Evidence<'a, RoleLookup>,
    /// The ARN that the provider must have.
    pub provider_arn: Option<String>,
    /// The provider for the cluster's issuer in the role's account; `None` inside where there is none.
    pub provider: Evidence<'a, Option<Provider>>,
    /// How the trust policy answers, where role and issuer are known.
    pub trust: Option<TrustDiagnosis>,
    /// The role's permission policies.
    pub policies: Evidence<'a, RolePolicies>,
}

/// Whether a role would be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every link passes.
    Passes,
    /// Some link is proven to fail.
    Fails,
    /// Neither can be told.
    Unknown,
}

impl<'a> RoleChain<'a> {
    /// Derives the chain for `arn` as `subject` asks for it with a token for `audience`.
    #[must_use]
    pub fn derive(
        snapshot: &'a Snapshot,
        config: &Config,
        now: Timestamp,
        arn: RoleArn,
        subject: &str,
        audience: &str,
    ) -> Self {
        let account = snapshot.accounts.get(arn.account());
        let (role, provider, policies) = match account {
            None => (Err(Gap::Pending), Err(Gap::Pending), Err(Gap::Pending)),
            Some(account) if account.access == Access::NotConfigured => {
                let gap = || Gap::AccountNotConfigured;
                (Err(gap()), Err(gap()), Err(gap()))
            }
            Some(account) => read_account(account, arn.name(), config, now),
        };
        let issuer = snapshot.issuer.as_ref();
        let provider_arn = issuer.map(|i| i.url.provider_arn(arn.partition(), arn.account()));
        let role = role.and_then(seen_whole);
        let trust = match (&role, issuer, &provider_arn) {
            (Ok(RoleLookup::Found(role)), Some(issuer), Some(provider_arn)) => {
                let identity = WebIdentity {
                    provider_arn: provider_arn.clone(),
                    issuer: issuer.url.host_path().to_owned(),
                    subject: subject.to_owned(),
                    audience: audience.to_owned(),
                };
                Some(diagnose_trust(&role.trust, &identity))
            }
            _ => None,
        };
        Self {
            arn,
            role,
            provider_arn,
            provider,
            trust,
            policies,
        }
    }

    /// The role, if IAM has one of that name.
    #[must_use]
    pub fn found(&self) -> Option<&'a Arc<Role>> {
        match self.role {
            Ok(RoleLookup::Found(role)) => Some(role),
            _ => None,
        }
    }

    /// Whether IAM has the role under another ARN than the request names, which STS refuses.
    #[must_use]
    pub fn has_other_arn(&self) -> bool {
        self.found().is_some_and(|role| role.arn != self.arn)
    }

    /// Whether the provider is there and accepts tokens for `audience`.
    #[must_use]
    pub fn provider_accepts(&self, audience: &str) -> bool {
        self.provider_arn.is_some()
            && matches!(self.provider, Ok(Some(provider)) if provider.client_ids.iter().any(|id| id == audience))
    }

    /// Whether the trust policy admits the request.
    #[must_use]
    pub fn trust_admits(&self) -> bool {
        self.trust
            .as_ref()
            .is_some_and(|t| t.decision == iam_policy::Decision::Allowed)
    }

    /// Whether the role would be given to a token for `audience`, the one for which the chain was derived. An empty one
    /// stands for an audience that is not known.
    #[must_use]
    pub fn outcome(&self, audience: &str) -> Outcome {
        use iam_policy::Decision;
        let absent = matches!(self.role, Ok(RoleLookup::Absent)) || self.has_other_arn();
        if audience.is_empty() {
            return if absent { Outcome::Fails } else { Outcome::Unknown };
        }
        let refused = self.provider.is_ok() && !self.provider_accepts(audience);
        let denied = self
            .trust
            .as_ref()
            .is_some_and(|t| !matches!(t.decision, Decision::Allowed | Decision::Undetermined));
        // Without an issuer nothing can be told of provider and trust, but a role that is not there fails anyway.
        if absent || (self.provider_arn.is_some() && (refused || denied)) {
            Outcome::Fails
        } else if self.trust_admits() && self.provider.is_ok() {
            Outcome::Passes
        } else {
            Outcome::Unknown
        }
    }
}

type AccountEvidence<'a> = (
    Evidence<'a, RoleLookup>,
    Evidence<'a, Option<Provider>>,
    Evidence<'a, RolePolicies>,
);

/// What an account says of a role.
fn read_account<'a>(
    account: &'a Account,
    role: &str,
    config: &Config,
    now: Timestamp,
) -> AccountEvidence<'a> {
    let role_evidence = match evidence(account.roles.get(role), config, now) {
        // A role that nobody has read yet is waited for, unless the listing that would have brought it fails. Where
        // merely listing is not allowed, a read of this one role follows.
        Err(Gap::Pending) => Err(match &account.listing.failure {
            Some(ReadFailure {
                kind: FailureKind::AccessDenied { .. },
                ..
            })
            | None => Gap::Pending,
            Some(failure) => Gap::Failed(failure.kind.clone()),
        }),
        seen => seen,
    };
    (
        role_evidence,
        evidence(Some(&account.provider), config, now),
        evidence(account.policies.get(role), config, now),
    )
}

/// What an observation proves now.
fn evidence<'a, T>(observed: Option<&'a Observed<T>>, config: &Config, now: Timestamp) -> Evidence<'a, T> {
    let Some(observed) = observed else {
        return Err(Gap::Pending);
    };
    let failure = || observed.failure.as_ref().map(|f| f.kind.clone());
    match &observed.value {
        Some((value, at)) if stale_at(*at, config).is_none_or(|end| now <= end) => Ok(value),
        Some((_, at)) => Err(Gap::Stale {
            observed: *at,
            failure: failure(),
        }),
        None => Err(failure().map_or(Gap::Pending, Gap::Failed)),
    }
}

/// IAM has no role without a trust policy: an answer without one was not read whole, and proves nothing.
fn seen_whole(lookup: &RoleLookup) -> Evidence<'_, RoleLookup> {
    match lookup {
        RoleLookup::Found(role) if role.trust_text.trim().is_empty() => {
            Err(Gap::Failed(FailureKind::Unavailable))
        }
        _ => Ok(lookup),
    }
}

/// The last moment at which evidence from `observed` proves anything; `None` if that is beyond all time.
fn stale_at(observed: Timestamp, config: &Config) -> Option<Timestamp> {
    observed
        .checked_add(SignedDuration::try_from(config.staleness_limit).ok()?)
        .ok()
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
    /// The pods that can still ask for credentials.
    pub pods: Vec<&'a Pod>,
    /// The role annotation.
    pub annotation: Annotation<'a>,
    /// The audience of its tokens.
    pub audience: &'a str,
    /// The cluster's issuer.
    pub issuer: Option<&'a ClusterIssuer>,
    /// The AWS side for the annotation's role; absent where the annotation names none, or where nobody takes that way.
    pub aws: Option<RoleChain<'a>>,
    /// The pods get their credentials from EKS Pod Identity: the annotation leads nowhere, whatever it says.
    pub uses_pod_identity: bool,
    /// Names of the roles, with their accounts, whose trust policy names exactly this subject.
    pub trusted_by: Vec<(&'a str, &'a str)>,
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
        let binding = snapshot.cluster.binding(key);
        let service_account = binding.and_then(Binding::service_account);
        let prefix = &config.annotation_prefix;
        let subject = key.subject();
        let audience = service_account.map_or(crate::model::service_account::DEFAULT_AUDIENCE, |sa| {
            sa.audience(prefix)
        });
        let annotation = match service_account.and_then(|sa| sa.role_arn(prefix)) {
            None => Annotation::Missing,
            Some(text) => match RoleArn::parse(text) {
                Ok(arn) => Annotation::Role(arn),
                Err(error) => Annotation::Malformed(text, error),
            },
        };
        let pods: Vec<&Pod> = binding
            .map(|b| b.pods().iter().filter(|p| p.is_active()).collect())
            .unwrap_or_default();
        let uses_pod_identity = !pods.is_empty() && pods.iter().all(|pod| pod.relies_on_pod_identity());
        let aws = match &annotation {
            Annotation::Role(arn) if !uses_pod_identity => Some(RoleChain::derive(
                snapshot,
                config,
                now,
                arn.clone(),
                &subject,
                audience,
            )),
            _ => None,
        };
        Self {
            key,
            request: binding.and_then(|b| b.requests().first()),
            service_account,
            pods,
            uses_pod_identity,
            annotation,
            audience,
            issuer: snapshot.issuer.as_ref(),
            aws,
            trusted_by: trusting_roles(snapshot, &subject),
            subject,
            snapshot,
            config,
            now,
        }
    }

    /// Whether the AWS links have anything to say: not where EKS Pod Identity gives the credentials, and not where
    /// nothing carries or expects a role.
    #[must_use]
    pub fn aws_applies(&self) -> bool {
        !self.uses_pod_identity
            && (!matches!(self.annotation, Annotation::Missing)
                || self.request.is_some_and(AuditRequest::expects_role)
                || self.carries_role()
                || self.is_trusted_by_name())
    }

    /// Whether running pods carry an injected role.
    #[must_use]
    pub fn carries_role(&self) -> bool {
        self.pods.iter().any(|pod| pod.carries_role())
    }

    /// Whether a role names exactly this ServiceAccount while pods run as it. Says nothing where somebody has declared
    /// that only Kubernetes permissions are expected.
    fn is_trusted_by_name(&self) -> bool {
        !self.trusted_by.is_empty()
            && !self.pods.is_empty()
            && !self.request.is_some_and(AuditRequest::expects_only_kubernetes)
    }

    /// The chain of any role for the same subject, with a token for `audience`.
    #[must_use]
    pub fn for_role(&self, arn: RoleArn, audience: &str) -> RoleChain<'a> {
        RoleChain::derive(self.snapshot, self.config, self.now, arn, &self.subject, audience)
    }

    /// The role chain, where ServiceAccount and Role pass, so that later links may speak.
    #[must_use]
    pub fn past_role(&self) -> Option<&RoleChain<'a>> {
        self.aws
            .as_ref()
            .filter(|aws| aws.found().is_some() && !aws.has_other_arn())
    }

    /// The roles other than the annotation's that pods carry, each once.
    #[must_use]
    pub fn other_roles(&self) -> Vec<RoleArn> {
        let Some(aws) = &self.aws else { return Vec::new() };
        let annotated = aws.arn.to_string();
        let carried: BTreeSet<&str> = self.pods.iter().flat_map(|pod| pod.role_arns()).collect();
        let others = carried.into_iter().filter(|arn| *arn != annotated);
        others.filter_map(|arn| RoleArn::parse(arn).ok()).collect()
    }

    /// When some evidence of this chain will have become stale, if nothing reads it again.
    #[must_use]
    pub fn stale_at(&self) -> Option<Timestamp> {
        let annotated = self.aws.iter().map(|aws| aws.arn.clone());
        let ends = annotated.chain(self.other_roles()).flat_map(|arn| {
            let account = self.snapshot.accounts.get(arn.account());
            let times = account.map(|account| {
                [
                    account.roles.get(arn.name()).and_then(Observed::observed_at),
                    account.provider.observed_at(),
                    account.policies.get(arn.name()).and_then(Observed::observed_at),
                ]
            });
            times.into_iter().flatten().flatten()
        });
        ends.filter_map(|at| stale_at(at, self.config))
            .filter(|at| *at >= self.now)
            .min()
    }
}

/// Roles whose trust policy names a subject exactly, as (account, role name).
pub(crate) fn trusting_roles<'a>(snapshot: &'a Snapshot, subject: &str) -> Vec<(&'a str, &'a str)> {
    snapshot
        .accounts
        .iter()
        .flat_map(|(id, account)| {
            account
                .trusted_subjects
                .get(subject)
                .into_iter()
                .flatten()
                .map(|role| (id.as_str(), role.as_str()))
        })
        .collect()
}
