//! Folders that are costly to fill, kept in the user's cache folder.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::sleep;

use crate::progress::{SELDOM, with_progress};

/// Written last: a folder without it was left unfinished. Not "fill elsewhere and rename", because a Python virtual
/// environment cannot be moved: its scripts name its path.
const COMPLETE: &str = ".complete";

const LOCK_POLL: Duration = Duration::from_millis(200);

/// Why a cached folder is not available.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// There is no place for it.
    #[error("no cache folder: set `XDG_CACHE_HOME` or `HOME` to an absolute path")]
    NoHome,
    /// It could not be created, locked or read.
    #[error("could not use the cache folder `{path}`: {source}; make it writable, or set `XDG_CACHE_HOME`")]
    Io {
        /// Which folder or file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// This project's folder in the user's cache folder, by the XDG base directory specification.
pub(crate) fn root() -> Result<PathBuf, CacheError> {
    root_from(
        env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
        env::var_os("HOME").map(PathBuf::from),
    )
}

fn root_from(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, CacheError> {
    let caches = xdg.filter(|path| path.is_absolute());
    let caches = caches.or_else(|| {
        home.filter(|path| path.is_absolute())
            .map(|path| path.join(".cache"))
    });
    Ok(caches.ok_or(CacheError::NoHome)?.join("irsa-audit"))
}

/// A short name for content: the first 12 hex digits of the SHA-256 of the parts.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut hex = format!("{:x}", hash.finalize());
    hex.truncate(12);
    hex
}

/// Whether the folder `parent/key` is filled already.
pub(crate) fn is_filled(parent: &Path, key: &str) -> bool {
    parent.join(key).join(COMPLETE).exists()
}

/// Gives the folder `parent/key`, filled by `fill` if that has not happened yet. Whatever else asks for the same
/// folder meanwhile, in this process or in another, waits; a run that fails or is killed leaves nothing that
/// counts as filled.
pub(crate) async fn filled<E: From<CacheError>>(
    parent: &Path,
    key: &str,
    fill: impl AsyncFnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let folder = parent.join(key);
    if is_filled(parent, key) {
        return Ok(folder);
    }
    fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
    let _lock = lock(&parent.join(format!("{key}.lock"))).await?;
    if is_filled(parent, key) {
        return Ok(folder);
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&folder, error).into()),
        _ => {}
    }
    fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    fill(&folder).await?;
    File::create(folder.join(COMPLETE)).map_err(|error| failed(&folder, error))?;
    Ok(folder)
}

/// Held until the file is dropped, or its process ends.
async fn lock(path: &Path) -> Result<File, CacheError> {
    let file = File::create(path).map_err(|error| failed(path, error))?;
    let locked = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => sleep(LOCK_POLL).await,
                Err(TryLockError::Error(error)) => return Err(failed(path, error)),
            }
        }
    };
    let doing = format!(
        "waiting for somebody else who fills what `{}` guards",
        path.display()
    );
    with_progress(&doing, SELDOM, locked).await?;
    Ok(file)
}

fn failed(path: &Path, source: io::Error) -> CacheError {
    CacheError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Failed;

    impl From<CacheError> for Failed {
        fn from(_: CacheError) -> Self {
            Self
        }
    }

    #[test]
    fn the_cache_is_where_xdg_says_or_at_home() {
        let root = |xdg: Option<&str>, home: Option<&str>| {
            root_from(xdg.map(PathBuf::from), home.map(PathBuf::from)).ok()
        };
        assert_eq!(root(Some("/x"), Some("/h")), Some(PathBuf::from("/x/irsa-audit")));
        assert_eq!(
            root(Some("relative"), Some("/h")),
            Some(PathBuf::from("/h/.cache/irsa-audit"))
        );
        assert_eq!(
            root(None, Some("/h")),
            Some(PathBuf::from("/h/.cache/irsa-audit"))
        );
        assert_eq!(root(None, Some("")), None);
        assert_eq!(root(None, None), None);
    }

    #[test]
    fn a_digest_tells_parts_apart() {
        assert_eq!(digest(["ab", "c"]), digest(["ab", "c"]));
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["ab"]).len(), 12);
    }

    #[tokio::test]
    async fn a_folder_is_filled_once() {
        let parent = tempfile::tempdir().unwrap();
        let fills = Cell::new(0);
        let get = || {
            filled(parent.path(), "key", async |folder: &Path| {
                fills.set(fills.get() + 1);
                tokio::task::yield_now().await;
                fs::write(folder.join("content"), "x").unwrap();
                Ok::<_, Failed>(())
            })
        };
        let (first, second) = tokio::join!(get(), get());
        assert_eq!(first, second);
        assert_eq!(get().await, first);
        assert!(first.unwrap().join("content").exists());
        assert_eq!(fills.get(), 1);
    }

    #[tokio::test]
    async fn what_was_left_unfinished_is_done_anew() {
        let parent = tempfile::tempdir().unwrap();
        let failed = filled(parent.path(), "key", async |folder: &Path| {
            fs::write(folder.join("half"), "x").unwrap();
            Err(Failed)
        });
        assert_eq!(failed.await, Err(Failed));
        let folder = filled(parent.path(), "key", async |_: &Path| Ok::<_, Failed>(()))
            .await
            .unwrap();
        assert!(!folder.join("half").exists());
    }
}
