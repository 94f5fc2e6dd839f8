//! `irsa-audit audit --terraform`, as a user calls it. What a plan means is tested in `audit-offline`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs the command in the folder of the example.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .current_dir(format!(
            "{}/../../docs/examples/terraform",
            env!("CARGO_MANIFEST_DIR")
        ))
        .env("NO_COLOR", "1")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may well end without having read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The exit code, and each binding with its verdict and its findings: code, and address of the resource.
fn report(arguments: &[&str]) -> (i32, Value) {
    let output = run(&[arguments, &["-o", "json"]].concat(), b"");
    let report =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", error(&output)));
    (output.status.code().unwrap(), report)
}

fn found(report: &Value, name: &str) -> (String, Vec<(String, String)>) {
    let bindings = report["bindings"].as_array().unwrap();
    let binding = bindings
        .iter()
        .find(|binding| binding["serviceAccount"] == name)
        .unwrap();
    let findings = binding["findings"].as_array().unwrap().iter().map(|finding| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&finding["code"]), text(&finding["resource"]["address"]))
    });
    (
        binding["verdict"].as_str().unwrap().to_owned(),
        findings.collect(),
    )
}

const ROLE: &str = "module.irsa[\"cart\"].aws_iam_role.this";

#[test]
fn the_example_breaks_one_binding_and_leaves_another_open() {
    let (code, report) = report(&[
        "audit",
        "--partial",
        "--terraform",
        "plan.json",
        "serviceaccount.yaml",
    ]);
    assert_eq!(code, 1);
    let (verdict, findings) = found(&report, "cart");
    assert_eq!(verdict, "Broken");
    assert!(
        findings.contains(&("IRSA204".to_owned(), ROLE.to_owned())),
        "{findings:?}"
    );
    let (verdict, findings) = found(&report, "orders");
    assert_eq!(verdict, "Unknown");
    let of_trust = (
        "IRSA920".to_owned(),
        "module.irsa[\"orders\"].aws_iam_role.this".to_owned(),
    );
    assert!(findings.contains(&of_trust), "{findings:?}");
}

#[test]
fn every_format_names_the_resource() {
    for format in [
        "table", "wide", "json", "yaml", "sarif", "junit", "markdown", "html",
    ] {
        let output = run(
            &[
                "audit",
                "--partial",
                "--terraform",
                "plan.json",
                "serviceaccount.yaml",
                "-o",
                format,
            ],
            b"",
        );
        assert_eq!(output.status.code(), Some(1), "{format}: {}", error(&output));
        let plain = text(&output)
            .replace("&#46;", ".")
            .replace("&#47;", "/")
            .replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&#91;", "[")
            .replace("&#93;", "]")
            .replace("&#95;", "_")
            .replace("\\\"", "\"");
        assert!(
            plain.contains(ROLE) && plain.contains("plan.json"),
            "{format}: {plain}"
        );
    }
    let output = run(
        &[
            "audit",
            "--partial",
            "--terraform",
            "plan.json",
            "serviceaccount.yaml",
            "-o",
            "sarif",
        ],
        b"",
    );
    let sarif: Value = serde_json::from_str(&text(&output)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let trust = results
        .iter()
        .find(|result| result["ruleId"] == "IRSA204")
        .unwrap();
    let location = &trust["locations"][0];
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], ROLE);
    assert_eq!(
        location["physicalLocation"]["artifactLocation"]["uri"],
        "plan.json"
    );
}

#[test]
fn a_plan_alone_needs_no_flag_and_no_manifest() {
    let (code, report) = report(&["audit", "--terraform", "plan.json"]);
    assert_eq!((code, report["summary"]["unknown"].as_u64()), (0, Some(1)));
    let plan = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/examples/terraform/plan.json"
    ))
    .unwrap();
    let output = run(&["audit", "--terraform", "-", "-o", "json"], &plan);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["bindings"][0]["findings"][0]["resource"]["plan"],
        Value::Null
    );
}

#[test]
fn outputs_and_partial_go_with_a_plan_and_a_cluster_does_not() {
    for (arguments, expected) in [
        (&["--terraform", "plan.json", "--partial"][..], 0),
        (
            &[
                "--terraform",
                "plan.json",
                "--aws",
                "../broken-pod/account",
                "--partial",
            ],
            0,
        ),
        (
            &[
                "--terraform",
                "plan.json",
                "--kubernetes",
                "serviceaccount.yaml",
                "--partial",
            ],
            1,
        ),
        (&["--terraform", "plan.json", "--context", "x"], 2),
        (&["--terraform", "plan.json", "--cluster-name", "x"], 2),
        (&["--terraform", "serviceaccount.yaml"], 2),
        (&["--terraform", "absent.json"], 2),
        (&["--partial"], 2),
    ] {
        let output = run(&[&["audit"], arguments].concat(), b"");
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{arguments:?}: {}",
            error(&output)
        );
    }
}

#[test]
fn a_status_is_that_after_apply() {
    let source = [
        "--terraform",
        "plan.json",
        "--kubernetes",
        "serviceaccount.yaml",
        "--partial",
    ];
    let output = run(&[&["status", "shop/cart"], &source[..]].concat(), b"");
    assert_eq!(output.status.code(), Some(1), "{}", error(&output));
    assert!(text(&output).contains(ROLE), "{}", text(&output));
}

#[test]
fn a_plan_without_its_flag_is_told_for_what_it_is() {
    let output = run(&["audit", "--partial", "plan.json", "serviceaccount.yaml"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("--terraform"), "{}", error(&output));
}
