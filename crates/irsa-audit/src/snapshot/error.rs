//! Why there is no snapshot.

use std::io;
use std::path::Path;

use audit_core::text::quote;
use audit_offline::SnapshotManifestError;

use crate::audit::live::LiveError;
use crate::audit::snapshot_files::SnapshotFilesError;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no way to the cluster.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A file is not as it was written.
    #[error(transparent)]
    Files(#[from] SnapshotFilesError),
    /// The cluster does not answer.
    #[error("the API server does not answer: {0}")]
    Unreachable(String),
    /// The directory holds something else.
    #[error(
        "directory `{0}` is not empty, and holds no snapshot: give a new directory, an empty one, or that of an earlier snapshot"
    )]
    NotEmpty(String),
    /// The path is something else than a directory.
    #[error("`{0}` is not a directory: give a directory")]
    NotADirectory(String),
    /// The manifest in the directory cannot be read.
    #[error("`{path}` {error}; give another directory")]
    Manifest {
        /// Which file.
        path: String,
        /// Why.
        error: SnapshotManifestError,
    },
    /// The directory holds a snapshot that was taken otherwise.
    #[error("directory `{directory}` holds a snapshot {what}: give another directory")]
    Different {
        /// Which directory.
        directory: String,
        /// In what the snapshot differs, safe to show.
        what: String,
    },
    /// Another process takes a snapshot in the directory.
    #[error("another process is taking a snapshot in `{0}`: wait for it, or give another directory")]
    InUse(String),
    /// A file cannot be written.
    #[error("`{path}` cannot be written: {error}")]
    Write {
        /// Which file or directory.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
}

impl SnapshotError {
    /// That a file cannot be written.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = quote(&path.to_string_lossy());
        move |error| Self::Write { path, error }
    }
}
