//! How the fake answers, apart from what it holds.

use crate::document;
use std::borrow::Cow;
use std::time::Duration;

/// Knobs of the whole fake.
#[derive(Debug)]
pub(crate) struct Settings {
    /// At most so many items a page, whatever the caller asks.
    pub(crate) page_size: Option<usize>,
    /// Whether pages hold fewer items than asked, some none.
    pub(crate) short_pages: bool,
    /// Whether policy documents are percent-encoded.
    pub(crate) encode_documents: bool,
    /// How long reads do not see a write.
    pub(crate) consistency_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_size: None,
            short_pages: false,
            encode_documents: true,
            consistency_delay: Duration::ZERO,
        }
    }
}

impl Settings {
    /// A policy document as it goes into an answer.
    pub(crate) fn document<'a>(&self, document: &'a str) -> Cow<'a, str> {
        if self.encode_documents {
            Cow::Owned(document::percent_encoded(document))
        } else {
            Cow::Borrowed(document)
        }
    }
}
