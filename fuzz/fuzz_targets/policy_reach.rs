//! Generated permission policies and sets of requests against the reference evaluator, request by request.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::reach_like_reference(data));
