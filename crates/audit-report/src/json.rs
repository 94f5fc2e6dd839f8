//! JSON, indented. Every character that a terminal hides is escaped, so that it means the same and shows itself.

use audit_core::report::Report;
use audit_core::text::is_hidden;
use serde_json::Value;

use crate::view::AuditReport;

/// Renders a report.
#[must_use]
pub fn render(report: &Report) -> String {
    // Nothing in a report fails to serialize: it has text, numbers and lists only.
    let text = serde_json::to_string_pretty(&AuditReport::of(report)).unwrap_or_default();
    visible(&text) + "\n"
}

/// The report as a value.
pub(crate) fn value(report: &Report) -> Value {
    serde_json::to_value(AuditReport::of(report)).unwrap_or_default()
}

/// Escapes what is hidden. Outside of its strings, JSON has nothing of that sort but line breaks.
fn visible(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::*;

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

    proptest! {
        #[test]
        fn whatever_names_hold_is_kept_and_nothing_hidden_is_shown(name in "\\PC{0,8}[\u{0}-\u{1f}\u{202e}\u{feff}\u{e0041}\"\\\\]{0,4}\\PC{0,8}") {
            let report = report(vec![named(&name)]);
            let text = render(&report);
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&value["bindings"][0]["namespace"], &json!(name));
            for text in [text, crate::yaml::render(&report), crate::table::render(&report), crate::wide::render(&report)] {
                prop_assert!(!text.chars().any(|c| is_hidden(c) && c != '\n'), "{text:?}");
            }
            let yaml: Value = serde_saphyr::from_str(&crate::yaml::render(&report)).unwrap();
            prop_assert_eq!(yaml, value);
        }
    }
}
