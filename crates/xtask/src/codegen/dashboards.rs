//! Grafana's dashboards, from what they ask.

use serde_json::{Value, json};

/// A dashboard: its file, and what is in it.
struct Dashboard {
    name: &'static str,
    title: &'static str,
    /// Variables after data source and cluster: name, and the metric whose label it lists.
    variables: &'static [(&'static str, &'static str)],
    panels: &'static [Panel],
}

/// A panel.
struct Panel {
    title: &'static str,
    about: &'static str,
    kind: Kind,
    /// Of 24 columns.
    width: u32,
    unit: &'static str,
    /// Expressions, with their legends. `BINDING` and `CLUSTER` stand for the matchers of the variables.
    queries: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lines over time.
    Lines,
    /// Areas on top of each other, over time.
    Stack,
    /// The latest number.
    Number,
    /// Bars of the latest numbers.
    Bars,
    /// The latest labels.
    Table,
    /// States over time.
    States,
}

const HEIGHT: u32 = 8;
const SHORT: u32 = 4;

const OVERVIEW: Dashboard = Dashboard {
    name: "overview",
    title: "irsa-audit / Overview",
    variables: &[("namespace", "irsa_audit_bindings")],
    panels: &[
        Panel {
            title: "Bindings by verdict",
            about: "ServiceAccounts bound to an IAM role, now.",
            kind: Kind::Number,
            width: 24,
            unit: "none",
            queries: &[("sum by (verdict) (irsa_audit_bindings{BINDING})", "{{verdict}}")],
        },
        Panel {
            title: "Verdicts",
            about: "The same over time.",
            kind: Kind::Stack,
            width: 12,
            unit: "none",
            queries: &[("sum by (verdict) (irsa_audit_bindings{BINDING})", "{{verdict}}")],
        },
        Panel {
            title: "Broken by cause",
            about: "Bindings with a finding that breaks them, by its code.",
            kind: Kind::Stack,
            width: 12,
            unit: "none",
            queries: &[(
                "count by (code, reason) (max by (cluster, namespace, service_account, code, reason) (irsa_audit_finding{severity=\"broken\",BINDING}))",
                "{{code}} {{reason}}",
            )],
        },
        Panel {
            title: "Broken by namespace",
            about: "Namespaces with the most broken bindings.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, sum by (cluster, namespace) (irsa_audit_bindings{verdict=\"Broken\",BINDING}) > 0)",
                "{{namespace}}",
            )],
        },
        Panel {
            title: "Broken by account",
            about: "Accounts of the roles of broken bindings.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, count by (account) (max by (cluster, namespace, service_account, account) (irsa_audit_binding_info{BINDING}) and on (cluster, namespace, service_account) irsa_audit_binding_verdict{verdict=\"Broken\",BINDING} == 1))",
                "{{account}}",
            )],
        },
        Panel {
            title: "At risk by cause",
            about: "Bindings that work, with what exposes them or will break them.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, count by (code, reason) (max by (cluster, namespace, service_account, code, reason) (irsa_audit_finding{severity=\"risk\",BINDING})))",
                "{{code}} {{reason}}",
            )],
        },
        Panel {
            title: "What is broken, and for how long",
            about: "Each broken binding with its cause. The age counts within the time that is shown.",
            kind: Kind::Table,
            width: 24,
            unit: "s",
            queries: &[(
                "sort_desc(time() - min by (cluster, namespace, service_account, code, reason) (min_over_time(timestamp(irsa_audit_finding{severity=\"broken\",BINDING})[$__range:])) and on (cluster, namespace, service_account, code) irsa_audit_finding{severity=\"broken\",BINDING})",
                "",
            )],
        },
        Panel {
            title: "Pods",
            about: "Pods of audited ServiceAccounts: with another role than the annotation's (stale), without credentials (missing).",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[("sum by (state) (irsa_audit_pods{BINDING})", "{{state}}")],
        },
        Panel {
            title: "Age of evidence",
            about: "How old the oldest reading of each account is.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "max by (cluster, account) (irsa_audit_evidence_age_seconds{CLUSTER})",
                "{{account}}",
            )],
        },
    ],
};

const BINDING: Dashboard = Dashboard {
    name: "binding",
    title: "irsa-audit / Binding",
    variables: &[
        ("namespace", "irsa_audit_bindings"),
        ("service_account", "irsa_audit_binding_info"),
    ],
    panels: &[
        Panel {
            title: "Role",
            about: "By default, bindings that are Working have no series of their own: see --metrics-detail.",
            kind: Kind::Table,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, namespace, service_account, account, role_arn) (irsa_audit_binding_info{BINDING,service_account=~\"$service_account\"})",
                "",
            )],
        },
        Panel {
            title: "Verdict",
            about: "Over time; a gap is a time without a series, which is Working by default.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (namespace, service_account, verdict) (irsa_audit_binding_verdict{BINDING,service_account=~\"$service_account\"}) == 1",
                "{{namespace}}/{{service_account}} {{verdict}}",
            )],
        },
        Panel {
            title: "Findings",
            about: "What stands now. The page of each code says what it means and how to repair it.",
            kind: Kind::Table,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, namespace, service_account, code, reason, severity) (irsa_audit_finding{BINDING,service_account=~\"$service_account\"})",
                "",
            )],
        },
        Panel {
            title: "Findings over time",
            about: "When each came and went.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (namespace, service_account, code, reason) (irsa_audit_finding{BINDING,service_account=~\"$service_account\"})",
                "{{namespace}}/{{service_account}} {{code}} {{reason}}",
            )],
        },
        Panel {
            title: "Last audit",
            about: "How long ago it was looked at.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "time() - max by (namespace, service_account) (irsa_audit_last_audit_timestamp_seconds{BINDING,service_account=~\"$service_account\"})",
                "{{namespace}}/{{service_account}}",
            )],
        },
        Panel {
            title: "Pods of the namespace",
            about: "With another role than the annotation's (stale), without credentials (missing).",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[(
                "sum by (namespace, state) (irsa_audit_pods{BINDING})",
                "{{namespace}} {{state}}",
            )],
        },
    ],
};

const OPERATOR: Dashboard = Dashboard {
    name: "operator",
    title: "irsa-audit / Operator",
    variables: &[],
    panels: &[
        Panel {
            title: "Leaders",
            about: "One in each cluster.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[("sum by (cluster) (irsa_audit_leader{CLUSTER})", "{{cluster}}")],
        },
        Panel {
            title: "Replicas by version",
            about: "Those that are scraped.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[(
                "count by (version) (irsa_audit_build_info{CLUSTER})",
                "{{version}}",
            )],
        },
        Panel {
            title: "Objects that could not be read",
            about: "They are skipped; the log names them.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[("sum(irsa_audit_undecodable_objects_total{CLUSTER})", "skipped")],
        },
        Panel {
            title: "Who leads",
            about: "Over time.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, instance) (irsa_audit_leader{CLUSTER})",
                "{{cluster}} {{instance}}",
            )],
        },
        Panel {
            title: "A turn of the audit",
            about: "How long one takes: the median, and the slowest in a hundred.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[
                (
                    "histogram_quantile(0.5, sum by (le) (rate(irsa_audit_reconcile_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                    "median",
                ),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(irsa_audit_reconcile_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                    "99 %",
                ),
            ],
        },
        Panel {
            title: "Waiting",
            about: "Observations and readings for the audit, writes for the API server.",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[("sum by (queue) (irsa_audit_waiting{CLUSTER})", "{{queue}}")],
        },
        Panel {
            title: "Calls to AWS",
            about: "Each attempt, by operation.",
            kind: Kind::Lines,
            width: 12,
            unit: "reqps",
            queries: &[(
                "sum by (service, operation) (rate(irsa_audit_aws_requests_total{CLUSTER}[$__rate_interval]))",
                "{{service}} {{operation}}",
            )],
        },
        Panel {
            title: "Calls to AWS that failed",
            about: "Throttled, denied, failed or without an answer, by account.",
            kind: Kind::Lines,
            width: 12,
            unit: "reqps",
            queries: &[(
                "sum by (account, outcome) (rate(irsa_audit_aws_requests_total{outcome!~\"ok|not_found\",CLUSTER}[$__rate_interval]))",
                "{{account}} {{outcome}}",
            )],
        },
        Panel {
            title: "Time of a call to AWS",
            about: "The slowest in a hundred, by operation.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "histogram_quantile(0.99, sum by (le, operation) (rate(irsa_audit_aws_request_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                "{{operation}}",
            )],
        },
        Panel {
            title: "Writes to the API server",
            about: "By what came of them.",
            kind: Kind::Lines,
            width: 12,
            unit: "wps",
            queries: &[(
                "sum by (write, outcome) (rate(irsa_audit_writes_total{CLUSTER}[$__rate_interval]))",
                "{{write}} {{outcome}}",
            )],
        },
        Panel {
            title: "Memory",
            about: "Resident memory of each replica.",
            kind: Kind::Lines,
            width: 12,
            unit: "bytes",
            queries: &[(
                "process_resident_memory_bytes{CLUSTER} and on (instance) irsa_audit_build_info{CLUSTER}",
                "{{instance}}",
            )],
        },
        Panel {
            title: "Age of evidence",
            about: "How old the oldest reading of each account is.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "max by (cluster, account) (irsa_audit_evidence_age_seconds{CLUSTER})",
                "{{account}}",
            )],
        },
    ],
};

/// All dashboards: the name of the file, and its content.
#[must_use]
pub fn all() -> Vec<(&'static str, Value)> {
    [OVERVIEW, BINDING, OPERATOR]
        .iter()
        .map(|dashboard| (dashboard.name, dashboard.json()))
        .collect()
}

impl Dashboard {
    fn json(&self) -> Value {
        let mut panels = Vec::new();
        let (mut x, mut y, mut row) = (0, 0, 0);
        for (panel, id) in self.panels.iter().zip(1..) {
            if x + panel.width > 24 {
                (x, y, row) = (0, y + row, 0);
            }
            panels.push(panel.json(id, x, y));
            x += panel.width;
            row = row.max(panel.height());
        }
        json!({
            "uid": format!("irsa-audit-{}", self.name),
            "title": self.title,
            "tags": ["irsa-audit"],
            "schemaVersion": 39,
            "editable": true,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": self.variables()},
            "links": [{"type": "dashboards", "title": "irsa-audit", "tags": ["irsa-audit"], "asDropdown": true, "includeVars": true, "keepTime": true}],
            "panels": panels,
        })
    }

    fn variables(&self) -> Vec<Value> {
        let mut variables = vec![
            json!({"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus"}),
            variable("cluster", "label_values(irsa_audit_build_info, cluster)"),
        ];
        let mut above = "cluster=~\"$cluster\"".to_owned();
        for (name, metric) in self.variables {
            variables.push(variable(
                name,
                &format!("label_values({metric}{{{above}}}, {name})"),
            ));
            above = format!("{above},{name}=~\"${name}\"");
        }
        variables
    }
}

/// A variable that lists the values of a label. `All` also means series without the label.
fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name,
        "type": "query",
        "datasource": source(),
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

impl Panel {
    fn height(&self) -> u32 {
        if self.kind == Kind::Number { SHORT } else { HEIGHT }
    }

    fn json(&self, id: u32, x: u32, y: u32) -> Value {
        let is_now = matches!(self.kind, Kind::Number | Kind::Bars | Kind::Table);
        let targets: Vec<Value> = self
            .queries
            .iter()
            .zip('A'..)
            .map(|((expression, legend), id)| {
                json!({
                    "refId": id,
                    "datasource": source(),
                    "expr": concrete(expression),
                    "legendFormat": legend,
                    "instant": is_now,
                    "range": !is_now,
                    "format": if self.kind == Kind::Table { "table" } else { "time_series" },
                })
            })
            .collect();
        let mut panel = json!({
            "id": id,
            "title": self.title,
            "description": self.about,
            "type": self.kind.name(),
            "datasource": source(),
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height()},
            "targets": targets,
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.colours()},
            "options": self.kind.options(),
        });
        if self.kind == Kind::Table
            && let Some(panel) = panel.as_object_mut()
        {
            let hidden = json!({"excludeByName": {"Time": true}});
            panel.insert(
                "transformations".to_owned(),
                json!([{"id": "organize", "options": hidden}]),
            );
        }
        panel
    }

    fn defaults(&self) -> Value {
        match self.kind {
            Kind::Lines => json!({"unit": self.unit, "min": 0, "custom": {"showPoints": "never"}}),
            Kind::Stack => {
                json!({"unit": self.unit, "min": 0, "custom": {"fillOpacity": 60, "stacking": {"mode": "normal"}}})
            }
            _ => json!({"unit": self.unit}),
        }
    }

    /// The verdicts have colours of their own.
    fn colours(&self) -> Vec<Value> {
        if !self.queries.iter().any(|(_, legend)| *legend == "{{verdict}}") {
            return Vec::new();
        }
        [
            ("Working", "green"),
            ("AtRisk", "yellow"),
            ("Broken", "red"),
            ("Unknown", "#8e8e8e"),
        ]
        .map(|(verdict, colour)| {
            let colour = json!({"id": "color", "value": {"mode": "fixed", "fixedColor": colour}});
            json!({"matcher": {"id": "byName", "options": verdict}, "properties": [colour]})
        })
        .to_vec()
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Lines | Self::Stack => "timeseries",
            Self::Number => "stat",
            Self::Bars => "bargauge",
            Self::Table => "table",
            Self::States => "state-timeline",
        }
    }

    fn options(self) -> Value {
        let latest = json!({"calcs": ["lastNotNull"]});
        match self {
            Self::Lines | Self::Stack => json!({"tooltip": {"mode": "multi", "sort": "desc"}}),
            Self::Number => {
                json!({"reduceOptions": latest, "colorMode": "value", "textMode": "value_and_name"})
            }
            Self::Bars => {
                json!({"reduceOptions": latest, "orientation": "horizontal", "displayMode": "basic"})
            }
            Self::Table => json!({}),
            Self::States => json!({"showValue": "never", "mergeValues": true}),
        }
    }
}

/// An expression with the matchers of the variables.
fn concrete(expression: &str) -> String {
    let cluster = "cluster=~\"$cluster\"";
    expression
        .replace("BINDING", &format!("{cluster},namespace=~\"$namespace\""))
        .replace("CLUSTER", cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_lie_beside_and_below_each_other() {
        for (name, dashboard) in all() {
            let panels = dashboard["panels"].as_array().unwrap();
            let place = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(
                panels
                    .iter()
                    .all(|panel| place(panel, "x") + place(panel, "w") <= 24),
                "{name}"
            );
            let ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
            assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{name}");
        }
    }
}
