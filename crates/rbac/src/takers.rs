//! Who else can take the identity of a ServiceAccount.
//!
//! Left out are those who run the cluster anyway, in every cluster: the group `system:masters`, nodes, the controller
//! manager and the scheduler, EKS's own users and groups (`eks:…`), and ServiceAccounts in `kube-system`. Whoever can act
//! as one of these needs no other identity; to list them with every binding would hide the rest.

use std::collections::BTreeSet;

use crate::identity::Identity;
use crate::objects::{RoleBinding, Subject};
pub use crate::powers::TakeoverWay;
use crate::store::Rbac;

/// Somebody who can take an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityTaker<'a> {
    /// Who.
    pub subject: &'a Subject,
    /// By which binding; one of those, where there are several.
    pub binding: &'a RoleBinding,
    /// In which ways.
    pub ways: Vec<TakeoverWay>,
}

/// Those who can take the identity of a ServiceAccount: how many, and the first few of them.
#[must_use]
pub fn takers<'a>(rbac: &'a Rbac, own: &Identity, most: usize) -> (usize, Vec<IdentityTaker<'a>>) {
    let mut seen: BTreeSet<&Subject> = BTreeSet::new();
    let mut shown = Vec::new();
    // Those of its own namespace are the ones that somebody there can do something about.
    for scope in [&*own.account().namespace, ""] {
        for binding in rbac.risky_in(scope) {
            let ways = rbac
                .powers(&binding.role)
                .map_or(0, |powers| powers.over(own, scope));
            if ways == 0 {
                continue;
            }
            for subject in &binding.subjects {
                let is_itself = own.subjects().iter().take(2).any(|itself| itself == subject);
                if is_itself || runs_the_cluster(subject) || !seen.insert(subject) {
                    continue;
                }
                if shown.len() < most {
                    let ways = TakeoverWay::ALL
                        .into_iter()
                        .filter(|way| ways & way.bit() != 0)
                        .collect();
                    shown.push(IdentityTaker {
                        subject,
                        binding,
                        ways,
                    });
                }
            }
        }
    }
    (seen.len(), shown)
}

/// Whether a subject is a part of every cluster.
fn runs_the_cluster(subject: &Subject) -> bool {
    match subject {
        Subject::ServiceAccount(id) => *id.namespace == *"kube-system",
        Subject::User(name) => {
            matches!(
                &**name,
                "system:kube-controller-manager" | "system:kube-scheduler" | "system:apiserver"
            ) || name.starts_with("system:node:")
                || name.starts_with("eks:")
        }
        Subject::Group(name) => {
            matches!(&**name, "system:masters" | "system:nodes") || name.starts_with("eks:")
        }
    }
}
