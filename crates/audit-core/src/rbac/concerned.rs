//! Which bindings a change of roles or their bindings concerns, of those for which somebody expects Kubernetes permissions.

use std::collections::{BTreeMap, BTreeSet};

use ::rbac::identity::{AUTHENTICATED, SERVICE_ACCOUNTS};
use ::rbac::nearest::nearly_names;
use ::rbac::store::last_word;
use ::rbac::{ObjectId, Rbac, RoleBinding, Subject, Text};

use crate::model::BindingKey;
use crate::snapshot::Cluster;

/// Above so many subjects of one scope that name no ServiceAccount, their names are not compared: all of the namespace are concerned.
const MOST_COMPARED: usize = 64;

/// What of roles and bindings has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionsChange {
    /// Any expectation may be concerned.
    pub all: bool,
    /// The scopes of roles and bindings whose names a proposed role may have: what is proposed in these scopes may have another name now.
    names: BTreeSet<Text>,
    /// The subjects whose bindings have changed, or whose bindings' roles have, with the scope of the binding: a namespace, or empty
    /// for the whole cluster.
    granted: BTreeSet<(Text, Subject)>,
    /// The same of crowded bindings, which concern only what is expected in their scope.
    granted_there: BTreeSet<(Text, Subject)>,
}

impl PermissionsChange {
    /// A change that may concern every expectation.
    #[must_use]
    pub fn all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty() && self.granted.is_empty() && self.granted_there.is_empty()
    }

    /// Adds another change.
    pub fn merge(&mut self, other: Self) {
        self.all |= other.all;
        self.names.extend(other.names);
        self.granted.extend(other.granted);
        self.granted_there.extend(other.granted_there);
    }

    /// A binding that came, went or changed, as it was or as it is.
    pub fn add_binding(&mut self, binding: &RoleBinding) {
        self.add_name(&binding.id);
        self.add_subjects(binding);
    }

    /// A role that came, went or changed, with those that give it to somebody, or collect its rules.
    pub fn add_role(&mut self, rbac: &Rbac, role: &ObjectId) {
        self.add_name(role);
        if role.is_cluster_wide() {
            // One of these is proposed where it would do.
            self.all |= matches!(&*role.name, "view" | "edit" | "admin");
            let collecting = rbac.unfilled().flat_map(|role| rbac.bindings_to(role));
            collecting.for_each(|binding| self.add_subjects(binding));
        }
        rbac.bindings_to(role)
            .for_each(|binding| self.add_subjects(binding));
    }

    fn add_subjects(&mut self, binding: &RoleBinding) {
        let scope = &binding.id.namespace;
        // The rest may be anyone.
        let anyone = binding.has_more.then(|| Subject::Group(AUTHENTICATED.into()));
        let subjects = binding.subjects.iter().cloned().chain(anyone);
        let granted = if binding.is_crowded() {
            &mut self.granted_there
        } else {
            &mut self.granted
        };
        granted.extend(subjects.map(|subject| (scope.clone(), subject)));
    }

    fn add_name(&mut self, id: &ObjectId) {
        if id.name.contains(::rbac::least::ENDING) {
            self.names.insert(id.namespace.clone());
        }
    }

    /// The bindings that it concerns.
    #[must_use]
    pub fn concerned(&self, cluster: &Cluster) -> BTreeSet<BindingKey> {
        if self.all {
            return cluster.expecting_permissions().cloned().collect();
        }
        let mut keys = BTreeSet::new();
        for scope in &self.names {
            keys.extend(cluster.expecting_permissions_for(scope).cloned());
        }
        let (mut groups, mut misspelt) = (BTreeSet::new(), Misspelt::new());
        let everywhere = self.granted.iter().map(|granted| (granted, false));
        let there = self.granted_there.iter().map(|granted| (granted, true));
        for ((scope, subject), there_only) in everywhere.chain(there) {
            counted::step();
            match subject {
                Subject::Group(name) => groups.extend(members(scope, name, there_only)),
                subject => {
                    let meant = meant(cluster, subject);
                    keys.extend(
                        meant.filter(|key| !there_only || cluster.expects_permissions_for(scope, key)),
                    );
                }
            }
            add_near(&mut keys, cluster, scope, subject);
            if let Subject::ServiceAccount(id) = subject
                && !exists(cluster, id)
            {
                misspelt.entry((scope, &id.namespace)).or_default().push(subject);
            }
        }
        // Many bindings may name one group.
        for members in groups {
            members.add(&mut keys, cluster);
        }
        add_similar(&mut keys, cluster, &misspelt);
        keys
    }
}

fn exists(cluster: &Cluster, account: &ObjectId) -> bool {
    let binding = cluster.binding(&BindingKey::new(&*account.namespace, &*account.name));
    binding.is_some_and(|binding| binding.service_account().is_some())
}

/// The one whom a subject means by name.
fn meant(cluster: &Cluster, subject: &Subject) -> Option<BindingKey> {
    let key = match subject {
        Subject::ServiceAccount(id) => BindingKey::new(&*id.namespace, &*id.name),
        Subject::User(name) => {
            let names = name.strip_prefix("system:serviceaccount:")?;
            let (namespace, name) = names.split_once(':')?;
            BindingKey::new(namespace, name)
        }
        Subject::Group(_) => return None,
    };
    Some(key).filter(|key| cluster.expects_permissions(key))
}

/// The members of a group of ServiceAccounts, as far as a binding concerns them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Members<'a> {
    /// All.
    All,
    /// All who expect something in a namespace: a binding there that names everybody counts there only.
    Expecting(&'a str),
    /// Those of a namespace.
    Of(&'a str),
    /// Those of the second namespace who expect something in the first.
    ExpectingOf(&'a str, &'a str),
}

fn members<'a>(scope: &'a str, group: &'a str, there_only: bool) -> Option<Members<'a>> {
    match group {
        SERVICE_ACCOUNTS | AUTHENTICATED if scope.is_empty() => Some(Members::All),
        SERVICE_ACCOUNTS | AUTHENTICATED => Some(Members::Expecting(scope)),
        group => {
            let namespace = group.strip_prefix(SERVICE_ACCOUNTS)?.strip_prefix(':')?;
            Some(if there_only {
                Members::ExpectingOf(scope, namespace)
            } else {
                Members::Of(namespace)
            })
        }
    }
}

impl Members<'_> {
    fn add(self, keys: &mut BTreeSet<BindingKey>, cluster: &Cluster) {
        match self {
            Self::All => keys.extend(cluster.expecting_permissions().cloned()),
            Self::Expecting(scope) => keys.extend(cluster.expecting_permissions_for(scope).cloned()),
            Self::Of(namespace) => keys.extend(cluster.expecting_permissions_in(namespace).cloned()),
            Self::ExpectingOf(scope, namespace) => {
                keys.extend(cluster.expecting_permissions_for_in(scope, namespace).cloned());
            }
        }
    }
}

/// Those whose names a subject nearly has: that explains why a permission is missing in the binding's scope.
fn add_near(keys: &mut BTreeSet<BindingKey>, cluster: &Cluster, scope: &str, subject: &Subject) {
    let is_near = |key: &BindingKey| {
        let account = ObjectId::new(key.namespace.as_str(), key.service_account.as_str());
        nearly_names(subject, &account, &|_| false)
    };
    let name = last_word(&subject.name());
    let named = cluster.expecting_permissions_named(scope, &name).into_iter();
    keys.extend(named.filter(is_near));
}

/// Subjects by scope and namespace.
type Misspelt<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Subject>>;

/// Those whose names one of many subjects nearly has, where no ServiceAccount has that of the subject.
fn add_similar(keys: &mut BTreeSet<BindingKey>, cluster: &Cluster, misspelt: &Misspelt<'_>) {
    for ((scope, namespace), subjects) in misspelt {
        let is_near = |key: &&BindingKey| {
            let account = ObjectId::new(key.namespace.as_str(), key.service_account.as_str());
            subjects.len() > MOST_COMPARED
                || counted::each(subjects).any(|subject| nearly_names(subject, &account, &|_| false))
        };
        if scope.is_empty() {
            let expecting = cluster.expecting_permissions_in(namespace);
            keys.extend(expecting.filter(is_near).cloned());
        } else {
            let expecting = cluster.expecting_permissions_for_in(scope, namespace);
            keys.extend(expecting.filter(is_near).cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use ::rbac::DenialCause;

    use super::*;
    use crate::testing::World;

    /// `shop/cart`, which may not get pods of its namespace, with a binding of a role that would do, in a namespace, to its group and
    /// others. The binding too.
    fn granted_in(namespace: &str, others: usize) -> (World, RoleBinding) {
        let groups = (0..others).map(|at| Subject::Group(format!("system:serviceaccounts:ns-{at}").into()));
        let own = Subject::Group("system:serviceaccounts:shop".into());
        let subjects: Vec<Subject> = groups.chain([own]).collect();
        let role = if namespace == "shop" { "other" } else { "r" };
        let binding = crate::rbac::testing::binding(namespace, "b", role, &subjects);
        let world = World::healthy()
            .expect_kubernetes()
            .granting(namespace, "r", "get core pods")
            .rbac(|rbac| {
                rbac.put_binding(&binding);
            });
        (world, binding)
    }

    fn cause(world: &World) -> Option<DenialCause> {
        let request = world.snapshot.cluster.binding(&world.key)?.request()?;
        let answers = crate::rbac::answers(&world.snapshot, &world.key, &request.kubernetes);
        answers.first()?.nearest.as_ref().map(|nearest| nearest.cause)
    }

    #[test]
    fn a_binding_of_many_concerns_those_who_expect_something_in_its_namespace() {
        for (namespace, others, told, cause_is) in [
            ("elsewhere", 63, true, DenialCause::Namespace),
            ("elsewhere", 64, false, DenialCause::NoBinding),
            ("elsewhere", 4095, false, DenialCause::NoBinding),
            ("shop", 63, true, DenialCause::RoleMissing),
            ("shop", 4095, true, DenialCause::RoleMissing),
        ] {
            let (world, binding) = granted_in(namespace, others);
            let mut change = PermissionsChange::default();
            change.add_binding(&binding);
            let concerned = change.concerned(&world.snapshot.cluster);
            assert_eq!(concerned.contains(&world.key), told, "{namespace} {others}");
            assert_eq!(cause(&world), Some(cause_is), "{namespace} {others}");
        }
    }
}
