//! `irsa-audit trust evaluate`, as a user calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const KEYS: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const SUBJECT: &str = "system:serviceaccount:shop:web";

/// Runs the command with a policy on its standard input.
fn evaluate(policy: &[u8], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    command.args(["trust", "evaluate"]).args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may well end without having read.
    let _ = child.stdin.take().unwrap().write_all(policy);
    child.wait_with_output().unwrap()
}

/// The exit code and the answer for a ServiceAccount's token.
fn answer(policy: &Value, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec![
        "--policy",
        "-",
        "--issuer",
        ISSUER,
        "--subject",
        SUBJECT,
        "-o",
        "json",
    ];
    all.extend(arguments);
    let output = evaluate(policy.to_string().as_bytes(), &all);
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), answer)
}

fn provider(account: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{KEYS}")
}

/// A trust policy for a subject, with further conditions.
fn policy(subject: &str, conditions: &Value) -> Value {
    let mut condition = json!({"StringEquals": {
        (format!("{KEYS}:sub")): subject,
        (format!("{KEYS}:aud")): "sts.amazonaws.com",
    }});
    condition
        .as_object_mut()
        .unwrap()
        .extend(conditions.as_object().unwrap().clone());
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider("111122223333")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }]})
}

fn statement(policy: &mut Value) -> &mut Value {
    &mut policy["Statement"][0]
}

#[test]
fn the_exit_code_tells_the_decision() {
    let inside = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let mut denied = policy(SUBJECT, &json!({}));
    denied["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Deny", "Principal": "*", "Action": "sts:*"
    }));
    let mut no_trust_policy = policy(SUBJECT, &json!({}));
    statement(&mut no_trust_policy)["Resource"] = json!("*");
    for (policy, arguments, code, decision, finding) in [
        (policy(SUBJECT, &json!({})), &[][..], 0, "Allowed", None),
        (
            policy("system:serviceaccount:other:web", &json!({})),
            &[],
            1,
            "ImplicitlyDenied",
            Some("IRSA204"),
        ),
        (
            policy("system:serviceaccount:shop:api", &json!({})),
            &[],
            1,
            "ImplicitlyDenied",
            Some("IRSA205"),
        ),
        (
            policy(SUBJECT, &json!({})),
            &["--audience", "other"],
            1,
            "ImplicitlyDenied",
            Some("IRSA209"),
        ),
        (
            policy(SUBJECT, &json!({})),
            &["--account", "444455556666"],
            1,
            "ImplicitlyDenied",
            Some("IRSA203"),
        ),
        (denied, &[], 1, "ExplicitlyDenied", Some("IRSA212")),
        (policy(SUBJECT, &inside), &[], 3, "Undetermined", Some("IRSA214")),
        (
            policy(SUBJECT, &inside),
            &["--condition", "aws:SourceIp=10.1.2.3"],
            0,
            "Allowed",
            None,
        ),
        (
            policy(SUBJECT, &inside),
            &["--condition", "AWS:sourceip=1.2.3.4"],
            1,
            "ImplicitlyDenied",
            Some("IRSA213"),
        ),
        (no_trust_policy, &[], 2, "Invalid", Some("IRSA218")),
    ] {
        let (exit, answer) = answer(&policy, arguments);
        assert_eq!(
            (exit, &answer["decision"]),
            (code, &json!(decision)),
            "{policy} {arguments:?}"
        );
        assert_eq!(
            answer["cause"]["code"].as_str(),
            finding,
            "{policy} {arguments:?}"
        );
    }
}

#[test]
fn the_explanation_names_each_clause() {
    let (_, answer) = answer(&policy("system:serviceaccount:other:web", &json!({})), &[]);
    let statement = &answer["statements"][0];
    assert_eq!(
        (&statement["effect"], &statement["outcome"]),
        (&json!("Allow"), &json!("doesNotApply"))
    );
    let clauses = statement["clauses"].as_array().unwrap();
    let subject = clauses
        .iter()
        .find(|clause| clause["key"] == format!("{KEYS}:sub"))
        .unwrap();
    assert_eq!(subject["operator"], "StringEquals");
    assert_eq!(subject["wanted"], json!(["system:serviceaccount:other:web"]));
    assert_eq!(subject["got"], json!([SUBJECT]));
    assert_eq!(subject["outcome"], "fails");
    let audience = clauses
        .iter()
        .find(|clause| clause["key"] == format!("{KEYS}:aud"))
        .unwrap();
    assert_eq!(audience["outcome"], "holds");
}

#[test]
fn what_remains_to_be_known_is_told() {
    let conditions = json!({
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
        "StringLike": {"sts:RoleSessionName": "web-*"},
    });
    let (exit, told) = answer(&policy(SUBJECT, &conditions), &[]);
    assert_eq!(exit, 3);
    let keys = |answer: &Value| -> Vec<String> {
        let clauses = answer["residual"][0]["clauses"].as_array().unwrap().iter();
        clauses
            .map(|clause| clause["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(keys(&told), ["aws:SourceIp", "sts:RoleSessionName"]);
    let (exit, told) = answer(
        &policy(SUBJECT, &conditions),
        &["--condition", "aws:SourceIp=10.0.0.1"],
    );
    assert_eq!(exit, 3);
    assert_eq!(keys(&told), ["sts:RoleSessionName"]);
    assert_eq!(told["cause"]["key"], "sts:RoleSessionName");
}

#[test]
fn a_key_given_again_has_several_values() {
    let any = json!({"ForAnyValue:StringEquals": {(format!("{KEYS}:amr")): "b"}});
    let all = json!({"ForAllValues:StringEquals": {(format!("{KEYS}:amr")): "b"}});
    let (a, b) = (format!("{KEYS}:amr=a"), format!("{KEYS}:AMR=b"));
    let values = ["--condition", &a, "--condition", &b];
    assert_eq!(answer(&policy(SUBJECT, &any), &values).0, 0);
    assert_eq!(answer(&policy(SUBJECT, &all), &values).0, 1);
    // Without them the key is absent: it belongs to the issuer, and such tokens have none.
    assert_eq!(answer(&policy(SUBJECT, &any), &[]).0, 1);
}

#[test]
fn what_is_too_wide_is_told_of_an_answer_that_is_yes() {
    let mut wide = policy(SUBJECT, &json!({}));
    statement(&mut wide)["Condition"] =
        json!({"StringLike": {(format!("{KEYS}:sub")): "system:serviceaccount:*"}});
    let (exit, answer) = answer(&wide, &[]);
    let codes: Vec<&str> = answer["exposures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["code"].as_str().unwrap())
        .collect();
    assert_eq!((exit, codes), (0, vec!["IRSA208", "IRSA216"]));
}

#[test]
fn a_policy_as_get_role_returns_it_is_read() {
    let text = policy(SUBJECT, &json!({})).to_string();
    let encoded: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let output = evaluate(
        encoded.concat().as_bytes(),
        &["--policy", "-", "--issuer", ISSUER, "--subject", SUBJECT],
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_whole_output_of_get_role_is_read() {
    let document = policy(SUBJECT, &json!({}));
    let mut encoded = String::new();
    for byte in document.to_string().bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    for document in [document, json!(encoded)] {
        let role = json!({"Role": {"RoleName": "cart", "AssumeRolePolicyDocument": document}});
        let text = role.to_string();
        let utf16 = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
        for bytes in [
            text.clone().into_bytes(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
            [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
            utf16(u16::to_le_bytes),
        ] {
            let output = evaluate(
                &bytes,
                &["--policy", "-", "--issuer", ISSUER, "--subject", SUBJECT],
            );
            assert_eq!(output.status.code(), Some(0), "{role}");
        }
    }
}

#[test]
fn a_policy_is_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    std::fs::write(&file, policy(SUBJECT, &json!({})).to_string()).unwrap();
    let output = evaluate(
        b"",
        &[
            "--policy",
            file.to_str().unwrap(),
            "--issuer",
            ISSUER,
            "--subject",
            SUBJECT,
        ],
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_account_is_asked_for_where_the_policy_names_several() {
    let mut two = policy(SUBJECT, &json!({}));
    let elsewhere = |account: &str| format!("arn:aws:iam::{account}:oidc-provider/oidc.example.com");
    statement(&mut two)["Principal"] =
        json!({"Federated": [elsewhere("111122223333"), elsewhere("444455556666")]});
    let arguments = ["--policy", "-", "--issuer", ISSUER, "--subject", SUBJECT];
    let output = evaluate(two.to_string().as_bytes(), &arguments);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("--account") && message.contains("444455556666"),
        "{message}"
    );
    assert_eq!(answer(&two, &["--account", "111122223333"]).0, 1);
}

#[test]
fn partitions_follow_the_issuer() {
    let issuer = "https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF0123456789ABCDEF";
    let keys = issuer.trim_start_matches("https://");
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws-cn:iam::111122223333:oidc-provider/{keys}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }});
    let arguments = [
        "--policy",
        "-",
        "--issuer",
        issuer,
        "--subject",
        SUBJECT,
        "--account",
        "111122223333",
    ];
    assert_eq!(
        evaluate(policy.to_string().as_bytes(), &arguments).status.code(),
        Some(0)
    );
}

#[test]
fn bad_policies_are_told_by_line_and_column() {
    for (policy, place) in [
        (
            &b"{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [}\n"[..],
            "line 3, column 17",
        ),
        (
            b"{\n \"Statement\": {\"Effect\": \"allow\", \"Action\": \"*\"}}",
            "line 2, column 26",
        ),
        (b"{\n\n  \"\xc3\xa9\xff\"}", "line 3, column 5"),
        (b"", "line 1, column 1"),
    ] {
        let output = evaluate(
            policy,
            &["--policy", "-", "--issuer", ISSUER, "--subject", SUBJECT],
        );
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains(place) && message.lines().count() == 1,
            "{message}"
        );
    }
}

#[test]
fn bad_input_is_one_line_and_exit_code_two() {
    let long = vec![b' '; 300 * 1024];
    let whole = ["--policy", "-", "--issuer", ISSUER, "--subject", SUBJECT];
    let with = |more: &[&'static str]| [&whole, more].concat();
    for (policy, arguments) in [
        (
            &b""[..],
            vec![
                "--policy",
                "/does/not/exist",
                "--issuer",
                ISSUER,
                "--subject",
                SUBJECT,
            ],
        ),
        (
            b"",
            vec!["--policy", "/", "--issuer", ISSUER, "--subject", SUBJECT],
        ),
        (&long, with(&[])),
        (b"{}", vec!["--policy", "-", "--issuer", ISSUER]),
        (
            b"{}",
            vec![
                "--policy",
                "-",
                "--issuer",
                "oidc.example.com",
                "--subject",
                SUBJECT,
            ],
        ),
        (b"{}", with(&["--account", "1"])),
        (b"{}", with(&["--condition", "nothing"])),
        (b"{}", with(&["--output", "xml"])),
        (b"{}", with(&["--batch", "-"])),
        (b"{}", with(&["--explain"])),
        (b"{}", vec!["--batch", "/does/not/exist"]),
    ] {
        let output = evaluate(policy, &arguments);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(
            message.starts_with("irsa-audit: ") && message.lines().count() == 1,
            "{arguments:?}: {message}"
        );
    }
    let own_flag = format!("{KEYS}:sub=system:serviceaccount:a:b");
    let output = evaluate(b"{}", &[&whole[..], &["--condition", &own_flag]].concat());
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let evil = "\u{1b}[2J\u{202e}\r\n\u{9b}x";
    let mut hostile = policy(
        evil,
        &json!({"StringEquals": {(format!("{KEYS}{evil}")): [evil, "a"]}}),
    );
    statement(&mut hostile)["Sid"] = json!(evil);
    statement(&mut hostile)["Principal"] = json!({"Federated": [evil, provider("111122223333")]});
    let arguments = [
        "--policy",
        "-",
        "--issuer",
        ISSUER,
        "--subject",
        evil,
        "--audience",
        evil,
    ];
    let mut unknown = hostile.clone();
    unknown[evil] = json!({});
    for policy in [hostile, unknown] {
        let output = evaluate(policy.to_string().as_bytes(), &arguments);
        for text in [output.stdout, output.stderr] {
            let text = String::from_utf8(text).unwrap();
            assert!(
                !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'),
                "{text:?}"
            );
        }
    }
}
