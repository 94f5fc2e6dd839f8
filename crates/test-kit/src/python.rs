//! Virtual environments of Python, for servers that other people wrote.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{self, CacheError};
use crate::process::{Launch, ProcessError};
use crate::progress::{run, succeed};

/// Tells what `python3` is, or by its exit code why it will not do. Debian ships `ensurepip` apart.
const CHECK: &str = "
import sys
print(sys.version, sys.base_prefix)
if sys.version_info < (3, 11): sys.exit(3)
try: import venv, ensurepip
except ImportError: sys.exit(4)
";

const CHECK_WITHIN: Duration = Duration::from_mins(1);
const INSTALL_WITHIN: Duration = Duration::from_mins(30);

/// Why a server that is written in Python is not there.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// There is no Python.
    #[error("`{python}` does not run: install Python 3.11 or newer, with its `venv` module")]
    Missing {
        /// The command that was tried.
        python: String,
    },
    /// Python is too old for the versions that are pinned.
    #[error("`{python}` is too old ({found}): install Python 3.11 or newer, with its `venv` module")]
    TooOld {
        /// The command that was tried.
        python: String,
        /// What it says of itself.
        found: String,
    },
    /// Python was packaged without what virtual environments need.
    #[error(
        "`{python}` cannot make virtual environments: install its `venv` module (`apt install python3-venv` on Debian)"
    )]
    NoVenv {
        /// The command that was tried.
        python: String,
    },
    /// The cache folder could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A command failed, or the server did not start; with the end of its log.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// What a virtual environment is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requirements {
    /// Whom it is for, to tell a waiting person.
    pub(crate) name: &'static str,
    /// The pinned packages, in pip's own format: all of them, for nothing else is installed.
    pub(crate) packages: &'static str,
}

/// Gives a virtual environment with all requirements, in the user's cache folder.
pub(crate) async fn environment(requirements: Requirements) -> Result<PathBuf, PythonError> {
    prepare("python3", &cache::root()?.join(requirements.name), requirements).await
}

async fn prepare(python: &str, parent: &Path, requirements: Requirements) -> Result<PathBuf, PythonError> {
    let Requirements { name, packages } = requirements;
    // Another Python needs another environment.
    let found = check(python).await?;
    let key = cache::digest([packages, &found]);
    cache::filled(parent, &key, async |folder: &Path| {
        let launch = Launch::new("venv", python)?.args(["-m", "venv"]).arg(folder);
        let doing = format!("making a virtual environment for {name}");
        succeed(without_python_settings(launch), &doing, INSTALL_WITHIN).await?;
        let launch = Launch::new("pip", folder.join("bin/python"))?;
        let requirements = launch.folder().join("requirements.txt");
        fs::write(&requirements, packages).map_err(|source| ProcessError::Start {
            name: "pip".to_owned(),
            source,
        })?;
        // Without --no-deps, what nobody pinned could come along.
        let launch = launch.args(["-m", "pip", "install", "--no-input", "--no-deps", "--requirement"]);
        let launch = without_python_settings(launch.arg(requirements));
        let doing = format!("installing {name}, once");
        Ok(succeed(launch, &doing, INSTALL_WITHIN).await?)
    })
    .await
}

/// What `python` says of itself.
async fn check(python: &str) -> Result<String, PythonError> {
    let launch = without_python_settings(Launch::new("python", python)?.args(["-c", CHECK]));
    let (code, process) = run(launch, "asking Python for its version", CHECK_WITHIN).await?;
    let (python, found) = (python.to_owned(), process.log().trim().to_owned());
    match code {
        0 => Ok(found),
        3 => Err(PythonError::TooOld { python, found }),
        4 => Err(PythonError::NoVenv { python }),
        _ => Err(PythonError::Missing { python }),
    }
}

/// A user's settings for other Python work could hide the virtual environment's modules. pip's own stay: they say
/// where packages come from.
pub(crate) fn without_python_settings(launch: Launch) -> Launch {
    launch.env_remove("PYTHONPATH").env_remove("PYTHONHOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Requirements = Requirements {
        name: "nothing",
        packages: "",
    };

    async fn refusal(python: &str) -> PythonError {
        let parent = tempfile::tempdir().unwrap();
        prepare(python, parent.path(), NOTHING).await.unwrap_err()
    }

    fn fake(name: &str) -> String {
        format!("{}/tests/fake-tools/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    #[tokio::test]
    async fn a_python_that_will_not_do_is_named() {
        assert!(
            matches!(refusal("no-such-python").await, PythonError::Missing { python } if python == "no-such-python")
        );
        assert!(
            matches!(refusal(&fake("python-old")).await, PythonError::TooOld { found, .. } if found == "3.8.1")
        );
        assert!(matches!(
            refusal(&fake("python-without-venv")).await,
            PythonError::NoVenv { .. }
        ));
    }

    #[tokio::test]
    async fn an_installation_that_fails_shows_why_and_leaves_nothing_complete() {
        let parent = tempfile::tempdir().unwrap();
        let python = fake("python-failing");
        for _ in 0..2 {
            let error = prepare(&python, parent.path(), NOTHING).await.unwrap_err();
            assert!(matches!(
                error,
                PythonError::Process(ProcessError::Ended { code: 1, tail, .. }) if tail == "no space left"
            ));
        }
    }
}
