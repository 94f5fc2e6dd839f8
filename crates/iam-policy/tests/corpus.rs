//! The corpus that fuzzing left behind, replayed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod checks;

type Check = fn(&[u8]);

#[test]
fn the_corpus_passes() {
    let targets: [(&str, Check); 7] = [
        ("policy_parse", checks::parse_any),
        ("policy_pattern", checks::pattern_like_naive),
        ("policy_evaluate", checks::evaluate_like_reference),
        ("policy_reach", checks::reach_like_reference),
        ("policy_print", checks::print_reads_back),
        ("policy_template", checks::template_is_all_that_changes),
        ("policy_edit", checks::edit_admits_one),
    ];
    for (target, check) in targets {
        let folder = format!("{}/../../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder}: {e}"));
        let mut replayed = 0;
        for entry in entries {
            check(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{folder} is empty");
    }
}
