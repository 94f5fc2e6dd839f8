//! `cargo xtask test`: everything that must hold, step by step, the cheapest first.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The steps: what is shown, and cargo's words.
const STEPS: &[(&str, &str)] = &[
    ("format", "fmt --all --check"),
    (
        "lints",
        "clippy --workspace --all-targets --quiet -- --deny warnings",
    ),
    ("docs", "doc --workspace --no-deps --quiet"),
    // This builds the operator as well, with the same features: the end-to-end tests need not build it again.
    ("building the tests", "test --workspace --no-run --quiet"),
    ("tests", "test --workspace --no-fail-fast"),
    ("demo", "run --package xtask --quiet -- demo --once --observe"),
];

/// Runs all steps from the folder `root`; the first that fails ends it.
///
/// # Errors
/// The step that failed.
pub fn test(root: &Path, full: bool) -> Result<(), String> {
    let begin = Instant::now();
    crate::tidy::run(root)?;
    crate::codegen::run(root, true).map_err(|error| error.to_string())?;
    for (name, words) in STEPS {
        step(root, name, words, full)?;
    }
    println!("xtask: all steps passed in {} s", begin.elapsed().as_secs());
    Ok(())
}

fn step(root: &Path, name: &str, words: &str, full: bool) -> Result<(), String> {
    let begin = Instant::now();
    println!("xtask: {name} …");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(root)
        .args(words.split(' '))
        .env("RUSTDOCFLAGS", "--deny warnings")
        .env("IRSA_AUDIT_BIN", target.join("debug/irsa-audit"));
    if full {
        // Property tests run this many cases.
        command.env("PROPTEST_CASES", "20000");
    }
    let status = command
        .status()
        .map_err(|error| format!("{name}: cargo could not be started: {error}"))?;
    if !status.success() {
        return Err(format!("{name} failed: `cargo {words}`"));
    }
    println!("xtask: {name}: {} s", begin.elapsed().as_secs());
    Ok(())
}
