//! What the audit of a whole cluster costs in the core. `cargo bench -p audit-offline` prints the figures; nothing is asserted
//! about time. `cargo bench -p audit-offline -- 10000 own` measures the shapes with so many bindings whose names have that word.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot set itself up has nothing to say"
)]

mod shape;

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use audit_core::{BindingReport, Verdict, audit};
use audit_offline::{Loaded, Options, Source, load};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use shape::Shape;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often each shape is audited. The least time counts: what other programs do only adds to it.
const ROUNDS: usize = 7;

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    println!("  bindings    pods  broken        ms  µs a binding  of its JSON  allocations a binding");
    for shape in shape::all() {
        let is_meant =
            |word: &String| shape.name.contains(word.as_str()) || shape.bindings.to_string() == *word;
        if words.iter().all(is_meant) {
            measure(&shape);
        }
    }
}

/// Audits a shape, and compares with what `serde_json` takes to read its files into values.
fn measure(shape: &Shape) {
    let manifests = shape.manifests();
    let outputs = shape.outputs();
    let reading = at_work(|| {
        for text in manifests.iter().chain(&outputs) {
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            drop(black_box(value));
        }
    });
    let loaded = loaded(manifests, outputs);
    let now = Timestamp::UNIX_EPOCH;
    let (mut broken, mut allocations) = (0, 0);
    let best = (0..ROUNDS)
        .map(|_| {
            let region = Region::new(ALLOCATOR);
            let mut report = None;
            let time = at_work(|| {
                report = Some(audit(black_box(&loaded.snapshot), &loaded.config, now));
            });
            let change = region.change();
            allocations = change.allocations + change.reallocations;
            let bindings = report.expect("a report").bindings;
            let is_broken = |binding: &&BindingReport| binding.verdict == Verdict::Broken;
            broken = bindings.iter().filter(is_broken).count();
            assert_eq!(bindings.len(), shape.bindings, "every binding is audited");
            time
        })
        .min()
        .unwrap_or_default();
    let of_each = |total: f64| total / number(shape.bindings);
    println!(
        "{:>10}{:>8}{broken:>8}{:>10.1}{:>14.1}{:>13.3}{:>11.0}  {}",
        shape.bindings,
        shape.bindings * shape.pods,
        milliseconds(best),
        of_each(milliseconds(best) * 1_000.0),
        best.as_secs_f64() / reading.as_secs_f64(),
        of_each(number(allocations)),
        shape.name,
    );
}

fn loaded(manifests: Vec<String>, outputs: Vec<String>) -> Loaded {
    let sources = |texts: Vec<String>, kind: &'static str| {
        let named = texts.into_iter().enumerate();
        named.map(move |(at, text)| Source::new(format!("{kind}-{at}"), text))
    };
    let options = Options {
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        namespace: "default".to_owned(),
        namespace_is_assumed: false,
        webhook_namespace: "kube-system".to_owned(),
        partial: false,
        issuer: Some(shape::issuer()),
        snapshot: None,
        account: None,
        now: Timestamp::UNIX_EPOCH,
    };
    let (manifests, outputs) = (sources(manifests, "objects"), sources(outputs, "output"));
    let loaded = load(manifests, outputs, &options);
    assert!(!loaded.has_errors(), "{:?}", loaded.problems.first());
    loaded
}

/// How long this thread was at work: the turns of other programs are left out.
fn at_work(run: impl FnOnce()) -> Duration {
    let clock = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = clock();
    run();
    clock().saturating_sub(start)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
