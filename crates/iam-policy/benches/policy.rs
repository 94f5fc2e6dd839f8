//! What the crate costs. `cargo bench -p iam-policy` prints the figures; nothing is asserted about time.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to say"
)]

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use iam_policy::{Decision, Document, Request, TrustIndex, WebIdentity, decide, parse};
use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";

/// How often something short is repeated for one measurement.
const ROUNDS: u32 = 100_000;

fn main() {
    single();
    reading();
    let line = |roles, accounts| {
        let measured = pairs(roles, accounts);
        println!(
            "{roles:>6} roles x {accounts:>6} ServiceAccounts: {:>8.2} ms from parsed documents, {:>8.2} ms with parsing, {} pairs admitted",
            milliseconds(measured.matching),
            milliseconds(measured.parsing + measured.matching),
            measured.admitted,
        );
    };
    for size in [1_000, 2_000, 5_000, 10_000, 20_000] {
        line(size, size);
    }
    let documents: Vec<Document> = texts(1_000)
        .iter()
        .filter_map(|text| parse(text).document)
        .collect();
    let identities: Vec<WebIdentity> = (0..1_000).map(identity).collect();
    let every_pair = best_of(3, || product(&documents, &identities));
    println!(
        "  1000 roles x   1000 ServiceAccounts: {:>8.2} ms by trying every pair",
        milliseconds(every_pair)
    );
}

/// One evaluation of the policy that eksctl writes.
fn single() {
    let text = policy(
        0,
        &format!("{ISSUER}:sub"),
        "\"system:serviceaccount:ns-0:app-0\"",
        "StringEquals",
    );
    let document = parse(&text).document.expect("a whole document");
    let request = Request::from(&identity(0));
    assert_eq!(decide(&document, &request), Decision::Allowed);
    let region = Region::new(ALLOCATOR);
    let elapsed = best_of(5, || {
        for _ in 0..ROUNDS {
            black_box(decide(black_box(&document), black_box(&request)));
        }
    });
    let allocations = region.change().allocations;
    println!(
        "one decision of a typical EKS trust policy: {} ns, {allocations} allocations in {} decisions",
        (elapsed / ROUNDS).as_nanos(),
        5 * ROUNDS
    );
}

/// Reading the same policy, beside what `serde_json` takes to read it into a value.
fn reading() {
    let text = policy(
        0,
        &format!("{ISSUER}:sub"),
        "\"system:serviceaccount:ns-0:app-0\"",
        "StringEquals",
    );
    let per_round = |elapsed: Duration| (elapsed / ROUNDS).as_nanos();
    let ours = best_of(5, || {
        (0..ROUNDS).for_each(|_| drop(black_box(parse(black_box(&text)))));
    });
    let plain = best_of(5, || {
        for _ in 0..ROUNDS {
            drop(black_box(serde_json::from_str::<serde_json::Value>(black_box(
                &text,
            ))));
        }
    });
    let request = best_of(5, || {
        (0..ROUNDS).for_each(|_| drop(black_box(Request::from(&identity(0)))));
    });
    println!(
        "reading it ({} bytes): {} ns, into a bare JSON value: {} ns; making a request: {} ns",
        text.len(),
        per_round(ours),
        per_round(plain),
        per_round(request)
    );
}

struct Measured {
    parsing: Duration,
    matching: Duration,
    admitted: usize,
}

fn pairs(roles: usize, accounts: usize) -> Measured {
    let texts = texts(roles);
    let identities: Vec<WebIdentity> = (0..accounts).map(identity).collect();
    let parsing = best_of(3, || drop(black_box(read(&texts))));
    let documents = read(&texts);
    let mut admitted = 0;
    let matching = best_of(3, || {
        let index = TrustIndex::new(&documents);
        admitted = identities
            .iter()
            .map(|identity| index.admitting(black_box(identity)).len())
            .sum();
    });
    Measured {
        parsing,
        matching,
        admitted,
    }
}

fn read(texts: &[String]) -> Vec<Document> {
    texts.iter().filter_map(|text| parse(text).document).collect()
}

/// What the index saves.
fn product(documents: &[Document], identities: &[WebIdentity]) {
    for identity in identities {
        let request = Request::from(identity);
        for document in documents {
            black_box(decide(document, &request));
        }
    }
}

/// Ten ServiceAccounts in each namespace.
fn identity(number: usize) -> WebIdentity {
    WebIdentity {
        provider_arn: format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}"),
        issuer: ISSUER.to_owned(),
        subject: format!("system:serviceaccount:ns-{}:app-{number}", number / 10),
        audience: "sts.amazonaws.com".to_owned(),
        called_at: None,
    }
}

/// Trust policies as clusters have them, percent-encoded as IAM returns them: most for one subject, some for
/// several, for a whole namespace, for another cluster, for an EC2 instance, with a Deny or a session name.
fn texts(count: usize) -> Vec<String> {
    let sub = format!("{ISSUER}:sub");
    let other = format!("{}:sub", ISSUER.replace("0123", "FFFF"));
    let texts = (0..count).map(|number| {
        let own = format!("system:serviceaccount:ns-{}:app-{number}", number / 10);
        match number % 20 {
            0 => policy(number, &sub, &format!("\"system:serviceaccount:ns-{}:*\"", number / 10), "StringLike"),
            1 => policy(number, &sub, &format!("[\"{own}\",\"system:serviceaccount:kube-system:app-{number}\"]"), "StringEquals"),
            2 => policy(number, &other, &format!("\"{own}\""), "StringEquals"),
            3 => r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#.to_owned(),
            4 => policy(number, &sub, &format!("\"{own}\""), "ForAnyValue:StringEquals"),
            5 => policy(number, &sub, &format!("\"system:serviceaccount:*:app-{number}\""), "StringLike"),
            _ => policy(number, &sub, &format!("\"{own}\""), "StringEquals"),
        }
    });
    texts
        .map(|text| {
            percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
        })
        .collect()
}

fn policy(number: usize, key: &str, subjects: &str, operator: &str) -> String {
    let issuer = key.trim_end_matches(":sub");
    let deny = if number % 20 == 6 {
        r#",{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"},"Null":{"aws:PrincipalOrgID":"false"}}}"#
    } else {
        ""
    };
    let aud = format!(r#""{issuer}:aud":"sts.amazonaws.com""#);
    let condition = if operator == "StringEquals" {
        format!(r#"{{"StringEquals":{{{aud},"{key}":{subjects}}}}}"#)
    } else {
        format!(r#"{{"StringEquals":{{{aud}}},"{operator}":{{"{key}":{subjects}}}}}"#)
    };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/{issuer}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}{deny}]}}"#
    )
}

/// The least time that this thread was at work: the turns of other programs are left out.
fn best_of(rounds: usize, mut run: impl FnMut()) -> Duration {
    let at_work = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let time = |run: &mut dyn FnMut()| {
        let start = at_work();
        run();
        at_work().saturating_sub(start)
    };
    (0..rounds).map(|_| time(&mut run)).min().unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
