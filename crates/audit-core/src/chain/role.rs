//! The AWS side of the chain for one role, and what is missing to judge it.

use std::sync::Arc;

use iam_policy::{RoleArn, TrustDiagnosis, WebIdentity, diagnose_trust};
use jiff::{SignedDuration, Timestamp};

use super::Repairs;
use crate::config::Config;
use crate::model::{
    Access, Account, FailureKind, Observed, PlanGap, Provider, ReadFailure, Role, RoleLookup, RolePolicies,
};
use crate::permissions::doubt::Limits;
use crate::permissions::{PolicySet, PolicySource, RolePolicy};
use crate::permissions::{organization, public};
use crate::snapshot::{Origin, Snapshot};

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
    /// It is in none of the files that were given in place of a cluster and AWS.
    NotGiven,
    /// A Terraform plan sets it and does not give it.
    Undecided(PlanGap),
}

/// A piece of evidence, or why it is missing.
pub type Evidence<'a, T> = Result<&'a T, Gap>;

/// The AWS side of the chain for one role, whether or not it is the annotation's.
#[derive(Debug, Clone)]
pub struct RoleChain<'a> {
    /// The ARN that the credential request names.
    pub arn: RoleArn,
    /// The audience of the token with which it is made. Empty for one that is not known.
    pub audience: String,
    /// The role's existence and trust policy.
    pub role: Evidence<'a, RoleLookup>,
    /// The ARN that the provider must have.
    pub provider_arn: Option<String>,
    /// The provider for the cluster's issuer in the role's account; `None` inside where there is none.
    pub provider: Evidence<'a, Option<Provider>>,
    /// How the trust policy answers, where role and issuer are known.
    pub trust: Option<TrustDiagnosis>,
    /// The next time, in seconds since 1970, at which a condition of the trust policy on the time may change its outcome.
    pub trust_turns_at: Option<i64>,
    /// What the RCPs that were given deny of the call for the web identity, where role and issuer are known.
    pub limits: Limits<'a>,
    /// Which permission policies the role has.
    pub policies: Evidence<'a, RolePolicies>,
    /// What stands in them, and in its boundary.
    pub permissions: Result<PolicySet<'a>, Gap>,
}

/// Whether a role would be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleOutcome {
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
        Self::derive_with(snapshot, config, now, arn, subject, audience, None)
    }

    /// Derives the chain for `arn` as it is after repairs.
    pub(super) fn derive_with(
        snapshot: &'a Snapshot,
        config: &Config,
        now: Timestamp,
        arn: RoleArn,
        subject: &str,
        audience: &str,
        repairs: Option<&'a Repairs>,
    ) -> Self {
        let missing = match snapshot.origin {
            Origin::Live => Gap::Pending,
            Origin::Files => Gap::NotGiven,
        };
        let nothing = |gap: &Gap| (Err(gap.clone()), Err(gap.clone()), Err(gap.clone()));
        let account = snapshot.accounts.get(arn.account());
        let (role, provider, policies) = match account {
            None => nothing(&missing),
            Some(account) if account.access == Access::NotConfigured => nothing(&Gap::AccountNotConfigured),
            Some(account) => read_account(account, arn.name(), config, now, &missing),
        };
        let role = repairs.and_then(|repairs| repairs.role_of(&arn)).map_or(role, Ok);
        let provider = repairs
            .and_then(|repairs| repairs.provider_of(&arn))
            .map_or(provider, Ok);
        let permissions = match (account, &role, &policies) {
            (Some(account), Ok(RoleLookup::Found(role)), Ok(policies)) => {
                documents(account, role, policies, config, now, &missing).map(|own| PolicySet {
                    organization: organization::of_role(&snapshot.control_policies, &role.arn),
                    account: role.arn.account(),
                    ..own
                })
            }
            (_, Ok(_), Err(gap)) | (_, Err(gap), _) => Err(gap.clone()),
            (_, Ok(_), Ok(_)) => Err(missing.clone()),
        };
        let issuer = snapshot.issuer.as_ref();
        let provider_arn = issuer.map(|i| i.url.provider_arn(arn.partition(), arn.account()));
        let role = role.and_then(seen_whole);
        let parsed = match &role {
            Ok(RoleLookup::Found(role)) => Some((role, role.trust())),
            _ => None,
        };
        let trust_turns_at = parsed
            .as_ref()
            .and_then(|(_, parsed)| iam_policy::next_turn(parsed.document.as_ref()?, now.as_second()));
        let (trust, limits) = match (&parsed, issuer, &provider_arn) {
            (Some((role, parsed)), Some(issuer), Some(provider_arn)) => {
                let identity = WebIdentity {
                    provider_arn: provider_arn.clone(),
                    issuer: issuer.url.host_path().to_owned(),
                    subject: subject.to_owned(),
                    audience: audience.to_owned(),
                    called_at: Some(now.as_second()),
                };
                let limits = organization::of_trust(&snapshot.control_policies, &role.arn, &identity);
                (Some(diagnose_trust(parsed, &identity)), limits)
            }
            _ => (None, Limits::default()),
        };
        Self {
            arn,
            audience: audience.to_owned(),
            role,
            provider_arn,
            provider,
            trust,
            trust_turns_at,
            limits,
            policies,
            permissions,
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

    /// Whether there is no such role, so that no token leads to it.
    #[must_use]
    pub fn role_refuses(&self) -> bool {
        matches!(self.role, Ok(RoleLookup::Absent)) || self.has_other_arn()
    }

    /// Whether the provider is there and accepts the token's audience.
    #[must_use]
    pub fn provider_accepts(&self) -> bool {
        self.provider_arn.is_some()
            && !self.audience.is_empty()
            && matches!(self.provider, Ok(Some(provider)) if provider.client_ids.contains(&self.audience))
    }

    /// Whether the trust policy admits the request, and no RCP that was given denies it, or may.
    #[must_use]
    pub fn trust_admits(&self) -> bool {
        self.trust_policy_admits() && self.limits.is_open()
    }

    /// Whether the trust policy by itself admits the request.
    #[must_use]
    pub fn trust_policy_admits(&self) -> bool {
        self.trust
            .as_ref()
            .is_some_and(|t| t.decision == iam_policy::Decision::Allowed)
    }

    /// When each document of the role's policies was seen.
    pub(super) fn documents_seen_at(&self, snapshot: &Snapshot) -> Vec<Timestamp> {
        let (Some(account), Ok(policies)) = (snapshot.accounts.get(self.arn.account()), &self.policies)
        else {
            return Vec::new();
        };
        let boundary = self.found().and_then(|role| role.boundary.as_deref());
        let managed = policies.attached.iter().map(String::as_str).chain(boundary);
        let managed = managed.filter_map(|arn| account.managed.get(arn)?.observed_at());
        let inline = account
            .inline
            .get(self.arn.name())
            .and_then(Observed::observed_at);
        managed.chain(inline).collect()
    }

    /// Whether the role would be given.
    #[must_use]
    pub fn outcome(&self) -> RoleOutcome {
        use iam_policy::Decision;
        let absent = self.role_refuses();
        if self.audience.is_empty() {
            return if absent {
                RoleOutcome::Fails
            } else {
                RoleOutcome::Unknown
            };
        }
        let refused = self.provider.is_ok() && !self.provider_accepts();
        let denied = self
            .trust
            .as_ref()
            .is_some_and(|t| !matches!(t.decision, Decision::Allowed | Decision::Undetermined))
            || self.limits.denies.is_some();
        // Without an issuer nothing can be told of provider and trust, but a role that is not there fails anyway.
        if absent || (self.provider_arn.is_some() && (refused || denied)) {
            RoleOutcome::Fails
        } else if self.trust_admits() && self.provider.is_ok() {
            RoleOutcome::Passes
        } else {
            RoleOutcome::Unknown
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
    missing: &Gap,
) -> AccountEvidence<'a> {
    let role_evidence = match evidence(account.roles.get(role), config, now, missing) {
        Err(Gap::NotGiven) if let Some(gap) = account.nameless_role(role) => Err(Gap::Undecided(gap.clone())),
        // Files hold every role of an account that they list; one that has a slot is there and could not be read.
        Err(Gap::NotGiven) if account.listing.value.is_some() && account.roles.get(role).is_none() => {
            Ok(&ABSENT)
        }
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
        evidence(Some(&account.provider), config, now, missing),
        evidence(account.policies.get(role), config, now, missing),
    )
}

/// What stands in a role's policies. All of them, or why one is missing: each may deny what the others allow.
fn documents<'a>(
    account: &'a Account,
    role: &'a Role,
    policies: &'a RolePolicies,
    config: &Config,
    now: Timestamp,
    missing: &Gap,
) -> Result<PolicySet<'a>, Gap> {
    let managed = |arn: &'a str| {
        let text = match evidence(account.managed.get(arn), config, now, missing) {
            Err(Gap::NotGiven) => public::document(arn).ok_or(Gap::NotGiven)?,
            seen => &seen?.text,
        };
        Ok(RolePolicy::new(PolicySource::Managed(arn), text))
    };
    let mut identity = Vec::with_capacity(policies.inline.len() + policies.attached.len());
    if !policies.inline.is_empty() {
        let texts = evidence(account.inline.get(role.arn.name()), config, now, missing)?;
        for name in &policies.inline {
            match texts.get(name) {
                Some(text) => identity.push(RolePolicy::new(PolicySource::Inline(name), text)),
                None if account.is_inline_gone(role.arn.name(), name) => {}
                None => return Err(missing.clone()),
            }
        }
    }
    for arn in &policies.attached {
        identity.push(managed(arn)?);
    }
    let boundary = role.boundary.as_deref().map(managed).transpose()?;
    Ok(PolicySet {
        identity,
        boundary,
        ..PolicySet::default()
    })
}

/// What a complete listing says of a role that it does not have.
pub(crate) static ABSENT: RoleLookup = RoleLookup::Absent;

/// What an observation proves now; `missing` is what it means that there is none.
pub(super) fn evidence<'a, T>(
    observed: Option<&'a Observed<T>>,
    config: &Config,
    now: Timestamp,
    missing: &Gap,
) -> Evidence<'a, T> {
    let Some(observed) = observed else {
        return Err(missing.clone());
    };
    if let Some(gap) = &observed.undecided {
        return Err(Gap::Undecided((**gap).clone()));
    }
    let failure = || observed.failure.as_ref().map(|f| f.kind.clone());
    match &observed.value {
        Some((value, at)) if stale_at(*at, config).is_none_or(|end| now <= end) => Ok(value),
        Some((_, at)) => Err(Gap::Stale {
            observed: *at,
            failure: failure(),
        }),
        None => Err(failure().map_or_else(|| missing.clone(), Gap::Failed)),
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
pub(super) fn stale_at(observed: Timestamp, config: &Config) -> Option<Timestamp> {
    observed
        .checked_add(SignedDuration::try_from(config.staleness_limit).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn outcome(world: &World, audience: &str) -> RoleOutcome {
        let arn = RoleArn::parse(ROLE).unwrap();
        RoleChain::derive(&world.snapshot, &world.config, world.now, arn, SUBJECT, audience).outcome()
    }

    #[test]
    fn a_role_is_given_only_if_every_link_is_seen_to_pass() {
        let elsewhere = || World::healthy().condition(&condition("system:serviceaccount:staging:cart"));
        for (world, expected) in vec![
            (World::healthy(), RoleOutcome::Passes),
            (World::healthy().without_provider(), RoleOutcome::Fails),
            (World::healthy().client_ids(&["vault"]), RoleOutcome::Fails),
            (World::healthy().role(RoleLookup::Absent), RoleOutcome::Fails),
            (
                World::healthy().role(RoleLookup::Absent).issuer_unknown(),
                RoleOutcome::Fails,
            ),
            (elsewhere(), RoleOutcome::Fails),
            (elsewhere().provider_unseen(None), RoleOutcome::Fails),
            (elsewhere().issuer_unknown(), RoleOutcome::Unknown),
            (
                World::healthy().without_provider().issuer_unknown(),
                RoleOutcome::Unknown,
            ),
            (World::healthy().provider_unseen(None), RoleOutcome::Unknown),
            (World::healthy().role_unseen(None), RoleOutcome::Unknown),
            (World::healthy().account_not_configured(), RoleOutcome::Unknown),
            (World::healthy().without_account(), RoleOutcome::Unknown),
            (
                World::healthy().without_account().read_from_files(),
                RoleOutcome::Unknown,
            ),
            (
                World::healthy().role_unseen(None).read_from_files(),
                RoleOutcome::Fails,
            ),
            (World::healthy().later(3601), RoleOutcome::Unknown),
        ] {
            assert_eq!(
                outcome(&world, AUDIENCE),
                expected,
                "{:?}",
                world.snapshot.accounts
            );
        }
        assert_eq!(outcome(&World::healthy(), ""), RoleOutcome::Unknown);
        assert_eq!(outcome(&World::healthy(), "vault"), RoleOutcome::Fails);
    }
}
