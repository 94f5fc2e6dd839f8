//! The documentation of each finding.

use audit_core::finding::Entry;

use crate::mentioned::{finding_named, is_code};
use crate::pages::PAGES;

/// A word that has the form of a code and is none of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCode {
    /// The word, in capitals.
    pub code: String,
    /// The codes of the same group.
    pub group: Vec<&'static str>,
}

/// The finding that a word names: its code or its reason, in any case.
#[must_use]
pub fn named(word: &str) -> Option<&'static Entry> {
    finding_named(word)
}

/// A word that has the form of a code, and is none.
#[must_use]
pub fn unknown(word: &str) -> Option<UnknownCode> {
    if !is_code(word) || finding_named(word).is_some() {
        return None;
    }
    let code = word.to_ascii_uppercase();
    let group = code.get(..5).unwrap_or_default();
    let group = PAGES
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| code.starts_with(group));
    Some(UnknownCode {
        group: group.collect(),
        code,
    })
}

/// The page of a finding, in Markdown, as `docs/findings` has it, without the line that says from where it is generated.
#[must_use]
pub fn of(entry: &Entry) -> &'static str {
    let found = PAGES.iter().find(|(code, _)| *code == entry.code);
    let page = found.map_or("", |(_, page)| *page);
    match page.split_once("-->\n") {
        Some((_, page)) => page,
        None => page,
    }
}

#[cfg(test)]
mod tests {
    use audit_core::rules::CATALOGUE;

    use super::*;

    #[test]
    fn every_finding_has_its_page() {
        for rule in CATALOGUE {
            let page = of(rule.entry);
            assert!(
                page.starts_with(&format!("# {} ", rule.entry.code)),
                "{}",
                rule.entry.code
            );
        }
        assert_eq!(PAGES.len(), CATALOGUE.len());
    }

    #[test]
    fn a_finding_is_named_by_code_or_reason() {
        for word in [
            "IRSA301",
            "irsa301",
            "ProviderNotRegistered",
            "providernotregistered",
        ] {
            assert_eq!(named(word).map(|entry| entry.code), Some("IRSA301"));
        }
        assert_eq!(named("IRSA3010"), None);
        let unknown = unknown("irsa399").unwrap();
        assert!(unknown.code == "IRSA399" && unknown.group.contains(&"IRSA301"));
        assert_eq!(super::unknown("IRSA301"), None);
        assert_eq!(super::unknown("é"), None);
    }
}
