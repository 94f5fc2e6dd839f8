//! What Kubernetes lets a ServiceAccount do: the crate `rbac`, asked about the snapshot.

mod concerned;

pub use ::rbac::*;
pub use concerned::PermissionsChange;

use crate::model::BindingKey;
pub use crate::model::Reviews;
use crate::snapshot::{GapKind, Origin, Snapshot};
use crate::text::quote;

/// What the expectations of a ServiceAccount come to.
#[must_use]
pub fn answers<'a>(
    snapshot: &'a Snapshot,
    key: &BindingKey,
    expectations: &'a [KubernetesExpectation],
) -> Vec<PermissionAnswer<'a>> {
    if expectations.is_empty() {
        return Vec::new();
    }
    let exists = |account: &ObjectId| {
        let binding = snapshot
            .cluster
            .binding(&BindingKey::new(&*account.namespace, &*account.name));
        binding.is_some_and(|binding| binding.service_account().is_some())
    };
    let reviews = snapshot.reviews.of(key);
    ::rbac::answers(sight(snapshot), &key.into(), expectations, reviews, &exists)
}

/// What the API server itself answers.
pub mod review {
    pub use ::rbac::questions;
    pub use ::rbac::review::*;
}

/// What a snapshot has of its cluster's RBAC.
fn sight(snapshot: &Snapshot) -> RbacSight<'_> {
    RbacSight {
        rbac: snapshot.cluster.rbac(),
        extent: match snapshot.origin {
            Origin::Live => Extent::Watched,
            Origin::Files if snapshot.cluster.may_lack(GapKind::Rbac) => Extent::PartialFiles,
            Origin::Files => Extent::ClusterFiles,
        },
    }
}

/// What has not been seen, for a person.
#[must_use]
pub fn missing(unseen: &Unseen) -> String {
    match unseen {
        Unseen::Unlisted(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.resource()).collect();
            format!("irsa-audit could not list {}", kinds.join(", "))
        }
        Unseen::BeyondFiles => {
            "the files are not the whole cluster, so roles and bindings may be missing".to_owned()
        }
        Unseen::NotInFiles(kinds) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.resource()).collect();
            format!(
                "the files contain no {}, although every cluster has some: give the output of `kubectl get \
                 roles,rolebindings,clusterroles,clusterrolebindings --all-namespaces -o yaml` as well",
                kinds.join(", ")
            )
        }
        Unseen::BuiltIn { role, binding } => format!(
            "no file contains ClusterRole `{}`, to which {} `{}` refers",
            quote(&role.name),
            binding.kind_of_binding(),
            quote(&binding.to_string())
        ),
        Unseen::LongRole { role, binding } => format!(
            "{} `{}`, to which {} `{}` refers, has more rules than irsa-audit evaluates, alone or with other large roles of the namespace",
            role.kind_of_role(),
            quote(&role.to_string()),
            binding.kind_of_binding(),
            quote(&binding.to_string())
        ),
        Unseen::LongBinding(binding) => format!(
            "{} `{}` has more subjects than irsa-audit reads, alone or with other large objects of the namespace",
            binding.kind_of_binding(),
            quote(&binding.to_string())
        ),
    }
}

#[cfg(test)]
#[path = "../../rbac/tests/authorizer/support.rs"]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Cluster;

    #[test]
    fn the_origin_says_what_the_absence_of_a_binding_means() {
        let expected = [KubernetesExpectation {
            verbs: vec!["get".to_owned()],
            api_group: String::new(),
            resource: "pods".to_owned(),
            subresource: None,
            resource_names: Vec::new(),
            namespace: Some("shop".to_owned()),
        }];
        let key = BindingKey::new("shop", "cart");
        for (origin, cluster, unseen) in [
            (
                Origin::Live,
                Cluster::default(),
                Some(Unseen::Unlisted(RbacKind::ALL.to_vec())),
            ),
            (
                Origin::Files,
                Cluster::default(),
                Some(Unseen::NotInFiles(vec![
                    RbacKind::RoleBinding,
                    RbacKind::ClusterRoleBinding,
                ])),
            ),
            (Origin::Files, Cluster::partial(), Some(Unseen::BeyondFiles)),
        ] {
            let snapshot = Snapshot {
                origin,
                cluster,
                ..Snapshot::default()
            };
            let expected_decision = unseen.map_or(PermissionDecision::Denied, PermissionDecision::Unseen);
            assert_eq!(answers(&snapshot, &key, &expected)[0].decision, expected_decision);
        }
    }
}
