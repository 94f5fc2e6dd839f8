//! # IRSA602 `RbacWrongNamespace`
//!
//! ## What it means
//! `spec.expect.kubernetes` names something that a RoleBinding of the ServiceAccount grants, but in a different namespace from the one
//! that is expected.
//!
//! ## Why it breaks
//! A RoleBinding is in force only in its own namespace, whatever the namespace of its subjects, and even with a ClusterRole.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # The expectation says `namespace: shop`.
//! kind: RoleBinding
//! metadata: {name: readers, namespace: staging}
//! subjects: [{kind: ServiceAccount, name: cart, namespace: shop}]
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or move the RoleBinding into the namespace where it is needed. In a namespace other than the
//! ServiceAccount's own, that is for its owner to decide: the fix is a proposal, with the manifests in `irsa-audit audit -o wide`.
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
    code: "IRSA602",
    reason: "RbacWrongNamespace",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "a RoleBinding grants the permission in a different namespace",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA602", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn a_grant_in_another_namespace() {
        let world = World::healthy()
            .granting("staging", "r", "get core pods")
            .bound_itself("staging", "r");
        assert_broken_and_repairable(world.expect_kubernetes());
    }
}
