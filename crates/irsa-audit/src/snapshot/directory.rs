//! The directory of a snapshot: what is kept of an earlier run, and how parts and the manifest get there whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit_core::text::quote;
use audit_offline::SnapshotManifest;
use audit_offline::snapshot_manifest::{
    FILE_NAME, PartFile, PartReason, PartState, SnapshotCluster, SnapshotPart,
};
use jiff::Timestamp;

use super::error::SnapshotError;
use super::part::PartWriter;
use crate::audit::snapshot_files::PARTIAL;
use crate::digest::Digest;

/// Only the owner reads and writes.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The directory of a snapshot that is being taken.
#[derive(Debug)]
pub struct SnapshotDirectory {
    path: PathBuf,
    /// What there is by now. [`SnapshotDirectory::save`] writes it down.
    pub manifest: SnapshotManifest,
    /// Parts of an earlier run that are kept.
    kept: Vec<String>,
    /// Holds the lock on the directory.
    _lock: File,
}

impl SnapshotDirectory {
    /// Makes the directory, or takes up the snapshot in it: parts that are whole, undamaged and not older than `max_age` are kept.
    ///
    /// # Errors
    /// [`SnapshotError`] where the directory holds something else, or a snapshot of a different cluster.
    pub fn open(
        path: &Path,
        cluster: SnapshotCluster,
        now: Timestamp,
        max_age: Duration,
    ) -> Result<Self, SnapshotError> {
        let shown = || quote(&path.to_string_lossy());
        let written = |error| SnapshotError::write(path)(error);
        if path.exists() && !path.is_dir() {
            return Err(SnapshotError::NotADirectory(shown()));
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(DIRECTORY_MODE);
        builder.create(path).map_err(written)?;
        let is_empty = fs::read_dir(path).map_err(written)?.next().is_none();
        let program = concat!("irsa-audit ", env!("CARGO_PKG_VERSION")).to_owned();
        let mut manifest = SnapshotManifest::new(program, now, cluster);
        let lock = File::open(path).map_err(written)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SnapshotError::InUse(shown())),
            Err(TryLockError::Error(error)) => return Err(written(error)),
        }
        let (mut kept, mut outdated) = (Vec::new(), Vec::new());
        if !is_empty {
            let earlier = earlier(path)?;
            same(path, &earlier, &manifest.cluster)?;
            for (name, part) in earlier.parts {
                if is_fresh(&part, now, max_age) && is_undamaged(path, part.file.as_ref()) {
                    manifest.started_at = manifest.started_at.min(part.taken_at);
                    kept.push(name.clone());
                    manifest.parts.insert(name, part);
                } else {
                    outdated.extend(part.file);
                }
            }
            remove_partial(path).map_err(written)?;
        }
        fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE)).map_err(written)?;
        let directory = Self {
            path: path.to_owned(),
            manifest,
            kept,
            _lock: lock,
        };
        directory.save()?;
        for file in outdated {
            // Nothing lists it by now, and most of it is written again.
            let _ = fs::remove_file(directory.path.join(file.path));
        }
        Ok(directory)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a part is there from an earlier run.
    #[must_use]
    pub fn keeps(&self, part: &str) -> bool {
        self.kept.iter().any(|kept| kept == part)
    }

    /// The parts that are there from an earlier run, and when the oldest was taken.
    #[must_use]
    pub fn kept(&self) -> Option<(usize, Timestamp)> {
        let parts = self.kept.iter().filter_map(|name| self.manifest.parts.get(name));
        let oldest = parts.map(|part| part.taken_at).min()?;
        Some((self.kept.len(), oldest))
    }

    /// Takes a part away that has no place in the snapshot any more.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn remove(&mut self, part: &str) -> Result<(), SnapshotError> {
        let Some(removed) = self.manifest.parts.remove(part) else {
            return Ok(());
        };
        self.kept.retain(|kept| kept != part);
        self.save()?;
        if let Some(file) = removed.file {
            let _ = fs::remove_file(self.path.join(file.path));
        }
        Ok(())
    }

    /// Takes note of parts that are to be taken.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn plan(&mut self, parts: impl IntoIterator<Item = String>) -> Result<(), SnapshotError> {
        for name in parts {
            if !self.keeps(&name) {
                let part = SnapshotPart::missing(Timestamp::now(), PartReason::NotTaken, None);
                self.manifest.parts.insert(name, part);
            }
        }
        self.save()
    }

    /// Begins a part.
    ///
    /// # Errors
    /// When its file cannot be created.
    pub fn begin(&self, part: &str) -> Result<PartWriter, SnapshotError> {
        let path = self.path.join(format!("{part}.json"));
        let folder = path.parent().unwrap_or(&self.path);
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(folder)
            .map_err(SnapshotError::write(folder))?;
        let partial = partial(&path);
        let file = create(&partial).map_err(SnapshotError::write(&partial))?;
        Ok(PartWriter::new(file, partial))
    }

    /// Ends a part: its file gets its name, and the manifest says what it holds. With a `trouble`, it is not whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(
        &mut self,
        part: &str,
        writer: PartWriter,
        taken_at: Timestamp,
        trouble: Option<(PartReason, String)>,
    ) -> Result<(), SnapshotError> {
        let name = format!("{part}.json");
        let path = self.path.join(&name);
        let written = writer.finish(&path)?;
        let state = if trouble.is_none() {
            PartState::Whole
        } else {
            PartState::Partial
        };
        let (reason, message) = trouble.unzip();
        let part_of = SnapshotPart {
            state,
            taken_at,
            count: written.count,
            file: Some(PartFile {
                path: name,
                bytes: written.bytes,
                sha256: written.sha256,
            }),
            reason,
            message,
        };
        self.put(part, part_of)
    }

    /// Takes note that nothing of a part is there. What an earlier run left of it goes.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn miss(&mut self, part: &str, reason: PartReason, message: String) -> Result<(), SnapshotError> {
        let missing = SnapshotPart::missing(Timestamp::now(), reason, Some(message));
        self.put(part, missing)
    }

    /// Takes note of a part without a file: what it tells is how much there is of it.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn note(&mut self, part: &str, count: u64) -> Result<(), SnapshotError> {
        let note = SnapshotPart {
            state: PartState::Whole,
            taken_at: Timestamp::now(),
            count,
            file: None,
            reason: None,
            message: None,
        };
        self.put(part, note)
    }

    fn put(&mut self, name: &str, part: SnapshotPart) -> Result<(), SnapshotError> {
        let has_file = part.file.is_some();
        self.manifest.parts.insert(name.to_owned(), part);
        self.save()?;
        if !has_file {
            // It may be there from an earlier run. Nothing lists it by now.
            let _ = fs::remove_file(self.path.join(format!("{name}.json")));
        }
        Ok(())
    }

    /// Writes the manifest, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<(), SnapshotError> {
        let path = self.path.join(FILE_NAME);
        let partial = partial(&path);
        let write = || {
            let mut file = create(&partial)?;
            file.write_all(self.manifest.text().as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, &path)
        };
        write().map_err(SnapshotError::write(&path))
    }
}

/// The manifest in a directory that is not empty.
fn earlier(path: &Path) -> Result<SnapshotManifest, SnapshotError> {
    let file = path.join(FILE_NAME);
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SnapshotError::NotEmpty(quote(&path.to_string_lossy())));
        }
        Err(error) => return Err(SnapshotError::write(&file)(error)),
    };
    SnapshotManifest::parse(&text).map_err(|error| SnapshotError::Manifest {
        path: quote(&file.to_string_lossy()),
        error,
    })
}

/// Whether an earlier snapshot is of the same cluster, and was taken with the same flags.
fn same(path: &Path, earlier: &SnapshotManifest, now: &SnapshotCluster) -> Result<(), SnapshotError> {
    let old = &earlier.cluster;
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "all".to_owned(), quote);
    let what = if old.identity != now.identity {
        format!(
            "of a different cluster (`{}`, and not `{}`)",
            quote(&old.identity),
            quote(&now.identity)
        )
    } else if old.namespace != now.namespace {
        format!(
            "of different namespaces ({}, and not {})",
            shown(&old.namespace),
            shown(&now.namespace)
        )
    } else if old.annotation_prefix != now.annotation_prefix || old.webhook_namespace != now.webhook_namespace
    {
        "that was taken with a different --annotation-prefix or --webhook-namespace".to_owned()
    } else {
        return Ok(());
    };
    Err(SnapshotError::Different {
        directory: quote(&path.to_string_lossy()),
        what,
    })
}

fn is_fresh(part: &SnapshotPart, now: Timestamp, max_age: Duration) -> bool {
    let age = Duration::try_from(now.duration_since(part.taken_at));
    part.is_whole() && age.is_ok_and(|age| age <= max_age)
}

/// Whether the file of a part is the one that was written.
fn is_undamaged(path: &Path, file: Option<&PartFile>) -> bool {
    let Some(file) = file else { return true };
    let mut digest = Digest::default();
    let read = File::open(path.join(&file.path)).and_then(|mut from| io::copy(&mut from, &mut digest));
    read.is_ok() && digest.finish() == (file.bytes, file.sha256.clone())
}

/// The name of a file while it is not whole.
fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{PARTIAL}"))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(FILE_MODE);
    options.open(path)
}

/// Removes what an interrupted run left unfinished.
fn remove_partial(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            remove_partial(&entry.path())?;
        } else if name.starts_with('.') && name.ends_with(PARTIAL) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "../../tests/unit/snapshot/directory.rs"]
mod tests;
