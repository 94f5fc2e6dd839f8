//! The rate of `trust evaluate --batch` beside that of a bare JSON parse of the same lines, in the same run.
//!
//! The goal is at least half the rate, however the policies vary. Each kind of batch is measured several times in
//! turn with the parse, and the best of each counts: whatever else the machine does only slows them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "it is run by hand, and may fail loudly"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use irsa_audit::trust::batch;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// How many bytes of policies a batch has, about.
const BYTES: usize = 32 * 1024 * 1024;
const ROUNDS: usize = 15;

/// How policies stand in a batch.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    policies: fn(usize) -> Value,
    /// After so many the same policies come again.
    turn: usize,
    written: Written,
    closed: bool,
}

/// As what a policy is written into its line.
#[derive(Clone, Copy)]
enum Written {
    Object,
    /// A string of compact JSON.
    Compact,
    /// A string of JSON with line breaks and indents.
    Pretty,
    /// A string of percent-encoded JSON, as IAM returns it.
    Encoded,
}

const ALL_DIFFERENT: usize = usize::MAX;

const fn shape(name: &'static str, policies: fn(usize) -> Value, turn: usize, written: Written) -> Shape {
    let closed = !matches!(written, Written::Object);
    Shape {
        name,
        policies,
        turn,
        written,
        closed,
    }
}

const SHAPES: &[Shape] = &[
    shape("objects, all different", typical, ALL_DIFFERENT, Written::Object),
    shape("objects, 1,000 in turn", typical, 1_000, Written::Object),
    shape("objects, one", typical, 1, Written::Object),
    shape("strings, all different", typical, ALL_DIFFERENT, Written::Compact),
    shape("strings, 1,000 in turn", typical, 1_000, Written::Compact),
    shape("pretty, all different", typical, ALL_DIFFERENT, Written::Pretty),
    shape("encoded, all different", typical, ALL_DIFFERENT, Written::Encoded),
    shape("encoded, 1,000 in turn", typical, 1_000, Written::Encoded),
    shape(
        "many statements, objects",
        many_statements,
        ALL_DIFFERENT,
        Written::Object,
    ),
    shape(
        "many statements, strings",
        many_statements,
        ALL_DIFFERENT,
        Written::Compact,
    ),
    shape(
        "many values, objects",
        many_values,
        ALL_DIFFERENT,
        Written::Object,
    ),
    shape(
        "many values, strings",
        many_values,
        ALL_DIFFERENT,
        Written::Compact,
    ),
    shape(
        "many patterns, strings",
        many_patterns,
        ALL_DIFFERENT,
        Written::Compact,
    ),
    shape("not ASCII, objects", not_ascii, ALL_DIFFERENT, Written::Object),
    shape("not ASCII, strings", not_ascii, ALL_DIFFERENT, Written::Compact),
    shape("escapes, objects", escapes, ALL_DIFFERENT, Written::Object),
    shape("escapes, strings", escapes, ALL_DIFFERENT, Written::Compact),
    shape("shortest, objects", shortest, ALL_DIFFERENT, Written::Object),
    shape("shortest, strings", shortest, ALL_DIFFERENT, Written::Compact),
];

fn main() {
    println!("about {} MiB each; best of {ROUNDS} rounds", BYTES >> 20);
    println!(
        "{:<26} {:>9} {:>12} {:>12} {:>6}",
        "batch", "bytes", "parse l/s", "batch l/s", "rate"
    );
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let mut worst = f64::INFINITY;
    for shape in SHAPES {
        if wanted.as_ref().is_none_or(|wanted| shape.name.contains(wanted)) {
            worst = worst.min(measure(shape));
        }
    }
    println!("the lowest rate: {worst:.2}");
}

fn measure(shape: &Shape) -> f64 {
    let (lines, count) = lines(shape);
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
            assert_eq!((summary.answered, summary.bad), (count as u64, 0));
            black_box(out);
        }));
    }
    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    println!(
        "{:<26} {:>9} {:>12.0} {:>12.0} {:>6.2}",
        shape.name,
        lines.len() / count,
        rate(parse),
        rate(answer),
        rate(answer) / rate(parse)
    );
    rate(answer) / rate(parse)
}

/// How long this thread was at work: the turns of other programs are left out.
fn timed(work: impl FnOnce()) -> Duration {
    let at_work = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = at_work();
    work();
    at_work().saturating_sub(before)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() {
            encoded.push(char::from(b));
        } else {
            write!(encoded, "%{b:02X}").unwrap();
        }
    }
    encoded
}

/// The lines of a batch, asked by a ServiceAccount that the policies admit, and by others; and how many there are.
fn lines(shape: &Shape) -> (Vec<u8>, usize) {
    let mut lines = Vec::new();
    let mut count = 0;
    while lines.len() < BYTES {
        let number = count % shape.turn;
        let policy = (shape.policies)(number);
        let policy = match shape.written {
            Written::Object => policy,
            Written::Compact => policy.to_string().into(),
            Written::Pretty => format!("{policy:#}").into(),
            Written::Encoded => percent_encoded(&policy.to_string()).into(),
        };
        let namespace = if count % 3 == 0 {
            "staging".to_owned()
        } else {
            format!("team-{}", number % 97)
        };
        let issuer = issuer(number);
        let line = json!({
            "id": format!("case-{count}"),
            "policy": policy,
            "principal": provider(number),
            "action": "sts:AssumeRoleWithWebIdentity",
            "context": {
                (format!("{issuer}:sub")): format!("system:serviceaccount:{namespace}:app-{number}"),
                (format!("{issuer}:aud")): "sts.amazonaws.com",
                "aws:SourceIp": "10.1.2.3",
            },
            "closed": shape.closed,
        });
        serde_json::to_writer(&mut lines, &line).unwrap();
        lines.push(b'\n');
        count += 1;
    }
    (lines, count)
}

fn issuer(n: usize) -> String {
    format!("oidc.eks.eu-west-1.amazonaws.com/id/{:032X}", n % 7)
}

fn provider(n: usize) -> String {
    format!("arn:aws:iam::111122223333:oidc-provider/{}", issuer(n))
}

fn subject(n: usize) -> String {
    format!("system:serviceaccount:team-{}:app-{n}", n % 97)
}

fn policy(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Web identity for the subjects of one cluster.
fn web_identity(n: usize, operator: &str, subjects: &Value) -> Value {
    let (sub, aud) = (format!("{}:sub", issuer(n)), format!("{}:aud", issuer(n)));
    let mut condition = json!({"StringEquals": {aud: "sts.amazonaws.com"}});
    condition[operator][sub] = subjects.clone();
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider(n)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
    })
}

/// As EKS, eksctl and Terraform write them.
fn typical(n: usize) -> Value {
    let one = web_identity(n, "StringEquals", &subject(n).into());
    let statements = match n % 4 {
        0 | 1 => json!([one]),
        2 => json!([
            {"Sid": "Pods", "Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
            one
        ]),
        _ => json!([
            web_identity(n, "StringLike", &json!([subject(n), format!("system:serviceaccount:tools-{n}:*")])),
            {
                "Sid": "OnlyFromInside",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sts:*",
                "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}
            }
        ]),
    };
    policy(&statements)
}

/// One role for many clusters.
fn many_statements(n: usize) -> Value {
    let statements = (0..20).map(|cluster| web_identity(n + cluster, "StringEquals", &subject(n).into()));
    policy(&statements.collect())
}

/// One role for many ServiceAccounts.
fn many_values(n: usize) -> Value {
    let subjects = (0..50).map(|other| Value::from(subject(n + other)));
    policy(&json!([web_identity(n, "StringEquals", &subjects.collect())]))
}

fn many_patterns(n: usize) -> Value {
    let subjects = (0..50).map(|other| Value::from(format!("system:serviceaccount:team-{}-*:*", n + other)));
    policy(&json!([web_identity(n, "StringLike", &subjects.collect())]))
}

fn not_ascii(n: usize) -> Value {
    let mut statement = web_identity(
        n,
        "StringEquals",
        &json!([subject(n), format!("система:сервис:команда-{n}:приложение")]),
    );
    statement["Condition"]["StringNotLike"] =
        json!({"aws:PrincipalTag/部署": [format!("環境-{n}-テスト*"), "équipe-été"]});
    policy(&json!([statement]))
}

fn escapes(n: usize) -> Value {
    let mut statement = web_identity(n, "StringEquals", &subject(n).into());
    statement["Condition"]["StringNotEquals"] = json!({"aws:PrincipalTag/path": [format!("C:\\teams\\{n}\\\"x\""), "a\tb\nc\\d", "\\\\host\\share\\\"q\""]});
    policy(&json!([statement]))
}

/// Where the rest of the line weighs most.
fn shortest(n: usize) -> Value {
    policy(
        &json!({"Sid": format!("S{n}"), "Effect": "Allow", "Principal": {"Federated": provider(n)}, "Action": "sts:*"}),
    )
}
