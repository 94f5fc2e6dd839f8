//! Generated policies and requests against the reference evaluator.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::evaluate_like_reference(data));
