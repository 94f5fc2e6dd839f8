//! # IRSA606 `RbacSubjectMismatch`
//!
//! ## What it means
//! A binding that is in force grants what `spec.expect.kubernetes` names to a subject with a similar name: a ServiceAccount of
//! that name in a different namespace, a `User` or `Group` instead of the `ServiceAccount`, or a ServiceAccount with a similar name
//! that does not exist.
//!
//! ## Why it breaks
//! The API server compares subjects exactly, with their kind and namespace. It accepts subjects that do not exist.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # Intended: ServiceAccount `cart` in namespace `shop`.
//! subjects:
//!   - {kind: User, name: cart, apiGroup: rbac.authorization.k8s.io}
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or correct the subject: `kind: ServiceAccount`, with `name` and `namespace`. As a `User`
//! it is `system:serviceaccount:NAMESPACE:NAME`.
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
    code: "IRSA606",
    reason: "RbacSubjectMismatch",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "a binding names a similar subject instead of the ServiceAccount",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rbac::Subject;
    use crate::rbac::testing::account;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA606", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn nearly_its_name() {
        for subject in [
            account("staging", "cart"),
            account("shop", "carts"),
            Subject::User("cart".into()),
        ] {
            let world = World::healthy()
                .granting("shop", "r", "get core pods")
                .bound("shop", "r", &subject);
            assert_broken_and_repairable(world.expect_kubernetes());
        }
    }

    #[test]
    fn somebody_else_who_exists_is_no_near_miss() {
        let world = World::healthy()
            .service_account("shop", "carts")
            .granting("shop", "r", "get core pods");
        let report = world
            .bound("shop", "r", &account("shop", "carts"))
            .expect_kubernetes()
            .audit();
        assert_eq!(codes(&report), ["IRSA601"]);
    }
}
