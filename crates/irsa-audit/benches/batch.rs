//! The rate of `trust evaluate --batch` beside that of a bare JSON parse of the same lines, in the same run.
//!
//! The goal is at least half the rate, however the policies vary. Each kind of batch is measured several times in
//! turn with the parse, and the best of each counts: whatever else the machine does only slows them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "it is run by hand, and may fail loudly"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use irsa_audit::trust::batch;
use serde_json::{Value, json};

const LINES: usize = 50_000;
const ROUNDS: usize = 25;

/// How policies stand in a batch.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// How many policies there are.
    policies: usize,
    /// As a string, plain or percent-encoded, in place of an object.
    text: Option<fn(&str) -> String>,
    closed: bool,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "policies all different",
        policies: LINES,
        text: None,
        closed: false,
    },
    Shape {
        name: "1,000 policies in turn",
        policies: 1_000,
        text: None,
        closed: false,
    },
    Shape {
        name: "one policy",
        policies: 1,
        text: None,
        closed: false,
    },
    Shape {
        name: "strings, all different",
        policies: LINES,
        text: Some(str::to_owned),
        closed: true,
    },
    Shape {
        name: "strings, 1,000 in turn",
        policies: 1_000,
        text: Some(str::to_owned),
        closed: true,
    },
    Shape {
        name: "encoded, 1,000 in turn",
        policies: 1_000,
        text: Some(percent_encoded),
        closed: true,
    },
];

fn main() {
    println!("{LINES} lines each; best of {ROUNDS} rounds");
    println!(
        "{:<26} {:>9} {:>12} {:>12} {:>6}",
        "batch", "bytes", "parse l/s", "batch l/s", "rate"
    );
    for shape in SHAPES {
        let lines = lines(shape);
        let (mut parse, mut answer) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            parse = parse.min(timed(|| {
                for line in lines.split_inclusive(|b| *b == b'\n') {
                    black_box(serde_json::from_slice::<Value>(black_box(line)).unwrap());
                }
            }));
            answer = answer.min(timed(|| {
                let mut out = Vec::with_capacity(lines.len());
                let summary = batch::evaluate(black_box(lines.as_slice()), &mut out, false).unwrap();
                assert_eq!((summary.answered, summary.bad), (LINES as u64, 0));
                black_box(out);
            }));
        }
        let rate = |time: Duration| LINES as f64 / time.as_secs_f64();
        println!(
            "{:<26} {:>9} {:>12.0} {:>12.0} {:>6.2}",
            shape.name,
            lines.len() / LINES,
            rate(parse),
            rate(answer),
            rate(answer) / rate(parse)
        );
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// The lines of a batch: policies as EKS, eksctl and Terraform write them, asked by a ServiceAccount that they
/// admit, and by others.
fn lines(shape: &Shape) -> Vec<u8> {
    let mut lines = Vec::new();
    for n in 0..LINES {
        let policy_number = n % shape.policies;
        let (issuer, policy) = policy(policy_number);
        let policy = match shape.text {
            Some(text) => Value::String(text(&policy.to_string())),
            None => policy,
        };
        let namespace = if n % 3 == 0 {
            "staging".to_owned()
        } else {
            format!("team-{}", policy_number % 97)
        };
        let line = json!({
            "id": format!("case-{n}"),
            "policy": policy,
            "principal": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}"),
            "action": "sts:AssumeRoleWithWebIdentity",
            "context": {
                (format!("{issuer}:sub")): format!("system:serviceaccount:{namespace}:app-{policy_number}"),
                (format!("{issuer}:aud")): "sts.amazonaws.com",
                "aws:SourceIp": "10.1.2.3",
            },
            "closed": shape.closed,
        });
        serde_json::to_writer(&mut lines, &line).unwrap();
        lines.push(b'\n');
    }
    lines
}

fn policy(n: usize) -> (String, Value) {
    let issuer = format!("oidc.eks.eu-west-1.amazonaws.com/id/{:032X}", n % 7);
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{issuer}");
    let (sub, aud) = (format!("{issuer}:sub"), format!("{issuer}:aud"));
    let subject = format!("system:serviceaccount:team-{}:app-{n}", n % 97);
    let web_identity = json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {(sub.clone()): subject, (aud.clone()): "sts.amazonaws.com"}}
    });
    let statements = match n % 4 {
        0 | 1 => json!([web_identity]),
        2 => json!([
            {"Sid": "Pods", "Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
            web_identity
        ]),
        _ => json!([
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringLike": {(sub): [subject, format!("system:serviceaccount:tools-{n}:*")]},
                    "StringEquals": {(aud): "sts.amazonaws.com"}
                }
            },
            {
                "Sid": "OnlyFromInside",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sts:*",
                "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}
            }
        ]),
    };
    (issuer, json!({"Version": "2012-10-17", "Statement": statements}))
}
