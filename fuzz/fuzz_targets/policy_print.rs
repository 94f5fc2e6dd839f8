//! Parse, print, parse.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::print_reads_back(data));
