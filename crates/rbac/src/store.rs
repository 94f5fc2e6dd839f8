//! Roles and bindings, indexed by whom they name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::allowance::{Allowance, bytes_of_binding, bytes_of_role};
use crate::collected::{Collected, CollectedRules};
use crate::objects::{ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text};
use crate::pool::Pool;
use crate::powers::{PowerName, Powers};
use crate::subject_bindings::SubjectBindings;
use crate::taker_index::{ScopeTakers, TakerIndex};

/// The kinds that RBAC is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RbacKind {
    /// `Role`.
    Role,
    /// `ClusterRole`.
    ClusterRole,
    /// `RoleBinding`.
    RoleBinding,
    /// `ClusterRoleBinding`.
    ClusterRoleBinding,
}

impl RbacKind {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::Role,
        Self::ClusterRole,
        Self::RoleBinding,
        Self::ClusterRoleBinding,
    ];

    /// The resource, as rules name it.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::ClusterRole => "clusterroles",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRoleBinding => "clusterrolebindings",
        }
    }

    fn is_cluster_wide(self) -> bool {
        matches!(self, Self::ClusterRole | Self::ClusterRoleBinding)
    }
}

/// All roles and bindings of a cluster.
///
/// The same rules stand in every namespace, and the same words in most rules: each list of rules, and each word, is kept
/// once. Nobody's question walks through all bindings: they are found by their subjects.
#[derive(Debug, Clone, Default)]
pub struct Rbac {
    roles: BTreeMap<ObjectId, Filed>,
    bindings: BTreeMap<ObjectId, Arc<RoleBinding>>,
    /// The bindings of each subject.
    by_subject: BTreeMap<Subject, SubjectBindings>,
    /// The bindings that refer to each role, there or not.
    by_role: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Subjects by the last word of their name, in lower case, and by the namespace of a binding of theirs: where to
    /// look for those that nearly name somebody.
    by_word: BTreeSet<(Text, Text, Subject)>,
    /// Bindings that let somebody take the identity of a ServiceAccount, with the powers by which they are filed in `takers`.
    risky: BTreeMap<ObjectId, Arc<Powers>>,
    takers: TakerIndex,
    /// The filled roles with powers that are limited to a name.
    powers_over: BTreeMap<PowerName, BTreeSet<ObjectId>>,
    /// Bindings to roles that collect others' rules, where no controller has filled these in: by the binding's scope, role and name.
    bound_unfilled: BTreeSet<(Text, ObjectId, ObjectId)>,
    /// Bindings with more subjects than are kept, and those with some to roles with more rules than are kept.
    cut_bindings: BTreeSet<ObjectId>,
    bound_cut: BTreeSet<ObjectId>,
    allowance: Allowance,
    /// The ClusterRoles that are unfilled.
    unfilled: BTreeSet<ObjectId>,
    /// What unfilled roles collect; let go of whenever a ClusterRole changes.
    collected: Collected,
    rules: Pool<[PolicyRule]>,
    words: Pool<str>,
    listed: BTreeSet<RbacKind>,
}

/// A role, and what is derived from it once.
#[derive(Debug, Clone)]
struct Filed {
    role: RbacRole,
    powers: Arc<Powers>,
    /// The words of its rules.
    words: usize,
}

impl Rbac {
    /// A role.
    #[must_use]
    pub fn role(&self, id: &ObjectId) -> Option<&RbacRole> {
        self.roles.get(id).map(|filed| &filed.role)
    }

    /// How many words the rules of a role have itself.
    pub(crate) fn words(&self, id: &ObjectId) -> usize {
        self.roles.get(id).map_or(0, |filed| filed.words)
    }

    /// All roles, ClusterRoles first.
    pub fn roles(&self) -> impl Iterator<Item = &RbacRole> {
        counted::each(&self.roles).map(|(_, filed)| &filed.role)
    }

    /// A binding.
    #[must_use]
    pub fn binding(&self, id: &ObjectId) -> Option<&RoleBinding> {
        self.bindings.get(id).map(Arc::as_ref)
    }

    /// All bindings, ClusterRoleBindings first.
    pub fn bindings(&self) -> impl Iterator<Item = &RoleBinding> {
        self.bindings.values().map(Arc::as_ref)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.bindings.is_empty()
    }

    /// Whether there is any object of a kind. Those of the whole cluster come first.
    #[must_use]
    pub fn has_any(&self, kind: RbacKind) -> bool {
        let is_of_kind = |id: &ObjectId| id.is_cluster_wide() == kind.is_cluster_wide();
        let ends = match kind {
            RbacKind::Role | RbacKind::ClusterRole => {
                [self.roles.keys().next(), self.roles.keys().next_back()]
            }
            RbacKind::RoleBinding | RbacKind::ClusterRoleBinding => {
                [self.bindings.keys().next(), self.bindings.keys().next_back()]
            }
        };
        ends.into_iter().flatten().any(is_of_kind)
    }

    /// Takes note that a kind has been listed whole, so that what is not here is not there. Returns whether that is new.
    pub fn set_listed(&mut self, kind: RbacKind) -> bool {
        self.listed.insert(kind)
    }

    /// The kinds of which something may be missing.
    pub fn unlisted(&self) -> impl Iterator<Item = RbacKind> {
        RbacKind::ALL
            .into_iter()
            .filter(|kind| !self.listed.contains(kind))
    }

    /// The bindings of a subject, if it has any.
    pub(crate) fn bindings_of(&self, subject: &Subject) -> Option<&SubjectBindings> {
        self.by_subject.get(subject)
    }

    /// The bindings that refer to a role, there or not.
    pub fn bindings_to(&self, role: &ObjectId) -> impl Iterator<Item = &RoleBinding> {
        let ids = self.by_role.get(role).into_iter().flatten();
        counted::each(ids).filter_map(|id| self.binding(id))
    }

    /// The ClusterRoles that collect others' rules, and that no controller has filled in.
    pub fn unfilled(&self) -> impl Iterator<Item = &ObjectId> {
        self.unfilled.iter()
    }

    /// The subjects of bindings in a scope whose name ends as a ServiceAccount's, whatever its case; then all
    /// ServiceAccounts of its namespace that any binding names.
    pub(crate) fn subjects_near<'a>(
        &'a self,
        scope: &str,
        account: &ObjectId,
    ) -> impl Iterator<Item = &'a Subject> {
        let nothing = Subject::ServiceAccount(ObjectId::new("", ""));
        let word = last_word(&account.name);
        let scope = Text::from(scope);
        let named = self
            .by_word
            .range((word.as_str().into(), scope.clone(), nothing)..)
            .take_while(move |(own, place, _)| **own == *word && *place == scope)
            .map(|(_, _, subject)| subject);
        let namespace = account.namespace.clone();
        let neighbours = self
            .by_subject
            .range(Subject::ServiceAccount(ObjectId::new(namespace.clone(), ""))..)
            .map(|(subject, _)| subject)
            .take_while(
                move |subject| matches!(subject, Subject::ServiceAccount(id) if id.namespace == namespace),
            );
        named.chain(neighbours)
    }

    /// Those who can take identities in a namespace; with an empty one, in the whole cluster.
    pub(crate) fn takers_of(&self, scope: &str) -> Option<&ScopeTakers> {
        self.takers.of(scope)
    }

    /// The bindings in a scope, a namespace or empty for the whole cluster, to filled roles with powers that are limited to a name.
    pub(crate) fn bound_over(&self, name: &PowerName, scope: &str) -> impl Iterator<Item = &RoleBinding> {
        let roles = self.powers_over.get(name);
        // A binding refers to a ClusterRole, or to a Role of its own namespace.
        let namespaces = ["", scope].into_iter().take(if scope.is_empty() { 1 } else { 2 });
        let roles = namespaces.flat_map(move |namespace| {
            let own = roles
                .into_iter()
                .flat_map(move |roles| roles.range(ObjectId::new(namespace, "")..));
            own.take_while(move |role| *role.namespace == *namespace)
        });
        let scope = Text::from(scope);
        counted::each(roles).flat_map(move |role| {
            let (first, scope) = (ObjectId::new(scope.clone(), ""), scope.clone());
            let ids = self
                .by_role
                .get(role)
                .into_iter()
                .flat_map(move |ids| ids.range(first.clone()..));
            counted::each(ids.take_while(move |id| id.namespace == scope)).filter_map(|id| self.binding(id))
        })
    }

    /// The bindings in a scope to roles that no controller has filled in, with these roles, sorted by both.
    pub(crate) fn bound_unfilled(&self, scope: &str) -> impl Iterator<Item = (&ObjectId, &ObjectId)> {
        let nothing = || ObjectId::new("", "");
        let start = (Text::from(scope), nothing(), nothing());
        let scope = start.0.clone();
        let bound = self.bound_unfilled.range(start..);
        counted::each(bound.take_while(move |(own, _, _)| *own == scope)).map(|(_, role, id)| (role, id))
    }

    /// What a role lets somebody do to identities.
    pub(crate) fn powers(&self, role: &ObjectId) -> Option<Arc<Powers>> {
        let filed = self.roles.get(role)?;
        if is_unfilled(&filed.role) {
            return Some(self.collected.of(role, || self.collect(role)).powers.clone());
        }
        Some(filed.powers.clone())
    }

    /// Whether a role, or one whose rules it collects, has more rules than are kept.
    pub(crate) fn is_cut(&self, role: &ObjectId) -> bool {
        let Some(role) = self.role(role) else {
            return false;
        };
        if !is_unfilled(role) {
            return role.has_more;
        }
        let collected = self.collected.of(&role.id, || self.collect(&role.id));
        let mut roles = collected.from.iter().filter_map(|id| self.role(id));
        roles.any(|role| role.has_more)
    }

    /// The bindings of a scope, a namespace or empty for the whole cluster, that have more subjects than are kept.
    pub(crate) fn cut_bindings<'a>(&'a self, scope: &str) -> impl Iterator<Item = &'a RoleBinding> {
        self.in_scope(&self.cut_bindings, scope)
    }

    /// The bindings of a scope with subjects, to roles that have more rules than are kept.
    pub(crate) fn bound_cut<'a>(&'a self, scope: &str) -> impl Iterator<Item = &'a RoleBinding> {
        self.in_scope(&self.bound_cut, scope)
    }

    fn in_scope<'a>(
        &'a self,
        bindings: &'a BTreeSet<ObjectId>,
        scope: &str,
    ) -> impl Iterator<Item = &'a RoleBinding> {
        let first = ObjectId::new(scope, "");
        let scope = first.namespace.clone();
        let own = bindings
            .range(first..)
            .take_while(move |id| id.namespace == scope);
        counted::each(own).filter_map(|id| self.binding(id))
    }

    /// The rules of a role, with those that it aggregates where no controller has filled them in.
    #[must_use]
    pub fn rules_of(&self, role: &ObjectId) -> Vec<&PolicyRule> {
        let Some(role) = self.role(role) else {
            return Vec::new();
        };
        if !is_unfilled(role) {
            return role.rules.iter().collect();
        }
        let collected = self.collected.of(&role.id, || self.collect(&role.id));
        let roles = collected.from.iter().filter_map(|id| self.role(id));
        roles.flat_map(|role| role.rules.iter()).collect()
    }

    /// The roles whose rules an unfilled role has, with itself, and what they open.
    fn collect(&self, role: &ObjectId) -> CollectedRules {
        let Some(role) = self.role(role) else {
            return CollectedRules::default();
        };
        let (mut from, mut seen, mut queue) = (Vec::new(), BTreeSet::from([&role.id]), vec![role]);
        while let Some(role) = queue.pop() {
            from.push(role);
            if is_unfilled(role) {
                let selected = self.roles().filter(|other| {
                    other.id.is_cluster_wide()
                        && role
                            .aggregates
                            .iter()
                            .any(|selector| selector.selects(&other.labels))
                });
                queue.extend(selected.filter(|other| seen.insert(&other.id)));
            }
        }
        let rules = from.iter().flat_map(|role| role.rules.iter());
        CollectedRules {
            powers: Arc::new(Powers::of(rules)),
            from: from.iter().map(|role| role.id.clone()).collect(),
        }
    }

    /// Stores a role, without its rules where the large objects of its namespace take too much. Returns whether anything changed.
    pub fn put_role(&mut self, mut role: RbacRole) -> bool {
        if self.role(&role.id) == Some(&role) {
            return false;
        }
        let new = bytes_of_role(&role, &Powers::of(role.rules.iter()));
        let old = self.bytes_of_role(&role.id);
        if !self.allowance.replace(&role.id.namespace, old, new) {
            (role.rules, role.has_more) = (Arc::default(), true);
            if self.role(&role.id) == Some(&role) {
                return false;
            }
        }
        self.forget_powers(&role.id);
        let role = RbacRole {
            id: self.share_id(&role.id),
            rules: self.share_rules(&role.rules),
            ..role
        };
        let powers = Arc::new(Powers::of(role.rules.iter()));
        let words = role.rules.iter().map(PolicyRule::words).sum();
        let id = role.id.clone();
        let is_one_unfilled = is_unfilled(&role);
        if !is_one_unfilled {
            for name in powers.names() {
                self.powers_over.entry(name).or_default().insert(id.clone());
            }
        }
        let old = self.roles.insert(id.clone(), Filed { role, powers, words });
        let was_unfilled = self.note_unfilled(&id, is_one_unfilled);
        let weight = |filed: &Filed| (filed.powers.clone(), filed.role.has_more);
        let now = self.roles.get(&id).map(weight);
        // Most changes of a role open no other ways, however many bindings it has.
        if was_unfilled || is_one_unfilled || old.as_ref().map(weight) != now {
            self.weigh_bindings_of(&id);
        }
        self.sweep();
        true
    }

    /// Takes a role away. Returns whether it was there.
    pub fn remove_role(&mut self, id: &ObjectId) -> bool {
        self.forget_powers(id);
        let bytes = self.bytes_of_role(id);
        let Some(Filed { role, .. }) = self.roles.remove(id) else {
            return false;
        };
        self.allowance.replace(&id.namespace, bytes, 0);
        self.note_unfilled(id, false);
        self.weigh_bindings_of(id);
        drop(role);
        self.sweep();
        true
    }

    /// Stores a binding, without its subjects where the large objects of its namespace take too much. Returns whether anything changed.
    pub fn put_binding(&mut self, binding: &RoleBinding) -> bool {
        let old = self.binding(&binding.id).map_or(0, bytes_of_binding);
        let has_room = self
            .allowance
            .replace(&binding.id.namespace, old, bytes_of_binding(binding));
        let subjects = if has_room { &*binding.subjects } else { &[] };
        let has_more = binding.has_more || !has_room;
        let is_old = |old: &RoleBinding| {
            old.role == binding.role && *old.subjects == *subjects && old.has_more == has_more
        };
        if self.binding(&binding.id).is_some_and(is_old) {
            return false;
        }
        self.unfile_binding(&binding.id);
        let subjects = subjects.iter().map(|subject| self.share_subject(subject));
        let subjects = subjects.collect();
        let binding = Arc::new(RoleBinding {
            id: self.share_id(&binding.id),
            role: self.share_id(&binding.role),
            subjects,
            has_more,
        });
        for subject in &binding.subjects {
            // A binding may name the same subject twice.
            let bindings = self.by_subject.entry(subject.clone()).or_default();
            bindings.insert(&binding);
            let word = self.words.text(&last_word(&subject.name()));
            self.by_word
                .insert((word, binding.id.namespace.clone(), subject.clone()));
        }
        self.by_role
            .entry(binding.role.clone())
            .or_default()
            .insert(binding.id.clone());
        let id = binding.id.clone();
        if binding.has_more {
            self.cut_bindings.insert(id.clone());
        }
        self.bindings.insert(id.clone(), binding);
        self.weigh(&id);
        true
    }

    /// Takes a binding away. Returns whether it was there.
    pub fn remove_binding(&mut self, id: &ObjectId) -> bool {
        let bytes = self.binding(id).map_or(0, bytes_of_binding);
        self.allowance.replace(&id.namespace, bytes, 0);
        self.unfile_binding(id)
    }

    /// Takes a binding out of all indexes. Returns whether it was there.
    fn unfile_binding(&mut self, id: &ObjectId) -> bool {
        self.unweigh(id);
        let Some(binding) = self.bindings.remove(id) else {
            return false;
        };
        self.cut_bindings.remove(id);
        for subject in &binding.subjects {
            let Some(bindings) = self.by_subject.get_mut(subject) else {
                continue;
            };
            bindings.remove(&binding);
            if !bindings.reaches(&id.namespace) {
                let word = Text::from(last_word(&subject.name()));
                self.by_word
                    .remove(&(word, id.namespace.clone(), subject.clone()));
            }
            if bindings.is_empty() {
                self.by_subject.remove(subject);
            }
        }
        if let Some(bindings) = self.by_role.get_mut(&binding.role) {
            bindings.remove(id);
            if bindings.is_empty() {
                self.by_role.remove(&binding.role);
            }
        }
        drop(binding);
        self.sweep();
        true
    }

    /// Takes away all objects of a kind that are not in `present`, after a watch has started anew. Returns whether any was.
    pub fn retain(&mut self, kind: RbacKind, present: &BTreeSet<ObjectId>) -> bool {
        let is_gone =
            |id: &&ObjectId| id.is_cluster_wide() == kind.is_cluster_wide() && !present.contains(*id);
        let gone: Vec<ObjectId> = match kind {
            RbacKind::Role | RbacKind::ClusterRole => self.roles.keys().filter(is_gone).cloned().collect(),
            RbacKind::RoleBinding | RbacKind::ClusterRoleBinding => {
                self.bindings.keys().filter(is_gone).cloned().collect()
            }
        };
        for id in &gone {
            match kind {
                RbacKind::Role | RbacKind::ClusterRole => self.remove_role(id),
                RbacKind::RoleBinding | RbacKind::ClusterRoleBinding => self.remove_binding(id),
            };
        }
        !gone.is_empty()
    }

    fn bytes_of_role(&self, id: &ObjectId) -> usize {
        let filed = self.roles.get(id);
        filed.map_or(0, |filed| bytes_of_role(&filed.role, &filed.powers))
    }

    /// Takes out a role's powers that are limited to names.
    fn forget_powers(&mut self, id: &ObjectId) {
        let powers = self.roles.get(id).map(|filed| filed.powers.clone());
        for name in powers.iter().flat_map(|powers| powers.names()) {
            if let Some(roles) = self.powers_over.get_mut(&name) {
                roles.remove(id);
                if roles.is_empty() {
                    self.powers_over.remove(&name);
                }
            }
        }
    }

    fn weigh_bindings_of(&mut self, role: &ObjectId) {
        let bindings: Vec<ObjectId> = self.by_role.get(role).into_iter().flatten().cloned().collect();
        for id in &bindings {
            counted::step();
            self.weigh(id);
        }
    }

    /// Files the subjects of a binding among those who can take identities, as far as its role lets them.
    fn weigh(&mut self, id: &ObjectId) {
        self.unweigh(id);
        let Some(binding) = self.bindings.get(id) else {
            return;
        };
        let Some(filed) = self.roles.get(&binding.role) else {
            return;
        };
        if filed.role.has_more && !binding.subjects.is_empty() {
            self.bound_cut.insert(id.clone());
        }
        if is_unfilled(&filed.role) {
            let (scope, id) = (binding.id.namespace.clone(), binding.id.clone());
            self.bound_unfilled.insert((scope, binding.role.clone(), id));
        } else if !filed.powers.reach_none() {
            self.takers.insert(binding, &filed.powers);
            self.risky.insert(binding.id.clone(), filed.powers.clone());
        }
    }

    /// Takes the subjects of a binding out again.
    fn unweigh(&mut self, id: &ObjectId) {
        let Some(binding) = self.bindings.get(id) else {
            return;
        };
        self.bound_cut.remove(id);
        if let Some(powers) = self.risky.remove(id) {
            self.takers.remove(binding, &powers);
        }
        if !self.bound_unfilled.is_empty() {
            let (scope, id) = (binding.id.namespace.clone(), binding.id.clone());
            self.bound_unfilled.remove(&(scope, binding.role.clone(), id));
        }
    }

    /// Takes note of whether a role is unfilled, and that what others collect may be something else now. Returns whether it was.
    fn note_unfilled(&mut self, id: &ObjectId, is_one: bool) -> bool {
        if id.is_cluster_wide() {
            self.collected.clear();
        }
        if is_one {
            !self.unfilled.insert(id.clone())
        } else {
            self.unfilled.remove(id)
        }
    }

    fn share_id(&mut self, id: &ObjectId) -> ObjectId {
        ObjectId {
            namespace: self.words.text(&id.namespace),
            name: self.words.text(&id.name),
        }
    }

    fn share_subject(&mut self, subject: &Subject) -> Subject {
        match subject {
            Subject::ServiceAccount(id) => Subject::ServiceAccount(self.share_id(id)),
            Subject::User(name) => Subject::User(self.words.text(name)),
            Subject::Group(name) => Subject::Group(self.words.text(name)),
        }
    }

    fn share_rules(&mut self, rules: &Arc<[PolicyRule]>) -> Arc<[PolicyRule]> {
        if let Some(shared) = self.rules.get(rules) {
            return shared;
        }
        let words = &mut self.words;
        let mut list = |texts: &[Text]| texts.iter().map(|text| words.text(text)).collect();
        let shared: Arc<[PolicyRule]> = rules
            .iter()
            .map(|rule| PolicyRule {
                verbs: list(&rule.verbs),
                api_groups: list(&rule.api_groups),
                resources: list(&rule.resources),
                resource_names: list(&rule.resource_names),
            })
            .collect();
        self.rules.insert(shared)
    }

    /// Lets go of rules and words that nothing needs any more, once there may be many. Rules that are kept keep their words.
    fn sweep(&mut self) {
        if self.rules.is_due() || self.words.is_due() {
            self.rules.sweep();
            self.words.sweep();
        }
    }
}

/// Whether a role collects others' rules, and no controller has filled them in.
fn is_unfilled(role: &RbacRole) -> bool {
    role.rules.is_empty() && !role.aggregates.is_empty()
}

/// What stands after the last colon or slash of a name, in lower case.
#[must_use]
pub fn last_word(name: &str) -> String {
    let word = name.rsplit([':', '/']).next().unwrap_or_default();
    word.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_forgotten_with_their_last_binding() {
        let account = ObjectId::new("x", "y");
        let binding = RoleBinding {
            id: ObjectId::new("shop", "b"),
            role: ObjectId::new("shop", "r"),
            subjects: [Subject::ServiceAccount(account.clone())].into(),
            has_more: false,
        };
        let mut rbac = Rbac::default();
        assert!(rbac.put_binding(&binding));
        assert!(rbac.subjects_near("shop", &account).next().is_some());
        assert!(rbac.remove_binding(&binding.id));
        assert_eq!(rbac.subjects_near("shop", &account).next(), None);
    }
}
