//! The alerts of Prometheus as alert rules that Grafana evaluates by itself, for those without a ruler.

use serde_json::{Map, Value, json};

/// The data source: Grafana puts the environment variable's value in its place.
const DATA_SOURCE: &str = "$IRSA_AUDIT_DATA_SOURCE";

/// The content of a provisioning file, from that of the rule file. Nothing but the data source has a `$` in it, which
/// Grafana would take for a variable.
#[must_use]
pub fn provisioning(rules: &Value) -> Value {
    let mut recorded = Vec::new();
    let mut groups = Vec::new();
    for group in list(rules, "groups") {
        let mut alerts = Vec::new();
        for rule in list(group, "rules") {
            let expression = inlined(text(rule, "expr"), &recorded);
            match rule.get("record").and_then(Value::as_str) {
                Some(name) => recorded.push((name, expression)),
                None => alerts.push(alert(rule, &expression)),
            }
        }
        groups.push(json!({
            "orgId": 1,
            "name": text(group, "name"),
            "folder": "irsa-audit",
            "interval": "1m",
            "rules": alerts,
        }));
    }
    json!({"apiVersion": 1, "groups": groups})
}

/// An expression with those that have a name written out, the longer names first.
fn inlined(expression: &str, recorded: &[(&str, String)]) -> String {
    recorded
        .iter()
        .rev()
        .fold(expression.trim().to_owned(), |text, (name, whole)| {
            text.replace(name, &format!("({whole})"))
        })
}

fn alert(rule: &Value, expression: &str) -> Value {
    let name = text(rule, "alert");
    let annotations: Map<String, Value> = rule
        .get("annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, text)| (name.clone(), json!(template(text.as_str().unwrap_or_default()))))
        .collect();
    let mut alert = json!({
        "uid": uid(name),
        "title": name,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "datasourceUid": DATA_SOURCE,
                "relativeTimeRange": {"from": 600, "to": 0},
                "model": {"refId": "A", "expr": expression, "instant": true},
            },
            {
                "refId": "B",
                "datasourceUid": "__expr__",
                "relativeTimeRange": {"from": 0, "to": 0},
                // What the expression returns stands, whatever its value: none is negative.
                "model": {
                    "refId": "B",
                    "type": "threshold",
                    "expression": "A",
                    "conditions": [{"evaluator": {"type": "gt", "params": [-1]}}],
                },
            },
        ],
        "noDataState": "OK",
        "execErrState": "Error",
        "for": text(rule, "for"),
        "labels": rule.get("labels").cloned().unwrap_or_default(),
        "annotations": annotations,
    });
    if let (Some(alert), Some(keep)) = (alert.as_object_mut(), rule.get("keep_firing_for")) {
        alert.insert("keepFiringFor".to_owned(), keep.clone());
    }
    alert
}

/// A template of Prometheus as one of Grafana's.
fn template(text: &str) -> String {
    text.replace("$labels.", ".Labels.")
        .replace("$value", ".Values.A.Value")
}

/// At most 40 letters, digits and dashes: `IrsaBindingBroken` becomes `irsa-binding-broken`.
fn uid(name: &str) -> String {
    let mut uid = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !uid.is_empty() {
            uid.push('-');
        }
        uid.push(c.to_ascii_lowercase());
    }
    uid
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_keeps_its_meaning_and_needs_no_recording() {
        let rules = json!({"groups": [{"name": "g", "rules": [
            {"record": "a:b", "expr": "up > 1\n"},
            {"record": "a:b_c", "expr": "count(a:b)"},
            {
                "alert": "OneTwo", "expr": "a:b unless a:b_c", "for": "5m", "keep_firing_for": "1m",
                "labels": {"severity": "info"},
                "annotations": {"summary": "{{ $labels.code }} {{ $value | humanizeDuration }}"},
            },
        ]}]});
        let made = provisioning(&rules);
        let alert = &made["groups"][0]["rules"][0];
        assert_eq!(
            alert["data"][0]["model"]["expr"],
            "(up > 1) unless (count((up > 1)))"
        );
        assert_eq!(
            (&alert["uid"], &alert["for"], &alert["keepFiringFor"]),
            (&json!("one-two"), &json!("5m"), &json!("1m"))
        );
        assert_eq!(
            alert["annotations"]["summary"],
            "{{ .Labels.code }} {{ .Values.A.Value | humanizeDuration }}"
        );
        assert_eq!(made.to_string().matches('$').count(), 1, "the data source alone");
    }
}
