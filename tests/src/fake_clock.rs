//! The clock of a process, set at will while it runs: libfaketime answers in the place of the system.

use std::env::consts;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;
use test_kit::Launch;

use crate::debian;
use crate::tools::ToolError;

const PACKAGE: &str = "libfaketime";

/// Why there is no such clock.
#[derive(Debug, thiserror::Error)]
pub enum FakeClockError {
    /// Debian's package could not be unpacked.
    #[error("Debian's package `{PACKAGE}` could not be unpacked: {0}")]
    Package(#[from] ToolError),
    /// The file that tells the time could not be written.
    #[error("the file of the fake clock: {0}")]
    File(#[from] io::Error),
}

/// A wall clock that differs from the system's. `CLOCK_MONOTONIC` and what sleeps by it are as they are.
#[derive(Debug)]
pub struct FakeClock {
    library: PathBuf,
    folder: TempDir,
}

impl FakeClock {
    /// A clock that is right at first.
    ///
    /// # Errors
    /// [`FakeClockError`].
    pub async fn new() -> Result<Self, FakeClockError> {
        let path = format!("usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", consts::ARCH);
        let library = debian::unpacked(PACKAGE, &path).await?.join(path);
        let folder = tempfile::tempdir()?;
        let clock = Self { library, folder };
        clock.set(0)?;
        Ok(clock)
    }

    /// Has a process live by this clock.
    #[must_use]
    pub fn launch(&self, launch: Launch) -> Launch {
        launch
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }

    /// Sets it to so many seconds after the system's clock, before it where negative.
    ///
    /// # Errors
    /// [`FakeClockError::File`].
    pub fn set(&self, seconds: i64) -> Result<(), FakeClockError> {
        // Nobody reads half of it.
        let aside = self.folder.path().join("aside");
        std::fs::write(&aside, format!("{seconds:+}\n"))?;
        Ok(std::fs::rename(aside, self.file())?)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("time")
    }
}
