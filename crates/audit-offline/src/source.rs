//! What somebody gave to be read, with its name.

use std::fmt;
use std::io::{Cursor, Read};

use audit_core::text::quote;

use crate::problem::Place;

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

/// A file, or standard input. It is read once, as a stream.
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its contents.
    pub contents: Box<dyn Read>,
    /// It was named, and not found in a directory: that nothing in it can be used is an error then.
    pub named: bool,
}

impl Source {
    /// A text that was named.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            contents: Box::new(Cursor::new(text.into())),
            named: true,
        }
    }

    /// Somewhere in it.
    pub(crate) fn place(&self) -> Place {
        let path = (self.name != STANDARD_INPUT).then_some(self.name.as_str());
        Place::within(&self.shown(), path, self.named, self.folder())
    }

    /// The directory in which it is; its whole name where it is in none.
    pub(crate) fn folder(&self) -> &str {
        self.name
            .rsplit_once(['/', '\\'])
            .map_or(&self.name, |(folder, _)| folder)
    }

    /// Its name, safe to show.
    pub(crate) fn shown(&self) -> String {
        if self.name == STANDARD_INPUT {
            "standard input".to_owned()
        } else {
            quote(&self.name)
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, named, .. } = self;
        f.debug_struct("Source")
            .field("name", name)
            .field("named", named)
            .finish_non_exhaustive()
    }
}
