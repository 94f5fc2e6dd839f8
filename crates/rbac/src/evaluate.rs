//! Who is allowed what, and by which binding.

use std::sync::Arc;

use crate::identity::Identity;
use crate::matching::allows;
use crate::objects::{ObjectId, RoleBinding, Subject};
use crate::request::AccessRequest;
use crate::store::Rbac;

/// The bindings that mean one caller, looked up once.
#[derive(Debug, Clone)]
pub struct HeldBindings<'a> {
    rbac: &'a Rbac,
    /// By subject, from the ServiceAccount itself to everybody.
    lists: Vec<(&'a [Arc<RoleBinding>], bool)>,
}

impl<'a> HeldBindings<'a> {
    /// What a caller holds.
    #[must_use]
    pub fn by(rbac: &'a Rbac, identity: &Identity) -> Self {
        let subjects = identity.subjects().iter();
        let lists = subjects.map(|subject| (rbac.bindings_of(subject), identity.is_singled_out_by(subject)));
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

    /// All bindings by which the caller is singled out, wherever they are in force.
    pub fn own(&self) -> impl Iterator<Item = &'a RoleBinding> {
        let own = self.lists.iter().filter(|(_, singled_out)| *singled_out);
        own.flat_map(|(bindings, _)| bindings.iter()).map(AsRef::as_ref)
    }

    /// The bindings that are in force for requests in a namespace, or with `None` for those in none; and whether each
    /// singles the caller out.
    pub fn in_force<'n>(
        &self,
        namespace: Option<&'n str>,
    ) -> impl Iterator<Item = (&'a RoleBinding, bool)> + use<'_, 'a, 'n> {
        let scopes = [Some(""), namespace.filter(|namespace| !namespace.is_empty())];
        scopes.into_iter().flatten().flat_map(move |scope| {
            let of_scope = move |(bindings, singled_out): &(&'a [Arc<RoleBinding>], bool)| {
                let singled_out = *singled_out;
                of_scope(bindings, scope)
                    .iter()
                    .map(move |binding| (&**binding, singled_out))
            };
            self.lists.iter().flat_map(of_scope)
        })
    }

    /// The binding by which a request is allowed.
    #[must_use]
    pub fn grant(&self, request: &AccessRequest<'_>) -> Option<&'a RoleBinding> {
        let mut bindings = self.in_force(request.namespace).map(|(binding, _)| binding);
        bindings.find(|binding| self.rbac.role_allows(&binding.role, request))
    }
}

/// Of sorted bindings, those of one namespace; with an empty one, those of the whole cluster.
fn of_scope<'a>(bindings: &'a [Arc<RoleBinding>], namespace: &str) -> &'a [Arc<RoleBinding>] {
    let start = bindings.partition_point(|binding| &*binding.id.namespace < namespace);
    let end = bindings.partition_point(|binding| &*binding.id.namespace <= namespace);
    bindings.get(start..end).unwrap_or_default()
}

impl Rbac {
    /// The bindings of a subject in one namespace; with an empty one, of the whole cluster.
    #[must_use]
    pub fn bindings_in(&self, subject: &Subject, namespace: &str) -> &[Arc<RoleBinding>] {
        of_scope(self.bindings_of(subject), namespace)
    }

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
            Some(role) if role.aggregates.is_empty() => role.rules.iter().any(|rule| allows(rule, request)),
            Some(role) => self
                .rules_of(&role.id)
                .into_iter()
                .any(|rule| allows(rule, request)),
        }
    }
}
