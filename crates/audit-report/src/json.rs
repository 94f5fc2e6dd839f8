//! JSON, indented. Every character that a terminal hides is escaped, so that it means the same and shows itself.

use audit_core::Finding;
use serde::Serialize;
use serde_json::Value;

use crate::presentation::Presentation;
use crate::text::is_escaped;
use crate::view::{self, AuditReport};

/// Renders a report.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    indented(&AuditReport::of(presentation))
}

/// Any value, indented, without a hidden character.
pub(crate) fn indented(value: &impl Serialize) -> String {
    // Nothing that is rendered fails to serialize: it has text, numbers and lists only.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    visible(&text) + "\n"
}

/// One finding, as a report has it.
#[must_use]
pub fn finding(finding: &Finding) -> Value {
    serde_json::to_value(view::finding(finding)).unwrap_or_default()
}

/// A value that a command made itself, as reports are written.
#[must_use]
pub fn document(value: &Value) -> String {
    indented(value)
}

/// The report as a value.
pub(crate) fn value(presentation: &Presentation<'_>) -> Value {
    serde_json::to_value(AuditReport::of(presentation)).unwrap_or_default()
}

/// Escapes what is hidden. Outside of its strings, JSON has nothing of that sort but line breaks.
fn visible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_escaped(c) && c != '\n' {
            escape(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A character as JSON escapes it.
pub(crate) fn escape(out: &mut String, c: char) {
    use std::fmt::Write as _;
    let mut units = [0_u16; 2];
    for unit in c.encode_utf16(&mut units) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use audit_core::Report;
    use audit_core::model::{ManifestPlace, ManifestPlaces};

    use super::*;
    use crate::testing::*;

    fn render(report: &Report) -> String {
        super::render(&presented(report))
    }

    #[test]
    fn the_fields_that_users_were_promised() {
        let value: Value = serde_json::from_str(&render(&report(vec![broken(), working("web")]))).unwrap();
        assert_eq!(value["apiVersion"], "irsa-audit.dev/v1alpha1");
        assert_eq!(value["kind"], "AuditReport");
        assert_eq!(value["cluster"]["issuer"], ISSUER);
        assert_eq!(
            value["summary"],
            json!({"total": 2, "working": 1, "atRisk": 0, "broken": 1, "unknown": 0})
        );
        let binding = &value["bindings"][0];
        assert_eq!(
            (
                &binding["namespace"],
                &binding["serviceAccount"],
                &binding["roleArn"]
            ),
            (&json!("shop"), &json!("cart"), &json!(ROLE))
        );
        assert_eq!(
            (&binding["verdict"], &binding["reason"]),
            (&json!("Broken"), &json!("SubjectNamespaceMismatch"))
        );
        let finding = &binding["findings"][0];
        assert_eq!(finding["code"], "IRSA204");
        assert_eq!(
            (&finding["severity"], &finding["link"]),
            (&json!("broken"), &json!("Trust"))
        );
        assert_eq!(
            (&finding["fix"], &finding["fixKind"]),
            (&json!(COMMAND), &json!("aws"))
        );
        assert_eq!(finding["alternatives"][0]["form"], "terraform");
        assert_eq!(
            (&finding["waived"], &binding["findings"][1]["waived"]),
            (&json!(false), &json!(true))
        );
        assert!(finding["page"].as_str().unwrap().ends_with("/IRSA204.md"));
        assert_eq!(
            binding["links"][3],
            json!({"link": "Trust", "state": "Broken", "reason": "SubjectNamespaceMismatch"})
        );
        assert_eq!(value["findings"], json!([]));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let mut binding = working("web");
        binding.facts.role_arn = None;
        let value: Value = serde_json::from_str(&render(&report(vec![binding]))).unwrap();
        let binding = value["bindings"][0].as_object().unwrap();
        assert_eq!(binding.get("roleArn"), Some(&Value::Null));
    }

    #[test]
    fn the_manifest_of_a_binding_is_named_where_it_is_known() {
        let report = report(vec![working("web"), broken()]);
        let place = ManifestPlace {
            path: "apps/sa.yaml".into(),
            line: 7,
        };
        let places = ManifestPlaces::from([(broken().key, place)]);
        let presentation = Presentation {
            places: &places,
            ..presented(&report)
        };
        let value = value(&presentation);
        assert_eq!(value["bindings"][0].get("manifest"), None);
        assert_eq!(
            value["bindings"][1]["manifest"],
            json!({"path": "apps/sa.yaml", "line": 7})
        );
    }
}
