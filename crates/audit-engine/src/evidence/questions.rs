//! What to ask, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::Request;
use audit_core::model::IssuerUrl;
use jiff::Timestamp;

use super::super::schedule::after;
use super::EvidencePlan;
use super::account::Watched;
use super::target::Target;

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
        let next = [listing, waiting, self.rereads.next()]
            .into_iter()
            .flatten()
            .min();
        match (issuer, self.began) {
            (None, Some(began)) => next.map(|at| at.max(after(began, ISSUER_PATIENCE))),
            _ => next,
        }
    }

    /// What to ask now.
    pub fn requests(&mut self, issuer: Option<&IssuerUrl>, now: Timestamp) -> Vec<Request> {
        let mut requests = Vec::new();
        let began = *self.began.get_or_insert(now);
        if issuer.is_none() && now < after(began, ISSUER_PATIENCE) {
            return requests;
        }
        self.asked.take_due(now);
        let due = self.rereads.take_due(self.refresh, now);
        self.wanted.extend(due.iter().filter_map(Target::basis));
        self.wanted.extend(due);
        for (id, watched) in &mut self.accounts {
            if watched.is_open && watched.next_listing <= now {
                let can_be_listed = watched.can_be_listed();
                match issuer {
                    Some(issuer) => requests.push(listing(id, watched, issuer, self.refresh, now)),
                    None => watched.next_listing = after(now, self.refresh),
                }
                self.simulations.renew(id);
                self.wanted.insert(Target::provider(id));
                self.wanted.extend(watched.besides.iter().cloned());
                if self.cluster_name.is_some() && self.home.as_ref() == Some(id) {
                    self.wanted.insert(Target::pod_identity(id));
                }
                if (issuer.is_none() || !can_be_listed) && watched.read_singly(self.refresh, now) {
                    self.wanted
                        .extend(watched.roles.keys().map(|name| Target::permissions(id, name)));
                }
            }
        }
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.append(&mut self.forced.clone());
        let with_documents: Vec<Target> = wanted.iter().filter_map(Target::part).collect();
        for part in with_documents {
            wanted.remove(&part);
        }
        wanted.retain(|target| self.asked.at(target).is_none());
        self.forced.retain(|target| self.asked.at(target).is_some());
        for target in self.rather_list(wanted, issuer, now, &mut requests) {
            if let Some(request) = self.single(&target, issuer) {
                requests.push(request);
                self.asked.set(&target, Some(after(now, COALESCE)));
            }
        }
        requests
    }

    /// Lists accounts of which many roles are wanted; returns what remains to be read one by one.
    fn rather_list(
        &mut self,
        wanted: BTreeSet<Target>,
        issuer: Option<&IssuerUrl>,
        now: Timestamp,
        requests: &mut Vec<Request>,
    ) -> Vec<Target> {
        let Some(issuer) = issuer else {
            return wanted.into_iter().collect();
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for target in wanted.iter().filter(|target| target.is_listed()) {
            *counts.entry(target.account()).or_default() += 1;
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
            .filter(|target| !(target.is_listed() && listed.contains(target.account())))
            .collect()
    }

    fn single(&mut self, target: &Target, issuer: Option<&IssuerUrl>) -> Option<Request> {
        let watched = self
            .accounts
            .get_mut(target.account())
            .filter(|watched| watched.is_open)?;
        match target {
            Target::Role { account, name } => Some(Request::Role {
                account: account.clone(),
                name: name.clone(),
            }),
            Target::Permissions { account, name } => Some(Request::Permissions {
                account: account.clone(),
                name: name.clone(),
            }),
            Target::Simulation { account, name } => self.simulations.request(account, name),
            Target::ProviderUrls { account } => Some(Request::ProviderUrls {
                account: account.clone(),
            }),
            Target::TrustQuota { account } => Some(Request::TrustQuota {
                account: account.clone(),
            }),
            Target::PodIdentity { account } => Some(Request::PodIdentity {
                account: account.clone(),
                cluster_name: self.cluster_name.clone()?,
                wanted: self.references.keys().cloned().collect(),
            }),
            Target::Clusters { account, region } => Some(Request::Clusters {
                account: account.clone(),
                region: region.clone(),
            }),
            Target::Provider { account } => {
                watched.asked_partition = Some(watched.partition()?.to_owned());
                Some(Request::Provider {
                    account: account.clone(),
                    arn: self.provider_arn(account, issuer)?,
                })
            }
        }
    }
}

fn listing(
    id: &str,
    watched: &mut Watched,
    issuer: &IssuerUrl,
    refresh: Duration,
    now: Timestamp,
) -> Request {
    let wanted = watched.list(refresh, now);
    Request::Listing {
        account: id.to_owned(),
        issuer: issuer.clone(),
        wanted,
    }
}
