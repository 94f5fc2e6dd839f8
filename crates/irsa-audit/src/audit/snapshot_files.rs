//! The files of a snapshot, as its manifest lists them.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use audit_core::text::quote;
use audit_offline::snapshot_manifest::{FILE_NAME, PartFile};
use audit_offline::{GivenSnapshot, SetAside, SnapshotManifest, SnapshotManifestError, Source};

use super::input::{self, InputError};
use crate::digest::Digest;

/// The directory below that of a snapshot with the manifests of its cluster; outputs of the AWS CLI are in others.
const KUBERNETES: &str = "kubernetes/";

/// What is in the directory of a snapshot.
#[derive(Debug)]
pub struct SnapshotFiles {
    /// What its manifest says.
    pub given: GivenSnapshot,
    /// The objects, and what is not read.
    pub manifests: Vec<Source>,
    /// The outputs of the AWS CLI.
    pub outputs: Vec<Source>,
}

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFilesError {
    /// Its manifest is not one.
    #[error("`{path}` {error}")]
    Manifest {
        /// Which file.
        path: String,
        /// Why.
        error: SnapshotManifestError,
    },
    /// A file that the manifest lists cannot be read.
    #[error(
        "`{path}`, which the manifest of the snapshot lists, cannot be read: {error}; take the snapshot again"
    )]
    Part {
        /// Which file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A file is not the one that the manifest lists.
    #[error(
        "`{path}` has changed since the snapshot was taken: the manifest says {expected}, and it has {found}; take the snapshot again"
    )]
    Changed {
        /// Which file.
        path: String,
        /// The length and hash in the manifest.
        expected: String,
        /// Those of the file.
        found: String,
    },
    /// The directory cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// Reads the manifest of a directory, and checks the length and hash of each file that it lists; `None` where the path is not the directory of
/// a snapshot.
///
/// # Errors
/// [`SnapshotFilesError`].
pub fn read(directory: &Path) -> Result<Option<SnapshotFiles>, SnapshotFilesError> {
    let path = directory.join(FILE_NAME);
    let Ok(text) = std::fs::read(&path) else {
        return Ok(None);
    };
    let manifest = match SnapshotManifest::parse(&text) {
        Ok(manifest) => manifest,
        // Others may call a file so.
        Err(SnapshotManifestError::Malformed(_)) if !mentions_format(&text) => return Ok(None),
        Err(error) => {
            return Err(SnapshotFilesError::Manifest {
                path: shown(&path),
                error,
            });
        }
    };
    let (mut manifests, mut outputs) = (Vec::new(), Vec::new());
    let mut listed: HashSet<PathBuf> = [path.clone()].into();
    for file in manifest.files() {
        let path = directory.join(&file.path);
        check(&path, file)?;
        let source = input::open(&path, true)?;
        let side = if file.path.starts_with(KUBERNETES) {
            &mut manifests
        } else {
            &mut outputs
        };
        side.push(source);
        listed.insert(path);
    }
    let mut others = Vec::new();
    input::search(directory, input::MAX_DEPTH, &mut others)?;
    for (path, aside) in others.into_iter().filter(|(path, _)| !listed.contains(path)) {
        manifests.push(input::found(
            &path,
            aside
                .filter(|aside| *aside == SetAside::Hidden)
                .or(Some(SetAside::NotInSnapshot)),
        )?);
    }
    let given = GivenSnapshot {
        path: path.to_string_lossy().into_owned(),
        manifest,
    };
    Ok(Some(SnapshotFiles {
        given,
        manifests,
        outputs,
    }))
}

fn mentions_format(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("irsa-audit.dev/snapshot")
}

/// Whether a file is the one that the manifest lists.
fn check(path: &Path, file: &PartFile) -> Result<(), SnapshotFilesError> {
    let of_part = |error| SnapshotFilesError::Part {
        path: shown(path),
        error,
    };
    let mut digest = Digest::default();
    io::copy(&mut File::open(path).map_err(of_part)?, &mut digest).map_err(of_part)?;
    let (bytes, sha256) = digest.finish();
    if bytes == file.bytes && sha256 == file.sha256 {
        return Ok(());
    }
    let told = |bytes: u64, sha256: &str| format!("{bytes} bytes with SHA-256 {}", quote(sha256));
    Err(SnapshotFilesError::Changed {
        path: shown(path),
        expected: told(file.bytes, &file.sha256),
        found: told(bytes, &sha256),
    })
}

fn shown(path: &Path) -> String {
    quote(&path.to_string_lossy())
}
