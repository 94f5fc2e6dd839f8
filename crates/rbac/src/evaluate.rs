//! Who is allowed what, and by which binding.

use crate::identity::Identity;
use crate::matching::allows;
use crate::objects::{ObjectId, RoleBinding};
use crate::request::AccessRequest;
use crate::store::Rbac;
use crate::subject_bindings::SubjectBindings;

/// The bindings that mean one caller, looked up once.
#[derive(Debug, Clone)]
pub struct HeldBindings<'a> {
    rbac: &'a Rbac,
    /// By subject, from the ServiceAccount itself to everybody.
    lists: Vec<(&'a SubjectBindings, bool)>,
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
        }
    }

    /// The roles and bindings.
    #[must_use]
    pub fn rbac(&self) -> &'a Rbac {
        self.rbac
    }

    /// Bindings in namespaces by which the caller is singled out, wherever they are in force, without crowded ones: of those that give a
    /// subject the same role, at least the first.
    pub fn own_in_namespaces(&self) -> impl Iterator<Item = &'a RoleBinding> {
        let own = self.lists.iter().filter(|(_, singled_out)| *singled_out);
        own.flat_map(|(bindings, _)| bindings.in_namespaces())
    }

    /// The bindings that are in force for requests in a namespace, or with `None` for those in none; and whether each
    /// singles the caller out. Of those that give a subject the same role in the same scope, at least the first.
    pub fn in_force<'n>(
        &self,
        namespace: Option<&'n str>,
    ) -> impl Iterator<Item = (&'a RoleBinding, bool)> + use<'_, 'a, 'n> {
        let scopes = [Some(""), namespace.filter(|namespace| !namespace.is_empty())];
        scopes.into_iter().flatten().flat_map(move |scope| {
            self.lists.iter().flat_map(move |(bindings, singled_out)| {
                let of_scope = bindings.of_scope(scope).into_iter();
                of_scope.map(move |binding| (binding, *singled_out))
            })
        })
    }

    /// The binding by which a request is allowed.
    #[must_use]
    pub fn grant(&self, request: &AccessRequest<'_>) -> Option<&'a RoleBinding> {
        let mut bindings = self.in_force(request.namespace).map(|(binding, _)| binding);
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
