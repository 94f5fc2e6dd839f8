//! Where the manifest of a binding is, for reports that point at files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::BindingKey;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPlace {
    /// The path as it was given or found, relative to the working directory unless it was given as absolute. Untrusted text.
    pub path: Arc<str>,
    /// The line at which the document begins that holds the object, counted from one.
    pub line: u64,
}

/// Where bindings are declared; empty for a live cluster. A binding without an entry was on standard input, or nothing given declares
/// it.
pub type ManifestPlaces = BTreeMap<BindingKey, ManifestPlace>;
