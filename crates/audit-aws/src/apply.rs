//! Answers into a snapshot. Pure.

mod simulation;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{
    Access, Account, BindingKey, Clusters, EksIssuer, FailureKind, InlineDocuments, Observed,
    PodIdentityAssociation, ReadFailure, RoleLookup, RolePolicies, TrustedIssuer, TrustingRoles,
};
use jiff::Timestamp;

use crate::reading::{Failure, Listed, ListedRole, Reading};

/// What a reading changed in meaning: a value, or whether and how reading it fails; never only its age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A role, its trust policy, or its permission policies.
    Role {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
    },
    /// What the policy simulator says of a role.
    Simulation {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
    },
    /// What stands in a managed policy.
    Policy {
        /// The account's id.
        account: String,
        /// The policy's ARN.
        arn: String,
    },
    /// The OIDC provider of an account.
    Provider {
        /// The account's id.
        account: String,
    },
    /// The list of an account's providers, or its quota of trust policies.
    Account {
        /// The account's id.
        account: String,
    },
    /// The association of EKS Pod Identity of a ServiceAccount.
    Association(BindingKey),
    /// Which roles name this subject (`system:serviceaccount:…`) in their trust policies.
    Subject(String),
    /// Whether an account could be listed as a whole: for the first time, or a failure of it began, ended or became
    /// another.
    Listing {
        /// The account's id.
        account: String,
    },
    /// Whether the configuration gives a way into an account.
    Access {
        /// The account's id.
        account: String,
    },
}

/// Puts a reading into the accounts of a snapshot. Returns what changed in meaning, sorted, each change once.
///
/// The latest answer counts, in the order in which the directory gives them. Only what a listing shows of a role is
/// weighed against single reads that were made while the listing went on: the younger stands.
pub fn apply(accounts: &mut BTreeMap<String, Account>, reading: Reading) -> Vec<Change> {
    let mut changes = match reading {
        Reading::HomeAccount { .. } | Reading::EksIssuer { .. } => Vec::new(),
        Reading::NotConfigured { account: id } => {
            let account = accounts.entry(id.clone()).or_default();
            let changed = account.access != Access::NotConfigured;
            account.access = Access::NotConfigured;
            if changed {
                vec![Change::Access { account: id }]
            } else {
                Vec::new()
            }
        }
        Reading::Role {
            account,
            name,
            at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let changed = put_role(entry, &name, result, at);
            change
                .into_iter()
                .chain(changed.then_some(Change::Role { account, name }))
                .collect()
        }
        Reading::Policies {
            account,
            name,
            at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let changed = put_policies(entry, &name, result, at);
            change
                .into_iter()
                .chain(changed.then_some(Change::Role { account, name }))
                .collect()
        }
        Reading::Inline {
            account,
            name,
            at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let changed = put_inline(entry, &name, result, at);
            change
                .into_iter()
                .chain(changed.then_some(Change::Role { account, name }))
                .collect()
        }
        Reading::Managed {
            account,
            arn,
            at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let changed = put_managed(entry, &arn, result, at);
            change
                .into_iter()
                .chain(changed.then_some(Change::Policy { account, arn }))
                .collect()
        }
        reading @ Reading::Simulation { .. } => simulation::apply(accounts, reading),
        reading @ (Reading::Provider { .. }
        | Reading::ProviderUrls { .. }
        | Reading::TrustQuota { .. }
        | Reading::PodIdentity { .. }
        | Reading::Clusters { .. }) => apply_to_account(accounts, reading),
        Reading::Listing {
            account,
            at,
            started_at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let mut changes = Vec::from_iter(change);
            let was_missing = entry.listing.value.is_none();
            let failed_by = kind(&entry.listing);
            match result {
                Ok(listed) => changes.extend(put_listing(&account, entry, listed, started_at, at)),
                Err(failure) => entry.listing.fail(failure.kind, failure.message, at),
            }
            if was_missing != entry.listing.value.is_none() || failed_by != kind(&entry.listing) {
                changes.push(Change::Listing { account });
            }
            changes
        }
    };
    changes.sort_unstable();
    changes.dedup();
    changes
}

/// The account's entry, which the directory could look into.
fn configured<'a>(
    accounts: &'a mut BTreeMap<String, Account>,
    id: &str,
) -> (&'a mut Account, Option<Change>) {
    let account = accounts.entry(id.to_owned()).or_default();
    let changed = account.access != Access::Configured;
    account.access = Access::Configured;
    (
        account,
        changed.then(|| Change::Access {
            account: id.to_owned(),
        }),
    )
}

/// Puts what an account has but one of into it.
fn apply_to_account(accounts: &mut BTreeMap<String, Account>, reading: Reading) -> Vec<Change> {
    match reading {
        Reading::Provider {
            account,
            arn: _,
            at,
            result,
        } => put_of_account(
            accounts,
            account,
            |a| &mut a.provider,
            result,
            at,
            |account| Change::Provider { account },
        ),
        Reading::ProviderUrls { account, at, result } => put_of_account(
            accounts,
            account,
            |a| &mut a.provider_urls,
            result,
            at,
            |account| Change::Account { account },
        ),
        Reading::TrustQuota { account, at, result } => put_of_account(
            accounts,
            account,
            |a| &mut a.trust_quota,
            result,
            at,
            |account| Change::Account { account },
        ),
        Reading::PodIdentity {
            account,
            at,
            result,
            trouble,
        } => {
            let (entry, change) = configured(accounts, &account);
            let mut changes = Vec::from_iter(change);
            changes.extend(put_associations(&mut entry.pod_identity, result, at));
            if let Some(failure) = trouble {
                entry.pod_identity.fail(failure.kind, failure.message, at);
            }
            changes
        }
        Reading::Clusters {
            account,
            region,
            at,
            result,
        } => {
            let (entry, change) = configured(accounts, &account);
            let seen = entry.clusters.entry(region).or_default();
            let clusters = |issuers| Clusters {
                issuers,
                is_whole: true,
            };
            // No binding hangs on them.
            put(seen, result.map(clusters), at, |old, new| old == new);
            Vec::from_iter(change)
        }
        _ => Vec::new(),
    }
}

/// Takes note of a read of what an account has but one of.
fn put_of_account<T: PartialEq>(
    accounts: &mut BTreeMap<String, Account>,
    id: String,
    of: fn(&mut Account) -> &mut Observed<T>,
    result: Result<T, Failure>,
    at: Timestamp,
    change: fn(String) -> Change,
) -> Vec<Change> {
    let (entry, access) = configured(accounts, &id);
    let changed = put(of(entry), result, at, |old, new| old == new);
    access.into_iter().chain(changed.then(|| change(id))).collect()
}

/// Takes note of a read; says whether its meaning changed. A value that means the same as the old one is dropped for
/// the old one, so that what is shared stays shared.
fn put<T>(
    seen: &mut Observed<T>,
    result: Result<T, Failure>,
    at: Timestamp,
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    let failed_by = kind(seen);
    let changed = match result {
        Ok(new) => match seen.value.take() {
            Some((old, _)) if same(&old, &new) => {
                seen.succeed(old, at);
                false
            }
            _ => {
                seen.succeed(new, at);
                true
            }
        },
        Err(failure) => {
            seen.fail(failure.kind, failure.message, at);
            false
        }
    };
    changed || failed_by != kind(seen)
}

fn kind<T>(seen: &Observed<T>) -> Option<FailureKind> {
    seen.failure.as_ref().map(|failure| failure.kind.clone())
}

fn put_role(account: &mut Account, name: &str, result: Result<RoleLookup, Failure>, at: Timestamp) -> bool {
    let id_before = account.roles.get(name).and_then(role_id).map(str::to_owned);
    let seen = account.roles.entry(name.to_owned()).or_default();
    let changed = put(seen, result, at, same_role);
    // What was read of a role's policies says nothing of another role that bears its name later.
    if id_before.is_some() && id_before.as_deref() != role_id(seen) {
        account.policies.remove(name);
        account.inline.remove(name);
        account.simulations.remove(name);
    }
    changed
}

fn put_inline(
    account: &mut Account,
    name: &str,
    result: Result<InlineDocuments, Failure>,
    at: Timestamp,
) -> bool {
    put(
        account.inline.entry(name.to_owned()).or_default(),
        result,
        at,
        |old, new| old == new,
    )
}

fn put_managed(account: &mut Account, arn: &str, result: Result<Box<str>, Failure>, at: Timestamp) -> bool {
    put(
        account.managed.entry(arn.to_owned()).or_default(),
        result,
        at,
        |old, new| old == new,
    )
}

fn put_policies(
    account: &mut Account,
    name: &str,
    result: Result<RolePolicies, Failure>,
    at: Timestamp,
) -> bool {
    put(
        account.policies.entry(name.to_owned()).or_default(),
        result,
        at,
        |old, new| old == new,
    )
}

/// Returns the ServiceAccounts whose association is another one now.
fn put_associations(
    seen: &mut Observed<BTreeMap<BindingKey, PodIdentityAssociation>>,
    result: Result<BTreeMap<BindingKey, PodIdentityAssociation>, Failure>,
    at: Timestamp,
) -> Vec<Change> {
    let new = match result {
        Ok(new) => new,
        Err(failure) => {
            seen.fail(failure.kind, failure.message, at);
            return Vec::new();
        }
    };
    let old = seen.value.take().map(|(old, _)| old).unwrap_or_default();
    let keys: BTreeSet<&BindingKey> = old.keys().chain(new.keys()).collect();
    let differs = |key: &&BindingKey| old.get(*key) != new.get(*key);
    let changes = keys
        .into_iter()
        .filter(differs)
        .map(|key| Change::Association(key.clone()))
        .collect();
    seen.succeed(new, at);
    changes
}

fn role_id(seen: &Observed<RoleLookup>) -> Option<&str> {
    match seen.latest() {
        Some(RoleLookup::Found(role)) => Some(&role.id),
        _ => None,
    }
}

/// The trust policy's text says all that its parsed form says.
fn same_role(old: &RoleLookup, new: &RoleLookup) -> bool {
    match (old, new) {
        (RoleLookup::Found(a), RoleLookup::Found(b)) => {
            Arc::ptr_eq(a, b)
                || (a.arn == b.arn
                    && a.id == b.id
                    && a.boundary == b.boundary
                    && a.trust_text == b.trust_text
                    && a.last_used == b.last_used)
        }
        (RoleLookup::Absent, RoleLookup::Absent) => true,
        _ => false,
    }
}

/// Puts a complete listing into its account.
fn put_listing(
    id: &str,
    account: &mut Account,
    listed: Listed,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> Vec<Change> {
    let role_change = |name: &str| Change::Role {
        account: id.to_owned(),
        name: name.to_owned(),
    };
    let mut changes = Vec::new();
    let mut subjects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut kept = listed.absent.clone();
    for ListedRole {
        name,
        at,
        role,
        policies,
        inline,
        subjects: named,
    } in listed.roles
    {
        for subject in named {
            subjects.entry(subject).or_default().push(name.clone());
        }
        let role_read = read_within(account.roles.get(&name), at, ended_at);
        let policies_read = read_within(account.policies.get(&name), at, ended_at);
        let role_is_other = !role_read && put_role(account, &name, role.map(RoleLookup::Found), at);
        let policies_are_other = !policies_read && put_policies(account, &name, Ok(policies), at);
        let inline_read = read_within(account.inline.get(&name), at, ended_at);
        let inline_is_other = !inline_read && listed_inline(account, &name, inline, at);
        changes.extend((role_is_other || policies_are_other || inline_is_other).then(|| role_change(&name)));
        kept.insert(name);
    }
    for name in listed.absent {
        if !read_within(account.roles.get(&name), started_at, ended_at)
            && put_role(account, &name, Ok(RoleLookup::Absent), started_at)
        {
            changes.push(role_change(&name));
        }
    }
    // What the listing was neither asked for nor kept of its own accord, nobody looks up any more.
    let forgotten: Vec<String> = account
        .roles
        .iter()
        .filter(|(name, seen)| {
            let failed_since = |f: &ReadFailure| started_at < f.since && f.since <= ended_at;
            !kept.contains(*name)
                && !read_within(Some(*seen), started_at, ended_at)
                && !seen.failure.as_ref().is_some_and(failed_since)
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in forgotten {
        account.roles.remove(&name);
        account.policies.remove(&name);
        account.inline.remove(&name);
        account.simulations.remove(&name);
        changes.push(role_change(&name));
    }
    changes.extend(put_listed_policies(
        id,
        account,
        listed.managed,
        &listed.unlisted,
        started_at,
        ended_at,
    ));
    put_trusted_issuers(account, listed.trusted_issuers, ended_at);
    for roles in subjects.values_mut() {
        roles.sort_unstable();
    }
    changes.extend(changed_subjects(&account.trusted_subjects, &subjects));
    account.trusted_subjects = subjects;
    account.listing.succeed(listed.total, started_at);
    changes
}

/// Puts the issuers that a listing shows; what shows for the first time does so since its end.
fn put_trusted_issuers(
    account: &mut Account,
    listed: BTreeMap<EksIssuer, TrustingRoles>,
    ended_at: Timestamp,
) {
    let old = std::mem::take(&mut account.trusted_issuers);
    let since = |issuer: &EksIssuer| {
        old.get(issuer)
            .map_or(ended_at, |trusted| trusted.since.min(ended_at))
    };
    let trusted = listed.into_iter().map(|(issuer, roles)| {
        let since = since(&issuer);
        (issuer, TrustedIssuer { roles, since })
    });
    account.trusted_issuers = trusted.collect();
}

/// What a listing shows of a role's inline policies: nothing of a role that nobody refers to.
fn listed_inline(account: &mut Account, name: &str, inline: Option<InlineDocuments>, at: Timestamp) -> bool {
    match inline {
        Some(documents) if !documents.is_empty() => put_inline(account, name, Ok(documents), at),
        _ => account.inline.remove(name).is_some(),
    }
}

/// Puts the documents of managed policies, and forgets those of policies that no wanted role has any more.
fn put_listed_policies(
    id: &str,
    account: &mut Account,
    managed: BTreeMap<String, (Timestamp, Box<str>)>,
    unlisted: &BTreeSet<String>,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> Vec<Change> {
    account.managed.retain(|arn, seen| {
        managed.contains_key(arn) || unlisted.contains(arn) || read_within(Some(seen), started_at, ended_at)
    });
    let mut changes = Vec::new();
    for (arn, (at, document)) in managed {
        if !read_within(account.managed.get(&arn), at, ended_at)
            && put_managed(account, &arn, Ok(document), at)
        {
            let account = id.to_owned();
            changes.push(Change::Policy { account, arn });
        }
    }
    changes
}

/// Whether a single read succeeded in this span of time.
///
/// Its end matters where the clock was set back since an earlier read: that read must not stand for ever.
fn read_within<T>(seen: Option<&Observed<T>>, from: Timestamp, to: Timestamp) -> bool {
    seen.and_then(Observed::observed_at)
        .is_some_and(|at| from < at && at <= to)
}

fn changed_subjects(old: &BTreeMap<String, Vec<String>>, new: &BTreeMap<String, Vec<String>>) -> Vec<Change> {
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.into_iter()
        .filter(|s| old.get(*s) != new.get(*s))
        .map(|s| Change::Subject(s.clone()))
        .collect()
}

#[cfg(test)]
#[path = "../tests/unit/apply.rs"]
mod tests;
