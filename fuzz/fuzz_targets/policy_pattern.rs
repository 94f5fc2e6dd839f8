//! Wildcard patterns against a naive matcher.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::pattern_like_naive(data));
