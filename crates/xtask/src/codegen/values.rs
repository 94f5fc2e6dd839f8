//! The chart's values. This is their one source: `values.yaml`, `values.schema.json` and the chart's reference are made
//! of it.

mod consumers;
mod render;

use consumers::Consumers;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use render::{schema, table, yaml};

/// An object that is passed on to Kubernetes as it is.
type Object = Map<String, Value>;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Values {
    /// The operator's image.
    image: Image,
    /// Replicas; one leads, the others are ready to.
    replicas: u32,
    /// Who the operator is, in Kubernetes and in AWS.
    service_account: ServiceAccount,
    /// RBAC.
    rbac: Rbac,
    /// The definitions of the custom resources.
    crds: Crds,
    /// What the operator is told of the cluster and of AWS.
    operator: Operator,
    /// The writer, which repairs trust policies once everyone who has to agree does. Logs, issuer, region and annotation prefix are
    /// the operator's.
    writer: Writer,
    /// Where the pods run, and what they get.
    pod: Pod,
    /// Keeps one replica while nodes are drained; only with two replicas or more.
    pod_disruption_budget: Switch,
    /// A priority for the pods.
    priority_class: PriorityClass,
    /// Lets nothing in but scrapes, and nothing out but DNS, the API server and AWS.
    network_policy: NetworkPolicy,
    /// How Prometheus finds the operator.
    metrics: Metrics,
    /// Alerts, as a PrometheusRule of the Prometheus operator.
    prometheus_rule: PrometheusRule,
    /// Grafana dashboards, as ConfigMaps for its sidecar.
    dashboards: Dashboards,
    /// Replaces the chart's name in the names of objects.
    name_override: String,
    /// Replaces the names of objects.
    fullname_override: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Image {
    /// Where you pushed the image, as in `111122223333.dkr.ecr.eu-west-1.amazonaws.com/irsa-audit`. Required.
    repository: String,
    /// The tag; the chart's `appVersion` where empty.
    tag: String,
    /// The digest, as in `sha256:…`; it wins over the tag.
    #[schemars(regex(pattern = "^(sha256:[0-9a-f]{64})?$"))]
    digest: String,
    /// When it is pulled.
    pull_policy: PullPolicy,
    /// Secrets for the registry, as in `[{name: registry}]`.
    pull_secrets: Vec<Object>,
}

#[derive(Serialize, JsonSchema)]
#[allow(dead_code, reason = "all that the schema allows")]
enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceAccount {
    /// Whether the chart makes it.
    create: bool,
    /// Its name; the name of the other objects where empty.
    name: String,
    /// The IAM role that the operator reads AWS with, by IRSA. Leave it empty for EKS Pod Identity.
    #[schemars(regex(pattern = "^(arn:[a-z-]+:iam::[0-9]{12}:role/.+)?$"))]
    role_arn: String,
    /// More annotations.
    annotations: Object,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rbac {
    /// Whether the chart makes the operator's roles and their bindings.
    create: bool,
    /// Adds IrsaAudits to the roles `view`, `edit` and `admin` of Kubernetes.
    aggregate: bool,
    /// The kinds of other projects that the operator may list and watch where they are installed, as `resource.group`. What a kind
    /// explains is unknown without it, instead of broken: IRSA915 says so.
    consumers: Consumers,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Crds {
    /// Whether the chart installs and upgrades them.
    install: bool,
    /// Whether they, and with them all IrsaAudits, outlive the release.
    keep: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Operator {
    /// The issuer of the cluster's tokens; found out where empty.
    #[schemars(regex(pattern = "^(https://.+)?$"))]
    oidc_issuer: String,
    /// The EKS cluster's name, to ask EKS for the issuer where nothing else tells it.
    cluster_name: String,
    /// The prefix of the webhook's annotations.
    annotation_prefix: String,
    /// The audience with which a self-hosted webhook is started; what tokens in running pods show where empty.
    token_audience: String,
    /// How often everything in AWS is read anew.
    #[schemars(regex(pattern = "^([0-9]+[hms])+$"))]
    refresh: String,
    /// Accounts to look into besides the operator's own, as in
    /// `[{id: "222233334444", roleArn: "arn:aws:iam::222233334444:role/irsa-audit-reader", externalId: shop}]`.
    accounts: Vec<Account>,
    /// How long the Lease of the leader lasts without renewal.
    #[schemars(regex(pattern = "^([0-9]+[hms])+$"))]
    lease_duration: String,
    /// How log lines look.
    log_format: LogFormat,
    /// What is logged: a level, or directives such as `info,audit_aws=debug`.
    log: String,
    /// The region of the STS endpoint; IRSA and Pod Identity tell it where empty.
    region: String,
    /// More flags of `irsa-audit operator`.
    extra_args: Vec<String>,
    /// More environment variables, as in `[{name: HTTPS_PROXY, value: "http://proxy:3128"}]`.
    extra_env: Vec<Object>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Writer {
    /// Whether it is installed, with its rights, a role for people who approve, and the admission policy for approvals.
    enabled: bool,
    /// Replicas; one writes, the others are ready to.
    replicas: u32,
    /// Who the writer is, in Kubernetes and in AWS: never the operator.
    service_account: WriterServiceAccount,
    /// Accounts whose roles may be edited, also the writer's own, as in `[{id: "111122223333"}]`. Required.
    accounts: Vec<Account>,
    /// How long it waits between two looks at what there is to repair.
    #[schemars(regex(pattern = "^([0-9]+[hms])+$"))]
    interval: String,
    /// How long its Lease lasts without renewal: at least `45s`.
    #[schemars(regex(pattern = "^([0-9]+[hms])+$"))]
    lease_duration: String,
    /// More flags of `irsa-audit writer`.
    extra_args: Vec<String>,
    /// More environment variables, as in `[{name: HTTPS_PROXY, value: "http://proxy:3128"}]`.
    extra_env: Vec<Object>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WriterServiceAccount {
    /// Whether the chart makes it.
    create: bool,
    /// Its name; the name of the writer's other objects where empty.
    name: String,
    /// The IAM role that the writer uses, by IRSA, with the policy `deploy/iam/writer.json`. Leave it empty for EKS Pod Identity.
    #[schemars(regex(pattern = "^(arn:[a-z-]+:iam::[0-9]{12}:role/.+)?$"))]
    role_arn: String,
    /// More annotations.
    annotations: Object,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Account {
    /// Its number; in quotes, or YAML takes it for an integer.
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    id: String,
    /// The role in it that the operator assumes.
    #[serde(default)]
    #[schemars(regex(pattern = "^arn:[a-z-]+:iam::[0-9]{12}:role/.+$"))]
    role_arn: String,
    /// The external id that the role's trust policy asks for.
    #[serde(default)]
    external_id: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "all that the schema allows")]
enum LogFormat {
    Text,
    Json,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pod {
    /// Requests and limits. Memory grows with the number of pods and bindings.
    resources: Object,
    /// More labels.
    labels: Object,
    /// More annotations.
    annotations: Object,
    /// Nodes that it may run on.
    node_selector: Object,
    /// Taints that it bears.
    tolerations: Vec<Object>,
    /// Affinity.
    affinity: Object,
    /// Spreads the replicas over nodes and zones, where that can be.
    spread: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Switch {
    /// Whether it is made.
    enabled: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PriorityClass {
    /// The class; the cluster's default where empty.
    name: String,
    /// Whether the chart makes it.
    create: bool,
    /// Its value, if it does.
    value: i32,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NetworkPolicy {
    /// Whether it is made.
    enabled: bool,
    /// Who may scrape, as peers of a NetworkPolicy; everybody where empty.
    scrape_from: Vec<Object>,
    /// Ports of the API server, of AWS and of a proxy.
    egress_ports: Vec<u16>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metrics {
    /// Which bindings get series of their own.
    detail: Detail,
    /// The value of a label `cluster` for the series of this cluster, where Prometheus does not add one itself.
    cluster_label: String,
    /// How often it is scraped.
    #[schemars(regex(pattern = "^([0-9]+(ms|[smhd]))+$"))]
    interval: String,
    /// A ServiceMonitor of the Prometheus operator.
    service_monitor: Monitor,
    /// A PodMonitor of the Prometheus operator, instead.
    pod_monitor: Monitor,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "all that the schema allows")]
enum Detail {
    Unhealthy,
    All,
    Totals,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Monitor {
    /// Whether it is made.
    enabled: bool,
    /// Labels by which Prometheus selects it, as in `{release: prometheus}`.
    labels: Object,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PrometheusRule {
    /// Whether it is made.
    enabled: bool,
    /// Labels by which Prometheus selects it.
    labels: Object,
    /// Labels for every alert, as in `{team: platform}`.
    alert_labels: Object,
    /// Names of alerts that are left out.
    disabled: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dashboards {
    /// Whether they are made.
    enabled: bool,
    /// The labels by which the sidecar finds them.
    labels: Object,
    /// Annotations, such as the sidecar's folder.
    annotations: Object,
    /// The namespace where Grafana looks for them; the release's where empty.
    namespace: String,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            enabled: false,
            replicas: 2,
            service_account: WriterServiceAccount {
                create: true,
                name: String::new(),
                role_arn: String::new(),
                annotations: Object::new(),
            },
            accounts: Vec::new(),
            interval: "30s".to_owned(),
            lease_duration: "60s".to_owned(),
            extra_args: Vec::new(),
            extra_env: Vec::new(),
        }
    }
}

impl Default for Values {
    fn default() -> Self {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let monitor = || Monitor {
            enabled: false,
            labels: Object::new(),
        };
        Self {
            image: Image {
                repository: String::new(),
                tag: String::new(),
                digest: String::new(),
                pull_policy: PullPolicy::IfNotPresent,
                pull_secrets: Vec::new(),
            },
            replicas: 2,
            service_account: ServiceAccount {
                create: true,
                name: String::new(),
                role_arn: String::new(),
                annotations: Object::new(),
            },
            rbac: Rbac {
                create: true,
                aggregate: true,
                consumers: Consumers::default(),
            },
            crds: Crds {
                install: true,
                keep: true,
            },
            operator: Operator {
                oidc_issuer: String::new(),
                cluster_name: String::new(),
                annotation_prefix: "eks.amazonaws.com".to_owned(),
                token_audience: String::new(),
                refresh: "10m".to_owned(),
                accounts: Vec::new(),
                lease_duration: "15s".to_owned(),
                log_format: LogFormat::Json,
                log: "info".to_owned(),
                region: String::new(),
                extra_args: Vec::new(),
                extra_env: Vec::new(),
            },
            writer: Writer::default(),
            pod: Pod {
                resources: object(
                    json!({"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}),
                ),
                labels: Object::new(),
                annotations: Object::new(),
                node_selector: Object::new(),
                tolerations: Vec::new(),
                affinity: Object::new(),
                spread: true,
            },
            pod_disruption_budget: Switch { enabled: true },
            priority_class: PriorityClass {
                name: String::new(),
                create: false,
                value: 1_000_000,
            },
            network_policy: NetworkPolicy {
                enabled: true,
                scrape_from: Vec::new(),
                egress_ports: vec![443, 6443],
            },
            metrics: Metrics {
                detail: Detail::Unhealthy,
                cluster_label: String::new(),
                interval: "30s".to_owned(),
                service_monitor: monitor(),
                pod_monitor: monitor(),
            },
            prometheus_rule: PrometheusRule {
                enabled: false,
                labels: Object::new(),
                alert_labels: Object::new(),
                disabled: Vec::new(),
            },
            dashboards: Dashboards {
                enabled: false,
                labels: object(json!({"grafana_dashboard": "1"})),
                annotations: Object::new(),
                namespace: String::new(),
            },
            name_override: String::new(),
            fullname_override: String::new(),
        }
    }
}
