//! What owns a pod.

use super::*;

#[test]
fn workloads_are_what_somebody_would_restart() {
    let workload = |owners: Value, labels: Value| workload_of(&owners, &labels, None);
    let owner = |kind: &str, name: &str| json!([{ "kind": kind, "name": name, "controller": true }]);
    let hash = |hash: &str| json!({ "pod-template-hash": hash });
    assert_eq!(
        workload(owner("ReplicaSet", "web-api-6f5"), hash("6f5")),
        "Deployment/web-api"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "web-6f5"), hash("7a1")),
        "ReplicaSet/web-6f5"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "web6f5"), hash("6f5")),
        "ReplicaSet/web6f5"
    );
    assert_eq!(
        workload(owner("ReplicaSet", "-6f5"), hash("6f5")),
        "ReplicaSet/-6f5"
    );
    assert_eq!(workload(owner("ReplicaSet", "web-"), hash("")), "ReplicaSet/web-");
    assert_eq!(
        workload(
            owner("ReplicaSet", "web-6f5"),
            json!({ "rollouts-pod-template-hash": "6f5" })
        ),
        "Rollout/web"
    );
    let config = json!({ "openshift.io/deployment-config.name": "web", "deployment": "web-3" });
    assert_eq!(
        workload(owner("ReplicationController", "web-3"), config),
        "DeploymentConfig/web"
    );
    assert_eq!(
        workload(owner("ReplicationController", "web-3"), json!(null)),
        "ReplicationController/web-3"
    );
    assert_eq!(
        workload(owner("DaemonSet", "agent-6f5"), hash("6f5")),
        "DaemonSet/agent-6f5"
    );
    assert_eq!(
        workload(owner("Job", "backup-29387160"), json!(null)),
        "Job/backup-29387160"
    );
    assert_eq!(
        workload(json!([{ "kind": "ReplicaSet", "name": "x" }]), json!(null)),
        "Pod/p"
    );
    assert_eq!(workload(json!(null), json!(null)), "Pod/p");
}

/// What a pod with these owners and labels, created then, belongs to.
fn workload_of(owners: &Value, labels: &Value, created: Option<&str>) -> String {
    let object = json!({
        "metadata": {
            "namespace": "shop", "name": "p", "ownerReferences": owners, "labels": labels, "creationTimestamp": created
        },
        "spec": {}
    });
    pruned(object).workload.to_string()
}

#[test]
fn a_job_is_its_cron_jobs_if_its_name_tells_when_it_was_planned() {
    let job = |version: &str, name: &str, created: &str| {
        let owners = json!([{ "apiVersion": version, "kind": "Job", "name": name, "controller": true }]);
        workload_of(&owners, &json!(null), Some(created))
    };
    // 29387160 minutes after 1970.
    let planned = "2025-11-15T18:00:00Z";
    assert_eq!(job("batch/v1", "backup-29387160", planned), "CronJob/backup");
    assert_eq!(
        job("batch/v1", "backup-29387160", "2025-11-15T19:10:00Z"),
        "CronJob/backup"
    );
    for created in ["2025-11-15T17:59:59Z", "2025-11-16T18:00:01Z"] {
        assert_eq!(job("batch/v1", "backup-29387160", created), "Job/backup-29387160");
    }
    assert_eq!(job("batch/v1", "-29387160", planned), "Job/-29387160");
    assert_eq!(job("batch/v1", "backup-1", planned), "Job/backup-1");
    assert_eq!(
        job("batch.volcano.sh/v1alpha1", "backup-29387160", planned),
        "Job.batch.volcano.sh/backup-29387160"
    );
}

#[test]
fn a_kind_of_another_group_is_not_the_one_that_every_cluster_has() {
    let owned = |version: &str, kind: &str| {
        let owners = json!([{ "apiVersion": version, "kind": kind, "name": "db", "controller": true }]);
        workload_of(&owners, &json!(null), None)
    };
    assert_eq!(owned("apps/v1", "StatefulSet"), "StatefulSet/db");
    assert_eq!(
        owned("apps.kruise.io/v1beta1", "StatefulSet"),
        "StatefulSet.apps.kruise.io/db"
    );
    assert_eq!(owned("kafka.strimzi.io/v1beta2", "Kafka"), "Kafka/db");
}

#[test]
fn the_usual_labels_name_a_pod_where_its_workload_does_not() {
    let mut object = irsa_pod();
    object["metadata"]["labels"] = json!({
        "app": "orders", "app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "release",
        "k8s-app": "", "team": "payments", "pod-template-hash": "7d9c8b6f5"
    });
    assert_eq!(*pruned(object).also_named, ["release", "shop"]);
}
