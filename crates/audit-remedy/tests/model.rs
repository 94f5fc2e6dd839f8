//! The model of a world in which writers, people and another cluster change one role at once, and everything fails that can.
//!
//! On a virtual clock, seeded: each run interleaves at random two writers of a cluster (and of a second cluster that shares the role)
//! with foreign edits, crashes between any two steps, lost responses, requests that take effect after their timeout, throttling, stale
//! reads, leaders that are paused and wake up late, approvals that are given, mistyped, revoked, spent and expired, consent that comes and
//! goes, pause and modes that are switched. [`world`] is what the machines cannot see, [`writer`] drives them as a shell would, [`laws`]
//! says what must hold, at each step and at the end. It trusts nothing that the crate computes: it parses and evaluates documents itself.
//!
//! What no read can show is counted, and bounded: a foreign change is overwritten only if it was made in the window between the state
//! that the last read may have answered with and the write's taking effect (`Stats::window`).
//!
//! `PROPTEST_CASES` says how many runs there are (500 by default), `MODEL_SEED` replays one. A failure names its seed.
//!
//! # It was tried on mutants
//!
//! TABLE
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "model/documents.rs"]
mod documents;
#[path = "model/laws.rs"]
mod laws;
#[path = "model/run.rs"]
mod run;
#[path = "model/world.rs"]
mod world;
#[path = "model/writer.rs"]
mod writer;

use world::Stats;

/// The runs that every test run makes.
const RUNS: u64 = 500;

#[test]
fn nothing_that_could_be_seen_is_lost() {
    if let Some(seed) = number("MODEL_SEED") {
        let mut stats = Stats::default();
        run::run(seed, true, &mut stats);
        println!("{stats:#?}");
        return;
    }
    let runs = number("PROPTEST_CASES").unwrap_or(RUNS);
    let mut stats = Stats::default();
    for seed in 0..runs {
        let result = std::panic::catch_unwind(|| {
            let mut stats = Stats::default();
            run::run(seed, false, &mut stats);
            stats
        });
        match result {
            Ok(of_run) => stats.add(&of_run),
            Err(cause) => {
                eprintln!("the model failed: replay with MODEL_SEED={seed}");
                std::panic::resume_unwind(cause);
            }
        }
    }
    println!("{stats:#?}");
    assert!(stats.writes > 0 || runs < RUNS);
    // A model in which nothing happens proves nothing. Some of it is rare.
    for (what, times) in stats.rows() {
        assert!(
            times > 0 || runs < RUNS * 10,
            "in {runs} runs it never happened: {what}"
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
