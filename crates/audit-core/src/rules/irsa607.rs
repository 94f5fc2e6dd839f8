//! # IRSA607 `RbacRoleMissing`
//!
//! ## What it means
//! A binding of the ServiceAccount that is in force refers to a Role or ClusterRole that does not exist, and no other binding grants
//! what `spec.expect.kubernetes` names.
//!
//! ## Why it breaks
//! The API server accepts such a binding, but it grants nothing. A `Role` must be in the binding's namespace.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
//! # and no Role `reader` in this namespace
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or create the missing role. A `roleRef` cannot be changed: delete the binding and
//! create it again.
//!
//! ## Verify
//! `kubectl auth can-i VERB RESOURCE --namespace NS --as system:serviceaccount:NS:NAME` says `yes`, and the finding is gone.
//!
//! ## References
//! - [Using RBAC authorization](https://kubernetes.io/docs/reference/access-authn-authz/rbac/)
//! - [Authorization](https://kubernetes.io/docs/reference/access-authn-authz/authorization/)

use super::permissions::finding;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::rbac::DenialCause;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA607",
    reason: "RbacRoleMissing",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "a binding refers to a role that does not exist",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::RoleMissing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA607", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn the_role_is_not_there() {
        for role in ["gone", "/gone"] {
            assert_broken_and_repairable(World::healthy().bound_itself("shop", role).expect_kubernetes());
        }
    }

    #[test]
    fn what_another_binding_grants_is_enough() {
        let world = World::healthy()
            .bound_itself("", "/gone")
            .granting("shop", "r", "get core pods");
        assert_healthy(&world.bound_itself("shop", "r").expect_kubernetes().audit());
    }
}
