//! What AWS told: taken in, kept for as long as a binding hangs on it, and what it means for which bindings.

use std::collections::BTreeSet;

use audit_aws::{Change, Reading};
use audit_core::audit::{Bound, is_bound};
use audit_core::issuers::{self, Question};
use audit_core::model::{Access, Account, BindingKey, ClusterIssuer, Observed, Pod, RoleLookup};
use audit_core::permissions::simulation::Wanted;
use audit_core::snapshot::Binding;
use jiff::Timestamp;

use super::Engine;
use super::evidence::is_stale;
use super::look::Gathered;

impl Engine {
    /// Takes in an answer of AWS.
    pub fn read(&mut self, reading: Reading, now: Timestamp) {
        if let Reading::HomeAccount { result: Ok(home), .. } = &reading {
            self.evidence.set_home(home);
            self.open_accounts();
            self.cluster.touch();
        }
        let issuer = self.snapshot.issuer.as_ref().map(|issuer| &issuer.url);
        if !self.leading || !self.evidence.expects(&reading, issuer) {
            return;
        }
        self.cluster.touch();
        if let Some(account) = self.evidence.heard(&reading, now) {
            self.forget_provider(&account);
        }
        self.mark_confirmed(&reading, now);
        let tells_of_issuers = matches!(
            reading,
            Reading::Listing { .. } | Reading::ProviderUrls { .. } | Reading::Clusters { .. }
        );
        for change in audit_aws::apply(&mut self.snapshot.accounts, reading) {
            match change {
                Change::Role { account, name } | Change::Simulation { account, name } => {
                    self.dirty
                        .extend(self.evidence.referring_to_role(&account, &name).cloned());
                }
                Change::Policy { account, arn } => self.mark_policy(&account, &arn),
                Change::Provider { account }
                | Change::Account { account }
                | Change::Access { account }
                | Change::Listing { account } => {
                    self.dirty
                        .extend(self.evidence.referring_to_account(&account).cloned());
                }
                Change::Association(key) => {
                    self.dirty.insert(key);
                }
                Change::Subject(subject) => self.dirty.extend(key_of_subject(&subject)),
            }
        }
        if tells_of_issuers {
            self.ask_of_issuers(now);
        }
    }

    /// Whether an answer is on its way that tells which issuers are dead.
    pub(super) fn awaits_clusters(&self) -> bool {
        let questions = issuers::questions(&self.snapshot);
        questions
            .iter()
            .any(|question| issuers::is_unanswered(&self.snapshot, question))
    }

    /// Asks what is left of the issuers of other clusters that roles trust, and forgets the clusters of regions that no longer
    /// matter to that.
    fn ask_of_issuers(&mut self, now: Timestamp) {
        let questions = issuers::questions(&self.snapshot);
        for (id, account) in &mut self.snapshot.accounts {
            account.clusters.retain(|region, _| {
                let (account, region) = (id.clone(), region.clone());
                questions.contains(&Question::Clusters { account, region })
            });
        }
        self.evidence.ask_of_issuers(questions, now);
    }

    /// Marks the bindings that an answer may concern although it brings nothing new: what it confirms may have been too
    /// old to prove anything. After a listing, all of the account have their periodic audit.
    fn mark_confirmed(&mut self, reading: &Reading, now: Timestamp) {
        match reading {
            Reading::Role {
                account,
                name,
                result: Ok(_),
                ..
            }
            | Reading::Policies {
                account,
                name,
                result: Ok(_),
                ..
            }
            | Reading::Inline {
                account,
                name,
                result: Ok(_),
                ..
            }
            // Also one that fails: whether another one is awaited may hang on it.
            | Reading::Simulation { account, name, .. } => {
                self.dirty
                    .extend(self.evidence.referring_to_role(account, name).cloned());
            }
            Reading::Managed {
                account,
                arn,
                result: Ok(_),
                ..
            } => self.mark_policy(account, arn),
            Reading::Provider {
                account,
                result: Ok(_),
                ..
            } => {
                let limit = self.rules.config.staleness_limit;
                if self
                    .snapshot
                    .accounts
                    .get(account)
                    .is_some_and(|a| is_stale(&a.provider, limit, now))
                {
                    self.dirty
                        .extend(self.evidence.referring_to_account(account).cloned());
                }
            }
            Reading::ProviderUrls {
                account,
                result: Ok(_),
                ..
            }
            | Reading::TrustQuota {
                account,
                result: Ok(_),
                ..
            } => {
                let limit = self.rules.config.staleness_limit;
                let seen = self.snapshot.accounts.get(account);
                if seen.is_some_and(|a| {
                    is_stale(&a.provider_urls, limit, now) || is_stale(&a.trust_quota, limit, now)
                }) {
                    self.dirty
                        .extend(self.evidence.referring_to_account(account).cloned());
                }
            }
            Reading::PodIdentity {
                account,
                result: Ok(associations),
                ..
            } => {
                let limit = self.rules.config.staleness_limit;
                let seen = self.snapshot.accounts.get(account);
                if seen.is_some_and(|a| is_stale(&a.pod_identity, limit, now)) {
                    self.dirty.extend(associations.keys().cloned());
                }
            }
            Reading::Listing {
                account,
                result: Ok(_),
                ..
            } => {
                self.dirty
                    .extend(self.evidence.referring_to_account(account).cloned());
            }
            _ => {}
        }
    }

    /// Marks the bindings to roles that have a managed policy, or have it as their boundary.
    fn mark_policy(&mut self, account: &str, arn: &str) {
        let Some(known) = self.snapshot.accounts.get(account) else {
            return;
        };
        let attached = known.policies.iter().filter(|(_, seen)| {
            seen.latest()
                .is_some_and(|policies| policies.attached.iter().any(|held| held == arn))
        });
        let bounded = known.roles.iter().filter(|(_, seen)| {
            matches!(seen.latest(), Some(RoleLookup::Found(role)) if role.boundary.as_deref() == Some(arn))
        });
        for name in attached
            .map(|(name, _)| name)
            .chain(bounded.map(|(name, _)| name))
        {
            self.dirty
                .extend(self.evidence.referring_to_role(account, name).cloned());
        }
    }

    /// Takes note of what IAM's policy simulator is to confirm for a binding: nothing where it was not audited, or where nobody
    /// expects AWS permissions of it.
    pub(super) fn simulate(&mut self, key: &BindingKey, wanted: Option<Wanted>) {
        if let Some((account, name)) = self.evidence.simulate(key, wanted)
            && let Some(known) = self.snapshot.accounts.get_mut(&account)
        {
            known.simulations.remove(&name);
        }
    }

    /// Takes in the cluster's issuer.
    pub fn set_issuer(&mut self, issuer: ClusterIssuer) {
        if self.snapshot.issuer.as_ref() == Some(&issuer) {
            return;
        }
        let is_other = self
            .snapshot
            .issuer
            .as_ref()
            .is_none_or(|old| old.url != issuer.url);
        self.snapshot.issuer = Some(issuer);
        if is_other {
            self.evidence.start_anew();
            for account in self.snapshot.accounts.values_mut() {
                account.provider = Observed::default();
                account.listing = Observed::default();
                account.trusted_subjects.clear();
                account.trusted_issuers.clear();
            }
        }
        self.mark_all();
    }

    /// Makes room for every account that is looked into: what is not there was not listed.
    pub(super) fn open_accounts(&mut self) {
        if self.leading {
            let accounts: Vec<String> = self.evidence.accounts().cloned().collect();
            for id in accounts {
                self.open_account(id);
            }
        }
    }

    fn open_account(&mut self, id: String) {
        let access = if self.evidence.is_forbidden(&id) {
            Access::NotConfigured
        } else {
            Access::Configured
        };
        self.snapshot.accounts.entry(id).or_insert_with(|| Account {
            access,
            ..Account::default()
        });
    }

    fn forget_provider(&mut self, account: &str) {
        if let Some(known) = self.snapshot.accounts.get_mut(account) {
            known.provider = Observed::default();
        }
        self.dirty
            .extend(self.evidence.referring_to_account(account).cloned());
    }

    /// Whether anything shows that a ServiceAccount is bound to a role. What shows it may be a role that trusts it,
    /// which nobody has seen as long as the operator does not know its own account.
    pub(super) fn bound(&self, key: &BindingKey) -> Bound {
        match is_bound(&self.snapshot, &self.rules.config, key) {
            Bound::No
                if !self.evidence.knows_home() && self.snapshot.cluster.binding(key).is_some_and(runs) =>
            {
                Bound::CannotTell
            }
            bound => bound,
        }
    }

    /// Takes note of the roles that a binding's verdict depends on, and wants what has not been seen of them; all of it where
    /// somebody asked for that.
    pub(super) fn refer(&mut self, gathered: &mut Gathered<'_>, is_forced: bool, now: Timestamp) {
        let key = gathered.key();
        let roles = std::mem::take(&mut gathered.roles);
        let accounts: BTreeSet<String> = roles.iter().map(|arn| arn.account().to_owned()).collect();
        let moved = self.evidence.refer(key, roles);
        for account in moved.appeared {
            self.open_account(account);
            self.cluster.touch();
        }
        for (account, name) in moved.released {
            // Where a listing succeeds, the next one tidies up.
            if let Some(account) = self
                .snapshot
                .accounts
                .get_mut(&account)
                .filter(|a| a.listing.value.is_none())
            {
                account.roles.remove(&name);
                account.policies.remove(&name);
                account.inline.remove(&name);
                account.simulations.remove(&name);
                if account.policies.is_empty() {
                    account.managed.clear();
                }
            }
        }
        for account in moved.vanished {
            self.snapshot.accounts.remove(&account);
            self.cluster.touch();
        }
        for account in accounts {
            if self.evidence.is_other_provider(&account) {
                self.forget_provider(&account);
            }
        }
        if is_forced {
            self.evidence.force(key);
        }
        let accounts = &self.snapshot.accounts;
        self.evidence
            .want_unseen(key, gathered.expects_permissions, accounts, now);
    }
}

fn runs(binding: &Binding) -> bool {
    binding.pods().iter().any(Pod::is_active)
}

fn key_of_subject(subject: &str) -> Option<BindingKey> {
    let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(BindingKey::new(namespace, name))
}
