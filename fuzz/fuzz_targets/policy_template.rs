//! The statement template: nothing else changes.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::template_is_all_that_changes(data));
