//! How long clusters of some shapes take, at growing sizes: on one core, in milliseconds of its time. `cargo xtask bench growth` draws what
//! this prints, one line for each shape, size and kind of work, with tabs between.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a bench that cannot set itself up has nothing to say"
)]

#[path = "../tests/growth/iam.rs"]
mod iam;
#[path = "../tests/growth/lab.rs"]
mod lab;
#[path = "../tests/growth/shapes.rs"]
mod shapes;
#[path = "../tests/growth/world.rs"]
mod world;

use std::time::Duration;

use lab::Lab;
use rustix::time::{ClockId, clock_gettime};

/// The sizes, unless others are given.
const SIZES: [usize; 5] = [1_000, 2_000, 4_000, 8_000, 16_000];

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let given: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    let names: Vec<&String> = words
        .iter()
        .filter(|word| word.parse::<usize>().is_err())
        .collect();
    for (name, shape) in shapes::ALL {
        if !names.is_empty() && !names.iter().any(|only| only.as_str() == *name) {
            continue;
        }
        for size in &sizes {
            measure(name, *shape, *size);
        }
    }
}

fn measure(name: &str, shape: fn(usize) -> world::World, size: usize) {
    let mut world = shape(size);
    let changes = std::mem::take(&mut world.changes);
    let mut lab = Lab::new();
    let print =
        |what: &str, time: Duration| println!("{name}\t{size}\t{what}\t{:.3}", time.as_secs_f64() * 1_000.0);
    print("fill", at_work(|| lab.fill(world)));
    print("audit", at_work(|| drop(lab.engine.report(lab.now))));
    print("overview", at_work(|| lab.wait(6)));
    for (what, change) in changes {
        print(what, at_work(|| lab.hear(change)));
    }
}

/// How long this thread was at work: the turns of other programs are left out.
fn at_work(run: impl FnOnce()) -> Duration {
    let clock = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default();
    let start = clock();
    run();
    clock().saturating_sub(start)
}
