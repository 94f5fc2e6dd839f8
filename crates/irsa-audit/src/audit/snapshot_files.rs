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

/// What the names of files end with that are not whole yet; they begin with a dot.
pub const PARTIAL: &str = ".partial";

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
    let is_other = |path: &PathBuf| !listed.contains(path) && !is_partial(path);
    for path in others.into_iter().map(|(path, _)| path).filter(is_other) {
        manifests.push(input::found(&path, Some(SetAside::NotInSnapshot))?);
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

/// Whether a file is what an interrupted run left unfinished: the manifest says what is missing.
fn is_partial(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(PARTIAL)
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use audit_offline::snapshot_manifest::{PartState, SnapshotCluster, SnapshotPart};
    use jiff::Timestamp;

    use super::*;

    /// A snapshot with these files.
    fn snapshot(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let cluster = SnapshotCluster {
            identity: "uid:1".to_owned(),
            issuer: None,
            name: None,
            namespace: None,
            annotation_prefix: String::new(),
            webhook_namespace: String::new(),
        };
        let mut manifest = SnapshotManifest::new(String::new(), Timestamp::UNIX_EPOCH, cluster);
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            let mut digest = Digest::default();
            digest.write_all(text.as_bytes()).unwrap();
            let (bytes, sha256) = digest.finish();
            let part = SnapshotPart {
                state: PartState::Whole,
                taken_at: Timestamp::UNIX_EPOCH,
                count: 1,
                file: Some(PartFile {
                    path: (*name).to_owned(),
                    bytes,
                    sha256,
                }),
                reason: None,
                message: None,
            };
            manifest.parts.insert((*name).to_owned(), part);
        }
        fs::write(root.path().join(FILE_NAME), manifest.text()).unwrap();
        root
    }

    fn names(sources: &[Source]) -> Vec<(&str, Option<SetAside>)> {
        let mut names: Vec<_> = sources
            .iter()
            .map(|source| {
                (
                    source.name.rsplit('/').next().unwrap_or_default(),
                    source.set_aside,
                )
            })
            .collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        names
    }

    #[test]
    fn the_files_of_the_manifest_are_read_and_no_others() {
        let root = snapshot(&[("kubernetes/pods.json", "{}"), ("aws/1/details.json", "[]")]);
        for other in ["extra.yaml", "kubernetes/old.json", "kubernetes/.x.json.partial"] {
            fs::write(root.path().join(other), "x").unwrap();
        }
        let files = read(root.path()).unwrap().unwrap();
        assert_eq!(names(&files.outputs), [("details.json", None)]);
        let aside = Some(SetAside::NotInSnapshot);
        assert_eq!(
            names(&files.manifests),
            [("extra.yaml", aside), ("old.json", aside), ("pods.json", None)]
        );
    }

    #[test]
    fn a_file_that_is_missing_or_has_changed_is_named() {
        let root = snapshot(&[("kubernetes/pods.json", "{\"a\":1}")]);
        let path = root.path().join("kubernetes/pods.json");
        for text in ["{\"a\":2}", "{\"a\":1} ", ""] {
            fs::write(&path, text).unwrap();
            let error = read(root.path()).unwrap_err();
            assert!(matches!(error, SnapshotFilesError::Changed { .. }), "{error}");
            assert!(error.to_string().contains("kubernetes/pods.json"), "{error}");
        }
        fs::remove_file(&path).unwrap();
        let error = read(root.path()).unwrap_err();
        assert!(matches!(error, SnapshotFilesError::Part { .. }), "{error}");
        assert!(error.to_string().contains("kubernetes/pods.json"), "{error}");
    }

    #[test]
    fn other_directories_are_no_snapshots_and_a_damaged_manifest_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert!(read(root.path()).unwrap().is_none());
        let path = root.path().join(FILE_NAME);
        fs::write(&path, "{\"snapshots\": []}").unwrap();
        assert!(read(root.path()).unwrap().is_none(), "another program's");
        for text in [
            "{\"format\": \"irsa-audit.dev/snapshot\"",
            "{\"format\": \"irsa-audit.dev/snapshot\", \"version\": 9}",
        ] {
            fs::write(&path, text).unwrap();
            assert!(
                matches!(read(root.path()), Err(SnapshotFilesError::Manifest { .. })),
                "{text}"
            );
        }
    }
}
