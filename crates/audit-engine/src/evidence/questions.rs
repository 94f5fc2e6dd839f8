//! What to ask, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::{AskedFor, DirectoryRequest, Piece, PieceId, PieceKind};
use audit_core::Snapshot;
use audit_core::model::IssuerUrl;
use jiff::Timestamp;

use super::super::schedule::after;
use super::EvidencePlan;
use super::account::ReferencedAccount;

/// Above this many single reads of roles at once, an account is listed instead.
const SINGLES: usize = 20;

/// A namespace waits for little that waits for no more than so many roles.
const FEW: usize = 4;

/// The same thing is not read again within this time, whoever asks; the question waits.
const COALESCE: Duration = Duration::from_secs(5);

/// How long reads wait for the issuer: without it, nothing can be listed, and half of the answer is missing.
const ISSUER_PATIENCE: Duration = Duration::from_secs(5);

impl EvidencePlan {
    /// When [`EvidencePlan::requests`] will have something to ask, if nothing else happens.
    #[must_use]
    pub fn next(&self, issuer: Option<&IssuerUrl>) -> Option<Timestamp> {
        let listing = self
            .accounts
            .values()
            .filter(|watched| watched.is_open)
            .map(ReferencedAccount::next)
            .min();
        let waiting = self
            .forced
            .iter()
            .filter_map(|target| self.asked.at(target))
            .min();
        let next = [
            listing,
            waiting,
            self.rereads.next(),
            self.outages.next(),
            self.retries.next(),
        ]
        .into_iter()
        .flatten()
        .min();
        match (issuer, self.began) {
            (None, Some(began)) => next.map(|at| at.max(after(began, ISSUER_PATIENCE))),
            _ => next,
        }
    }

    /// What to ask now.
    pub fn requests(&mut self, snapshot: &Snapshot, now: Timestamp) -> Vec<DirectoryRequest> {
        let issuer = snapshot.issuer.as_ref().map(|issuer| &issuer.url);
        let mut requests = Vec::new();
        let began = *self.began.get_or_insert(now);
        if issuer.is_none() && now < after(began, ISSUER_PATIENCE) {
            return requests;
        }
        self.asked.take_due(now);
        for (target, namespace) in self.rereads.take_due(self.refresh, now) {
            let basis = target.kind.basis().map(|kind| target.of(kind));
            for piece in basis.into_iter().chain([target]) {
                self.askers
                    .entry(piece.clone())
                    .or_insert_with(|| namespace.clone());
                self.wanted.insert(piece);
            }
        }
        let (asked, awaited) = (&self.asked, &self.awaited);
        let may_ask = |piece: &PieceId| asked.at(piece).is_none() && !awaited.contains_key(piece);
        // Taken out for the time being, because what is needed depends on everything else.
        let (mut outages, mut retries) = (
            std::mem::take(&mut self.outages),
            std::mem::take(&mut self.retries),
        );
        let is_needed = |piece: &PieceId| self.is_needed(piece, snapshot);
        let again = outages.take_due(now, is_needed, may_ask);
        let tried_again = retries.take_due(now, is_needed);
        (self.outages, self.retries) = (outages, retries);
        self.wanted.extend(again.pieces);
        self.wanted.extend(tried_again);
        for id in again.accounts {
            if let Some(watched) = self.accounts.get_mut(&id) {
                watched.list_again(now);
            }
        }
        self.refresh_due(snapshot, now, &mut requests);
        self.list_deferred(issuer, now, &mut requests);
        let urgent = std::mem::take(&mut self.urgent);
        let mut wanted = std::mem::take(&mut self.wanted);
        let forced = self.forced.clone();
        wanted.extend(forced.iter().cloned());
        let included = |piece: &PieceId| Some(piece.of(piece.kind.includes()?));
        for piece in wanted.iter().filter_map(included).collect::<Vec<_>>() {
            wanted.remove(&piece);
        }
        // Of what IAM's simulator is asked, which may be many calls, no more is asked about a role before the answer.
        let is_under_way =
            |target: &PieceId| target.kind == PieceKind::Simulation && self.awaited.contains_key(target);
        wanted.retain(|target| {
            let is_awaited = urgent.contains_key(target);
            !is_under_way(target)
                && (self.asked.at(target).is_none() || (is_awaited && self.waits_behind_others(target)))
        });
        let waits = |target: &PieceId| self.asked.at(target).is_some() || is_under_way(target);
        self.forced = forced.iter().filter(|target| waits(target)).cloned().collect();
        let singles = self.rather_list(wanted, (&urgent, &forced), issuer, now, &mut requests);
        // Before what is asked now: somebody may have come to wait for it again.
        requests.extend(self.releases());
        for target in singles {
            if let Some(piece) = self.single(&target, snapshot) {
                let asked_for = self.asked_for(&target, &urgent);
                self.awaited.insert(
                    PieceId::new(&target.account, piece.kind(), piece.key()),
                    asked_for.clone(),
                );
                requests.push(DirectoryRequest::piece(&target.account, piece, asked_for));
                self.asked.set(&target, Some(after(now, COALESCE)));
            } else {
                self.outages.forget(&target);
                self.retries.forget(&target);
            }
        }
        let forced = &self.forced;
        self.askers.retain(|piece, _| forced.contains(piece));
        requests
    }

    /// Whether a piece was asked for, and is still to be answered, for the sake of what is refreshed.
    fn waits_behind_others(&self, target: &PieceId) -> bool {
        let first = target.of(target.kind.includes().unwrap_or(target.kind));
        let asked_for = self.awaited.get(&first);
        asked_for.is_some_and(|asked_for| !asked_for.is_urgent)
    }

    /// For whom a piece is read: the namespace of the binding that asked for it, or of any that refers to the role where no binding did.
    fn asked_for(&self, target: &PieceId, urgent: &BTreeMap<PieceId, String>) -> AskedFor {
        if let Some(namespace) = urgent.get(target) {
            return AskedFor {
                namespace: namespace.clone(),
                is_urgent: true,
            };
        }
        let any = || {
            let mut bindings = self.referring_to_role(&target.account, &target.key);
            bindings.next().map(|key| key.namespace.to_string())
        };
        AskedFor {
            namespace: self.askers.get(target).cloned().or_else(any).unwrap_or_default(),
            is_urgent: false,
        }
    }

    /// Reads the accounts whose refresh is due: all their roles by a listing, and what a listing does not bring.
    fn refresh_due(&mut self, snapshot: &Snapshot, now: Timestamp, requests: &mut Vec<DirectoryRequest>) {
        let issuer = snapshot.issuer.as_ref().map(|issuer| &issuer.url);
        let is_due = |watched: &ReferencedAccount| watched.is_open && watched.next_listing <= now;
        let due = self.accounts.iter().filter(|(_, watched)| is_due(watched));
        for id in due.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            let others = self.of_account(&id, snapshot);
            self.wanted.extend(others);
            self.simulations.renew(&id);
            let Some(watched) = self.accounts.get_mut(&id) else {
                continue;
            };
            let can_be_listed = watched.can_be_listed();
            match issuer {
                Some(issuer) => requests.push(listing(&id, watched, issuer, self.refresh, now)),
                None => watched.next_listing = after(now, self.refresh),
            }
            if (issuer.is_none() || !can_be_listed) && watched.read_singly(self.refresh, now) {
                let roles = watched.roles.roles();
                self.wanted
                    .extend(roles.map(|name| PieceId::new(&id, PieceKind::Policies, name)));
            }
        }
    }

    /// Lists the accounts of which roles have been waiting for that.
    fn list_deferred(
        &mut self,
        issuer: Option<&IssuerUrl>,
        now: Timestamp,
        requests: &mut Vec<DirectoryRequest>,
    ) {
        let Some(issuer) = issuer else {
            return;
        };
        for (id, watched) in &mut self.accounts {
            if watched.is_open && watched.takes_deferred(now) {
                requests.push(listing(id, watched, issuer, self.refresh, now));
            }
        }
    }

    /// What the directory need not read any more.
    pub(in super::super) fn releases(&mut self) -> impl Iterator<Item = DirectoryRequest> + use<> {
        let mut accounts: BTreeMap<String, BTreeSet<PieceId>> = BTreeMap::new();
        for piece in std::mem::take(&mut self.released) {
            accounts.entry(piece.account.clone()).or_default().insert(piece);
        }
        accounts
            .into_iter()
            .map(|(account, pieces)| DirectoryRequest::Release { account, pieces })
    }

    /// Lists accounts of which many roles are wanted or awaited; returns what remains to be read one by one. That is also what somebody
    /// waits for in a namespace that waits for little: others' many roles keep it from no answer.
    fn rather_list(
        &mut self,
        wanted: BTreeSet<PieceId>,
        (urgent, forced): (&BTreeMap<PieceId, String>, &BTreeSet<PieceId>),
        issuer: Option<&IssuerUrl>,
        now: Timestamp,
        requests: &mut Vec<DirectoryRequest>,
    ) -> Vec<PieceId> {
        let Some(issuer) = issuer else {
            return wanted.into_iter().collect();
        };
        let mut listed: BTreeSet<String> = BTreeSet::new();
        let mut began_before: BTreeSet<String> = BTreeSet::new();
        for (id, (wants, awaits)) in self.of_one_account(&wanted) {
            let Some(watched) = self.accounts.get_mut(&id) else {
                continue;
            };
            let is_much = wants > SINGLES || (wants + awaits > SINGLES && watched.was_listed_before(now));
            if is_much && watched.can_be_listed() {
                // Single reads would fail like the listing, which is tried again soon.
                if watched.is_listed_whole() {
                    began_before.insert(id.clone());
                } else if watched.is_open && !watched.waits_to_be_listed() {
                    let at = watched.may_be_listed_at(now);
                    if at <= now {
                        requests.push(listing(&id, watched, issuer, self.refresh, now));
                    } else {
                        watched.defer_listing(at);
                    }
                }
                listed.insert(id);
            }
        }
        if listed.is_empty() {
            return wanted.into_iter().collect();
        }
        let of_one = self.of_one_namespace(&wanted, urgent);
        let waits_for_little = |namespace: &String| of_one.get(namespace).is_some_and(|count| *count <= FEW);
        let is_covered = |target: &PieceId, namespace: Option<&String>| {
            let is_listed = target.kind.is_listed() && listed.contains(&target.account);
            // What is to be read anew may be what the listing has read already.
            let is_too_old = || forced.contains(target) && began_before.contains(&target.account);
            is_listed && !is_too_old() && !namespace.is_some_and(waits_for_little)
        };
        let rest = wanted
            .into_iter()
            .filter(|target| !is_covered(target, urgent.get(target)))
            .collect();
        // The listing brings what was asked for before it, too.
        let awaited = self.awaited.iter();
        let awaited = awaited.filter(|(target, asked_for)| is_covered(target, Some(&asked_for.namespace)));
        for target in awaited.map(|(target, _)| target.clone()).collect::<Vec<_>>() {
            self.release(target);
        }
        rest
    }

    /// How many pieces that listings bring are wanted, and how many are awaited, by account.
    fn of_one_account(&self, wanted: &BTreeSet<PieceId>) -> BTreeMap<String, (usize, usize)> {
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for target in wanted.iter().filter(|target| target.kind.is_listed()) {
            counts.entry(target.account.clone()).or_default().0 += 1;
        }
        if counts.is_empty() {
            return counts;
        }
        for target in self.awaited.keys().filter(|target| target.kind.is_listed()) {
            if let Some((_, awaits)) = counts.get_mut(&target.account) {
                *awaits += 1;
            }
        }
        counts
    }

    /// How many pieces that listings bring somebody waits for, by namespace.
    fn of_one_namespace(
        &self,
        wanted: &BTreeSet<PieceId>,
        urgent: &BTreeMap<PieceId, String>,
    ) -> BTreeMap<String, usize> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let wanted = wanted.iter().filter(|target| target.kind.is_listed());
        let awaited = self.awaited.iter().filter(|(target, _)| target.kind.is_listed());
        let namespaces = wanted
            .filter_map(|target| urgent.get(target))
            .chain(awaited.map(|(_, asked_for)| &asked_for.namespace));
        for namespace in namespaces {
            *counts.entry(namespace.clone()).or_default() += 1;
        }
        counts
    }

    /// The question that brings a piece; none where it cannot be asked now.
    fn single(&mut self, target: &PieceId, snapshot: &Snapshot) -> Option<Piece> {
        let id = &target.account;
        self.accounts.get(id).filter(|watched| watched.is_open)?;
        let piece = match target.kind {
            // Only those who expect permissions know what to ask.
            PieceKind::Simulation => self.simulations.request(id, &target.key)?.into(),
            kind => kind.ask(&target.key, &self.circumstances(id, None, snapshot))?,
        };
        if let (Piece::Provider(_), Some(watched)) = (&piece, self.accounts.get_mut(id)) {
            watched.asked_partition = watched.partition().map(str::to_owned);
        }
        Some(piece)
    }
}

fn listing(
    id: &str,
    watched: &mut ReferencedAccount,
    issuer: &IssuerUrl,
    refresh: Duration,
    now: Timestamp,
) -> DirectoryRequest {
    let wanted = watched.list(refresh, now);
    DirectoryRequest::Listing {
        account: id.to_owned(),
        issuer: issuer.clone(),
        wanted,
    }
}
