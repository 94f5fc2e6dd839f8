//! A pasted text, made comparable: escapes undone, on one line, bounded.

use crate::record::{Record, records};

/// The most bytes of a text that are read.
pub const MAX_BYTES: usize = 256 * 1024;

/// How far a name is looked for, in bytes: an ARN has at most 2,048.
const WINDOW: usize = 2560;

/// A pasted text.
#[derive(Debug)]
pub(crate) struct Pasted {
    /// On one line, with single spaces, without escapes and hidden characters; then what its records say, in the words of an SDK.
    pub(crate) plain: String,
    /// The same in lower case: each byte is at the same place.
    pub(crate) folded: String,
    /// The CloudTrail records in it.
    pub(crate) records: Vec<Record>,
    /// Whether the text was longer than what is read.
    pub(crate) is_cut: bool,
}

impl Pasted {
    pub(crate) fn read(text: &str) -> Self {
        let (text, is_cut) = cut(text);
        let records = records(text);
        let mut plain = flatten(text);
        for record in &records {
            plain.push(' ');
            plain.push_str(&flatten(&record.as_error()));
        }
        let folded = plain.to_ascii_lowercase();
        Self {
            plain,
            folded,
            records,
            is_cut,
        }
    }

    /// The places just behind each occurrence of a fragment in lower case.
    pub(crate) fn behind<'a>(&'a self, fragment: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.folded
            .match_indices(fragment)
            .map(|(at, found)| at + found.len())
    }

    /// The text from a place on, as far as a name and the words after it can reach. Bounded, so that a text of nothing but beginnings of names
    /// takes no longer than any other.
    pub(crate) fn from(&self, at: usize) -> &str {
        let end = self.plain.floor_char_boundary(at.saturating_add(WINDOW));
        self.plain.get(at..end).unwrap_or_default()
    }

    /// The text before a place, equally bounded.
    pub(crate) fn before(&self, at: usize) -> &str {
        let start = self.plain.ceil_char_boundary(at.saturating_sub(WINDOW));
        self.plain.get(start..at).unwrap_or_default()
    }
}

fn cut(text: &str) -> (&str, bool) {
    let end = text.floor_char_boundary(MAX_BYTES);
    (text.get(..end).unwrap_or_default(), end < text.len())
}

/// Undoes what shells, loggers and terminals do to an error: JSON's and Go's escapes, entities of XML, colors, line breaks, typographic
/// quotes.
fn flatten(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.peek() {
                Some('\\' | '"' | '\'' | '/' | '`') | None => {}
                Some('n' | 'r' | 't') => {
                    rest.next();
                    space(&mut plain);
                }
                Some(_) => plain.push('\\'),
            },
            '\u{1b}' => {
                // A color: ESC, `[`, parameters, a letter.
                if rest.next_if_eq(&'[').is_some() {
                    while rest.next_if(|c| !c.is_ascii_alphabetic()).is_some() {}
                    rest.next();
                }
            }
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            c if c.is_whitespace() || c.is_control() => space(&mut plain),
            c if audit_core::text::is_hidden(c) => {}
            c => plain.push(c),
        }
    }
    if plain.contains('&') {
        for (entity, meant) in [
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&apos;", "'"),
            ("&#39;", "'"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
        ] {
            plain = plain.replace(entity, meant);
        }
    }
    plain
}

fn space(plain: &mut String) {
    if !plain.is_empty() && !plain.ends_with(' ') {
        plain.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_loggers_are_undone() {
        for (text, expected) in [
            (r#"User \\\"a\\\" cannot"#, "User \"a\" cannot"),
            ("a\r\n\t b", "a b"),
            (r"a\nb\tc", "a b c"),
            ("\u{1b}[31;1mAccess\u{1b}[0m Denied", "Access Denied"),
            ("Couldn\u{2019}t &quot;x&quot;", "Couldn't \"x\""),
            ("se\u{200b}rvice", "service"),
        ] {
            assert_eq!(flatten(text), expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let pasted = Pasted::read(&"é".repeat(MAX_BYTES));
        assert!(pasted.is_cut && pasted.plain.len() <= MAX_BYTES);
        assert_eq!(pasted.plain.len(), pasted.folded.len());
        assert!(!Pasted::read("short").is_cut);
    }
}
