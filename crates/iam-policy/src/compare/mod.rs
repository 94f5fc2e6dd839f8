//! Comparing one value of a request with one value of a policy, by kind.
//!
//! Each module reads a text of its kind and compares exactly: no floating point, no clock, no locale.

pub(crate) mod address;
pub(crate) mod binary;
pub(crate) mod date;
pub(crate) mod number;

/// Equality that ignores case, by the characters' lower-case forms.
pub(crate) fn equal_ignoring_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() && b.is_ascii())
            && a.chars()
                .flat_map(char::to_lowercase)
                .eq(b.chars().flat_map(char::to_lowercase)))
}

/// `true` or `false` in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_beyond_ascii() {
        assert!(equal_ignoring_case("ÄB", "äb"));
        assert!(!equal_ignoring_case("Ä", "a"));
        assert_eq!(
            (boolean("TRUE"), boolean("False"), boolean("yes")),
            (Some(true), Some(false), None)
        );
    }
}
