//! What somebody gave to be read, with its name.

use std::fmt;
use std::io::{Cursor, Read};

use audit_core::text::quote;

use crate::problem::Place;

/// The name of standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// A file, or standard input. It is read once, as a stream.
pub struct Source {
    /// Its name, for messages.
    pub name: String,
    /// Its contents.
    pub contents: Box<dyn Read>,
    /// It was named, and not found in a directory: that nothing in it can be used is an error then.
    pub named: bool,
    /// Why it is not read, although it is in a directory that was given. At most its beginning is looked at, to tell whether it could
    /// have held input.
    pub set_aside: Option<SetAside>,
}

/// Why something in a directory is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAside {
    /// Its name ends in something else than `.yaml`, `.yml` or `.json`.
    Extension,
    /// Its name begins with a dot.
    Hidden,
    /// A link that leads to nothing.
    DeadLink,
    /// A link to a directory, which may lead back.
    DirectoryLink,
    /// A directory below too many others.
    TooDeep,
    /// Neither a file nor a directory.
    Special,
    /// A file in the directory of a snapshot that its manifest does not list.
    NotInSnapshot,
}

impl SetAside {
    /// As the end of a sentence that begins with the file's name.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Extension => "is not read: its name does not end in .yaml, .yml or .json",
            Self::Hidden => "is not read: its name begins with a dot",
            Self::DeadLink => "is not read: it is a link to nothing",
            Self::DirectoryLink => "is not read: it is a link to a directory; give that directory as well",
            Self::TooDeep => "is not read: it is below too many directories; give it by its own path",
            Self::Special => "is not read: it is neither a file nor a directory",
            Self::NotInSnapshot => {
                "is not read: the manifest of the snapshot does not list it; give it by its own path"
            }
        }
    }
}

impl Source {
    /// A text that was named.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            contents: Box::new(Cursor::new(text.into())),
            named: true,
            set_aside: None,
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
        let Self {
            name,
            named,
            set_aside,
            ..
        } = self;
        f.debug_struct("Source")
            .field("name", name)
            .field("named", named)
            .field("set_aside", set_aside)
            .finish_non_exhaustive()
    }
}
