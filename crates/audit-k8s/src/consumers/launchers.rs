//! Objects whose controllers start pods as a ServiceAccount, some time.
//!
//! | kinds | where the ServiceAccount is | source |
//! |---|---|---|
//! | Spark Operator | `driver.serviceAccount`, `executor.serviceAccount`, and `spark.kubernetes.authenticate.*.serviceAccountName` in `sparkConf` | <https://github.com/kubeflow/spark-operator/blob/master/docs/api-docs.md> |
//! | Argo Workflows | `spec.serviceAccountName`, and that of each template | <https://argo-workflows.readthedocs.io/en/latest/service-accounts/> |
//! | actions-runner-controller | the pod template | <https://docs.github.com/en/actions/reference/runners/actions-runner-controller> |
//! | Tekton | `serviceAccountName`, since v1 in `taskRunTemplate` | <https://tekton.dev/docs/pipelines/pipelineruns/> |
//! | Knative, KEDA, Ray | the pod templates | <https://knative.dev/docs/>, <https://keda.sh/docs/>, <https://docs.ray.io/en/latest/cluster/kubernetes/> |
//!
//! What has ended starts no pods any more. A pod that names none runs as `default`: a `Workflow` as well.

use audit_core::model::{DEFAULT_SERVICE_ACCOUNT, Explains, Used};
use serde_json::Value;

use super::usage::{ConsumerKind, Object, Usage, items, text};

const fn kind(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    reads: &'static [&'static str],
    read: fn(&Object<'_>) -> Vec<Usage>,
) -> ConsumerKind {
    ConsumerKind {
        group,
        kind,
        plural,
        namespaced: true,
        explains: Explains::Launches,
        reads,
        read,
    }
}

const SPARK: &[&str] = &[
    "/spec/driver/serviceAccount",
    "/spec/driver/template/spec/serviceAccountName",
    "/spec/sparkConf/spark.kubernetes.authenticate.driver.serviceAccountName",
    "/spec/executor/serviceAccount",
    "/spec/executor/template/spec/serviceAccountName",
    "/spec/sparkConf/spark.kubernetes.authenticate.executor.serviceAccountName",
    "/status/applicationState/state",
];

const SCHEDULED_SPARK: &[&str] = &[
    "/spec/template/driver/serviceAccount",
    "/spec/template/driver/template/spec/serviceAccountName",
    "/spec/template/sparkConf/spark.kubernetes.authenticate.driver.serviceAccountName",
    "/spec/template/executor/serviceAccount",
    "/spec/template/executor/template/spec/serviceAccountName",
    "/spec/template/sparkConf/spark.kubernetes.authenticate.executor.serviceAccountName",
    "/status/applicationState/state",
];

const WORKFLOW: &[&str] = &[
    "/spec",
    "/spec/serviceAccountName",
    "/spec/templates/*/serviceAccountName",
    "/status/phase",
];

const CRON_WORKFLOW: &[&str] = &[
    "/spec/workflowSpec",
    "/spec/workflowSpec/serviceAccountName",
    "/spec/workflowSpec/templates/*/serviceAccountName",
    "/status/phase",
];

const TEKTON: &[&str] = &[
    "/spec/serviceAccountName",
    "/spec/taskRunTemplate/serviceAccountName",
    "/spec/taskRunSpecs/*/serviceAccountName",
    "/spec/taskRunSpecs/*/taskServiceAccountName",
    "/status/completionTime",
];

const RAY_CLUSTER: &[&str] = &[
    "/spec",
    "/spec/headGroupSpec/template/spec/serviceAccountName",
    "/spec/workerGroupSpecs/*/template/spec/serviceAccountName",
];

const RAY_JOB: &[&str] = &[
    "/spec/rayClusterSpec",
    "/spec/rayClusterSpec/headGroupSpec/template/spec/serviceAccountName",
    "/spec/rayClusterSpec/workerGroupSpecs/*/template/spec/serviceAccountName",
];

const RAY_SERVICE: &[&str] = &[
    "/spec/rayClusterConfig",
    "/spec/rayClusterConfig/headGroupSpec/template/spec/serviceAccountName",
    "/spec/rayClusterConfig/workerGroupSpecs/*/template/spec/serviceAccountName",
];

pub(super) const KINDS: &[ConsumerKind] = &[
    kind(
        "sparkoperator.k8s.io",
        "SparkApplication",
        "sparkapplications",
        SPARK,
        |object| spark(object, "/spec"),
    ),
    kind(
        "sparkoperator.k8s.io",
        "ScheduledSparkApplication",
        "scheduledsparkapplications",
        SCHEDULED_SPARK,
        |object| spark(object, "/spec/template"),
    ),
    kind("argoproj.io", "Workflow", "workflows", WORKFLOW, |object| {
        workflow(object, "/spec")
    }),
    kind(
        "argoproj.io",
        "WorkflowTemplate",
        "workflowtemplates",
        WORKFLOW,
        |object| workflow(object, "/spec"),
    ),
    kind(
        "argoproj.io",
        "CronWorkflow",
        "cronworkflows",
        CRON_WORKFLOW,
        |object| workflow(object, "/spec/workflowSpec"),
    ),
    ConsumerKind {
        group: "argoproj.io",
        kind: "ClusterWorkflowTemplate",
        plural: "clusterworkflowtemplates",
        namespaced: false,
        explains: Explains::Launches,
        reads: WORKFLOW,
        read: |object| workflow(object, "/spec"),
    },
    kind(
        "actions.summerwind.dev",
        "RunnerDeployment",
        "runnerdeployments",
        &["/spec/template/spec/serviceAccountName"],
        |object| named(object, &["/spec/template/spec/serviceAccountName"]),
    ),
    kind(
        "actions.summerwind.dev",
        "RunnerSet",
        "runnersets",
        &[
            "/spec/serviceAccountName",
            "/spec/template/spec/serviceAccountName",
        ],
        |object| {
            named(
                object,
                &[
                    "/spec/serviceAccountName",
                    "/spec/template/spec/serviceAccountName",
                ],
            )
        },
    ),
    kind(
        "actions.github.com",
        "AutoscalingRunnerSet",
        "autoscalingrunnersets",
        &["/spec/template/spec/serviceAccountName"],
        |object| named(object, &["/spec/template/spec/serviceAccountName"]),
    ),
    kind("tekton.dev", "PipelineRun", "pipelineruns", TEKTON, tekton),
    kind("tekton.dev", "TaskRun", "taskruns", TEKTON, tekton),
    kind(
        "serving.knative.dev",
        "Service",
        "services",
        &["/spec/template/spec/serviceAccountName"],
        |object| named(object, &["/spec/template/spec/serviceAccountName"]),
    ),
    kind(
        "keda.sh",
        "ScaledJob",
        "scaledjobs",
        &["/spec/jobTargetRef/template/spec/serviceAccountName"],
        |object| named(object, &["/spec/jobTargetRef/template/spec/serviceAccountName"]),
    ),
    kind("ray.io", "RayCluster", "rayclusters", RAY_CLUSTER, |object| {
        ray(object, "/spec")
    }),
    kind("ray.io", "RayJob", "rayjobs", RAY_JOB, |object| {
        ray(object, "/spec/rayClusterSpec")
    }),
    kind("ray.io", "RayService", "rayservices", RAY_SERVICE, |object| {
        ray(object, "/spec/rayClusterConfig")
    }),
];

/// The ServiceAccounts named at these places.
fn named(object: &Object<'_>, places: &[&str]) -> Vec<Usage> {
    let names = places.iter().map(|place| object.text(place));
    names
        .filter_map(|name| object.own(name))
        .map(Usage::launches)
        .collect()
}

fn spark(object: &Object<'_>, spec: &str) -> Vec<Usage> {
    if ["COMPLETED", "FAILED"].contains(&object.text("/status/applicationState/state")) {
        return Vec::new();
    }
    let roles = ["driver", "executor"].into_iter();
    let places: Vec<String> = roles
        .flat_map(|role| {
            ["serviceAccount", "template/spec/serviceAccountName"]
                .map(|field| format!("{spec}/{role}/{field}"))
        })
        .collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let mut found = named(object, &places);
    let settings = object.value.pointer(spec).and_then(|spec| spec.get("sparkConf"));
    let in_settings = ["driver", "executor"].map(|role| {
        let key = format!("spark.kubernetes.authenticate.{role}.serviceAccountName");
        settings.and_then(|settings| settings.get(&key)?.as_str())
    });
    let in_settings = in_settings.into_iter().flatten();
    found.extend(
        in_settings
            .filter_map(|name| object.own(name))
            .map(Usage::launches),
    );
    found
}

fn workflow(object: &Object<'_>, spec: &str) -> Vec<Usage> {
    if ["Succeeded", "Failed", "Error"].contains(&object.text("/status/phase")) {
        return Vec::new();
    }
    let Some(spec) = object.value.pointer(spec) else {
        return Vec::new();
    };
    let templates = items(spec, "/templates").iter();
    let own = text(spec, "/serviceAccountName");
    let of_templates = templates.map(|template| text(template, "/serviceAccountName"));
    let names = std::iter::once(own)
        .chain(of_templates)
        .filter(|name| !name.is_empty());
    let used = |name: &str| {
        // That of a cluster's template is in the namespace of the workflow.
        object
            .own(name)
            .filter(|_| !object.namespace.is_empty())
            .unwrap_or_else(|| Used::InAnyNamespace(name.to_owned()))
    };
    let is_certain = |used: &Used| matches!(used, Used::Named(_));
    let mut found: Vec<Usage> = names
        .map(used)
        .map(|used| Usage {
            is_certain: is_certain(&used),
            ..Usage::launches(used)
        })
        .collect();
    if own.is_empty() && !object.namespace.is_empty() {
        let default = object.own(DEFAULT_SERVICE_ACCOUNT);
        found.extend(default.map(|used| Usage::launches(used).perhaps()));
    }
    found
}

fn tekton(object: &Object<'_>) -> Vec<Usage> {
    if !object.text("/status/completionTime").is_empty() {
        return Vec::new();
    }
    let mut found = named(
        object,
        &[
            "/spec/serviceAccountName",
            "/spec/taskRunTemplate/serviceAccountName",
        ],
    );
    let tasks = items(object.value, "/spec/taskRunSpecs").iter();
    let names =
        tasks.flat_map(|task| ["/serviceAccountName", "/taskServiceAccountName"].map(|at| text(task, at)));
    found.extend(names.filter_map(|name| object.own(name)).map(Usage::launches));
    found
}

fn ray(object: &Object<'_>, spec: &str) -> Vec<Usage> {
    let Some(spec) = object.value.pointer(spec) else {
        return Vec::new();
    };
    let of = |group: &Value| text(group, "/template/spec/serviceAccountName").to_owned();
    let head = spec.pointer("/headGroupSpec").map(of);
    let workers = items(spec, "/workerGroupSpecs").iter().map(of);
    let names = head.into_iter().chain(workers);
    names
        .filter_map(|name| object.own(&name))
        .map(Usage::launches)
        .collect()
}
