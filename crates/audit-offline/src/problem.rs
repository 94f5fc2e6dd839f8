//! What is wrong with a text, where, and what helps.

use std::fmt;
use std::sync::Arc;

use audit_core::model::ManifestPlace;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Something could not be read: an audit would conclude from its absence what is not so.
    Error,
    /// Something is left out that no audit needs, or that leaves something unknown.
    Warning,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The text's name, safe to show; none for what concerns all texts.
    source: Option<Arc<str>>,
    /// The text's path as it was given; none for standard input and for what concerns all texts.
    path: Option<Arc<str>>,
    /// Counted from one; none where there is only one.
    document: Option<usize>,
    /// Counted from one.
    line: Option<u64>,
    /// The text was named, and not found in a directory.
    pub(crate) named: bool,
    /// The directory in which it lies.
    pub(crate) folder: Arc<str>,
}

impl Place {
    /// Somewhere in a text, whose name is safe to show; its path is not.
    pub(crate) fn within(text: &str, path: Option<&str>, named: bool, folder: &str) -> Self {
        Self {
            source: Some(text.into()),
            path: path.map(Arc::from),
            document: None,
            line: None,
            named,
            folder: folder.into(),
        }
    }

    /// In several texts of a directory, whose names are safe to show.
    pub(crate) fn several(texts: &str) -> Self {
        Self::within(texts, None, false, "")
    }

    /// The text's name; none for what concerns all texts.
    pub(crate) fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The text as a whole.
    pub(crate) fn whole(&self) -> Self {
        Self {
            document: None,
            line: None,
            ..self.clone()
        }
    }

    /// In no single text.
    pub(crate) fn everywhere() -> Self {
        Self {
            source: None,
            path: None,
            document: None,
            line: None,
            named: true,
            folder: "".into(),
        }
    }

    /// The same for reports that point at files; none where it is in no file.
    pub(crate) fn in_file(&self) -> Option<ManifestPlace> {
        Some(ManifestPlace {
            path: self.path.clone()?,
            line: self.line.unwrap_or(1),
        })
    }

    /// The directory in which it is; the same for all texts that are in none.
    pub(crate) fn directory(&self) -> Arc<str> {
        if self.source.as_deref() == Some(&*self.folder) {
            "".into()
        } else {
            self.folder.clone()
        }
    }

    /// At a document of it.
    pub(crate) fn document(&self, number: usize) -> Self {
        Self {
            document: Some(number),
            ..self.clone()
        }
    }

    /// At a line of it.
    pub(crate) fn line(&self, line: u64) -> Self {
        Self {
            line: Some(line),
            ..self.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(source) = &self.source else {
            return f.write_str("the given files");
        };
        f.write_str(source)?;
        if let Some(document) = self.document {
            write!(f, ", document {document}")?;
        }
        match self.line {
            Some(line) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}

/// Something that is wrong with what was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// How much it weighs.
    pub weight: Weight,
    /// Where.
    pub place: Place,
    /// What, and what helps; safe to show.
    pub message: String,
}

impl InputProblem {
    pub(crate) fn error(place: Place, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Error,
            place,
            message: message.into(),
        }
    }

    pub(crate) fn warning(place: Place, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Warning,
            ..Self::error(place, message)
        }
    }
}

impl fmt::Display for InputProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}
