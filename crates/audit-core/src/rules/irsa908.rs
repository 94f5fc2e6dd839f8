//! # IRSA908 `RbacNotSeen`
//!
//! ## What it means
//! `spec.expect.kubernetes` names something that no role that irsa-audit saw allows, but irsa-audit did not see all roles and bindings.
//! The reason is one of these:
//!
//! - the operator may not list roles and bindings;
//! - the files do not contain them (`irsa-audit audit --partial`);
//! - the files contain no object of a kind that may grant it, although every cluster has Roles, ClusterRoles, RoleBindings and
//!   ClusterRoleBindings;
//! - the files do not contain the built-in ClusterRole, such as `view`, to which a binding refers;
//! - irsa-audit did not read a Role with more than 4,096 verbs, API groups, resources and names completely, or a RoleBinding with more than
//!   1,024 subjects (cluster-wide: 65,536 of both), or one with more than 128 KiB of these texts;
//! - the Roles of more than about 100 words and the RoleBindings of more than about 7 subjects in one namespace take more than 8 MiB together, and
//!   irsa-audit did not read the rest of them;
//! - the Roles of one namespace that the ServiceAccount has consist of more than 16,384 of these words together, and the rest is not evaluated.
//!
//! In a live audit, irsa-audit also asks the API server, and what the API server allows counts as met.
//!
//! ## Why it is unknown
//! A role or binding that irsa-audit did not see may allow it.
//!
//! ## In logs
//! The operator logs `clusterroles.rbac.authorization.k8s.io is forbidden`.
//!
//! ## Example
//! ```console
//! $ helm template chart | irsa-audit audit --partial --kubernetes - --aws account.json
//! ```
//! where the chart does not create the role that the expectation needs.
//!
//! ## Fix
//! Allow the operator to `list` and `watch` `roles`, `clusterroles`, `rolebindings` and `clusterrolebindings`, as the shipped
//! manifests do. In an audit of files, give those objects as well. Split a role or binding that is too large. Where those of one namespace are too
//! large together, delete some. The operator reads an object again when it changes, for example when you add an annotation to it.
//!
//! ## Verify
//! The finding is gone, or a different finding says what is denied.
//!
//! ## References
//! - [Using RBAC authorization](https://kubernetes.io/docs/reference/access-authn-authz/rbac/)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::rbac::{self, PermissionDecision, Unseen};
use crate::snapshot::Origin;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA908",
    reason: "RbacNotSeen",
    severity: Severity::Unknown,
    link: Link::Rbac,
    title: "irsa-audit did not see all roles and bindings",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let missing = chain
        .permissions
        .iter()
        .find_map(|answer| match &answer.decision {
            PermissionDecision::Unseen(missing) => Some(missing),
            PermissionDecision::Allowed | PermissionDecision::Denied | PermissionDecision::Disputed => None,
        })?;
    let fix = match chain.snapshot.origin {
        _ if matches!(missing, Unseen::LongRole { .. } | Unseen::LongBinding(_)) => {
            "split the role or binding into several smaller ones; in a cluster that is watched, one for which there was no room is read \
             again when it changes"
        }
        Origin::Live => {
            "allow irsa-audit to list and watch roles, clusterroles, rolebindings and clusterrolebindings"
        }
        Origin::Files => "give the roles and bindings of the cluster to `--kubernetes` as well",
    };
    let message = format!(
        "no role that irsa-audit saw allows what is expected of ServiceAccount `{}`, but {}",
        quote(&chain.key.to_string()),
        rbac::missing(missing)
    );
    Some(Finding::new(&ENTRY, message).fix(Fix::manual(fix)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::Rbac;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_grant_that_was_seen_stands_and_a_denial_does_not() {
        let blind = || {
            World::healthy()
                .rbac(|rbac| *rbac = Rbac::default())
                .expect_kubernetes()
        };
        let report = blind().audit();
        the_one(
            &report,
            ("IRSA908", Severity::Unknown, Link::Rbac, Verdict::Unknown),
        );
        assert_eq!(state(&report, Link::Rbac), LinkState::Unseen("RbacNotSeen"));
        let report = blind()
            .granting("shop", "r", "get core pods")
            .bound_itself("shop", "r")
            .audit();
        assert_healthy(&report);
        assert_eq!(state(&report, Link::Rbac), LinkState::Passes);
    }

    #[test]
    fn who_expects_nothing_misses_nothing() {
        assert_healthy(&World::healthy().rbac(|rbac| *rbac = Rbac::default()).audit());
    }
}
