//! Grafana's dashboards, from what they ask.

mod panels;

use serde_json::{Value, json};

use panels::{BINDING, OPERATOR, OVERVIEW};

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
