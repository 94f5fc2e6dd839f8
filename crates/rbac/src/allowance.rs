//! How much memory the large objects of one namespace may take together.

use std::collections::BTreeMap;

use crate::objects::{RbacRole, RoleBinding, Text};
use crate::powers::Powers;

/// Up to so many bytes, an object counts as ordinary, and there may be any number of them: a hundred words of rules, or seven subjects.
const ORDINARY: usize = 8 << 10;

/// What the objects of one namespace may take beyond that together, in bytes. An object for which there is no room is kept without what is large in
/// it: whoever may edit a namespace can make thousands of the largest.
pub const MOST_IN_NAMESPACE: usize = 8 << 20;

/// What a word of a rule takes beside its text.
const WORD: usize = 64;

/// What a name takes beside that, which a rule gives power over: it is filed by it.
const NAME: usize = 1024;

/// What a subject takes beside its name, which is kept twice: it is filed by role, by scope and by the last word of its name.
const SUBJECT: usize = 1024;

/// About how many bytes the rules of a role take, if no other role has its words, with what they let somebody do to identities.
pub(crate) fn bytes_of_role(role: &RbacRole, powers: &Powers) -> usize {
    let words = role.rules.iter().flat_map(|rule| {
        let lists = [
            &rule.verbs,
            &rule.api_groups,
            &rule.resources,
            &rule.resource_names,
        ];
        lists.into_iter().flatten()
    });
    words.map(|word| WORD + word.len()).sum::<usize>() + NAME * powers.names().count()
}

/// About how many bytes the subjects of a binding take, if no other binding has them.
pub(crate) fn bytes_of_binding(binding: &RoleBinding) -> usize {
    let subjects = binding.subjects.iter();
    subjects.map(|subject| SUBJECT + 2 * subject.name_length()).sum()
}

/// What the large objects of each namespace take.
#[derive(Debug, Clone, Default)]
pub struct Allowance {
    taken: BTreeMap<Text, usize>,
}

impl Allowance {
    /// Takes the bytes of an object in place of those that it had. Returns false where its namespace has no room for them; then it takes
    /// nothing. What is in no namespace is the admins', and always has room.
    pub fn replace(&mut self, namespace: &str, old: usize, new: usize) -> bool {
        let beyond = |bytes: usize| bytes.saturating_sub(ORDINARY);
        let (old, new) = (beyond(old), beyond(new));
        if namespace.is_empty() || old == new {
            return true;
        }
        let taken = self.taken.get(namespace).copied().unwrap_or_default();
        let others = taken.saturating_sub(old);
        let all = others.saturating_add(new);
        let has_room = all <= MOST_IN_NAMESPACE;
        match if has_room { all } else { others } {
            0 => self.taken.remove(namespace),
            taken => self.taken.insert(namespace.into(), taken),
        };
        has_room
    }
}
