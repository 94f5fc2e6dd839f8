//! Codes of findings.

use audit_core::finding::Entry;
use audit_core::rules::CATALOGUE;

use super::run;
use crate::pasted::Pasted;

const PREFIX: &str = "irsa";

/// Findings of which a text has the code.
pub(super) fn codes(pasted: &Pasted) -> impl Iterator<Item = &'static Entry> + '_ {
    pasted.behind(PREFIX).filter_map(|at| {
        let digits = run(pasted.from(at), |c| c.is_ascii_digit());
        named(&format!("{PREFIX}{digits}"))
    })
}

/// The finding with this code or reason, in any case.
pub(crate) fn named(word: &str) -> Option<&'static Entry> {
    CATALOGUE
        .iter()
        .map(|rule| rule.entry)
        .find(|entry| entry.code.eq_ignore_ascii_case(word) || entry.reason.eq_ignore_ascii_case(word))
}

/// Whether a word has the form of a code: `IRSA` and three digits.
pub(crate) fn is_code(word: &str) -> bool {
    let digits = word.get(PREFIX.len()..).unwrap_or_default();
    let has_prefix = word
        .get(..PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
    has_prefix && digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
}
