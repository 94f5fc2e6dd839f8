//! # IRSA604 `RbacVerbMissing`
//!
//! ## What it means
//! `spec.expect.kubernetes` names a verb that no rule grants. A rule in force grants other verbs on the same resource.
//!
//! ## Why it breaks
//! No verb includes another: `get` is neither `list` nor `watch`, and `patch` is not `update`. Informers need `list` and
//! `watch`. Verbs are written in lower case.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # The expectation has `list`.
//! rules:
//!   - {apiGroups: [""], resources: [pods], verbs: [get]}
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or add the verb to the rule if every subject with that role should have it.
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
    code: "IRSA604",
    reason: "RbacVerbMissing",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "no rule grants the verb",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Verb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA604", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn another_verb() {
        let world = World::healthy()
            .granting("shop", "r", "list,watch core pods")
            .bound_itself("shop", "r");
        assert_broken_and_repairable(world.expect_kubernetes());
    }

    #[test]
    fn any_verb_is_that_verb() {
        let world = World::healthy()
            .granting("shop", "r", "* core pods")
            .bound_itself("shop", "r");
        assert_healthy(&world.expect_kubernetes().audit());
    }
}
