//! The rights in Kubernetes that the operator and the writer need: a line for each kind of call that they make. The manifests that
//! are shipped are generated from these tables, and end-to-end tests compare them with the API server's audit log: what is
//! missing here is refused there, and what is listed here without need is named there.

use audit_api::admission;
use audit_core::model::webhook::CONFIG_MAP;

use crate::lease;

/// Some verbs on some resources of one API group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// What it is for; a comment in the manifests.
    pub purpose: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resources, with their subresources.
    pub resources: &'static [&'static str],
    /// The only objects that it is for; all where empty.
    pub names: &'static [&'static str],
    /// What may be done.
    pub verbs: &'static [&'static str],
}

const WATCH: &[&str] = &["list", "watch"];

/// In all namespaces.
pub const CLUSTER: &[Right] = &[
    Right {
        purpose: "What it watches.",
        group: "",
        resources: &["namespaces", "pods", "serviceaccounts"],
        names: &[],
        verbs: WATCH,
    },
    Right {
        purpose: "As which ServiceAccount a workload runs that an IrsaAudit expects and that has no pods. One by one, by name.",
        group: "apps",
        resources: &["deployments", "statefulsets", "daemonsets", "replicasets"],
        names: &[],
        verbs: &["get"],
    },
    Right {
        purpose: "The same, of workloads that end.",
        group: "batch",
        resources: &["jobs", "cronjobs"],
        names: &[],
        verbs: &["get"],
    },
    Right {
        purpose: "What Kubernetes lets ServiceAccounts do.",
        group: "rbac.authorization.k8s.io",
        resources: &["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
        names: &[],
        verbs: WATCH,
    },
    Right {
        purpose: "Whether the API server itself says of expected permissions what the roles say. A question: nothing is stored.",
        group: "authorization.k8s.io",
        resources: &["subjectaccessreviews"],
        names: &[],
        verbs: &["create"],
    },
    Right {
        purpose: "Whether the pod identity webhook is registered.",
        group: "admissionregistration.k8s.io",
        resources: &["mutatingwebhookconfigurations"],
        names: &[],
        verbs: WATCH,
    },
    Right {
        purpose: "What a self-hosted webhook is told to inject, in whichever namespace it runs.",
        group: "",
        resources: &["configmaps"],
        names: &[CONFIG_MAP],
        verbs: WATCH,
    },
    Right {
        purpose: "The settings of admins.",
        group: audit_api::GROUP,
        resources: &["irsaauditpolicies"],
        names: &[],
        verbs: WATCH,
    },
    Right {
        purpose: "How far repairs have come: approvals and the writer's journal. It changes neither.",
        group: audit_api::GROUP,
        resources: &["irsaapprovals", "trustpolicychanges"],
        names: &[],
        verbs: WATCH,
    },
    Right {
        purpose: "Whether the admission policy that makes approvals true is there and bound.",
        group: "admissionregistration.k8s.io",
        resources: &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
        names: &[admission::NAME],
        verbs: WATCH,
    },
    Right {
        purpose: "One IrsaAudit for each binding: made, let go of when somebody adopts it, deleted with the last reason for it.",
        group: audit_api::GROUP,
        resources: &["irsaaudits"],
        names: &[],
        verbs: &["list", "watch", "create", "patch", "delete"],
    },
    Right {
        purpose: "The verdicts.",
        group: audit_api::GROUP,
        resources: &["irsaaudits/status"],
        names: &[],
        verbs: &["patch"],
    },
    Right {
        purpose: "The one ClusterIrsaAudit: made again when it was deleted.",
        group: audit_api::GROUP,
        resources: &["clusterirsaaudits"],
        names: &[audit_api::CLUSTER_AUDIT_NAME],
        verbs: &["list", "watch", "create", "patch"],
    },
    Right {
        purpose: "What concerns no single binding.",
        group: audit_api::GROUP,
        resources: &["clusterirsaaudits/status"],
        names: &[audit_api::CLUSTER_AUDIT_NAME],
        verbs: &["patch"],
    },
    Right {
        purpose: "Changed verdicts, told in the namespace of the binding.",
        group: "events.k8s.io",
        resources: &["events"],
        names: &[],
        verbs: &["create", "patch"],
    },
];

/// In the operator's own namespace.
pub const OWN_NAMESPACE: &[Right] = &[
    Right {
        purpose: "Which replica leads. A name cannot restrict `create`.",
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &[],
        verbs: &["create"],
    },
    Right {
        purpose: "The Lease itself.",
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &[lease::NAME],
        verbs: &["get", "update"],
    },
];

/// What the writer calls, in all namespaces. It reads by `get` and `list`, watches nothing, and writes nothing but its own journal.
pub const WRITER_CLUSTER: &[Right] = &[
    Right {
        purpose: "The ServiceAccount that is to be admitted. One by one, by name.",
        group: "",
        resources: &["serviceaccounts"],
        names: &[],
        verbs: &["get"],
    },
    Right {
        purpose: "What the namespace selectors of IrsaAuditPolicies select.",
        group: "",
        resources: &["namespaces"],
        names: &[],
        verbs: &["list"],
    },
    Right {
        purpose: "What teams opt into, what admins allow, what people approved.",
        group: audit_api::GROUP,
        resources: &["irsaaudits", "irsaauditpolicies", "irsaapprovals"],
        names: &[],
        verbs: &["list"],
    },
    Right {
        purpose: "The journal: created before each write.",
        group: audit_api::GROUP,
        resources: &["trustpolicychanges"],
        names: &[],
        verbs: &["get", "list", "create"],
    },
    Right {
        purpose: "Records that are older than 400 days, and on which no decision depends any more.",
        group: audit_api::GROUP,
        resources: &["trustpolicychanges"],
        names: &[],
        verbs: &["delete"],
    },
    Right {
        purpose: "How each change ended.",
        group: audit_api::GROUP,
        resources: &["trustpolicychanges/status"],
        names: &[],
        verbs: &["patch"],
    },
    Right {
        purpose: "Whether the admission policy that makes approvals true is there and bound.",
        group: "admissionregistration.k8s.io",
        resources: &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
        names: &[admission::NAME],
        verbs: &["get"],
    },
    Right {
        purpose: "Changes of trust policies, told in the namespace of the binding.",
        group: "events.k8s.io",
        resources: &["events"],
        names: &[],
        verbs: &["create", "patch"],
    },
];

/// What the writer calls in its own namespace.
pub const WRITER_NAMESPACE: &[Right] = &[
    Right {
        purpose: "Which replica writes. A name cannot restrict `create`.",
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &[],
        verbs: &["create"],
    },
    Right {
        purpose: "The Lease itself.",
        group: "coordination.k8s.io",
        resources: &["leases"],
        names: &[lease::WRITER_NAME],
        verbs: &["get", "update"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_says_something_and_means_something() {
        let all = [CLUSTER, OWN_NAMESPACE, WRITER_CLUSTER, WRITER_NAMESPACE];
        for right in all.into_iter().flatten() {
            assert!(
                right.purpose.ends_with('.') && !right.resources.is_empty() && !right.verbs.is_empty(),
                "{right:?}"
            );
            assert!(
                !right.resources.contains(&"*") && !right.verbs.contains(&"*") && right.group != "*",
                "{right:?}"
            );
        }
    }

    #[test]
    fn no_secret_can_be_read_and_nothing_of_others_changed() {
        let all = || {
            [CLUSTER, OWN_NAMESPACE, WRITER_CLUSTER, WRITER_NAMESPACE]
                .into_iter()
                .flatten()
        };
        let all_resources = || all().flat_map(|right| right.resources);
        assert!(
            all_resources()
                .all(|resource| !resource.starts_with("secrets") && *resource != "serviceaccounts/token")
        );
        let writes = all().filter(|right| {
            right
                .verbs
                .iter()
                .any(|verb| !["get", "list", "watch"].contains(verb))
        });
        let groups: Vec<&str> = writes.map(|right| right.group).collect();
        // To create a review is to ask: the API server stores none.
        let ours = [
            audit_api::GROUP,
            "events.k8s.io",
            "coordination.k8s.io",
            "authorization.k8s.io",
        ];
        assert!(groups.iter().all(|group| ours.contains(group)), "{groups:?}");
    }

    #[test]
    fn the_writer_changes_nothing_but_its_own_journal() {
        let writes = WRITER_CLUSTER
            .iter()
            .filter(|right| right.verbs.iter().any(|verb| !["get", "list"].contains(verb)));
        let resources: Vec<&str> = writes.flat_map(|right| right.resources).copied().collect();
        assert_eq!(
            resources,
            [
                "trustpolicychanges",
                "trustpolicychanges",
                "trustpolicychanges/status",
                "events"
            ]
        );
        let all = || WRITER_CLUSTER.iter().chain(WRITER_NAMESPACE);
        assert!(all().all(|right| !right.verbs.contains(&"watch")));
        // Of its journal it deletes what is old, one by one, and of everything else nothing.
        let deletes = all().filter(|right| right.verbs.iter().any(|verb| verb.starts_with("delete")));
        let deletes: Vec<_> = deletes.map(|right| (right.resources, right.verbs)).collect();
        assert_eq!(deletes, [(&["trustpolicychanges"][..], &["delete"][..])]);
    }
}
