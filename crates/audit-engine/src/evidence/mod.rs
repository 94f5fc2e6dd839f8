//! What to read from AWS, and when: as little as the verdicts need.
//!
//! Whole accounts are listed at every refresh, because one call brings a thousand roles. Between refreshes only what
//! nobody has seen yet, and what an unhealthy binding hangs on, is read one by one; where that becomes much, the account
//! is listed instead.

mod account;
mod questions;
mod reread;
mod simulations;
mod target;
#[cfg(test)]
#[path = "../../tests/unit/evidence.rs"]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::Reading;
use audit_core::Snapshot;
use audit_core::issuers::Question;
use audit_core::model::aws::{DEFAULT_TRUST_QUOTA, is_near_quota};
use audit_core::model::{Account, BindingKey, FailureKind, IssuerUrl, Observed, RoleLookup};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::schedule::{Schedule, after};
use account::{Ended, Watched};
pub use reread::Cause;
use reread::Rereads;
use simulations::Simulations;
pub use target::Target;

/// What a change of references did to the accounts that are looked into.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Accounts that bindings lead to for the first time.
    pub appeared: Vec<String>,
    /// Accounts to which no binding leads any more.
    pub vanished: Vec<String>,
    /// Roles, with their accounts, to which no binding refers any more.
    pub released: Vec<(String, String)>,
}

/// Plans the reads.
#[derive(Debug)]
pub struct EvidencePlan {
    refresh: Duration,
    home: Option<String>,
    /// The cluster's name at EKS, if it is a cluster of EKS in the operator's own account.
    cluster_name: Option<String>,
    /// The accounts that the policy allows; all where absent.
    allowed: Option<BTreeSet<String>>,
    accounts: BTreeMap<String, Watched>,
    references: BTreeMap<BindingKey, BTreeSet<RoleArn>>,
    /// To be read soon, unless that was just asked for.
    wanted: BTreeSet<Target>,
    /// To be read once more, also where that was just asked for: something may have changed since.
    forced: BTreeSet<Target>,
    /// Until when what was asked for is not asked for again.
    asked: Schedule<Target>,
    rereads: Rereads,
    simulations: Simulations,
    /// Until when what was asked for to tell which issuers are dead is not asked for again.
    asked_of_issuers: Schedule<Target>,
    /// When reading began.
    began: Option<Timestamp>,
}

impl EvidencePlan {
    /// A plan that reads everything anew at every `refresh`.
    #[must_use]
    pub fn new(refresh: Duration, cluster_name: Option<String>) -> Self {
        Self {
            refresh,
            home: None,
            cluster_name,
            allowed: None,
            accounts: BTreeMap::new(),
            references: BTreeMap::new(),
            wanted: BTreeSet::new(),
            forced: BTreeSet::new(),
            asked: Schedule::default(),
            rereads: Rereads::default(),
            simulations: Simulations::default(),
            asked_of_issuers: Schedule::default(),
            began: None,
        }
    }

    /// Forgets everything but the settings.
    pub fn reset(&mut self) {
        let fresh = Self::new(self.refresh, self.cluster_name.take());
        *self = Self {
            home: self.home.take(),
            allowed: self.allowed.take(),
            ..fresh
        };
        if let Some(home) = self.home.clone() {
            self.open(&home);
        }
    }

    /// Forgets what was read, so that all is read anew: the issuer is another one.
    pub fn start_anew(&mut self) {
        self.wanted.clear();
        self.forced.clear();
        self.asked = Schedule::default();
        self.asked_of_issuers = Schedule::default();
        self.accounts.values_mut().for_each(Watched::start_anew);
    }

    /// Changes the refresh interval; listings that are planned stay planned, unless the new interval is shorter.
    pub fn set_refresh(&mut self, refresh: Duration, now: Timestamp) {
        if refresh < self.refresh {
            self.accounts
                .values_mut()
                .for_each(|watched| watched.list_by(after(now, refresh)));
        }
        self.refresh = refresh;
    }

    /// Changes which accounts the policy allows. Returns those that it closes or opens again: what was read of them
    /// counts no more.
    pub fn allow(&mut self, allowed: Option<BTreeSet<String>>) -> Vec<String> {
        let was_allowed = std::mem::replace(&mut self.allowed, allowed);
        let permits =
            |allowed: &Option<BTreeSet<String>>, id| allowed.as_ref().is_none_or(|a| a.contains(id));
        let mut changed = Vec::new();
        for (id, watched) in &mut self.accounts {
            let open = permits(&self.allowed, id);
            if open != permits(&was_allowed, id) {
                watched.is_open = open;
                watched.start_anew();
                changed.push(id.clone());
            }
        }
        changed
    }

    /// Whether the policy keeps the operator out of an account.
    #[must_use]
    pub fn is_forbidden(&self, account: &str) -> bool {
        self.allowed
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(account))
    }

    /// Whether the operator's own account is known.
    #[must_use]
    pub fn knows_home(&self) -> bool {
        self.home.is_some()
    }

    /// Takes note of the operator's own account.
    pub fn set_home(&mut self, account: &str) {
        self.home = Some(account.to_owned());
        self.open(account);
    }

    /// The accounts that are looked into.
    pub fn accounts(&self) -> impl Iterator<Item = &String> {
        self.accounts.keys()
    }

    fn open(&mut self, account: &str) -> &mut Watched {
        let is_open = !self.is_forbidden(account);
        self.accounts
            .entry(account.to_owned())
            .or_insert_with(|| Watched::new(is_open))
    }

    /// Takes note of the roles that a binding refers to, in place of those that it referred to before.
    pub fn refer(&mut self, key: &BindingKey, roles: BTreeSet<RoleArn>) -> Moved {
        let mut moved = Moved::default();
        if self
            .references
            .get(key)
            .map_or(roles.is_empty(), |old| *old == roles)
        {
            return moved;
        }
        let old = self.references.remove(key).unwrap_or_default();
        for arn in roles.difference(&old) {
            if !self.accounts.contains_key(arn.account()) {
                moved.appeared.push(arn.account().to_owned());
            }
            self.open(arn.account()).refer(arn.name(), arn.partition(), key);
        }
        for arn in old.difference(&roles) {
            let Some(watched) = self.accounts.get_mut(arn.account()) else {
                continue;
            };
            // Two ARNs may name one role, by different paths.
            let still = roles
                .iter()
                .any(|new| (new.account(), new.name()) == (arn.account(), arn.name()));
            if watched.release(arn.name(), arn.partition(), key, still) {
                moved
                    .released
                    .push((arn.account().to_owned(), arn.name().to_owned()));
            }
            if watched.roles.is_empty() && self.home.as_deref() != Some(arn.account()) {
                self.accounts.remove(arn.account());
                moved.vanished.push(arn.account().to_owned());
            }
        }
        if !roles.is_empty() {
            self.references.insert(key.clone(), roles);
        }
        moved
    }

    /// The bindings that refer to a role.
    pub fn referring_to_role(&self, account: &str, name: &str) -> impl Iterator<Item = &BindingKey> {
        self.accounts
            .get(account)
            .and_then(|watched| watched.roles.get(name))
            .into_iter()
            .flatten()
    }

    /// The bindings that refer to any role of an account; one that refers to several comes several times.
    pub fn referring_to_account(&self, account: &str) -> impl Iterator<Item = &BindingKey> {
        self.accounts
            .get(account)
            .into_iter()
            .flat_map(|watched| watched.roles.values().flatten())
    }

    /// Whether anybody still waits for an answer, and it answers what would be asked now.
    #[must_use]
    pub fn expects(&self, reading: &Reading, issuer: Option<&IssuerUrl>) -> bool {
        let watched = |account: &String| self.accounts.get(account).filter(|watched| watched.is_open);
        match reading {
            Reading::HomeAccount { .. } | Reading::EksIssuer { .. } => false,
            Reading::Role { account, name, .. }
            | Reading::Policies { account, name, .. }
            | Reading::Inline { account, name, .. } => {
                watched(account).is_some_and(|watched| watched.roles.contains_key(name))
            }
            Reading::Simulation { account, name, .. } => {
                watched(account).is_some() && self.simulations.concerns(account, name)
            }
            Reading::Provider { account, arn, .. } => {
                self.provider_arn(account, issuer).as_ref() == Some(arn) && watched(account).is_some()
            }
            Reading::NotConfigured { account }
            | Reading::ProviderUrls { account, .. }
            | Reading::TrustQuota { account, .. }
            | Reading::PodIdentity { account, .. }
            | Reading::Clusters { account, .. }
            | Reading::Managed { account, .. }
            | Reading::Listing { account, .. } => watched(account).is_some(),
        }
    }

    /// Takes note of an answer. Returns the accounts of which it shows that they are in another partition than was
    /// thought, so that what was said of the provider counts no more.
    pub fn heard(&mut self, reading: &Reading, now: Timestamp) -> Option<String> {
        let refresh = self.refresh;
        let (account, arn) = match reading {
            Reading::NotConfigured { account } => {
                if let Some(watched) = self.accounts.get_mut(account) {
                    watched.is_open = false;
                }
                return None;
            }
            Reading::Role {
                account,
                result: Ok(RoleLookup::Found(role)),
                ..
            } => (account, Some(&role.arn)),
            Reading::Simulation {
                account, name, state, ..
            } => {
                self.simulations.answered(account, name, *state);
                return None;
            }
            Reading::Listing { account, result, .. } => {
                let ended = match result {
                    Ok(_) => Ended::Well,
                    Err(failure) if matches!(failure.kind, FailureKind::AccessDenied { .. }) => Ended::Denied,
                    Err(_) => Ended::Badly,
                };
                self.accounts.get_mut(account)?.listed(ended, refresh, now);
                let mut roles = result
                    .iter()
                    .flat_map(|listed| &listed.roles)
                    .filter_map(|r| r.role.as_ref().ok());
                (account, roles.next().map(|role| &role.arn))
            }
            _ => return None,
        };
        let watched = self.accounts.get_mut(account)?;
        watched.proven_partition = Some(arn?.partition().to_owned());
        self.is_other_provider(account).then(|| account.clone())
    }

    /// Whether another provider was asked for than would be asked for now; says so once.
    pub fn is_other_provider(&mut self, account: &str) -> bool {
        let Some(watched) = self.accounts.get_mut(account) else {
            return false;
        };
        let is_other =
            watched.asked_partition.is_some() && watched.asked_partition.as_deref() != watched.partition();
        if is_other {
            watched.asked_partition = None;
            self.asked.set(&Target::provider(account), None);
        }
        is_other
    }

    /// The ARN that the provider of an account must have.
    fn provider_arn(&self, account: &str, issuer: Option<&IssuerUrl>) -> Option<String> {
        let partition = self.accounts.get(account)?.partition()?;
        Some(issuer?.provider_arn(partition, account))
    }

    /// When the oldest evidence was read that a binding refers to, by account.
    #[must_use]
    pub fn ages(&self, snapshot: &Snapshot) -> BTreeMap<String, Timestamp> {
        let oldest = |(id, watched): (&String, &Watched)| {
            let account = snapshot.accounts.get(id)?;
            let roles = watched
                .roles
                .keys()
                .filter_map(|name| account.roles.get(name)?.observed_at());
            Some((id.clone(), roles.chain(account.provider.observed_at()).min()?))
        };
        self.accounts.iter().filter_map(oldest).collect()
    }

    /// Wants what a binding refers to and nobody has seen, unless a listing is about to bring it. What stands in policies is read
    /// for those who expect something of it, and where no listing will ever bring it.
    pub fn want_unseen(
        &mut self,
        key: &BindingKey,
        expects_permissions: bool,
        accounts: &BTreeMap<String, Account>,
        now: Timestamp,
    ) {
        for arn in self.references.get(key).into_iter().flatten() {
            let seen = accounts.get(arn.account());
            let Some(watched) = self.accounts.get_mut(arn.account()) else {
                continue;
            };
            let role_is_seen = seen
                .and_then(|account| account.roles.get(arn.name()))
                .is_some_and(|role| !role.is_pending());
            let lacks_documents =
                || expects_permissions && seen.is_some_and(|account| lacks_documents(account, arn.name()));
            if watched.is_being_listed(arn.name(), now) {
                // It brings everything.
            } else if !role_is_seen && !expects_permissions && watched.can_be_listed() {
                self.wanted.insert(Target::role(arn.account(), arn.name()));
            } else if !role_is_seen || lacks_documents() {
                self.wanted.insert(Target::permissions(arn.account(), arn.name()));
            }
            if seen.is_none_or(|account| account.provider.is_pending()) {
                self.wanted.insert(Target::provider(arn.account()));
            }
            let Some(seen) = seen else { continue };
            let (urls, quota) = (
                Target::provider_urls(arn.account()),
                Target::trust_quota(arn.account()),
            );
            if matches!(seen.provider.latest(), Some(None)) {
                if seen.provider_urls.is_pending() {
                    self.wanted.insert(urls.clone());
                }
                watched.besides.insert(urls);
            } else {
                watched.besides.remove(&urls);
            }
            if seen.roles.get(arn.name()).is_some_and(may_be_near_quota) {
                if seen.trust_quota.is_pending() {
                    self.wanted.insert(quota.clone());
                }
                watched.besides.insert(quota);
            }
        }
    }

    /// Whether the first answer is on its way to what no verdict waits for, but may say more.
    #[must_use]
    pub fn is_waiting(&self, accounts: &BTreeMap<String, Account>) -> bool {
        if self.simulations.is_waiting() {
            return true;
        }
        let open = self.accounts.iter().filter(|(_, watched)| watched.is_open);
        open.filter_map(|(id, watched)| Some((id, watched, accounts.get(id)?)))
            .any(|(id, watched, seen)| {
                let is_home = self.home.as_ref() == Some(id);
                (watched.besides.contains(&Target::trust_quota(id)) && seen.trust_quota.is_pending())
                    || (is_home && self.cluster_name.is_some() && seen.pod_identity.is_pending())
            })
    }

    /// Wants everything read again that a binding refers to, because somebody asked for it.
    pub fn force(&mut self, key: &BindingKey) {
        for arn in self.references.get(key).into_iter().flatten() {
            self.forced.insert(Target::permissions(arn.account(), arn.name()));
            self.forced.insert(Target::provider(arn.account()));
            let watched = self.accounts.get(arn.account());
            self.forced
                .extend(watched.into_iter().flat_map(|watched| &watched.besides).cloned());
        }
        self.forced.extend(self.simulations.target(key));
        self.rereads.forget(key);
    }

    /// Wants what tells which issuers are dead, once for each refresh: providers and clusters must have been looked for after the
    /// roles that trust an issuer, so that it is not enough that the same was just asked for.
    pub fn ask_of_issuers(&mut self, questions: impl IntoIterator<Item = Question>, now: Timestamp) {
        self.asked_of_issuers.take_due(now);
        for target in questions.into_iter().map(Target::from) {
            if self.asked_of_issuers.at(&target).is_none() {
                self.asked_of_issuers
                    .set(&target, Some(after(now, self.refresh / 2)));
                self.forced.insert(target);
            }
        }
    }

    /// Takes note of why a binding is not healthy, or with `None` that it is, or that nobody asks any more.
    pub fn hang(&mut self, key: &BindingKey, cause: Option<Cause>, now: Timestamp) {
        self.rereads.hang(key, cause, self.refresh, now);
    }
}

/// Whether a role's trust policy is so long that it may be near the quota, which is never below the default.
fn may_be_near_quota(role: &Observed<RoleLookup>) -> bool {
    match role.latest() {
        Some(RoleLookup::Found(role)) => is_near_quota(role.trust_size(), DEFAULT_TRUST_QUOTA),
        _ => false,
    }
}

/// Whether nobody has tried to read what stands in a policy of a role.
fn lacks_documents(account: &Account, role: &str) -> bool {
    let Some(policies) = account.policies.get(role).and_then(Observed::latest) else {
        return false;
    };
    let boundary = match account.roles.get(role).and_then(Observed::latest) {
        Some(RoleLookup::Found(role)) => role.boundary.as_deref(),
        _ => None,
    };
    let inline = account.inline.get(role);
    let mut managed = policies.attached.iter().map(String::as_str).chain(boundary);
    let is_unread = |arn| account.managed.get(arn).is_none_or(Observed::is_pending);
    (!policies.inline.is_empty() && inline.is_none_or(Observed::is_pending)) || managed.any(is_unread)
}

/// Whether an observation is too old to prove anything.
#[must_use]
pub fn is_stale<T>(seen: &Observed<T>, limit: Duration, now: Timestamp) -> bool {
    seen.observed_at().is_some_and(|at| after(at, limit) < now)
}
