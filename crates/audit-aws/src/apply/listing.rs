//! A listing of a whole account into a snapshot. Pure.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::model::{
    Account, EksIssuer, InlineDocuments, ManagedPolicy, Observed, ReadFailure, RoleLookup, TrustedIssuer,
    TrustingRoles,
};
use jiff::Timestamp;

use crate::concern::Concern;
use crate::evidence::{Inline, Managed, Policies, Role, forget_role, keep};
use crate::failure::Failure;
use crate::reading::{Listed, ListedRole};

/// Puts the end of a listing into its account. Returns whom it concerns, in any order.
pub(super) fn put(
    id: &str,
    account: &mut Account,
    result: Result<Listed, Failure>,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> Vec<Concern> {
    let state = |account: &Account| {
        let listing = &account.listing;
        let failure = listing.failure.as_ref().map(|failure| failure.kind.clone());
        (listing.value.is_none(), failure)
    };
    let before = state(account);
    let mut changes = match result {
        Ok(listed) => put_listed(id, account, listed, started_at, ended_at),
        Err(failure) => {
            account.listing.fail_as(failure.since(ended_at));
            Vec::new()
        }
    };
    changes.extend((before != state(account)).then(|| Concern::account(id)));
    changes
}

/// Puts a complete listing into its account.
fn put_listed(
    id: &str,
    account: &mut Account,
    listed: Listed,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> Vec<Concern> {
    let role_change = |name: &str| Concern::role(id, name);
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
        let role_is_other = !role_read && keep::<Role>(account, &name, at, role.map(RoleLookup::Found));
        let policies_are_other = !policies_read && keep::<Policies>(account, &name, at, Ok(policies));
        let inline_read = read_within(account.inline.get(&name), at, ended_at);
        let inline_is_other = !inline_read && listed_inline(account, &name, inline, at);
        changes.extend((role_is_other || policies_are_other || inline_is_other).then(|| role_change(&name)));
        kept.insert(name);
    }
    for name in listed.absent {
        if !read_within(account.roles.get(&name), started_at, ended_at)
            && keep::<Role>(account, &name, started_at, Ok(RoleLookup::Absent))
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
        forget_role(account, &name);
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
        roles.shrink_to_fit();
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
        Some(documents) if !documents.is_empty() => keep::<Inline>(account, name, at, Ok(documents)),
        _ => account.inline.remove(name).is_some(),
    }
}

/// Puts the documents of managed policies, and forgets those of policies that no wanted role has any more.
fn put_listed_policies(
    id: &str,
    account: &mut Account,
    managed: BTreeMap<String, (Timestamp, ManagedPolicy)>,
    unlisted: &BTreeSet<String>,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> Vec<Concern> {
    account.managed.retain(|arn, seen| {
        managed.contains_key(arn) || unlisted.contains(arn) || read_within(Some(seen), started_at, ended_at)
    });
    let mut changes = Vec::new();
    for (arn, (at, document)) in managed {
        if !read_within(account.managed.get(&arn), at, ended_at)
            && keep::<Managed>(account, &arn, at, Ok(document))
        {
            let account = id.to_owned();
            changes.push(Concern::Policy { account, arn });
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

fn changed_subjects(
    old: &BTreeMap<String, Vec<String>>,
    new: &BTreeMap<String, Vec<String>>,
) -> Vec<Concern> {
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    all.into_iter()
        .filter(|s| old.get(*s) != new.get(*s))
        .map(|s| Concern::Subject(s.clone()))
        .collect()
}
