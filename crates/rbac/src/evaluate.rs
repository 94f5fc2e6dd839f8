//! Who is allowed what, and by which binding.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::identity::Identity;
use crate::matching::allows;
use crate::objects::{ObjectId, RoleBinding};
use crate::request::AccessRequest;
use crate::store::Rbac;
use crate::subject_bindings::SubjectBindings;

/// The most words of Roles of one namespace, with one for each binding, that are weighed for one caller: whoever may edit it can write hundreds of
/// Roles of thousands of words, and expect hundreds of permissions.
const MOST_HELD: usize = 16_384;

/// How many words are compared, at most, to explain what one caller is denied.
const MOST_EFFORT: usize = 1_048_576;

/// The bindings that mean one caller, looked up once.
#[derive(Debug, Clone)]
pub struct HeldBindings<'a> {
    rbac: &'a Rbac,
    /// By subject, from the ServiceAccount itself to everybody.
    lists: Vec<(&'a SubjectBindings, bool)>,
    /// What is in force, by namespace.
    in_force: RefCell<BTreeMap<String, Rc<InForce<'a>>>>,
    /// How much may still be compared for the sake of explanations.
    effort: Cell<usize>,
}

/// The bindings in force for one caller's requests in a namespace, or in none.
#[derive(Debug, Clone, Default)]
pub struct InForce<'a> {
    /// Each, with whether it singles the caller out. Of those that give a subject the same role in the same scope, at least the first.
    pub bindings: Vec<(&'a RoleBinding, bool)>,
    /// The first binding beyond those that are weighed.
    pub beyond: Option<&'a RoleBinding>,
}

impl<'a> HeldBindings<'a> {
    /// What a caller holds.
    #[must_use]
    pub fn by(rbac: &'a Rbac, identity: &Identity) -> Self {
        let subjects = identity.subjects().iter();
        let lists = subjects.filter_map(|subject| {
            let bindings = rbac.bindings_of(subject)?;
            Some((bindings, identity.is_singled_out_by(subject)))
        });
        Self {
            rbac,
            lists: lists.collect(),
            in_force: RefCell::default(),
            effort: Cell::new(MOST_EFFORT),
        }
    }

    /// The roles and bindings.
    #[must_use]
    pub fn rbac(&self) -> &'a Rbac {
        self.rbac
    }

    /// Bindings in namespaces by which the caller is singled out, wherever they are in force: of those that give a subject the same
    /// role, at least the first.
    pub fn own_in_namespaces(&self) -> impl Iterator<Item = &'a RoleBinding> {
        let own = self.lists.iter().filter(|(_, singled_out)| *singled_out);
        own.flat_map(|(bindings, _)| bindings.in_namespaces())
    }

    /// The bindings that are in force for requests in a namespace, or with `None` for those in none.
    pub fn in_force(&self, namespace: Option<&str>) -> Rc<InForce<'a>> {
        let namespace = namespace.unwrap_or_default();
        let mut known = self.in_force.borrow_mut();
        if let Some(in_force) = known.get(namespace) {
            return in_force.clone();
        }
        let mut in_force = InForce::default();
        let scopes = [
            Some(""),
            Some(namespace).filter(|namespace| !namespace.is_empty()),
        ];
        let mut held = 0;
        for scope in scopes.into_iter().flatten() {
            for (bindings, singled_out) in &self.lists {
                for binding in bindings.of_scope(scope) {
                    if !scope.is_empty() {
                        held += 1;
                    }
                    if !binding.role.is_cluster_wide() {
                        held += self.rbac.words(&binding.role);
                    }
                    if held > MOST_HELD {
                        in_force.beyond = in_force.beyond.or(Some(binding));
                    } else {
                        in_force.bindings.push((binding, *singled_out));
                    }
                }
            }
        }
        let in_force = Rc::new(in_force);
        known.insert(namespace.to_owned(), in_force.clone());
        in_force
    }

    /// How many words may still be compared for the sake of explanations.
    #[must_use]
    pub fn effort_left(&self) -> usize {
        self.effort.get()
    }

    /// Whether so many more words may be compared for the sake of explanations.
    pub(crate) fn spend(&self, words: usize) -> bool {
        let left = self.effort.get().checked_sub(words);
        self.effort.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Whether a role allows a request, as far as words may still be compared for the sake of explanations.
    pub(crate) fn may_allow(&self, role: &ObjectId, request: &AccessRequest<'_>) -> bool {
        self.spend(1 + self.rbac.words(role)) && self.rbac.role_allows(role, request)
    }

    /// The binding by which a request is allowed.
    #[must_use]
    pub fn grant(&self, request: &AccessRequest<'_>) -> Option<&'a RoleBinding> {
        let in_force = self.in_force(request.namespace);
        let mut bindings = in_force.bindings.iter().map(|(binding, _)| *binding);
        bindings.find(|binding| self.rbac.role_allows(&binding.role, request))
    }
}

impl Rbac {
    /// The binding by which a caller is allowed a request.
    #[must_use]
    pub fn grant(&self, identity: &Identity, request: &AccessRequest<'_>) -> Option<&RoleBinding> {
        HeldBindings::by(self, identity).grant(request)
    }

    /// Whether the rules of a role, if it is there, allow a request.
    #[must_use]
    pub fn role_allows(&self, role: &ObjectId, request: &AccessRequest<'_>) -> bool {
        match self.role(role) {
            None => false,
            Some(role) if role.aggregates.is_empty() => {
                counted::each(role.rules.iter()).any(|rule| allows(rule, request))
            }
            Some(role) => counted::each(self.rules_of(&role.id)).any(|rule| allows(rule, request)),
        }
    }
}
