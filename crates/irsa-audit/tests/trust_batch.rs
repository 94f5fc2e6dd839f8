//! `irsa-audit trust evaluate --batch`, as a program calls it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::{Value, json};

const ISSUER: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

fn start(flags: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_irsa-audit"))
        .args(["trust", "evaluate", "--batch", "-"])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a whole batch.
fn run(input: Vec<u8>, flags: &[&str]) -> Output {
    let mut child = start(flags);
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The answers to a batch, and the exit code.
fn answers(input: impl Into<Vec<u8>>) -> (Vec<Value>, i32) {
    parsed(&run(input.into(), &[]))
}

fn parsed(output: &Output) -> (Vec<Value>, i32) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let answers = output.stdout.split_inclusive(|byte| *byte == b'\n').map(|line| {
        assert!(line.ends_with(b"\n"));
        serde_json::from_slice(line).unwrap()
    });
    (answers.collect(), output.status.code().unwrap())
}

fn provider() -> String {
    format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}")
}

fn policy(condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider()},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }]})
}

fn sub(subject: &str) -> Value {
    json!({"StringEquals": {(format!("{ISSUER}:sub")): subject}})
}

/// A line that asks the policy about a subject.
fn line(id: &Value, policy: &Value, subject: &str) -> String {
    let context = json!({(format!("{ISSUER}:sub")): subject, (format!("{ISSUER}:aud")): "sts.amazonaws.com"});
    json!({"id": id, "policy": policy, "principal": provider(), "context": context}).to_string()
}

/// The decision for a line with these members in place of the usual ones.
fn decision(members: &Value) -> Value {
    let mut line = json!({"id": 1, "policy": policy(&sub("a")), "principal": provider(), "context": {}});
    line.as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    let (mut answers, _) = answers(line.to_string());
    assert_eq!(answers.len(), 1);
    answers.remove(0)["decision"].take()
}

#[test]
fn answers_come_in_order_with_their_ids() {
    let ids = [
        json!(1),
        json!("two"),
        json!({"three": [3.50, null]}),
        json!(null),
        json!(true),
        json!("\u{1F600}\n"),
    ];
    let lines: Vec<String> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| line(id, &policy(&sub("a")), if at % 2 == 0 { "a" } else { "b" }))
        .collect();
    let (answers, code) = answers(lines.join("\n"));
    assert_eq!(code, 0);
    assert_eq!(answers.len(), ids.len());
    for (at, (answer, id)) in answers.iter().zip(&ids).enumerate() {
        assert_eq!(&answer["id"], id);
        assert_eq!(
            answer["decision"],
            if at % 2 == 0 {
                "Allowed"
            } else {
                "ImplicitlyDenied"
            }
        );
    }
}

#[test]
fn an_id_is_echoed_as_it_is() {
    let output = run(
        line(&json!("@"), &policy(&sub("a")), "a")
            .replace("\"@\"", r#"{"a" : 1.50,"\u00e9":1e400}"#)
            .into(),
        &[],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r#""id":{"a" : 1.50,"\u00e9":1e400}"#), "{text}");
    let without = r#"{"policy":{},"principal":"accounts.google.com","context":{}}"#;
    let (answers, _) = answers(without);
    assert_eq!(answers[0]["id"], json!(null));
}

#[test]
fn a_policy_may_be_a_text() {
    let text = policy(&sub("a")).to_string();
    let encoded: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let lines: Vec<String> = [json!(text), json!(encoded.concat())]
        .iter()
        .map(|policy| line(&json!(0), policy, "a"))
        .collect();
    let (answers, code) = answers(lines.join("\n"));
    assert_eq!(code, 0);
    assert!(
        answers.len() == 2 && answers.iter().all(|answer| answer["decision"] == "Allowed"),
        "{answers:?}"
    );
}

#[test]
fn every_decision_has_its_name() {
    let allow = policy(&json!({}));
    let mut deny = allow.clone();
    deny["Statement"][0]["Effect"] = json!("Deny");
    let inside = policy(&json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
    let mut identity_policy = allow.clone();
    identity_policy["Statement"][0]["Resource"] = json!("*");
    for (policy, expected) in [
        (allow, "Allowed"),
        (deny, "ExplicitlyDenied"),
        (policy(&sub("a")), "ImplicitlyDenied"),
        (inside, "Undetermined"),
        (identity_policy, "Invalid"),
        (json!({}), "Invalid"),
        (json!("no policy"), "Invalid"),
        (json!("{\"Statement\": [\"\\ud800\"]}"), "Invalid"),
    ] {
        assert_eq!(decision(&json!({"policy": policy})), expected, "{policy}");
    }
}

#[test]
fn keys_that_are_not_given_are_absent_or_unknown() {
    let when = |operator: &str, key: &str, value: &str| json!({(operator): {(key): value}});
    let (sub, other) = (format!("{ISSUER}:SUB"), "oidc.example.com:sub");
    for (condition, closed, expected) in [
        (when("Null", &sub, "true"), json!(false), "Allowed"),
        (when("StringNotEquals", &sub, "a"), json!(false), "Allowed"),
        (when("Null", "aws:SourceIp", "true"), json!(false), "Undetermined"),
        (when("Null", "aws:SourceIp", "true"), json!(null), "Undetermined"),
        (when("Null", "aws:SourceIp", "true"), json!(true), "Allowed"),
        (when("StringEquals", other, "a"), json!(false), "Undetermined"),
        (when("StringEquals", other, "a"), json!(true), "ImplicitlyDenied"),
    ] {
        let members = json!({"policy": policy(&condition), "closed": closed});
        assert_eq!(decision(&members), expected, "{members}");
    }
}

#[test]
fn undetermined_answers_name_the_keys() {
    let open = policy(&json!({
        "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
        "StringEquals": {"aws:SourceVpc": "vpc-1"},
        "StringLike": {"aws:SourceVpc": "vpc-*"},
    }));
    let (answers, code) = answers(line(&json!(0), &open, "a"));
    assert_eq!(
        (&answers[0]["keys"], code),
        (&json!(["aws:SourceIp", "aws:SourceVpc"]), 0)
    );
}

#[test]
fn why_it_is_not_allowed_is_told_where_that_is_asked() {
    let subject = "system:serviceaccount:shop:web";
    let mut forbidden = policy(&sub(subject));
    forbidden["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"Null": {"aws:TokenIssueTime": "true"}}
    }));
    let inside = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let from = |mut line: Value, ip: &str| {
        line["context"]["aws:SourceIp"] = json!(ip);
        line
    };
    let asked =
        |policy: &Value| -> Value { serde_json::from_str(&line(&json!(0), policy, subject)).unwrap() };
    let cases = [
        (asked(&policy(&sub(subject))), None),
        (
            asked(&policy(&sub("system:serviceaccount:other:web"))),
            Some("IRSA204"),
        ),
        (asked(&policy(&inside)), Some("IRSA214")),
        (from(asked(&policy(&inside)), "10.0.0.1"), None),
        (from(asked(&policy(&inside)), "11.0.0.1"), Some("IRSA213")),
        (asked(&forbidden), Some("IRSA214")),
        (
            json!({"policy": forbidden, "principal": provider(), "context": {}, "closed": true}),
            Some("IRSA212"),
        ),
        (
            json!({"policy": forbidden, "principal": "accounts.google.com", "closed": true}),
            Some("IRSA212"),
        ),
        (asked(&json!({"Statement": []})), Some("IRSA202")),
        (asked(&json!({"Statement": 1})), Some("IRSA218")),
    ];
    let input: Vec<String> = cases.iter().map(|(line, _)| line.to_string()).collect();
    let (answers, code) = parsed(&run(input.join("\n").into(), &["--explain"]));
    assert_eq!((answers.len(), code), (cases.len(), 0));
    for (answer, (line, expected)) in answers.iter().zip(&cases) {
        assert_eq!(answer["cause"]["code"].as_str(), *expected, "{line} {answer}");
    }
}

#[test]
fn context_values_have_their_kinds() {
    let when = |operator: &str, value: &Value| policy(&json!({(operator): {"aws:Key": value}}));
    for (policy, given, expected) in [
        (when("StringEquals", &json!("a")), json!("a"), "Allowed"),
        (when("StringEquals", &json!("a")), json!(["a"]), "Allowed"),
        (
            when("StringEquals", &json!(["a", "b"])),
            json!(["a", "b"]),
            "ImplicitlyDenied",
        ),
        (
            when("ForAllValues:StringEquals", &json!(["a", "b"])),
            json!(["a", "b"]),
            "Allowed",
        ),
        (
            when("ForAnyValue:StringEquals", &json!("b")),
            json!(["a", "b"]),
            "Allowed",
        ),
        (when("Null", &json!("true")), json!([]), "Allowed"),
        (when("Bool", &json!("true")), json!(true), "Allowed"),
        (when("Bool", &json!(true)), json!("false"), "ImplicitlyDenied"),
        (when("NumericLessThan", &json!("10")), json!(9.5), "Allowed"),
        (
            when("NumericEquals", &json!(36_028_797_018_963_969_u64)),
            json!(36_028_797_018_963_969_u64),
            "Allowed",
        ),
        (
            when("StringEquals", &json!("a\"\u{e9}")),
            json!("a\"\u{e9}"),
            "Allowed",
        ),
    ] {
        let members = json!({"policy": policy, "context": {"AWS:kEY": given}});
        assert_eq!(decision(&members), expected, "{members}");
    }
}

#[test]
fn other_principals_and_actions_are_evaluated() {
    let role = "arn:aws:iam::111122223333:role/caller";
    for (principal, named, action, expected) in [
        (role, json!({"AWS": "111122223333"}), "sts:AssumeRole", "Allowed"),
        (
            "pods.eks.amazonaws.com",
            json!({"Service": "pods.eks.amazonaws.com"}),
            "STS:assumerole",
            "Allowed",
        ),
        (
            "pods.eks.amazonaws.com",
            json!({"Service": "ec2.amazonaws.com"}),
            "sts:AssumeRole",
            "ImplicitlyDenied",
        ),
        (
            "accounts.google.com",
            json!({"Federated": "accounts.google.com"}),
            "sts:AssumeRole",
            "Allowed",
        ),
        (role, json!({"AWS": role}), "sts:TagSession", "ImplicitlyDenied"),
    ] {
        let policy =
            json!({"Statement": {"Effect": "Allow", "Principal": named, "Action": "sts:AssumeRole"}});
        let members = json!({"policy": policy, "principal": principal, "action": action});
        assert_eq!(decision(&members), expected, "{members}");
    }
}

#[test]
fn bad_lines_are_answered_by_their_numbers() {
    let good = line(&json!("good"), &policy(&sub("a")), "a");
    let bad = [
        "nonsense".to_owned(),
        "[1, {}, \"accounts.google.com\"]".to_owned(),
        "\"text\"".to_owned(),
        good[..good.len() - 1].to_owned(),
        format!("{good}{good}"),
        "{}".to_owned(),
        good.replace("\"principal\"", "\"who\""),
        good.replace("\"policy\"", "\"document\""),
        good.replace("arn:aws", "arn"),
        good.replace("\"context\":{", "\"context\":{\"a:b\":null,"),
        good.replace("\"context\":{", "\"context\":{\"a:b\":[[\"x\"]],"),
        good.replace("\"context\":{", "\"context\":{\"a:b\":1,\"A:B\":2,"),
        good.replace("\"context\":{", "\"context\":[],\"more\":{"),
        good.replace("\"id\"", "\"closed\":1,\"id\""),
        good.replace("\"id\"", "\"action\":\"AssumeRole\",\"id\""),
        good.replace("\"id\"", "\"action\":\"sts:*\",\"id\""),
        good.replace("\"id\"", "\"policy\":{},\"id\""),
        json!({"id": 0, "policy": 1, "principal": provider(), "context": {}}).to_string(),
        json!({"id": 0, "policy": [], "principal": provider(), "context": {}}).to_string(),
        r#"{"policy":"\ud800","principal":"accounts.google.com"}"#.to_owned(),
        good.replace("\"good\"", &"[".repeat(100_000)),
        "\u{0}".to_owned(),
    ];
    let mut input = Vec::new();
    for bad in &bad {
        input.extend(format!("\r\n{bad}\n \t\n{good}\r\n").into_bytes());
    }
    let (answers, code) = answers(input);
    assert_eq!(code, 2);
    assert_eq!(answers.len(), 2 * bad.len());
    for (at, pair) in answers.chunks(2).enumerate() {
        assert_eq!(pair[0]["line"], 4 * at + 2, "{}: {}", bad[at], pair[0]);
        assert!(
            pair[0]["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty() && error.len() < 1000),
            "{}",
            pair[0]
        );
        assert!(pair[0].get("decision").is_none());
        assert_eq!(pair[1], json!({"id": "good", "decision": "Allowed"}));
    }
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let good = line(&json!(1), &policy(&sub("a")), "a");
    let mut input = b"{\"id\":\"\xff\xfe\"}\n\xed\xa0\x80\n".to_vec();
    input.extend(good.bytes());
    let (answers, code) = answers(input);
    assert_eq!(code, 2);
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer["line"].as_u64())
            .collect::<Vec<_>>(),
        [Some(1), Some(2), None]
    );
    assert_eq!(answers[2]["decision"], "Allowed");
}

#[test]
fn a_line_beyond_the_bound_is_passed_over() {
    let good = line(&json!(1), &policy(&sub("a")), "a");
    let padded = |length: usize| {
        let padding = length - good.len() - r#""padding":"","#.len();
        good.replacen('{', &format!(r#"{{"padding":"{}","#, "x".repeat(padding)), 1)
    };
    let bound = irsa_audit::trust::batch::MAX_LINE;
    let (answers, code) = answers(format!(
        "{}\n{}\n{good}\n{}",
        padded(bound),
        padded(bound + 1),
        padded(3 * bound)
    ));
    assert_eq!(code, 2);
    let lines: Vec<Option<u64>> = answers.iter().map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(lines, [None, Some(2), None, Some(4)]);
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let mut child = start(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for id in 0..3 {
        let question = line(&json!(id), &policy(&sub("a")), "a");
        // The end of the line may come late.
        let (first, rest) = question.split_at(40);
        stdin.write_all(first.as_bytes()).unwrap();
        stdin.flush().unwrap();
        stdin.write_all(rest.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
        stdin.flush().unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["id"], id);
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let mut child = start(&[]);
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let question = line(&json!(0), &policy(&sub("a")), "a") + "\n";
    // Sooner or later it ends, and takes no more.
    while stdin.write_all(question.as_bytes()).is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_batch_is_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("batch.jsonl");
    std::fs::write(&file, line(&json!(7), &policy(&sub("a")), "a")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    let output = command
        .args(["trust", "evaluate", "--batch"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        json!({"id": 7, "decision": "Allowed"})
    );
}

#[test]
fn nothing_asked_is_nothing_answered() {
    for input in ["", "\n", "\r\n\r\n", "   "] {
        assert_eq!(answers(input), (vec![], 0), "{input:?}");
    }
}

/// A hundred megabytes pass through a few.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_batch() {
    let mut child = start(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let padding = "x".repeat(500_000);
    let lines = 200;
    let writer = thread::spawn(move || {
        for id in 0..lines {
            // Each policy twice, so that it is remembered.
            let policy = policy(&sub(&format!("{}{padding}", id / 2)[..100_000]));
            let line =
                line(&json!(id), &policy, "a").replacen('{', &format!(r#"{{"padding":"{padding}","#), 1);
            stdin.write_all(line.as_bytes()).unwrap();
            stdin.write_all(b"\n").unwrap();
        }
        stdin
    });
    let mut answer = String::new();
    for _ in 0..lines {
        answer.clear();
        stdout.read_line(&mut answer).unwrap();
    }
    let stdin = writer.join().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 64 * 1024, "{kilobytes} kB");
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
