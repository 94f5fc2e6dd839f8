//! `irsa-audit explain`, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn explain_with(input: &[u8], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.arg("explain").args(arguments);
    // Neither a cluster nor AWS is to be looked for.
    command.env("KUBECONFIG", "/nowhere").env("HOME", "/nowhere");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn explain(arguments: &[&str]) -> Output {
    explain_with(b"", arguments)
}

fn value(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

#[test]
fn a_code_or_a_reason_prints_the_page_of_its_finding() {
    for words in [
        &["IRSA301"][..],
        &["irsa301"],
        &["ProviderNotRegistered"],
        &["-", "-o", "text"],
    ] {
        let output = explain_with(b"IRSA301\n", words);
        let page = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        if words[0] != "-" {
            let expected = std::fs::read_to_string(format!(
                "{}/../../docs/findings/IRSA301.md",
                env!("CARGO_MANIFEST_DIR")
            ));
            assert!(expected.unwrap().ends_with(&page), "{page}");
        }
    }
    let several = value(&explain(&["IRSA301", "IRSA204", "-o", "json"]));
    assert_eq!([&several[0]["code"], &several[1]["code"]], ["IRSA301", "IRSA204"]);
}

#[test]
fn a_code_that_is_none_is_refused_with_the_codes_of_its_group() {
    let output = explain(&["IRSA399"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("IRSA301") && !error.contains("IRSA204"), "{error}");
}

#[test]
fn a_pasted_error_is_explained_from_the_command_line_and_from_standard_input() {
    let error = "WebIdentityErr: failed to retrieve credentials\ncaused by: AccessDenied: Not authorized to perform \
                 sts:AssumeRoleWithWebIdentity";
    let words: Vec<&str> = error.split(' ').chain(["-o", "json"]).collect();
    for output in [
        explain(&[error, "-o", "json"]),
        explain(&words),
        explain_with(error.as_bytes(), &["-", "-o", "json"]),
    ] {
        let value = value(&output);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(value["symptoms"][0]["id"], "sts-not-authorized");
        assert!(value["codes"].as_array().unwrap().contains(&json!("IRSA204")));
    }
    assert_eq!(explain(&["panic: index out of range"]).status.code(), Some(3));
}

#[test]
fn with_files_at_hand_it_goes_on_to_the_status_of_the_service_account() {
    let (kubernetes, aws) = (fixture("healthy/kubernetes"), fixture("healthy/aws"));
    let files = ["--kubernetes", &kubernetes, "--aws", &aws, "-o", "json"];
    for text in [
        "AccessDenied for system:serviceaccount:shop:cart",
        "User: arn:aws:sts::111122223333:assumed-role/cart/botocore-session-1 is not authorized to perform: s3:GetObject",
        "role arn:aws:iam::111122223333:role/cart",
        "serviceaccounts \"cart\" not found",
    ] {
        let value = value(&explain(&[&[text], &files[..]].concat()));
        let names: Vec<&Value> = value["diagnoses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|report| &report["bindings"][0]["serviceAccount"])
            .collect();
        assert_eq!(names, ["cart"], "{text}");
    }
}

#[test]
fn hostile_input_is_shown_harmlessly() {
    let hostile = "\u{1b}]0;x\u{7}\u{202e} system:serviceaccount:shop:cart AccessDenied \u{1b}[31m$(touch x)";
    let output = explain_with(hostile.as_bytes(), &["-"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("shop/cart") && !text.contains("touch"), "{text}");
    assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text}");
    let long = vec![b'a'; 2_000_000];
    for bytes in [&b"\xff\xfe\x00"[..], b"\x00\x01\xfe", &long] {
        assert_eq!(explain_with(bytes, &["-"]).status.code(), Some(3));
    }
}

#[test]
fn it_answers_at_once() {
    // An unoptimized binary is slower by far than the one that is shipped: this holds that no client and no runtime is made.
    let fastest = (0..5)
        .map(|_| {
            let start = Instant::now();
            assert!(explain(&["IRSA301"]).status.success());
            start.elapsed()
        })
        .min();
    assert!(fastest.unwrap() < Duration::from_millis(500), "{fastest:?}");
}
