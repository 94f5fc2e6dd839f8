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
            .map(|watched| watched.next_listing)
            .min();
        let waiting = self
            .forced
            .iter()
            .filter_map(|target| self.asked.at(target))
            .min();
        let next = [listing, waiting, self.rereads.next(), self.outages.next()]
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
        let due = self.rereads.take_due(self.refresh, now);
        let basis = |piece: &PieceId| Some(piece.of(piece.kind.basis()?));
        self.wanted.extend(due.iter().filter_map(basis));
        self.wanted.extend(due);
        let again = self.outages.take_due(now);
        self.wanted.extend(again.pieces);
        for id in again.accounts {
            if let Some(watched) = self.accounts.get_mut(&id) {
                watched.list_again(now);
            }
        }
        self.refresh_due(snapshot, now, &mut requests);
        let urgent = std::mem::take(&mut self.urgent);
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.append(&mut self.forced.clone());
        let included = |piece: &PieceId| Some(piece.of(piece.kind.includes()?));
        for piece in wanted.iter().filter_map(included).collect::<Vec<_>>() {
            wanted.remove(&piece);
        }
        wanted.retain(|target| self.asked.at(target).is_none());
        self.forced.retain(|target| self.asked.at(target).is_some());
        for target in self.rather_list(wanted, issuer, now, &mut requests) {
            if let Some(piece) = self.single(&target, snapshot) {
                self.awaited
                    .insert(PieceId::new(&target.account, piece.kind(), piece.key()));
                let asked_for = self.asked_for(&target, &urgent);
                requests.push(DirectoryRequest::piece(&target.account, piece, asked_for));
                self.asked.set(&target, Some(after(now, COALESCE)));
            }
        }
        requests
    }

    /// For whom a piece is read: the namespace of a binding that somebody waits for, or of any that refers to the role.
    fn asked_for(&self, target: &PieceId, urgent: &BTreeMap<PieceId, String>) -> AskedFor {
        if let Some(namespace) = urgent.get(target) {
            return AskedFor {
                namespace: namespace.clone(),
                is_urgent: true,
            };
        }
        let mut bindings = self.referring_to_role(&target.account, &target.key);
        AskedFor {
            namespace: bindings
                .next()
                .map(|key| key.namespace.clone())
                .unwrap_or_default(),
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
                let roles = watched.roles.keys();
                self.wanted
                    .extend(roles.map(|name| PieceId::new(&id, PieceKind::Policies, name)));
            }
        }
    }

    /// Lists accounts of which many roles are wanted; returns what remains to be read one by one.
    fn rather_list(
        &mut self,
        wanted: BTreeSet<PieceId>,
        issuer: Option<&IssuerUrl>,
        now: Timestamp,
        requests: &mut Vec<DirectoryRequest>,
    ) -> Vec<PieceId> {
        let Some(issuer) = issuer else {
            return wanted.into_iter().collect();
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for target in wanted.iter().filter(|target| target.kind.is_listed()) {
            *counts.entry(&target.account).or_default() += 1;
        }
        let mut listed: BTreeSet<String> = BTreeSet::new();
        for (id, count) in counts {
            if let Some(watched) = self
                .accounts
                .get_mut(id)
                .filter(|w| count > SINGLES && w.can_be_listed())
            {
                listed.insert(id.to_owned());
                // Single reads would fail like the listing, which is tried again soon.
                if watched.is_open && !watched.waits_to_be_listed() && !watched.is_listed_whole() {
                    requests.push(listing(id, watched, issuer, self.refresh, now));
                }
            }
        }
        wanted
            .into_iter()
            .filter(|target| !(target.kind.is_listed() && listed.contains(&target.account)))
            .collect()
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
