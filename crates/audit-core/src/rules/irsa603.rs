//! # IRSA603 `RbacScopeMismatch`
//!
//! ## What it means
//! `spec.expect.kubernetes` names a cluster-scoped resource, such as `nodes`, or all namespaces at once, but only a
//! RoleBinding grants it.
//!
//! ## Why it breaks
//! A RoleBinding grants only what is in its own namespace, also if it refers to a ClusterRole. The API server accepts the RoleBinding,
//! but it does not grant the rest.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # The expectation is about `nodes`.
//! kind: RoleBinding
//! metadata: {name: readers, namespace: shop}
//! roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: read-nodes}
//! ```
//!
//! ## Fix
//! A ClusterRole and a ClusterRoleBinding are for the cluster's administrators to decide: the fix is a proposal, with the manifests in
//! `irsa-audit audit -o wide`. If only one namespace is intended, name it in the expectation.
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
    code: "IRSA603",
    reason: "RbacScopeMismatch",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "a RoleBinding cannot grant cluster-scoped resources, or all namespaces",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA603", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn a_role_binding_for_what_lies_in_no_namespace() {
        let world = World::healthy()
            .granting("", "r", "get core nodes,pods")
            .bound_itself("shop", "/r")
            .expect_kubernetes();
        for resource in ["nodes", "pods"] {
            // Nodes lie in no namespace, whatever the expectation says.
            let namespace = (resource == "nodes").then(|| "shop".to_owned());
            let world = world.clone().request(|request| {
                resource.clone_into(&mut request.kubernetes[0].resource);
                request.kubernetes[0].namespace = namespace;
            });
            assert!(
                world.audit().message.contains("ClusterRoleBinding"),
                "{}",
                shown(&world.audit())
            );
            assert_broken_and_repairable(world);
        }
    }

    #[test]
    fn a_cluster_role_binding_gives_it() {
        let world = World::healthy()
            .granting("", "r", "get core nodes")
            .bound_itself("", "/r")
            .expect_kubernetes();
        assert_healthy(
            &world
                .request(|request| request.kubernetes[0].resource = "nodes".to_owned())
                .audit(),
        );
    }
}
