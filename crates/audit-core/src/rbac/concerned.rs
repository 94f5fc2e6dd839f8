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

/// The most subjects of one namespace of which note is taken. Whoever may edit it can write hundreds of bindings of thousands of subjects to one
/// Role, and change that.
const MOST_GRANTEES: usize = 1024;

/// The subjects of bindings of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Grantees {
    /// These.
    These(BTreeSet<Subject>),
    /// So many that anyone may be one.
    Many,
}

impl Default for Grantees {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

/// What of roles and bindings has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionsChange {
    /// Any expectation may be concerned.
    pub all: bool,
    /// The scopes of roles and bindings whose names a proposed role may have: what is proposed in these scopes may have another name now.
    names: BTreeSet<Text>,
    /// The subjects whose bindings have changed, or whose bindings' roles have, with the scope of the binding: a namespace, or empty
    /// for the whole cluster.
    granted: BTreeMap<Text, Grantees>,
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
        !self.all && self.names.is_empty() && self.granted.is_empty()
    }

    /// Adds another change.
    pub fn merge(&mut self, other: Self) {
        self.all |= other.all;
        self.names.extend(other.names);
        for (scope, grantees) in other.granted {
            match grantees {
                Grantees::These(subjects) => self.add_grantees(&scope, subjects),
                Grantees::Many => {
                    self.granted.insert(scope, Grantees::Many);
                }
            }
        }
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
        // Where there are too many already, no binding of their scope adds anything.
        let bindings = rbac.bindings_to(role);
        bindings.for_each(|binding| self.add_subjects(binding));
    }

    fn add_subjects(&mut self, binding: &RoleBinding) {
        let scope = &binding.id.namespace;
        // The rest may be anyone.
        let anyone = binding.has_more.then(|| Subject::Group(AUTHENTICATED.into()));
        let subjects = binding.subjects.iter().cloned().chain(anyone);
        self.add_grantees(scope, subjects);
    }

    fn add_grantees(&mut self, scope: &Text, subjects: impl IntoIterator<Item = Subject>) {
        let grantees = self.granted.entry(scope.clone()).or_default();
        for subject in subjects {
            let Grantees::These(known) = grantees else {
                return;
            };
            counted::step();
            known.insert(subject);
            if known.len() > MOST_GRANTEES && !scope.is_empty() {
                *grantees = Grantees::Many;
            }
        }
    }

    fn add_name(&mut self, id: &ObjectId) {
        if id.name.contains(::rbac::least::ENDING) {
            self.names.insert(id.namespace.clone());
        }
    }

    /// The bindings that it concerns at once: those of which something is expected where it is in force.
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
        for (scope, grantees) in &self.granted {
            let Grantees::These(subjects) = grantees else {
                groups.insert(Members::Expecting(scope));
                continue;
            };
            for subject in counted::each(subjects) {
                match subject {
                    Subject::Group(name) => groups.extend(members(scope, name)),
                    subject => {
                        let meant = meant(cluster, subject);
                        let is_there = |key: &BindingKey| {
                            scope.is_empty() || cluster.expects_permissions_for(scope, key)
                        };
                        keys.extend(meant.filter(is_there));
                    }
                }
                add_near(&mut keys, cluster, scope, subject);
                if let Subject::ServiceAccount(id) = subject
                    && !exists(cluster, id)
                {
                    misspelt.entry((scope, &id.namespace)).or_default().push(subject);
                }
            }
        }
        // Many bindings may name one group.
        for members in groups {
            members.add(&mut keys, cluster);
        }
        add_similar(&mut keys, cluster, &misspelt);
        keys
    }

    /// The bindings of which something is expected anywhere else: that it is granted in a namespace may explain why it is denied in another.
    /// Whoever may edit one namespace can name all ServiceAccounts of the cluster, in each edit of one object.
    #[must_use]
    pub fn concerned_elsewhere(&self, cluster: &Cluster) -> BTreeSet<BindingKey> {
        let in_namespaces = self.granted.iter().filter(|(scope, _)| !scope.is_empty());
        let mut keys = BTreeSet::new();
        let mut namespaces = BTreeSet::new();
        for (_, grantees) in in_namespaces {
            let Grantees::These(subjects) = grantees else {
                return cluster.expecting_permissions().cloned().collect();
            };
            for subject in counted::each(subjects) {
                match subject {
                    Subject::Group(name) => namespaces.extend(namespace_of(name)),
                    subject => keys.extend(meant(cluster, subject)),
                }
            }
        }
        for namespace in namespaces {
            keys.extend(cluster.expecting_permissions_in(namespace).cloned());
        }
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
    /// Those of a namespace: a binding of the whole cluster.
    Of(&'a str),
    /// Those of the second namespace who expect something in the first.
    ExpectingOf(&'a str, &'a str),
}

fn members<'a>(scope: &'a str, group: &'a str) -> Option<Members<'a>> {
    match group {
        SERVICE_ACCOUNTS | AUTHENTICATED if scope.is_empty() => Some(Members::All),
        SERVICE_ACCOUNTS | AUTHENTICATED => Some(Members::Expecting(scope)),
        group if scope.is_empty() => namespace_of(group).map(Members::Of),
        group => namespace_of(group).map(|namespace| Members::ExpectingOf(scope, namespace)),
    }
}

/// The namespace whose ServiceAccounts are the members of a group.
fn namespace_of(group: &str) -> Option<&str> {
    group.strip_prefix(SERVICE_ACCOUNTS)?.strip_prefix(':')
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
    use super::*;
    use crate::testing::World;

    /// A binding in a namespace to groups of so many namespaces, and to that of `shop/cart`.
    fn of_many(namespace: &str, others: usize) -> RoleBinding {
        let groups = (0..others).map(|at| format!("system:serviceaccounts:{namespace}-{at}"));
        let groups = groups.chain(["system:serviceaccounts:shop".to_owned()]);
        let subjects: Vec<Subject> = groups.map(|name| Subject::Group(name.into())).collect();
        crate::rbac::testing::binding(namespace, "b", "r", &subjects)
    }

    #[test]
    fn whom_a_binding_names_who_expects_nothing_there_can_wait() {
        let world = World::healthy().expect_kubernetes();
        let cluster = &world.snapshot.cluster;
        for (namespace, others, at_once, elsewhere) in [
            ("shop", 0, true, true),
            ("elsewhere", 0, false, true),
            ("elsewhere", 900, false, true),
            ("", 900, true, false),
        ] {
            let mut change = PermissionsChange::default();
            change.add_binding(&of_many(namespace, others));
            assert_eq!(
                change.concerned(cluster).contains(&world.key),
                at_once,
                "{namespace}"
            );
            let told = change.concerned_elsewhere(cluster);
            assert_eq!(told.contains(&world.key), elsewhere, "{namespace}");
        }
    }

    #[test]
    fn of_a_namespace_that_names_thousands_anyone_may_be_concerned() {
        let world = World::healthy().expect_kubernetes();
        let cluster = &world.snapshot.cluster;
        let mut change = PermissionsChange::default();
        let before = counted::steps();
        for at in 0..100 {
            change.add_binding(&of_many(&format!("elsewhere-{at}"), 1));
            let mut bindings = of_many("elsewhere", 1_000);
            bindings.subjects = bindings
                .subjects
                .iter()
                .map(|subject| Subject::User(format!("{at} {}", subject.name()).into()))
                .collect();
            change.add_binding(&bindings);
        }
        assert!(change.concerned(cluster).is_empty());
        assert!(change.concerned_elsewhere(cluster).contains(&world.key));
        assert!(counted::steps() - before < 5_000, "{}", counted::steps() - before);
        change.add_binding(&of_many("shop", 2_000));
        assert!(change.concerned(cluster).contains(&world.key));
    }
}
