//! # IRSA601 `RbacNoBinding`
//!
//! ## What it means
//! `spec.expect.kubernetes` names something that the ServiceAccount may not do, and no binding in force is meant for it: no binding
//! of the whole cluster or of the namespace names it, or the group of its namespace, with a role that has any rule, and no
//! binding has a similar subject (IRSA606).
//!
//! ## Why it breaks
//! RBAC denies what nothing allows.
//!
//! ## In logs
//! The application logs `pods is forbidden: User "system:serviceaccount:NS:NAME" cannot list resource "pods" in API group "" in
//! the namespace "NS"`, which does not say why.
//!
//! ## Example
//! ```yaml
//! - apiGroup: ""
//!   resource: configmaps
//!   verbs: [get]
//!   namespace: shop
//! ```
//! and no RoleBinding in `shop` names the ServiceAccount.
//!
//! ## Fix
//! Apply the printed role and binding: they grant exactly what is expected, only to this ServiceAccount. If an existing role fits, bind
//! that role.
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
    code: "IRSA601",
    reason: "RbacNoBinding",
    severity: Severity::Broken,
    link: Link::Rbac,
    title: "no binding grants the ServiceAccount what is expected",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    finding(chain, &ENTRY, DenialCause::NoBinding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rbac::Subject;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA601", Severity::Broken, Link::Rbac, Verdict::Broken);

    #[track_caller]
    fn assert_broken_and_repairable(world: World) {
        the_one(&world.audit(), BROKEN);
        assert_healthy(&world.with_permissions_repaired().audit());
    }

    #[test]
    fn nothing_names_it() {
        assert_broken_and_repairable(World::healthy().expect_kubernetes());
    }

    #[test]
    fn what_everybody_has_got_does_not_count() {
        let everybody = Subject::Group("system:authenticated".into());
        let world = World::healthy().granting(
            "",
            "basic",
            "create authorization.k8s.io selfsubjectaccessreviews",
        );
        assert_broken_and_repairable(world.bound("", "/basic", &everybody).expect_kubernetes());
    }

    #[test]
    fn several_expectations_are_one_finding_with_one_fix() {
        let world = World::healthy()
            .expect_kubernetes()
            .expect_kubernetes()
            .request(|request| {
                request.kubernetes[1].resource = "nodes".to_owned();
            });
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert!(
            fix.first.text.contains("'kind: Role'") && !fix.first.text.contains("ClusterRole"),
            "{}",
            fix.first.text
        );
        let proposal = &fix.then[0];
        assert_eq!(proposal.kind, crate::fix::FixKind::Manual);
        assert!(
            proposal.alternatives[0].text.contains("kind: ClusterRole\n"),
            "{proposal:?}"
        );
        assert_healthy(&world.with_permissions_repaired().audit());
    }
}
