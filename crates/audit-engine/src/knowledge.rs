//! What AWS told: taken in, kept for as long as a binding hangs on it, and what it means for which bindings.

use std::collections::BTreeSet;

use audit_aws::evidence::forget_role;
use audit_aws::{Concern, PieceKind, Reading};
use audit_core::audit::{Bound, is_bound};
use audit_core::issuers::{self, IssuerQuestion};
use audit_core::model::{Access, Account, BindingKey, ClusterIssuer, Observed, RoleKey};
use audit_core::permissions::simulation::Wanted;
use audit_core::snapshot::Binding;
use jiff::Timestamp;

use super::Engine;
use super::look::Gathered;
use super::schedule::after;

impl Engine {
    /// Takes in an answer of AWS.
    pub fn read(&mut self, reading: Reading, now: Timestamp) {
        if let Reading::HomeAccount { result: Ok(home), .. } = &reading {
            self.evidence.set_home(home);
            self.open_accounts();
            self.cluster.touch();
        }
        self.evidence.answered(&reading);
        if !self.leading || !self.evidence.expects(&reading, &self.snapshot) {
            return;
        }
        self.cluster.touch();
        if let Some(account) = self.evidence.heard(&reading, now) {
            self.forget_provider(&account);
        }
        let was_stale = self.was_stale(&reading, now);
        let is_listing = matches!(reading, Reading::Listing { .. });
        let tells_of_issuers = match &reading {
            Reading::Piece { answer, .. } => {
                matches!(answer.kind(), PieceKind::ProviderUrls | PieceKind::Clusters)
            }
            reading => matches!(reading, Reading::Listing { .. }),
        };
        let applied = audit_aws::apply(&mut self.snapshot.accounts, reading);
        self.statements_changed |= !applied.changed.is_empty();
        // Of a role, few bindings have to be looked at.
        let is_of_few = |concern: &&Concern| {
            was_stale || matches!(concern, Concern::Role { .. } | Concern::Policy { .. })
        };
        for concern in applied
            .changed
            .iter()
            .chain(applied.confirmed.iter().filter(is_of_few))
        {
            let concerned = self.concerned(concern);
            // What was asked for is awaited; what concerns many bindings is awaited by none of them.
            if is_listing || matches!(concern, Concern::Account { .. }) {
                self.dirty.refresh(concerned);
            } else {
                self.dirty.extend(concerned);
            }
        }
        if tells_of_issuers {
            self.ask_of_issuers(now);
        }
    }

    /// Whether what is answered was too old to prove anything. After a listing, all bindings of the account have their periodic
    /// audit.
    fn was_stale(&self, reading: &Reading, now: Timestamp) -> bool {
        match reading {
            Reading::Piece { account, answer } => {
                let known = self.snapshot.accounts.get(account);
                let seen = known.and_then(|account| answer.kind().observed_at(account, answer.key()));
                seen.is_some_and(|at| after(at, self.in_force.config.staleness_limit) < now)
            }
            _ => true,
        }
    }

    /// The bindings that something concerns.
    fn concerned(&self, concern: &Concern) -> BTreeSet<BindingKey> {
        match concern {
            Concern::Role { account, name } => {
                let bindings = self.evidence.referring_to_role(account, name);
                bindings.cloned().collect()
            }
            Concern::Policy { account, arn } => self.concerned_by_policy(account, arn),
            Concern::Account { account } => {
                let bindings = self.evidence.referring_to_account(account);
                bindings.cloned().collect()
            }
            Concern::Binding(key) => [key.clone()].into(),
            Concern::Subject(subject) => key_of_subject(subject).into_iter().collect(),
        }
    }

    /// Asks what is left of the issuers of other clusters that roles trust, and forgets the clusters of regions that no longer
    /// matter to that.
    fn ask_of_issuers(&mut self, now: Timestamp) {
        let questions = issuers::questions(&self.snapshot);
        let is_asked = |id: &str, region: &str| {
            let (account, region) = (id.to_owned(), region.to_owned());
            questions.contains(&IssuerQuestion::Clusters { account, region })
        };
        let has_others = |(id, account): &(&String, &Account)| {
            let mut regions = account.clusters.keys();
            regions.any(|region| !is_asked(id, region))
        };
        let accounts = self.snapshot.accounts.iter().filter(has_others);
        for id in accounts.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            if let Some(account) = self.snapshot.accounts.get_mut(&id) {
                account.clusters.retain(|region, _| is_asked(&id, region));
            }
        }
        self.evidence.ask_of_issuers(questions, now);
    }

    /// The bindings to roles that have a managed policy, or have it as their boundary.
    fn concerned_by_policy(&self, account: &str, arn: &str) -> BTreeSet<BindingKey> {
        let Some(known) = self.snapshot.accounts.get(account) else {
            return BTreeSet::new();
        };
        let attached = known.policies.having(RoleKey::Attached(arn.to_owned()));
        let bounded = known.roles.having(RoleKey::Boundary(arn.to_owned()));
        let roles = attached.iter().chain(&bounded);
        roles
            .flat_map(|name| self.evidence.referring_to_role(account, name))
            .cloned()
            .collect()
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
            self.shared.clear();
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
                self.open_account(&id);
            }
        }
    }

    fn open_account(&mut self, id: &str) {
        let access = if self.evidence.is_forbidden(id) {
            Access::NotConfigured
        } else {
            Access::Configured
        };
        if !self.snapshot.accounts.contains_key(id) {
            self.snapshot.accounts.slot(id).access = access;
        }
    }

    fn forget_provider(&mut self, account: &str) {
        if let Some(known) = self.snapshot.accounts.get_mut(account) {
            known.provider = Observed::default();
        }
        self.dirty
            .refresh(self.evidence.referring_to_account(account).cloned());
    }

    /// Whether anything shows that a ServiceAccount is bound to a role. What shows it may be a role that trusts it,
    /// which nobody has seen as long as the operator does not know its own account.
    pub(super) fn bound(&self, key: &BindingKey, now: Timestamp) -> Bound {
        match is_bound(&self.snapshot, &self.in_force.config, key, now) {
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
            self.open_account(&account);
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
                forget_role(account, &name);
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
            self.evidence.force(key, &self.snapshot);
        }
        let is_awaited = self.awaited.contains(key);
        let is_all_seen = !self.evidence.want_unseen(key, is_awaited, &self.snapshot, now);
        if is_awaited && is_all_seen {
            self.awaited.remove(key);
        }
    }
}

fn runs(binding: &Binding) -> bool {
    binding.pods().iter().any(|pod| pod.is_active())
}

fn key_of_subject(subject: &str) -> Option<BindingKey> {
    let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(BindingKey::new(namespace, name))
}
