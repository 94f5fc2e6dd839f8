//! The kinds of workloads that are looked up by name: those that are expected to run as a ServiceAccount and have no pods.

use audit_core::model::{DEFAULT_SERVICE_ACCOUNT, LookedUp};
use serde_json::Value;

/// A kind of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkloadKind {
    /// The kind, as manifests spell it.
    pub kind: &'static str,
    /// The API group. Its version is `v1`.
    pub group: &'static str,
    /// The resource, in the plural, as rights spell it.
    pub plural: &'static str,
    /// Where an object keeps the `spec` of its pods.
    pod_spec: &'static str,
}

const fn kind(kind: &'static str, group: &'static str, plural: &'static str) -> WorkloadKind {
    WorkloadKind {
        kind,
        group,
        plural,
        pod_spec: "/spec/template/spec",
    }
}

/// All of them.
pub const WORKLOAD_KINDS: [WorkloadKind; 6] = [
    kind("Deployment", "apps", "deployments"),
    kind("StatefulSet", "apps", "statefulsets"),
    kind("DaemonSet", "apps", "daemonsets"),
    kind("ReplicaSet", "apps", "replicasets"),
    kind("Job", "batch", "jobs"),
    WorkloadKind {
        pod_spec: "/spec/jobTemplate/spec/template/spec",
        ..kind("CronJob", "batch", "cronjobs")
    },
];

impl WorkloadKind {
    /// The kind of this name, if it is looked up.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        WORKLOAD_KINDS.into_iter().find(|one| one.kind == name)
    }

    /// As which ServiceAccount an object's pods run. Nothing of one without a pod template.
    #[must_use]
    pub fn runs_as(self, object: &Value) -> Option<LookedUp> {
        let spec = object.pointer(self.pod_spec)?;
        let named = spec.get("serviceAccountName").and_then(Value::as_str);
        let name = named
            .filter(|name| !name.is_empty())
            .unwrap_or(DEFAULT_SERVICE_ACCOUNT);
        Some(LookedUp::RunsAs(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_names_a_service_account_or_runs_as_default() {
        let spec = |name: Option<&str>| json!({"spec": {"template": {"spec": {"serviceAccountName": name}}}});
        let deployment = WorkloadKind::named("Deployment").unwrap();
        let runs_as = |object: &Value| deployment.runs_as(object);
        assert_eq!(
            runs_as(&spec(Some("cart"))),
            Some(LookedUp::RunsAs("cart".to_owned()))
        );
        assert_eq!(runs_as(&spec(None)), Some(LookedUp::RunsAs("default".to_owned())));
        assert_eq!(runs_as(&json!({})), None);
        let cron_job = WorkloadKind::named("CronJob").unwrap();
        let object = json!({"spec": {"jobTemplate": spec(Some("cart"))}});
        assert_eq!(
            cron_job.runs_as(&object),
            Some(LookedUp::RunsAs("cart".to_owned()))
        );
        assert_eq!(WorkloadKind::named("Rollout"), None);
    }

    #[test]
    fn the_operator_has_the_right_to_get_each_of_them_and_no_other_workload() {
        let may_get = crate::rights::CLUSTER
            .iter()
            .filter(|right| right.verbs == ["get"])
            .flat_map(|right| right.resources.iter().map(|resource| (right.group, *resource)));
        let kinds = WORKLOAD_KINDS.iter().map(|one| (one.group, one.plural));
        assert_eq!(may_get.collect::<Vec<_>>(), kinds.collect::<Vec<_>>());
    }
}
