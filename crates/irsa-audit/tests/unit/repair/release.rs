use super::super::testing::{HOSTILE, Stage, assert_shown, at, document, record};
use super::*;

fn latched() -> JournalRecord {
    JournalRecord {
        found: Some(document(&[])),
        ..record(&Stage::broken().plan(), ChangePhase::Latched)
    }
}

#[test]
fn only_a_latched_role_is_released_and_only_once() {
    assert_eq!(not_latched(&latched()), None);
    let released = JournalRecord {
        released: Some(at()),
        ..latched()
    };
    assert!(not_latched(&released).is_some());
    for phase in [ChangePhase::Prepared, ChangePhase::Applied, ChangePhase::Refused] {
        let record = JournalRecord { phase, ..latched() };
        assert!(not_latched(&record).is_some(), "{phase:?}");
    }
}

#[test]
fn the_documents_are_shown_as_differences() {
    let record = latched();
    let sid = record.statement["Sid"].as_str().unwrap();
    let shown = documents(&record);
    let lines = |sign: char| {
        shown
            .lines()
            .filter(|line| line.starts_with(sign) && line.contains(sid))
            .count()
    };
    assert_eq!(
        (lines('+'), lines('-')),
        (1, 1),
        "written, and gone again: {shown}"
    );
}

#[test]
fn no_document_acts_on_a_terminal() {
    let statement = serde_json::json!({"Sid": HOSTILE});
    for found in [None, Some(HOSTILE.to_owned()), Some(document(&[statement]))] {
        assert_shown(&documents(&JournalRecord { found, ..latched() }));
    }
}
