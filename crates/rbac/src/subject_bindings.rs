//! The bindings of one subject, by scope and by the role that they give.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::objects::{ObjectId, RoleBinding, Text};

/// From so many bindings on, those of one role are looked up instead of compared: most subjects have one or two.
const MANY: usize = 16;

/// The bindings of one subject.
#[derive(Debug, Clone, Default)]
pub(crate) struct SubjectBindings {
    /// Sorted, those of the whole cluster first.
    all: Vec<Arc<RoleBinding>>,
    /// By the role that they give; only where there are many.
    by_role: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// By scope and role, their names; only where there are many.
    by_scope: BTreeMap<(Text, ObjectId), BTreeSet<Text>>,
}

impl SubjectBindings {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds a binding, unless it is there.
    pub(crate) fn insert(&mut self, binding: &Arc<RoleBinding>) {
        let Err(place) = self.place(&binding.id) else {
            return;
        };
        self.all.insert(place, binding.clone());
        if self.all.len() == MANY {
            for one in self.all.clone() {
                self.index(&one);
            }
        } else if self.all.len() > MANY {
            self.index(binding);
        }
    }

    /// Takes a binding out.
    pub(crate) fn remove(&mut self, binding: &RoleBinding) {
        let Ok(place) = self.place(&binding.id) else {
            return;
        };
        self.all.remove(place);
        if self.all.len() < MANY {
            self.by_role.clear();
            self.by_scope.clear();
            return;
        }
        if let Some(ids) = self.by_role.get_mut(&binding.role) {
            ids.remove(&binding.id);
            if ids.is_empty() {
                self.by_role.remove(&binding.role);
            }
        }
        let scoped = (binding.id.namespace.clone(), binding.role.clone());
        if let Some(names) = self.by_scope.get_mut(&scoped) {
            names.remove(&binding.id.name);
            if names.is_empty() {
                self.by_scope.remove(&scoped);
            }
        }
    }

    /// Whether there is a binding in a scope; with an empty one, of the whole cluster.
    pub(crate) fn reaches(&self, scope: &str) -> bool {
        let place = self.all.partition_point(|one| &*one.id.namespace < scope);
        self.all
            .get(place)
            .is_some_and(|binding| *binding.id.namespace == *scope)
    }

    /// Of the bindings in a scope, the first that gives each role, in their order. Where there are few, all of them.
    pub(crate) fn of_scope<'a>(&'a self, scope: &str) -> Vec<&'a RoleBinding> {
        if self.by_scope.is_empty() {
            let start = self.all.partition_point(|one| &*one.id.namespace < scope);
            let rest = self.all.iter().skip(start);
            let of_scope = rest.take_while(|binding| *binding.id.namespace == *scope);
            return counted::each(of_scope).map(AsRef::as_ref).collect();
        }
        let first = (Text::from(scope), ObjectId::new("", ""));
        let roles = self.by_scope.range(first..);
        let roles = counted::each(roles.take_while(|((own, _), _)| **own == *scope));
        let ids = roles.filter_map(|((_, _), names)| Some(ObjectId::new(scope, names.first()?.clone())));
        let mut ids: Vec<ObjectId> = ids.collect();
        ids.sort_unstable();
        ids.iter().filter_map(|id| self.get(id)).collect()
    }

    /// Of the bindings in namespaces, the first that gives each role, in their order. Where there are few, all of them.
    pub(crate) fn in_namespaces(&self) -> Vec<&RoleBinding> {
        let is_namespaced = |id: &&ObjectId| !id.is_cluster_wide();
        if self.all.len() < MANY {
            let all = counted::each(&self.all).map(AsRef::as_ref);
            return all
                .filter(|binding: &&RoleBinding| is_namespaced(&&binding.id))
                .collect();
        }
        let firsts = counted::each(&self.by_role).filter_map(|(_, ids)| {
            // Those of the whole cluster come first, and no namespace has an empty name.
            let first_of_all = ids.first().filter(is_namespaced);
            first_of_all.or_else(|| ids.range(ObjectId::new("\0", "")..).next())
        });
        let mut firsts: Vec<&ObjectId> = firsts.collect();
        firsts.sort_unstable();
        firsts.into_iter().filter_map(|id| self.get(id)).collect()
    }

    fn place(&self, id: &ObjectId) -> Result<usize, usize> {
        self.all.binary_search_by(|other| other.id.cmp(id))
    }

    fn get(&self, id: &ObjectId) -> Option<&RoleBinding> {
        let place = self.place(id).ok()?;
        self.all.get(place).map(AsRef::as_ref)
    }

    fn index(&mut self, binding: &RoleBinding) {
        let (id, role) = (&binding.id, &binding.role);
        self.by_role.entry(role.clone()).or_default().insert(id.clone());
        let scoped = (id.namespace.clone(), role.clone());
        self.by_scope.entry(scoped).or_default().insert(id.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many bindings to two roles in some scopes, and few.
    fn filled(count: usize) -> SubjectBindings {
        let mut all = SubjectBindings::default();
        for at in (0..count).rev() {
            all.insert(&binding(at));
        }
        all
    }

    fn binding(at: usize) -> Arc<RoleBinding> {
        let scope = ["", "a", "b"][at % 3];
        Arc::new(RoleBinding {
            id: ObjectId::new(scope, format!("{at:03}")),
            role: ObjectId::new("", ["x", "y"][at / 3 % 2]),
            subjects: [].into(),
            has_more: false,
        })
    }

    fn shown(bindings: &[&RoleBinding]) -> Vec<String> {
        bindings.iter().map(|binding| binding.id.to_string()).collect()
    }

    #[test]
    fn of_many_the_first_of_each_role_is_told() {
        let many = filled(30);
        assert_eq!(shown(&many.of_scope("a")), ["a/001", "a/004"]);
        assert_eq!(shown(&many.of_scope("")), ["000", "003"]);
        assert_eq!(shown(&many.in_namespaces()), ["a/001", "a/004"]);
        assert!(many.reaches("b") && !many.reaches("c"));
    }

    #[test]
    fn what_is_taken_out_is_told_no_more_whether_there_are_many_or_few() {
        let mut all = filled(30);
        for at in 0..30 {
            all.remove(&binding(at));
            let expected: Vec<String> = (at + 1..30)
                .filter(|at| at % 3 == 1)
                .map(|at| binding(at).id.to_string())
                .collect();
            let told = shown(&all.of_scope("a"));
            assert_eq!(told.first(), expected.first());
            assert!(told.len() == expected.len() || (told.len() == 2 && 30 - at > MANY));
        }
        assert!(all.is_empty() && all.by_role.is_empty() && all.by_scope.is_empty());
    }
}
