//! Roles and bindings, indexed by whom they name.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::objects::{ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text};
use crate::powers::Powers;

/// How many words or lists of rules may be kept that nothing needs any more, before they are swept out.
const SLACK: usize = 1024;

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
    /// The bindings of each subject, sorted.
    by_subject: BTreeMap<Subject, Vec<Arc<RoleBinding>>>,
    /// The bindings that refer to each role, there or not.
    by_role: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Subjects by the last word of their name, in lower case, and by the namespace of a binding of theirs: where to
    /// look for those that nearly name somebody.
    by_word: BTreeSet<(Text, Text, Subject)>,
    /// Bindings that may let somebody take the identity of a ServiceAccount.
    risky: BTreeSet<ObjectId>,
    rules: HashSet<Arc<[PolicyRule]>>,
    words: HashSet<Text>,
    listed: BTreeSet<RbacKind>,
}

/// A role, and what is derived from it once.
#[derive(Debug, Clone)]
struct Filed {
    role: RbacRole,
    powers: Arc<Powers>,
}

impl Rbac {
    /// A role.
    #[must_use]
    pub fn role(&self, id: &ObjectId) -> Option<&RbacRole> {
        self.roles.get(id).map(|filed| &filed.role)
    }

    /// All roles, ClusterRoles first.
    pub fn roles(&self) -> impl Iterator<Item = &RbacRole> {
        self.roles.values().map(|filed| &filed.role)
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

    /// The bindings of a subject, those of the whole cluster first.
    #[must_use]
    pub fn bindings_of(&self, subject: &Subject) -> &[Arc<RoleBinding>] {
        self.by_subject.get(subject).map_or(&[][..], Vec::as_slice)
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

    /// The bindings that may let somebody take an identity, in one namespace; with an empty one, of the whole cluster.
    pub(crate) fn risky_in<'a, 'n>(
        &'a self,
        namespace: &'n str,
    ) -> impl Iterator<Item = &'a RoleBinding> + use<'a, 'n> {
        self.risky
            .range(ObjectId::new(namespace, "")..)
            .take_while(move |id| &*id.namespace == namespace)
            .filter_map(|id| self.binding(id))
    }

    /// What a role lets somebody do to identities, where its own rules say that.
    pub(crate) fn powers(&self, role: &ObjectId) -> Option<Arc<Powers>> {
        let filed = self.roles.get(role)?;
        if is_unfilled(&filed.role) {
            return Some(Arc::new(Powers::of(self.rules_of(role))));
        }
        Some(filed.powers.clone())
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
        let (mut rules, mut seen, mut queue) = (Vec::new(), BTreeSet::from([&role.id]), vec![role]);
        while let Some(role) = queue.pop() {
            rules.extend(role.rules.iter());
            if is_unfilled(role) {
                let collected = self.roles().filter(|other| {
                    other.id.is_cluster_wide()
                        && role
                            .aggregates
                            .iter()
                            .any(|selector| selector.selects(&other.labels))
                });
                queue.extend(collected.filter(|other| seen.insert(&other.id)));
            }
        }
        rules
    }

    /// Stores a role. Returns whether anything changed.
    pub fn put_role(&mut self, role: RbacRole) -> bool {
        if self.role(&role.id) == Some(&role) {
            return false;
        }
        let role = RbacRole {
            id: self.share_id(&role.id),
            rules: self.share_rules(&role.rules),
            ..role
        };
        let powers = Arc::new(Powers::of(role.rules.iter()));
        let id = role.id.clone();
        self.roles.insert(id.clone(), Filed { role, powers });
        self.weigh_bindings_of(&id);
        self.sweep();
        true
    }

    /// Takes a role away. Returns whether it was there.
    pub fn remove_role(&mut self, id: &ObjectId) -> bool {
        let removed = self.roles.remove(id).is_some();
        if removed {
            self.weigh_bindings_of(id);
            self.sweep();
        }
        removed
    }

    /// Stores a binding. Returns whether anything changed.
    pub fn put_binding(&mut self, binding: &RoleBinding) -> bool {
        if self.binding(&binding.id) == Some(binding) {
            return false;
        }
        self.remove_binding(&binding.id);
        let binding = Arc::new(RoleBinding {
            id: self.share_id(&binding.id),
            role: self.share_id(&binding.role),
            subjects: binding
                .subjects
                .iter()
                .map(|subject| self.share_subject(subject))
                .collect(),
        });
        for subject in &binding.subjects {
            let bindings = self.by_subject.entry(subject.clone()).or_default();
            // A binding may name the same subject twice.
            if let Err(place) = bindings.binary_search_by(|other| other.id.cmp(&binding.id)) {
                bindings.insert(place, binding.clone());
            }
            let word = share(&mut self.words, &last_word(&subject.name()));
            self.by_word
                .insert((word, binding.id.namespace.clone(), subject.clone()));
        }
        self.by_role
            .entry(binding.role.clone())
            .or_default()
            .insert(binding.id.clone());
        let id = binding.id.clone();
        self.bindings.insert(id.clone(), binding);
        self.weigh(&id);
        true
    }

    /// Takes a binding away. Returns whether it was there.
    pub fn remove_binding(&mut self, id: &ObjectId) -> bool {
        let Some(binding) = self.bindings.remove(id) else {
            return false;
        };
        for subject in &binding.subjects {
            let Some(bindings) = self.by_subject.get_mut(subject) else {
                continue;
            };
            bindings.retain(|other| other.id != *id);
            if bindings.iter().all(|other| other.id.namespace != id.namespace) {
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
        self.risky.remove(id);
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

    fn weigh_bindings_of(&mut self, role: &ObjectId) {
        let bindings: Vec<ObjectId> = self.by_role.get(role).into_iter().flatten().cloned().collect();
        for id in &bindings {
            self.weigh(id);
        }
    }

    /// Files a binding among those that may let somebody take an identity, or not.
    fn weigh(&mut self, id: &ObjectId) {
        let Some(binding) = self.bindings.get(id) else {
            return;
        };
        let filed = self.roles.get(&binding.role);
        if filed.is_some_and(|filed| !filed.powers.is_empty() || is_unfilled(&filed.role)) {
            self.risky.insert(binding.id.clone());
        } else {
            self.risky.remove(id);
        }
    }

    fn share_id(&mut self, id: &ObjectId) -> ObjectId {
        ObjectId {
            namespace: share(&mut self.words, &id.namespace),
            name: share(&mut self.words, &id.name),
        }
    }

    fn share_subject(&mut self, subject: &Subject) -> Subject {
        match subject {
            Subject::ServiceAccount(id) => Subject::ServiceAccount(self.share_id(id)),
            Subject::User(name) => Subject::User(share(&mut self.words, name)),
            Subject::Group(name) => Subject::Group(share(&mut self.words, name)),
        }
    }

    fn share_rules(&mut self, rules: &Arc<[PolicyRule]>) -> Arc<[PolicyRule]> {
        if let Some(shared) = self.rules.get(rules) {
            return shared.clone();
        }
        let words = &mut self.words;
        let mut list = |texts: &[Text]| texts.iter().map(|text| share(words, text)).collect();
        let shared: Arc<[PolicyRule]> = rules
            .iter()
            .map(|rule| PolicyRule {
                verbs: list(&rule.verbs),
                api_groups: list(&rule.api_groups),
                resources: list(&rule.resources),
                resource_names: list(&rule.resource_names),
            })
            .collect();
        self.rules.insert(shared.clone());
        shared
    }

    /// Lets go of rules and words that nothing needs any more, once there may be many.
    fn sweep(&mut self) {
        if self.rules.len() > self.roles.len() + SLACK {
            self.rules.retain(|rules| Arc::strong_count(rules) > 1);
        }
        // Few objects bring more than four words that no other has.
        if self.words.len() > 4 * (self.roles.len() + self.bindings.len()) + SLACK {
            self.words.retain(|word| Arc::strong_count(word) > 1);
        }
    }
}

/// Whether a role collects others' rules, and no controller has filled them in.
fn is_unfilled(role: &RbacRole) -> bool {
    role.rules.is_empty() && !role.aggregates.is_empty()
}

fn share(words: &mut HashSet<Text>, text: &str) -> Text {
    if let Some(shared) = words.get(text) {
        return shared.clone();
    }
    let shared = Text::from(text);
    words.insert(shared.clone());
    shared
}

/// What stands after the last colon or slash of a name, in lower case.
fn last_word(name: &str) -> String {
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
        };
        let mut rbac = Rbac::default();
        assert!(rbac.put_binding(&binding));
        assert!(rbac.subjects_near("shop", &account).next().is_some());
        assert!(rbac.remove_binding(&binding.id));
        assert_eq!(rbac.subjects_near("shop", &account).next(), None);
    }
}
