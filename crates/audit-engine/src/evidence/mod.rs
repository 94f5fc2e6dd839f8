//! What to read from AWS, and when: as little as the verdicts need.
//!
//! Whole accounts are listed at every refresh, because one call brings a thousand roles. Between refreshes only what
//! nobody has seen yet, and what an unhealthy binding hangs on, is read one by one; where that becomes much, the account
//! is listed instead.

mod account;
mod outages;
mod questions;
mod referrers;
mod reread;
mod retries;
mod simulations;
#[cfg(test)]
#[path = "../../tests/unit/evidence.rs"]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::evidence::{Circumstances, lacks_role};
use audit_aws::{AskedFor, Failure, PieceAnswer, PieceId, PieceKind, Reading};
use audit_core::Snapshot;
use audit_core::issuers::IssuerQuestion;
use audit_core::model::{Account, BindingKey, FailureKind, InlineDocuments, Observed, RoleKey, RoleLookup};
use iam_policy::RoleArn;
use jiff::Timestamp;

use super::schedule::{Schedule, after};
use account::{Ended, ReferencedAccount};
use outages::Outages;
pub use reread::RereadCause;
use reread::Rereads;
use retries::Retries;
use simulations::Simulations;

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
    accounts: BTreeMap<String, ReferencedAccount>,
    /// The roles that each binding refers to, sorted.
    references: BTreeMap<BindingKey, Box<[RoleArn]>>,
    /// To be read soon, unless that was just asked for.
    wanted: BTreeSet<PieceId>,
    /// Of these, what somebody waits for, with the namespace of its binding.
    urgent: BTreeMap<PieceId, String>,
    /// Of what is wanted or forced, the namespace of the binding that it is read for.
    askers: BTreeMap<PieceId, String>,
    /// To be read once more, also where that was just asked for: something may have changed since.
    forced: BTreeSet<PieceId>,
    /// Until when what was asked for is not asked for again.
    asked: Schedule<PieceId>,
    /// What was asked for and not answered yet, with whom it was asked for.
    awaited: BTreeMap<PieceId, AskedFor>,
    /// What nobody waits for any more, until the directory is told.
    released: BTreeSet<PieceId>,
    rereads: Rereads,
    outages: Outages,
    retries: Retries,
    simulations: Simulations,
    /// Until when what was asked for to tell which issuers are dead is not asked for again.
    asked_of_issuers: Schedule<PieceId>,
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
            urgent: BTreeMap::new(),
            askers: BTreeMap::new(),
            forced: BTreeSet::new(),
            asked: Schedule::default(),
            awaited: BTreeMap::new(),
            released: BTreeSet::new(),
            rereads: Rereads::default(),
            outages: Outages::default(),
            retries: Retries::default(),
            simulations: Simulations::default(),
            asked_of_issuers: Schedule::default(),
            began: None,
        }
    }

    /// Forgets everything but the settings.
    pub fn reset(&mut self) {
        let fresh = Self::new(self.refresh, self.cluster_name.take());
        // Nobody waits any more for what was asked.
        let mut released = std::mem::take(&mut self.released);
        released.extend(std::mem::take(&mut self.awaited).into_keys());
        *self = Self {
            home: self.home.take(),
            allowed: self.allowed.take(),
            released,
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
        self.accounts.values_mut().for_each(ReferencedAccount::start_anew);
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
        let is_closed = |piece: &&PieceId| self.is_forbidden(&piece.account);
        let closed: Vec<PieceId> = self.awaited.keys().filter(is_closed).cloned().collect();
        for piece in closed {
            self.release(piece);
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

    /// Whether a listing that is under way, or will begin soon, answers for a role of a binding.
    #[must_use]
    pub fn is_being_listed(&self, key: &BindingKey, now: Timestamp) -> bool {
        let is_listed = |arn: &RoleArn| {
            let account = self.accounts.get(arn.account());
            account.is_some_and(|account| {
                account.is_open && (account.defers_listing() || account.is_being_listed(arn.name(), now))
            })
        };
        // Without an identity of its own, the operator can list nothing.
        self.knows_home() && self.references.get(key).into_iter().flatten().any(is_listed)
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

    fn open(&mut self, account: &str) -> &mut ReferencedAccount {
        let is_open = !self.is_forbidden(account);
        self.accounts
            .entry(account.to_owned())
            .or_insert_with(|| ReferencedAccount::new(is_open))
    }

    /// Takes note of the roles that a binding refers to, in place of those that it referred to before.
    pub fn refer(&mut self, key: &BindingKey, roles: BTreeSet<RoleArn>) -> Moved {
        let mut moved = Moved::default();
        if self
            .references
            .get(key)
            .map_or(roles.is_empty(), |old| old.iter().eq(&roles))
        {
            return moved;
        }
        let old = self.references.remove(key).unwrap_or_default();
        for arn in roles.iter().filter(|arn| old.binary_search(arn).is_err()) {
            if !self.accounts.contains_key(arn.account()) {
                moved.appeared.push(arn.account().to_owned());
            }
            self.open(arn.account()).refer(arn.name(), arn.partition(), key);
        }
        for arn in old.iter().filter(|arn| !roles.contains(*arn)) {
            let Some(watched) = self.accounts.get_mut(arn.account()) else {
                continue;
            };
            // Two ARNs may name one role, by different paths.
            let still = roles
                .iter()
                .any(|new| (new.account(), new.name()) == (arn.account(), arn.name()));
            let is_released = watched.release(arn.name(), arn.partition(), key, still);
            if watched.roles.is_empty() && self.home.as_deref() != Some(arn.account()) {
                self.accounts.remove(arn.account());
                moved.vanished.push(arn.account().to_owned());
            }
            if is_released {
                self.drop_role(arn);
                moved
                    .released
                    .push((arn.account().to_owned(), arn.name().to_owned()));
            }
        }
        if !roles.is_empty() {
            self.references.insert(key.clone(), roles.into_iter().collect());
        }
        moved
    }

    /// Asks for nothing any more about a role to which no binding refers.
    fn drop_role(&mut self, arn: &RoleArn) {
        let kinds = PieceKind::ALL.iter().filter(|kind| kind.is_of_role());
        let pieces: Vec<PieceId> = kinds
            .map(|kind| PieceId::new(arn.account(), *kind, arn.name()))
            .collect();
        let is_awaited = pieces.iter().any(|piece| self.awaited.contains_key(piece));
        for piece in pieces {
            self.wanted.remove(&piece);
            self.urgent.remove(&piece);
            self.askers.remove(&piece);
            self.forced.remove(&piece);
            if is_awaited {
                self.release(piece);
            }
        }
    }

    /// Has what waits to be read not be read.
    fn release(&mut self, piece: PieceId) {
        self.awaited.remove(&piece);
        self.asked.set(&piece, None);
        self.released.insert(piece);
    }

    /// The bindings that refer to a role.
    pub fn referring_to_role(&self, account: &str, name: &str) -> impl Iterator<Item = &BindingKey> {
        self.accounts
            .get(account)
            .into_iter()
            .flat_map(move |watched| watched.roles.of(name))
    }

    /// The bindings that refer to any role of an account; one that refers to several comes several times.
    pub fn referring_to_account(&self, account: &str) -> impl Iterator<Item = &BindingKey> {
        self.accounts
            .get(account)
            .into_iter()
            .flat_map(|watched| watched.roles.bindings())
    }

    /// What questions about an account may depend on, for its own sake or for a role's.
    fn circumstances<'a>(
        &'a self,
        id: &'a str,
        role: Option<&'a str>,
        snapshot: &'a Snapshot,
    ) -> Circumstances<'a> {
        let is_home = self.home.as_deref() == Some(id);
        Circumstances {
            account_id: id,
            account: snapshot.accounts.get(id),
            partition: self.accounts.get(id).and_then(ReferencedAccount::partition),
            issuer: snapshot.issuer.as_ref().map(|issuer| &issuer.url),
            cluster_name: self.cluster_name.as_deref().filter(|_| is_home),
            references: &self.references,
            role,
        }
    }

    /// What every refresh of an account reads, apart from its roles.
    fn of_account(&self, id: &str, snapshot: &Snapshot) -> BTreeSet<PieceId> {
        let of = self.circumstances(id, None, snapshot);
        let needed = |kind: &PieceKind| Some(PieceId::new(id, *kind, &kind.needed(&of)?));
        let besides = self
            .accounts
            .get(id)
            .into_iter()
            .flat_map(|watched| watched.besides.keys());
        PieceKind::ALL
            .iter()
            .filter_map(needed)
            .chain(besides.cloned())
            .collect()
    }

    /// Whether anybody still waits for an answer, and it answers what would be asked now.
    #[must_use]
    pub fn expects(&self, reading: &Reading, snapshot: &Snapshot) -> bool {
        let watched = |account: &String| self.accounts.get(account).filter(|watched| watched.is_open);
        match reading {
            Reading::HomeAccount { .. } | Reading::EksIssuer { .. } => false,
            Reading::NotConfigured { account } | Reading::Listing { account, .. } => {
                watched(account).is_some()
            }
            Reading::Piece { account, answer } => watched(account).is_some_and(|watched| {
                let (kind, key) = (answer.kind(), answer.key());
                let is_referred_to = !kind.is_of_role() || watched.roles.has(key);
                let is_asked = kind != PieceKind::Simulation || self.simulations.concerns(account, key);
                is_referred_to && is_asked && answer.is_current(&self.circumstances(account, None, snapshot))
            }),
        }
    }

    /// Takes note that a question was answered, in whatever way.
    pub fn answered(&mut self, reading: &Reading) {
        match reading {
            Reading::Piece { account, answer } => {
                self.awaited
                    .remove(&PieceId::new(account, answer.kind(), answer.key()));
            }
            Reading::NotConfigured { account } => {
                let first = PieceKind::ALL
                    .iter()
                    .min()
                    .map(|kind| PieceId::new(account, *kind, ""));
                let of_account = first.into_iter().flat_map(|first| self.awaited.range(first..));
                let of_account = of_account.take_while(|(id, _)| id.account == *account);
                let of_account = of_account.map(|(id, _)| id.clone());
                for id in of_account.collect::<Vec<_>>() {
                    self.awaited.remove(&id);
                }
            }
            _ => {}
        }
    }

    /// Takes note of an answer. Returns the accounts of which it shows that they are in another partition than was
    /// thought, so that what was said of the provider counts no more.
    pub fn heard(&mut self, reading: &Reading, now: Timestamp) -> Option<String> {
        self.take_note_of_outages(reading, now);
        let refresh = self.refresh;
        let (account, arn) = match reading {
            Reading::NotConfigured { account } => {
                if let Some(watched) = self.accounts.get_mut(account) {
                    watched.is_open = false;
                }
                return None;
            }
            Reading::Piece { account, answer } => match answer {
                PieceAnswer::Role(answered) => match &answered.result {
                    Ok(RoleLookup::Found(role)) => (account, Some(&role.arn)),
                    _ => return None,
                },
                PieceAnswer::Simulation(answered) => {
                    let asked = &answered.asked;
                    self.simulations.answered(account, &asked.role, asked.state);
                    return None;
                }
                _ => return None,
            },
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
            Reading::HomeAccount { .. } | Reading::EksIssuer { .. } => return None,
        };
        let watched = self.accounts.get_mut(account)?;
        watched.proven_partition = Some(arn?.partition().to_owned());
        self.is_other_provider(account).then(|| account.clone())
    }

    /// Takes note of whether AWS answers about an account.
    fn take_note_of_outages(&mut self, reading: &Reading, now: Timestamp) {
        match reading {
            Reading::Piece { account, answer } => {
                let piece = PieceId::new(account, answer.kind(), answer.key());
                // A second opinion can wait for the refresh.
                let can_wait = answer.kind() == PieceKind::Simulation;
                match answer.failure() {
                    Some(failure) if failure.is_outage() => {
                        self.retries.forget(&piece);
                        if !can_wait {
                            self.outages.failed(piece, now);
                        }
                    }
                    failure => {
                        self.outages.answered(account, Some(&piece), now);
                        let is_unreadable = |failure: &Failure| failure.kind == FailureKind::Unavailable;
                        if failure.is_some_and(is_unreadable) && !can_wait {
                            self.retries.failed(&piece, self.refresh, now);
                        } else {
                            self.retries.forget(&piece);
                        }
                    }
                }
            }
            Reading::Listing { account, result, .. } if !result.as_ref().is_err_and(Failure::is_outage) => {
                if let Ok(listed) = result {
                    let roles = listed.roles.iter().map(|role| role.name.as_str());
                    let roles: BTreeSet<&str> =
                        roles.chain(listed.absent.iter().map(String::as_str)).collect();
                    let is_brought = |piece: &PieceId| match piece.kind {
                        PieceKind::Managed => listed.managed.contains_key(&piece.key),
                        kind => kind.is_listed() && roles.contains(piece.key.as_str()),
                    };
                    self.outages.brought(account, is_brought);
                    self.retries.brought(account, is_brought);
                }
                self.outages.answered(account, None, now);
            }
            _ => {}
        }
    }

    /// Whether a binding still depends on a piece that could not be read, and the operator may read it.
    fn is_needed(&self, piece: &PieceId, snapshot: &Snapshot) -> bool {
        let (id, key) = (piece.account.as_str(), piece.key.as_str());
        let Some(watched) = self.accounts.get(id).filter(|watched| watched.is_open) else {
            return false;
        };
        let account = snapshot.accounts.get(id);
        match piece.kind {
            kind if kind.is_of_role() => watched.roles.has(key),
            PieceKind::Managed => account.is_some_and(|account| {
                let attached = account.policies.having(RoleKey::Attached(key.to_owned()));
                let bounded = account.roles.having(RoleKey::Boundary(key.to_owned()));
                attached
                    .iter()
                    .chain(&bounded)
                    .any(|role| watched.roles.has(role))
            }),
            PieceKind::Clusters => account.is_some_and(|account| account.clusters.contains_key(key)),
            // It may be asked for to tell which issuers are dead.
            PieceKind::ProviderUrls => true,
            kind => {
                watched.besides.contains_key(piece)
                    || kind.needed(&self.circumstances(id, None, snapshot)).as_deref() == Some(key)
            }
        }
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
            self.asked
                .set(&PieceId::new(account, PieceKind::Provider, ""), None);
        }
        is_other
    }

    /// When the oldest evidence was read that a binding refers to, by account.
    #[must_use]
    pub fn ages(&self, snapshot: &Snapshot) -> BTreeMap<String, Timestamp> {
        let oldest = |(id, watched): (&String, &ReferencedAccount)| {
            let account = snapshot.accounts.get(id)?;
            let roles = watched
                .roles
                .roles()
                .filter_map(|name| account.roles.get(name)?.observed_at());
            Some((id.clone(), roles.chain(account.provider.observed_at()).min()?))
        };
        self.accounts.iter().filter_map(oldest).collect()
    }

    /// Wants what a binding refers to and nobody has seen, unless a listing is about to bring it: a role with what its policies say,
    /// because the first verdict rests on all of it. Returns whether there is any.
    pub fn want_unseen(
        &mut self,
        key: &BindingKey,
        is_awaited: bool,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> bool {
        let mut lacks_any = false;
        for arn in self.references.get(key).cloned().into_iter().flatten() {
            let (id, role) = (arn.account(), arn.name());
            let Some(watched) = self.accounts.get(id) else {
                continue;
            };
            let is_unseen = |account: &Account| {
                PieceKind::Role.is_pending(account, role) || lacks_documents(account, role)
            };
            let is_lacking = snapshot.accounts.get(id).is_none_or(is_unseen);
            lacks_any |= is_lacking && watched.is_open;
            if is_lacking && !watched.is_being_listed(role, now) {
                let piece = PieceId::new(id, PieceKind::Policies, role);
                if is_awaited {
                    self.urgent
                        .entry(piece.clone())
                        .or_insert_with(|| key.namespace.to_string());
                }
                self.askers
                    .entry(piece.clone())
                    .or_insert_with(|| key.namespace.to_string());
                self.wanted.insert(piece);
            }
            self.want_needed(id, role, snapshot);
        }
        self.want_association(key, snapshot);
        lacks_any
    }

    /// Wants the associations of the cluster once more where the role of a binding's was not asked for with them.
    fn want_association(&mut self, key: &BindingKey, snapshot: &Snapshot) {
        let Some(home) = self.home.as_ref().filter(|_| self.cluster_name.is_some()) else {
            return;
        };
        let known = snapshot.accounts.get(home);
        let associations = known.and_then(|account| account.pod_identity.latest());
        if associations.is_some_and(|associations| lacks_role(associations, key)) {
            self.wanted.insert(PieceId::new(home, PieceKind::PodIdentity, ""));
        }
    }

    /// Wants what a role's bindings need of its account, if nobody has seen it, and takes note of what every refresh is to read for
    /// their sake.
    fn want_needed(&mut self, id: &str, role: &str, snapshot: &Snapshot) {
        let (mut needed, mut wanted) = (BTreeSet::new(), Vec::new());
        let of = self.circumstances(id, Some(role), snapshot);
        for kind in PieceKind::ALL {
            let Some(key) = kind.needed(&of) else { continue };
            let piece = PieceId::new(id, *kind, &key);
            if of.account.is_none_or(|account| kind.is_pending(account, &key)) {
                wanted.push(piece.clone());
            }
            if kind.needed(&Circumstances { role: None, ..of }).is_none() {
                needed.insert(piece);
            }
        }
        self.wanted.extend(wanted);
        if let Some(watched) = self.accounts.get_mut(id) {
            watched.need(role, needed);
        }
    }

    /// Whether an answer is on its way, or something is to be asked for once more.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let is_open = |id: &PieceId| {
            self.accounts
                .get(&id.account)
                .is_some_and(|watched| watched.is_open)
        };
        !self.forced.is_empty() || self.simulations.is_waiting() || self.awaited.keys().any(is_open)
    }

    /// Wants everything read again that a binding refers to, because somebody asked for it.
    pub fn force(&mut self, key: &BindingKey, snapshot: &Snapshot) {
        for arn in self.references.get(key).into_iter().flatten() {
            let role = PieceId::new(arn.account(), PieceKind::Policies, arn.name());
            let others = self.of_account(arn.account(), snapshot);
            self.askers
                .entry(role.clone())
                .or_insert_with(|| key.namespace.to_string());
            self.urgent
                .entry(role.clone())
                .or_insert_with(|| key.namespace.to_string());
            self.forced.insert(role);
            self.forced.extend(others);
        }
        self.forced.extend(self.simulations.target(key));
        self.rereads.forget(key);
    }

    /// Wants what tells which issuers are dead, once for each refresh: providers and clusters must have been looked for after the
    /// roles that trust an issuer, so that it is not enough that the same was just asked for.
    pub fn ask_of_issuers(&mut self, questions: impl IntoIterator<Item = IssuerQuestion>, now: Timestamp) {
        self.asked_of_issuers.take_due(now);
        for target in questions.into_iter().map(piece_of) {
            if self.asked_of_issuers.at(&target).is_none() {
                self.asked_of_issuers
                    .set(&target, Some(after(now, self.refresh / 2)));
                self.forced.insert(target);
            }
        }
    }

    /// Takes note of why a binding is not healthy, or with `None` that it is, or that nobody asks any more.
    pub fn hang(&mut self, key: &BindingKey, cause: Option<RereadCause>, now: Timestamp) {
        self.rereads.hang(key, cause, self.refresh, now);
    }
}

/// The piece of evidence that answers a question about issuers.
fn piece_of(question: IssuerQuestion) -> PieceId {
    match question {
        IssuerQuestion::Providers { account } => PieceId::new(&account, PieceKind::ProviderUrls, ""),
        IssuerQuestion::Clusters { account, region } => PieceId::new(&account, PieceKind::Clusters, &region),
    }
}

/// Whether nobody has tried to read which policies a role has, or what one of them says.
fn lacks_documents(account: &Account, role: &str) -> bool {
    let Some(RoleLookup::Found(found)) = account.roles.get(role).and_then(Observed::latest) else {
        return false;
    };
    let policies = account.policies.get(role);
    let Some(policies) = policies.and_then(Observed::latest) else {
        return policies.is_none_or(Observed::is_pending);
    };
    let managed = policies.attached.iter().map(String::as_str);
    let mut managed = managed.chain(found.boundary.as_deref());
    let lacks_inline = |name: &String| {
        account.inline.get(role).is_none_or(|seen| {
            let is_read = |documents: &InlineDocuments| documents.contains_key(name);
            seen.failure.is_none()
                && !seen.latest().is_some_and(is_read)
                && !account.is_inline_gone(role, name)
        })
    };
    policies.inline.iter().any(lacks_inline) || managed.any(|arn| PieceKind::Managed.is_pending(account, arn))
}
