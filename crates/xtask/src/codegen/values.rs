//! The chart's values. This is their one source: `values.yaml`, `values.schema.json` and the chart's reference are made
//! of it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An object that is passed on to Kubernetes as it is.
type Object = Map<String, Value>;

/// A value: its path, what it is, and its default.
struct Entry<'a> {
    path: Vec<&'a str>,
    about: &'a str,
    default: &'a Value,
}

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
            },
            crds: Crds {
                install: true,
                keep: true,
            },
            operator: Operator {
                oidc_issuer: String::new(),
                cluster_name: String::new(),
                annotation_prefix: "eks.amazonaws.com".to_owned(),
                refresh: "10m".to_owned(),
                accounts: Vec::new(),
                lease_duration: "15s".to_owned(),
                log_format: LogFormat::Json,
                log: "info".to_owned(),
                region: String::new(),
                extra_args: Vec::new(),
                extra_env: Vec::new(),
            },
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

/// `values.schema.json`. An unknown key is refused, except for those that Helm itself passes to the chart where it is
/// part of another.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = Some("http://json-schema.org/draft-07/schema#".into());
    });
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Values>()
        .to_value();
    optional(&mut schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("global".to_owned(), json!({"type": "object"}));
        properties.insert("enabled".to_owned(), json!({"type": "boolean"}));
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("Values of the chart irsa-audit"));
    }
    schema
}

/// What a user leaves out has a default; only an account's number has none.
fn optional(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_account = object
                .get("properties")
                .and_then(|properties| properties.get("externalId"))
                .is_some();
            if !is_account && object.get("required").is_some_and(Value::is_array) {
                object.remove("required");
            }
            // A number's width is nothing to a person who writes YAML.
            object.remove("format");
            object.values_mut().for_each(optional);
        }
        Value::Array(items) => items.iter_mut().for_each(optional),
        _ => {}
    }
}

/// `values.yaml`: the defaults, each with what it is for.
#[must_use]
pub fn yaml() -> String {
    let (schema, defaults) = (schema(), defaults());
    let mut text = String::new();
    for entry in entries(&schema, &defaults) {
        let Some((name, above)) = entry.path.split_last() else {
            continue;
        };
        let indent = "  ".repeat(above.len());
        if above.is_empty() && !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string cannot fail.
        for line in wrapped(entry.about, 110 - indent.len()) {
            let _ = writeln!(text, "{indent}# {line}");
        }
        if is_group(&schema, &entry.path) {
            let _ = writeln!(text, "{indent}{name}:");
        } else {
            // JSON is YAML.
            let _ = writeln!(text, "{indent}{name}: {}", flow(entry.default));
        }
    }
    text
}

/// The reference: a row for each value.
#[must_use]
pub fn table() -> String {
    let (schema, defaults) = (schema(), defaults());
    let mut text = "| value | default | what it is |\n|---|---|---|\n".to_owned();
    for entry in entries(&schema, &defaults) {
        if !is_group(&schema, &entry.path) {
            let (path, default) = (entry.path.join("."), flow(entry.default));
            let _ = writeln!(text, "| `{path}` | `{default}` | {} |", entry.about);
        }
    }
    text
}

fn defaults() -> Value {
    serde_json::to_value(Values::default()).unwrap_or_default()
}

/// Whether a value has keys of its own that the schema names.
fn is_group(schema: &Value, path: &[&str]) -> bool {
    at(schema, path).is_some_and(|schema| schema.get("properties").is_some())
}

fn at<'a>(schema: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter()
        .try_fold(schema, |schema, name| schema.get("properties")?.get(name))
}

/// All values, in the order in which they are declared: JSON forgets it, YAML does not.
fn entries<'a>(schema: &'a Value, defaults: &'a Value) -> Vec<Entry<'a>> {
    let declared = serde_saphyr::to_string(&Values::default()).unwrap_or_default();
    let mut all = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for line in declared.lines() {
        let key = line.trim_start();
        let Some((key, _)) = key.split_once(':') else {
            continue;
        };
        names.truncate((line.len() - line.trim_start().len()) / 2);
        // Only those that live as long as the schema are kept.
        let mut path = Vec::new();
        let mut place = (schema, defaults);
        for name in names.iter().chain([&key]) {
            let found = property(place.0, name).zip(place.1.get(*name));
            let Some(((name, schema), default)) = found else {
                break;
            };
            path.push(name);
            place = (schema, default);
        }
        if path.len() == names.len() + 1
            && let Some(about) = place.0.get("description").and_then(Value::as_str)
        {
            all.push(Entry {
                path,
                about,
                default: place.1,
            });
        }
        names.push(key);
    }
    all
}

fn property<'a>(schema: &'a Value, name: &str) -> Option<(&'a str, &'a Value)> {
    let (name, schema) = schema.get("properties")?.as_object()?.get_key_value(name)?;
    Some((name.as_str(), schema))
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pairs: Vec<String> = object
                .iter()
                .map(|(name, value)| format!("{name}: {}", flow(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether YAML reads a text as a text without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str())
}

/// A text in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_yaml_says_what_the_defaults_are() {
        let read: Value = serde_saphyr::from_str(&yaml()).unwrap();
        assert_eq!(read, defaults());
    }

    /// A group that lacks `additionalProperties: false` would let a misspelt key pass.
    #[test]
    fn no_group_takes_unknown_keys_and_each_value_is_described() {
        fn check(schema: &Value, place: &str) {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                return;
            };
            assert_eq!(schema["additionalProperties"], json!(false), "{place}");
            for (name, property) in properties {
                let known = ["global", "enabled"].contains(&name.as_str()) && place.is_empty();
                assert!(known || property.get("description").is_some(), "{place}.{name}");
                check(property, &format!("{place}.{name}"));
            }
        }
        check(&schema(), "");
        assert_eq!(
            schema()["properties"]["operator"]["properties"]["accounts"]["items"]["required"],
            json!(["id"])
        );
    }

    #[test]
    fn each_default_is_in_the_reference() {
        let table = table();
        for path in [
            "image.repository",
            "pod.resources",
            "operator.accounts",
            "replicas",
        ] {
            assert!(table.contains(&format!("| `{path}` |")), "{path}: {table}");
        }
    }
}
