//! One account that bindings lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_aws::PieceId;
use audit_core::model::BindingKey;
use jiff::Timestamp;

use super::super::schedule::{after, backoff};
use super::referrers::Referrers;

/// The first wait after a listing that failed.
const RETRY: Duration = Duration::from_secs(5);

/// After so many listings in a row that failed, roles are read one by one as well.
const FAILURES: u32 = 3;

/// Roles that come to be wanted little by little bring about no listing within this time after another one.
const APART: Duration = Duration::from_secs(30);

/// Listings that follow each other wait longer and longer, from the first of these spans to the second: whoever renames the roles of a
/// namespace for ever would otherwise have the whole account listed for ever.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// After so long without a listing, the next one is the first.
const FORGIVEN: Duration = Duration::from_mins(2);

/// A listing of which nothing was heard for this long is asked for again.
const LOST: Duration = Duration::from_mins(10);

/// How the latest listing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The account was listed.
    Well,
    /// The operator may not list it.
    Denied,
    /// It could not be listed this time.
    Badly,
}

/// An account that bindings lead to.
#[derive(Debug)]
pub struct ReferencedAccount {
    /// The bindings that refer to each role.
    pub roles: Referrers,
    /// How many references name each partition: somebody may have written a wrong one.
    pub partitions: BTreeMap<String, usize>,
    /// The partition in the ARNs that IAM itself gave.
    pub proven_partition: Option<String>,
    /// The partition of the provider that was asked for.
    pub asked_partition: Option<String>,
    /// What only some roles need, with their names: to be read at every refresh for as long as they do.
    pub besides: BTreeMap<PieceId, BTreeSet<String>>,
    /// The same by the role.
    needed: BTreeMap<String, BTreeSet<PieceId>>,
    /// Neither policy nor configuration keep the operator out.
    pub is_open: bool,
    /// When to list next, with all else that a refresh reads.
    pub next_listing: Timestamp,
    /// When to list for the sake of roles that are wanted, where others have just been: see [`ReferencedAccount::may_be_listed_at`].
    deferred_listing: Option<Timestamp>,
    /// A listing is under way.
    listing: bool,
    /// Roles that bindings refer to only since the listing under way was asked for.
    unlisted: BTreeSet<String>,
    denied: bool,
    failures: u32,
    /// When the latest listing ended.
    listed_at: Option<Timestamp>,
    /// When the latest listing began, and how many others began shortly before it.
    begun: Option<(Timestamp, u32)>,
    /// When all roles were read one by one in place of a listing.
    singly_at: Option<Timestamp>,
}

impl ReferencedAccount {
    /// An account of which nothing was read.
    #[must_use]
    pub fn new(is_open: bool) -> Self {
        Self {
            roles: Referrers::default(),
            partitions: BTreeMap::new(),
            proven_partition: None,
            asked_partition: None,
            besides: BTreeMap::new(),
            needed: BTreeMap::new(),
            is_open,
            next_listing: Timestamp::MIN,
            deferred_listing: None,
            listing: false,
            unlisted: BTreeSet::new(),
            denied: false,
            failures: 0,
            listed_at: None,
            begun: None,
            singly_at: None,
        }
    }

    /// Forgets what was read, so that all is read anew.
    pub fn start_anew(&mut self) {
        *self = Self {
            roles: std::mem::take(&mut self.roles),
            partitions: std::mem::take(&mut self.partitions),
            ..Self::new(self.is_open)
        };
    }

    /// Takes note of a binding that refers to a role.
    pub fn refer(&mut self, role: &str, partition: &str, key: &BindingKey) {
        *self.partitions.entry(partition.to_owned()).or_default() += 1;
        if self.roles.insert(role, key) {
            self.unlisted.insert(role.to_owned());
        }
    }

    /// Takes note of a reference that is no more; with `still`, the binding has another one to the same role. Returns
    /// whether no binding refers to the role any more.
    pub fn release(&mut self, role: &str, partition: &str, key: &BindingKey, still: bool) -> bool {
        if let Some(count) = self.partitions.get_mut(partition) {
            *count -= 1;
            if *count == 0 {
                self.partitions.remove(partition);
            }
        }
        if still || !self.roles.has(role) {
            return false;
        }
        let unused = self.roles.remove(role, key);
        if unused {
            self.unlisted.remove(role);
            self.need(role, BTreeSet::new());
        }
        unused
    }

    /// Takes note of what a role needs, in place of what it needed before.
    pub fn need(&mut self, role: &str, needed: BTreeSet<PieceId>) {
        let old = self.needed.remove(role).unwrap_or_default();
        for piece in old.difference(&needed) {
            let Some(roles) = self.besides.get_mut(piece) else {
                continue;
            };
            roles.remove(role);
            if roles.is_empty() {
                self.besides.remove(piece);
            }
        }
        for piece in &needed {
            let roles = self.besides.entry(piece.clone()).or_default();
            roles.insert(role.to_owned());
        }
        if !needed.is_empty() {
            self.needed.insert(role.to_owned(), needed);
        }
    }

    /// The account's partition, unless the references contradict each other and IAM has not told yet.
    #[must_use]
    pub fn partition(&self) -> Option<&str> {
        let mut named = self.partitions.keys();
        match (&self.proven_partition, named.next(), named.next()) {
            (Some(proven), ..) => Some(proven),
            (None, Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// Whether listings bring the account's roles.
    #[must_use]
    pub fn can_be_listed(&self) -> bool {
        !self.denied && self.failures < FAILURES
    }

    /// Whether the latest listing failed, and another is planned before the refresh.
    #[must_use]
    pub fn waits_to_be_listed(&self) -> bool {
        self.failures > 0 && self.can_be_listed()
    }

    /// Whether a listing that is under way, or about to begin, answers for a role.
    #[must_use]
    pub fn is_being_listed(&self, role: &str, now: Timestamp) -> bool {
        self.can_be_listed() && (self.next_listing <= now || (self.listing && !self.unlisted.contains(role)))
    }

    /// Whether the latest listing ended a while ago, and none is under way.
    #[must_use]
    pub fn was_listed_before(&self, now: Timestamp) -> bool {
        !self.listing && self.listed_at.is_none_or(|at| after(at, APART) <= now)
    }

    /// Whether a listing is under way that answers for all roles.
    #[must_use]
    pub fn is_listed_whole(&self) -> bool {
        self.listing && self.unlisted.is_empty()
    }

    /// When another listing may begin for the sake of roles that are wanted; the first two may at once.
    #[must_use]
    pub fn may_be_listed_at(&self, now: Timestamp) -> Timestamp {
        match self.lately(now) {
            Some((at, before @ 1..)) => after(at, backoff(FIRST_WAIT, LONGEST_WAIT, before - 1)).max(now),
            _ => now,
        }
    }

    /// When the latest listing began, and how many before it, unless that is a while ago.
    fn lately(&self, now: Timestamp) -> Option<(Timestamp, u32)> {
        self.begun.filter(|(at, _)| after(*at, FORGIVEN) > now)
    }

    /// Begins a listing of all roles that bindings refer to.
    pub fn list(&mut self, refresh: Duration, now: Timestamp) -> BTreeSet<String> {
        self.listing = true;
        self.unlisted.clear();
        self.deferred_listing = None;
        self.begun = Some((now, self.lately(now).map_or(0, |(_, before)| before + 1)));
        self.next_listing = after(now, refresh.max(LOST));
        self.roles.roles().map(str::to_owned).collect()
    }

    /// Takes note of the end of a listing.
    pub fn listed(&mut self, ended: Ended, refresh: Duration, now: Timestamp) {
        self.listing = false;
        self.listed_at = Some(now);
        self.denied = ended == Ended::Denied;
        self.failures = if ended == Ended::Badly {
            self.failures + 1
        } else {
            0
        };
        let wait = match self.failures {
            // A missing permission is not granted within seconds.
            0 => refresh,
            failures => backoff(RETRY, refresh, failures - 1),
        };
        self.next_listing = after(now, wait);
    }

    /// Whether it is time to read all roles one by one, because no listing brings them: once a refresh interval.
    pub fn read_singly(&mut self, refresh: Duration, now: Timestamp) -> bool {
        let due = self.singly_at.is_none_or(|at| after(at, refresh) <= now);
        if due {
            self.singly_at = Some(now);
        }
        due
    }

    /// Lists at once where the latest listing failed: the account answers again.
    pub fn list_again(&mut self, now: Timestamp) {
        if self.failures > 0 && !self.listing {
            self.list_by(now);
        }
    }

    /// Brings the next listing forward.
    pub fn list_by(&mut self, at: Timestamp) {
        self.next_listing = self.next_listing.min(at);
    }

    /// Lists at a time for the sake of roles that are wanted, and of nothing else.
    pub fn defer_listing(&mut self, at: Timestamp) {
        self.deferred_listing = Some(self.deferred_listing.map_or(at, |other| other.min(at)));
    }

    /// Whether roles that are wanted wait for a listing.
    #[must_use]
    pub fn defers_listing(&self) -> bool {
        self.deferred_listing.is_some()
    }

    /// Whether a listing for the sake of roles may begin that was put off.
    #[must_use]
    pub fn takes_deferred(&self, now: Timestamp) -> bool {
        self.deferred_listing.is_some_and(|at| at <= now)
    }

    /// When something is listed next, if nothing else happens.
    #[must_use]
    pub fn next(&self) -> Timestamp {
        let next = self.next_listing;
        self.deferred_listing.map_or(next, |at| at.min(next))
    }
}
