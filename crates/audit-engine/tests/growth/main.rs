//! Work grows with the cluster and not with its square, and a change costs what it concerns.
//!
//! Each shape is a cluster of which some loop could run over everything for each thing. What is counted are the steps of loops
//! ([`counted`]) and allocations, never seconds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot set itself up fails"
)]

mod iam;
mod lab;
mod shapes;
mod world;

use std::alloc::System;
use std::sync::{Mutex, PoisonError};

use counted::steps;
use lab::Lab;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations are counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// The size of the smallest cluster. Each next one is twice as large.
const SMALLEST: usize = 64;

/// How much more work twice as many may be, in tenths. More than twice, for logarithms.
const MOST_FOR_TWICE: u64 = 23;

/// Steps and allocations of a run.
fn work(run: impl FnOnce()) -> u64 {
    let region = Region::new(ALLOCATOR);
    let before = steps();
    run();
    let change = region.change();
    let allocations = u64::try_from(change.allocations + change.reallocations).unwrap();
    steps() - before + allocations
}

/// What a shape of some size costs: to fill, to audit again, to make the cluster's status, and for each single change.
fn costs(shape: fn(usize) -> world::World, n: usize) -> Vec<(&'static str, u64)> {
    let mut world = shape(n);
    let changes = std::mem::take(&mut world.changes);
    let mut lab = Lab::new();
    let mut costs = vec![("fill", work(|| lab.fill(world)))];
    costs.push(("audit", work(|| drop(lab.engine.report(lab.now)))));
    costs.push(("overview", work(|| lab.wait(6))));
    for (name, change) in changes {
        costs.push((name, work(|| lab.hear(change))));
    }
    costs
}

/// What grows faster than it may, of one shape. All of a cluster may take twice as much where there is twice as much; a change, a little more.
fn excesses(name: &str, shape: fn(usize) -> world::World) -> Vec<String> {
    let sizes = [SMALLEST, 2 * SMALLEST, 4 * SMALLEST];
    let of_sizes = sizes.map(|n| costs(shape, n));
    let [small, middle, large] = &of_sizes;
    let mut excesses = Vec::new();
    for (((what, a), (_, b)), (_, c)) in small.iter().zip(middle).zip(large) {
        let most = if matches!(*what, "fill" | "audit" | "overview") {
            MOST_FOR_TWICE
        } else {
            MOST_FOR_TWICE / 2
        };
        let line = format!("{name}: {what}: {a}, {b}, {c}");
        if std::env::var_os("SHOW").is_some() {
            println!("{line}");
        }
        if b * 10 > a * most || c * 10 > b * most {
            excesses.push(line);
        }
    }
    excesses
}

#[test]
fn work_grows_with_the_cluster() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let only = std::env::var("SHAPE").ok();
    let shapes = shapes::ALL
        .iter()
        .filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name));
    let excesses: Vec<String> = shapes.flat_map(|(name, shape)| excesses(name, *shape)).collect();
    assert!(excesses.is_empty(), "for n, 2n and 4n:\n{}", excesses.join("\n"));
}
