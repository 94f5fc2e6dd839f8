//! SARIF 2.1.0 for code scanning: a rule for each code that occurs, a result for each finding.
//!
//! Source: [SARIF 2.1.0 with errata 01](https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html).
//!
//! GitHub refuses a whole upload in which one result has no file. So where the audit read files, what is declared in none of them is at
//! the first of the manifests. What a Terraform plan declares is in the file of the plan, with the address of the resource as its first logical
//! location. The results of a live cluster have logical locations alone, and cannot be uploaded there.

use std::collections::BTreeMap;

use audit_core::finding::Entry;
use audit_core::model::{BindingKey, ManifestPlace, PlannedResource};
use audit_core::{Finding, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::presentation::Presentation;
use crate::text::shown;
use crate::{json, repair};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What stands for itself in the path of a URI (RFC 3986, section 3.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Renders a report.
#[must_use]
pub fn render(presentation: &Presentation<'_>) -> String {
    json::indented(&log(presentation))
}

fn log(presentation: &Presentation<'_>) -> Value {
    let report = presentation.report;
    let first = presentation.places.values().min_by_key(|place| &place.path);
    let first = first.map(|place| ManifestPlace {
        line: 1,
        ..place.clone()
    });
    let first = first.as_ref();
    let of_bindings = report.bindings.iter().flat_map(|binding| {
        let place = presentation.place(&binding.key).or(first);
        binding
            .findings
            .iter()
            .map(move |finding| (finding, Some(&binding.key), place))
    });
    let of_cluster = report
        .cluster
        .findings
        .iter()
        .map(|finding| (finding, None, first));
    let found: Vec<(&Finding, Option<&BindingKey>, Option<&ManifestPlace>)> =
        of_bindings.chain(of_cluster).collect();
    let entries: BTreeMap<&str, &Entry> = found
        .iter()
        .map(|(finding, ..)| (finding.entry.code, finding.entry))
        .collect();
    let results: Vec<Value> = found
        .iter()
        .map(|(finding, key, place)| {
            let index = entries.keys().position(|code| *code == finding.entry.code);
            result(finding, index, *key, *place)
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "irsa-audit",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": entries.values().copied().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": true}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(entry: &Entry) -> Value {
    let page = entry.page();
    json!({
        "id": entry.code,
        "name": entry.reason,
        "shortDescription": {"text": entry.title},
        "fullDescription": {"text": entry.title},
        "help": {
            "text": format!("{}: {}. What it means, why, and how to repair it: {page}", entry.code, entry.title),
            "markdown": format!("**{}**: {}. [What it means, why, and how to repair it]({page})", entry.code, entry.title),
        },
        "helpUri": page,
        "defaultConfiguration": {"level": level(entry.severity)},
        "properties": {"tags": ["irsa", entry.link.as_str()]},
    })
}

fn result(
    finding: &Finding,
    rule: Option<usize>,
    key: Option<&BindingKey>,
    place: Option<&ManifestPlace>,
) -> Value {
    let name = key.map_or_else(|| "cluster".to_owned(), ToString::to_string);
    let mut text = format!("{}: {}", shown(&name), shown(&finding.message));
    let message = unlinked(&text);
    if finding.fix.is_some() {
        text = repair::plain(finding);
        // A command must be pasted as it is, and nothing of it may become a link.
        if text.contains("](") {
            "to do: see the fix in the output of `irsa-audit audit -o table`".clone_into(&mut text);
        }
    } else {
        text.clear();
    }
    let message = format!("{message}\n\n{text}");
    let logical = match key {
        Some(key) => json!({
            "name": shown(&key.service_account),
            "fullyQualifiedName": shown(&format!("{}/ServiceAccount/{}", key.namespace, key.service_account)),
            "kind": "resource",
        }),
        None => json!({"name": "cluster", "fullyQualifiedName": "cluster", "kind": "resource"}),
    };
    let resource = finding.resource.as_ref();
    let logical: Vec<Value> = resource.map(planned).into_iter().chain([logical]).collect();
    let mut location = json!({"logicalLocations": logical});
    let plan = resource.and_then(|resource| resource.plan.clone());
    let plan = plan.map(|path| ManifestPlace { path, line: 1 });
    if let (Some(place), Some(location)) = (plan.as_ref().or(place), location.as_object_mut()) {
        let physical = json!({
            "artifactLocation": {"uri": uri(&place.path)},
            "region": {"startLine": place.line},
        });
        location.insert("physicalLocation".to_owned(), physical);
    }
    let mut result = json!({
        "ruleId": finding.entry.code,
        "level": level(finding.severity),
        "message": {"text": message.trim_end()},
        "locations": [location],
        // The same finding of the same binding, wherever its manifest moves to.
        "partialFingerprints": {"irsaAuditBinding/v1": format!("{}/{}", finding.entry.code, shown(&name))},
        "properties": {"severity": finding.severity.as_str(), "link": finding.link.as_str()},
    });
    if let Some(fields) = result.as_object_mut() {
        if let Some(index) = rule {
            fields.insert("ruleIndex".to_owned(), json!(index));
        }
        if !finding.counts() {
            let suppression =
                json!({"kind": "external", "status": "accepted", "justification": "a waiver covers it"});
            fields.insert("suppressions".to_owned(), json!([suppression]));
        }
    }
    result
}

/// The logical location of a resource in a Terraform plan.
fn planned(resource: &PlannedResource) -> Value {
    let address = shown(&resource.address);
    json!({"name": address, "fullyQualifiedName": address, "kind": "resource"})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Broken => "error",
        Severity::Unknown | Severity::Risk => "warning",
        Severity::Notice => "note",
    }
}

/// A message in which nothing is a link: `[text](target)` is one in a plain message as well (section 3.11.6).
fn unlinked(text: &str) -> String {
    text.replace("](", "\\](")
}

/// A path as a URI reference, relative to where the audit ran unless the path is absolute.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let relative = path.strip_prefix("./").unwrap_or(&path);
    let encoded = utf8_percent_encode(relative, PATH).to_string();
    if relative.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    }
}

#[cfg(test)]
mod tests {
    use audit_core::model::ManifestPlaces;

    use super::*;
    use crate::testing::*;

    /// The results of a report of one broken binding whose manifest is at this path.
    fn results(path: &str) -> Vec<Value> {
        let report = report(vec![broken()]);
        let place = ManifestPlace {
            path: path.into(),
            line: 7,
        };
        let places = ManifestPlaces::from([(broken().key, place)]);
        let log = log(&Presentation {
            places: &places,
            ..presented(&report)
        });
        log["runs"][0]["results"].as_array().unwrap().clone()
    }

    #[test]
    fn what_a_plan_declares_is_in_the_plan_with_the_address_of_its_resource() {
        let mut binding = broken();
        let address = "module.irsa.aws_iam_role.this[\"a.b\"]";
        binding.findings[0].resource = Some(PlannedResource {
            plan: Some("plan.json".into()),
            address: address.to_owned(),
        });
        let report = report(vec![binding]);
        let log = log(&presented(&report));
        let location = &log["runs"][0]["results"][0]["locations"][0];
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], address);
        assert_eq!(
            location["physicalLocation"]["artifactLocation"]["uri"],
            "plan.json"
        );
        assert_eq!(location["logicalLocations"][1]["name"], "cart");
    }

    #[test]
    fn a_finding_has_its_rule_its_level_its_fix_and_the_line_of_the_manifest() {
        let report = report(vec![broken()]);
        let log = log(&presented(&report));
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
        assert_eq!(
            (&rule["id"], &rule["name"]),
            (&json!("IRSA204"), &json!("SubjectNamespaceMismatch"))
        );
        assert!(rule["helpUri"].as_str().unwrap().ends_with("/IRSA204.md"));
        let results = results("./apps/sa.yaml");
        let result = &results[0];
        assert_eq!(
            (&result["ruleId"], &result["ruleIndex"], &result["level"]),
            (&json!("IRSA204"), &json!(0), &json!("error"))
        );
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "apps/sa.yaml");
        assert_eq!(physical["region"]["startLine"], 7);
        let text = result["message"]["text"].as_str().unwrap();
        assert!(
            text.contains("what IRSA204 says") && text.contains(COMMAND),
            "{text}"
        );
    }

    #[test]
    fn a_waived_finding_is_suppressed() {
        let results = results("a.yaml");
        let suppressed = results.iter().map(|result| result.get("suppressions").is_some());
        assert_eq!(suppressed.collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_is_in_no_file_has_a_logical_location_alone() {
        let mut report = report(vec![broken()]);
        report.cluster.findings = broken().findings;
        let log = log(&presented(&report));
        let names: Vec<&Value> = log["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                let location = &result["locations"][0];
                assert_eq!(location.get("physicalLocation"), None);
                &location["logicalLocations"][0]["fullyQualifiedName"]
            })
            .collect();
        assert_eq!(
            names,
            [
                "shop/ServiceAccount/cart",
                "shop/ServiceAccount/cart",
                "cluster",
                "cluster"
            ]
        );
    }

    #[test]
    fn every_result_of_an_audit_of_files_is_in_a_file() {
        let mut report = report(vec![working("a"), broken()]);
        report.cluster.findings = broken().findings;
        let place = |path: &str| ManifestPlace {
            path: path.into(),
            line: 7,
        };
        let places = ManifestPlaces::from([
            (working("a").key, place("b.yaml")),
            (working("b").key, place("a.yaml")),
        ]);
        let log = log(&Presentation {
            places: &places,
            ..presented(&report)
        });
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let physical = &result["locations"][0]["physicalLocation"];
            assert_eq!(physical["artifactLocation"]["uri"], "a.yaml");
            assert_eq!(physical["region"]["startLine"], 1);
        }
    }

    #[test]
    fn a_path_becomes_a_uri() {
        for (path, expected) in [
            ("a b/c#1?.yaml", "a%20b/c%231%3F.yaml"),
            ("/tmp/a.yaml", "file:///tmp/a.yaml"),
            ("../a:b.yaml", "../a%3Ab.yaml"),
            ("a\\b.yaml", "a/b.yaml"),
            ("é\n.yaml", "%C3%A9%0A.yaml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    #[test]
    fn no_message_becomes_a_link() {
        let mut binding = named("[free](https://example.com)");
        binding.verdict = audit_core::Verdict::Broken;
        let report = report(vec![binding]);
        let log = log(&presented(&report));
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let text = result["message"]["text"].as_str().unwrap();
            assert!(!text.replace("\\]", "").contains("]("), "{text}");
        }
    }
}
