//! The first step of a look: what is observed of one binding, and which roles it refers to.

use std::collections::BTreeSet;

use audit_core::audit::is_suspended;
use audit_core::chain::{Chain, asked_role};
use audit_core::model::{BindingKey, RoleLookup};
use audit_core::paths::{CarriedRoles, Ways};
use audit_core::permissions::chaining;
use audit_core::snapshot::{AccountTrait, Binding};
use audit_core::{Config, Snapshot};
use iam_policy::RoleArn;
use jiff::Timestamp;

/// Plain data of one binding. It becomes a chain, once.
#[derive(Debug)]
pub struct Gathered<'k> {
    key: &'k BindingKey,
    /// The roles that the verdict depends on, until somebody takes note of them. Empty for a binding that is not looked into: one that the settings exclude, or whose
    /// `IrsaAudit` is suspended.
    pub roles: BTreeSet<RoleArn>,
    /// An `IrsaAudit` asks for the audit, or would if the API server did not refuse it, and nothing says that it is to rest.
    is_audited: bool,
}

impl<'k> Gathered<'k> {
    /// Gathers what is observed of a binding.
    #[must_use]
    pub fn gather(snapshot: &Snapshot, config: &Config, key: &'k BindingKey, now: Timestamp) -> Self {
        let binding = snapshot.cluster.binding(key);
        let request = binding.and_then(|binding| binding.request());
        let looked_into = binding.filter(|binding| !config.excludes(key) && !is_suspended(binding));
        Self {
            key,
            roles: looked_into.map_or_else(BTreeSet::new, |binding| {
                roles_of(snapshot, config, key, binding, now)
            }),
            is_audited: looked_into.is_some() && (request.is_some() || snapshot.cluster.is_refused(key)),
        }
    }

    /// The binding.
    #[must_use]
    pub fn key(&self) -> &'k BindingKey {
        self.key
    }

    /// The second step: the chain of a binding that is audited.
    #[must_use]
    pub fn derive<'a>(self, snapshot: &'a Snapshot, config: &'a Config, now: Timestamp) -> Option<Chain<'a>>
    where
        'k: 'a,
    {
        self.is_audited
            .then(|| Chain::derive(snapshot, config, self.key, now))
    }
}

/// The roles that the verdict on a binding depends on. Empty for a binding that is not looked into.
#[must_use]
pub fn referenced_roles(
    snapshot: &Snapshot,
    config: &Config,
    key: &BindingKey,
    now: Timestamp,
) -> BTreeSet<RoleArn> {
    Gathered::gather(snapshot, config, key, now).roles
}

/// The annotation's role, those that its pods carry, and those that trust it by name while pods run as it.
fn roles_of(
    snapshot: &Snapshot,
    config: &Config,
    key: &BindingKey,
    binding: &Binding,
    now: Timestamp,
) -> BTreeSet<RoleArn> {
    let mut roles = BTreeSet::new();
    let active = || binding.pods().iter().filter(|pod| pod.is_active());
    let carried = CarriedRoles::of(active().map(|pod| &**pod));
    roles.extend(carried.followed().iter().cloned());
    roles.extend(asked_role(snapshot, config, key));
    roles.extend(Ways::find(snapshot, config, now, key).named_roles());
    if active().next().is_some() {
        roles.extend(trusting_roles(snapshot, &key.subject()));
    }
    // Roles that it is expected to assume have their say by their trust policies.
    let expectations = binding.request().map_or(&[][..], |request| &request.aws);
    roles.extend(chaining::targets(expectations));
    roles
}

/// The roles whose trust policy names a subject: as long as it runs, somebody has to look after them.
fn trusting_roles<'s>(snapshot: &'s Snapshot, subject: &'s str) -> impl Iterator<Item = RoleArn> + 's {
    let accounts = snapshot.accounts.having(AccountTrait::NamesSubjects);
    accounts.flat_map(move |(_, account)| {
        let names = account.trusted_subjects.get(subject).into_iter().flatten();
        names.filter_map(|name| match account.roles.get(name)?.latest()? {
            RoleLookup::Found(role) => Some(role.arn.clone()),
            RoleLookup::Absent => None,
        })
    })
}
