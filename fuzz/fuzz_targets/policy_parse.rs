//! Any text through the parser.
#![no_main]

#[path = "../../crates/iam-policy/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::parse_any(data));
