//! An AWS endpoint by other people: moto's server, in a Python virtual environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{self, CacheError};
use crate::process::{Launch, Process, ProcessError};
use crate::progress::{run, succeed};

const REQUIREMENTS: &str = include_str!("../moto/requirements.txt");

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
const START_WITHIN: Duration = Duration::from_mins(2);

/// What moto's server writes when it listens, before the URL.
const LISTENING: &str = "Running on http";

const REGION: &str = "eu-west-1";

/// Why there is no moto.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
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
    /// A command failed, or moto did not start; with the end of its log.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// A running moto server, empty, with an endpoint of its own. It takes any credentials, for the account
/// 123456789012, and checks no permissions. Gone when dropped, see [`Process`].
#[derive(Debug)]
pub struct Moto {
    endpoint: String,
    environment: PathBuf,
    process: Process,
}

impl Moto {
    /// Starts one and awaits that it listens. The very first one on a machine downloads it, from the package index
    /// that pip is configured for, and keeps it in the user's cache folder.
    ///
    /// # Errors
    /// [`MotoError`].
    pub async fn start() -> Result<Self, MotoError> {
        let environment = prepare("python3", &cache::root()?.join("moto")).await?;
        let python = environment.join("bin/python");
        // Port 0: a free one that nobody can take away.
        let launch = Launch::new("moto", python)?.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        let process = without_python_settings(launch).start()?;
        let line = process.wait_for_line(LISTENING, START_WITHIN).await?;
        let endpoint = line.split_whitespace().last().unwrap_or_default().to_owned();
        Ok(Self {
            endpoint,
            environment,
            process,
        })
    }

    /// The URL of the endpoint, for every service, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The environment that leads an AWS SDK or CLI to it, and away from what the user has configured.
    #[must_use]
    pub fn aws_environment(&self) -> Vec<(&'static str, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_PAGER", ""),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// The path of an `aws` command (version 1 of the AWS CLI), to run what is printed for users with
    /// [`Moto::aws_environment`].
    #[must_use]
    pub fn aws_cli(&self) -> PathBuf {
        self.environment.join("bin/aws")
    }

    /// The server's process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// Gives a virtual environment with all requirements.
async fn prepare(python: &str, parent: &Path) -> Result<PathBuf, MotoError> {
    // Another Python needs another environment.
    let found = check(python).await?;
    let key = cache::digest([REQUIREMENTS, &found]);
    cache::filled(parent, &key, async |folder: &Path| {
        let launch = Launch::new("venv", python)?.args(["-m", "venv"]).arg(folder);
        let doing = "making a virtual environment for moto";
        succeed(without_python_settings(launch), doing, INSTALL_WITHIN).await?;
        let launch = Launch::new("pip", folder.join("bin/python"))?;
        let requirements = launch.folder().join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).map_err(|source| ProcessError::Start {
            name: "pip".to_owned(),
            source,
        })?;
        // Without --no-deps, what nobody pinned could come along.
        let launch = launch.args(["-m", "pip", "install", "--no-input", "--no-deps", "--requirement"]);
        let launch = without_python_settings(launch.arg(requirements));
        Ok(succeed(launch, "installing moto and the AWS CLI, once", INSTALL_WITHIN).await?)
    })
    .await
}

/// What `python` says of itself.
async fn check(python: &str) -> Result<String, MotoError> {
    let launch = without_python_settings(Launch::new("python", python)?.args(["-c", CHECK]));
    let (code, process) = run(launch, "asking Python for its version", CHECK_WITHIN).await?;
    let (python, found) = (python.to_owned(), process.log().trim().to_owned());
    match code {
        0 => Ok(found),
        3 => Err(MotoError::TooOld { python, found }),
        4 => Err(MotoError::NoVenv { python }),
        _ => Err(MotoError::Missing { python }),
    }
}

/// A user's settings for other Python work could hide the virtual environment's modules. pip's own stay: they say
/// where packages come from.
fn without_python_settings(launch: Launch) -> Launch {
    launch.env_remove("PYTHONPATH").env_remove("PYTHONHOME")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(python: &str) -> MotoError {
        let parent = tempfile::tempdir().unwrap();
        prepare(python, parent.path()).await.unwrap_err()
    }

    fn fake(name: &str) -> String {
        format!("{}/tests/fake-tools/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    #[tokio::test]
    async fn a_python_that_will_not_do_is_named() {
        assert!(
            matches!(refusal("no-such-python").await, MotoError::Missing { python } if python == "no-such-python")
        );
        assert!(
            matches!(refusal(&fake("python-old")).await, MotoError::TooOld { found, .. } if found == "3.8.1")
        );
        assert!(matches!(
            refusal(&fake("python-without-venv")).await,
            MotoError::NoVenv { .. }
        ));
    }

    #[tokio::test]
    async fn an_installation_that_fails_shows_why_and_leaves_nothing_complete() {
        let parent = tempfile::tempdir().unwrap();
        let python = fake("python-failing");
        for _ in 0..2 {
            let error = prepare(&python, parent.path()).await.unwrap_err();
            assert!(matches!(
                error,
                MotoError::Process(ProcessError::Ended { code: 1, tail, .. }) if tail == "no space left"
            ));
        }
    }
}
