//! # IRSA605 `RbacApiGroupMismatch`
//!
//! ## What it means
//! `spec.expect.kubernetes` names a resource that a rule in force has in a different API group.
//!
//! ## Why it breaks
//! A rule grants only the resources of its groups. `""` is the core group, which has pods but no deployments.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # Deployments are in `apps`.
//! rules:
//!   - {apiGroups: [""], resources: [deployments], verbs: [get]}
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or add the group to the rule. `kubectl api-resources` shows the group of each resource.
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
    code: "IRSA605",
    reason: "RbacApiGroupMismatch",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "the resource is granted in a different API group",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA605", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn the_resource_of_another_group() {
        let world = World::healthy()
            .granting("shop", "r", "get core deployments")
            .bound_itself("shop", "r");
        let world = world.expect_kubernetes().request(|request| {
            request.kubernetes[0].resource = "deployments".to_owned();
            request.kubernetes[0].api_group = "apps".to_owned();
        });
        assert_broken_and_repairable(world);
    }

    #[test]
    fn any_group_is_that_group() {
        let world = World::healthy()
            .granting("shop", "r", "get * pods")
            .bound_itself("shop", "r");
        assert_healthy(&world.expect_kubernetes().audit());
    }
}
