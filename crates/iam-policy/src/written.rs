//! A piece of a document's text.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Text as a document has it. It shares the document's text instead of copying from it, unless something in it was
/// escaped: a policy takes one allocation for all of its keys and values.
#[derive(Clone)]
pub(crate) struct Written {
    text: Arc<str>,
    span: Range<u32>,
}

impl Written {
    /// A part of `text`; empty if it has no such part.
    pub(crate) fn part(text: &Arc<str>, span: Range<usize>) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or_default();
        Self {
            text: Arc::clone(text),
            span: place(span.start)..place(span.end),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let place = |at: u32| usize::try_from(at).unwrap_or_default();
        let span = place(self.span.start)..place(self.span.end);
        self.text.get(span).unwrap_or_default()
    }
}

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        Self::part(&text.into(), 0..text.len())
    }
}

impl Deref for Written {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Written {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Written {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Written {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_the_text() {
        let text: Arc<str> = "aéb".into();
        let part = Written::part(&text, 1..3);
        assert_eq!(part, "é");
        assert!(Arc::ptr_eq(&part.text, &text));
        assert_eq!(Written::from("x"), "x");
        for no_part in [2..3, 0..9, 9..9] {
            assert_eq!(Written::part(&text, no_part), "");
        }
    }
}
