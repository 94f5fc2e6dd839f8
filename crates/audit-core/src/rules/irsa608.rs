//! # IRSA608 `RbacResourceMismatch`
//!
//! ## What it means
//! The rules in force for the ServiceAccount grant different resources from the ones that `spec.expect.kubernetes` names: a different
//! resource, a misspelled one, the resource without the subresource, or only objects with other names.
//!
//! ## Why it breaks
//! `pods` does not cover `pods/log`, nor does `pods/*`, which has no meaning. With `resourceNames`, only requests that name one of
//! them are allowed: `create` and `deletecollection` name no object; `list` and `watch` do with a field selector for `metadata.name`.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! # The expectation has `subresource: log`.
//! rules:
//!   - {apiGroups: [""], resources: [pods], verbs: [get]}
//! ```
//!
//! ## Fix
//! Apply the printed role and binding, or add the resource to the rule if every subject with that role should have it.
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
    code: "IRSA608",
    reason: "RbacResourceMismatch",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "a different resource, subresource or name is granted",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::Resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA608", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn other_resources_subresources_and_names() {
        let log = |request: &mut crate::model::AuditRequest| {
            request.kubernetes[0].subresource = Some("log".to_owned());
        };
        for (rule, change) in [
            ("get core pods", Some(log as fn(&mut crate::model::AuditRequest))),
            ("get core pods/*", Some(log)),
            ("get core secrets", None),
            ("get core pod", None),
            ("get core pods web", None),
        ] {
            let world = World::healthy()
                .granting("shop", "r", rule)
                .bound_itself("shop", "r")
                .expect_kubernetes();
            assert_broken_and_repairable(world.request(change.unwrap_or(|_| ())));
        }
    }

    #[test]
    fn a_name_cannot_restrict_what_creates() {
        let world = World::healthy()
            .granting("shop", "r", "create core pods web")
            .bound_itself("shop", "r");
        let world = world.expect_kubernetes().request(|request| {
            request.kubernetes[0].verbs = vec!["create".to_owned()];
            request.kubernetes[0].resource_names = vec!["web".to_owned()];
        });
        assert!(
            world.audit().message.contains("a name cannot restrict"),
            "{}",
            shown(&world.audit())
        );
        assert_broken_and_repairable(world);
    }
}
