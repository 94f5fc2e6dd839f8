//! An AWS endpoint by other people: moto's server, in a Python virtual environment.

use std::path::PathBuf;
use std::time::Duration;

use crate::process::{Launch, Process};
use crate::python::{PythonError, Requirements, environment, without_python_settings};

/// With the AWS CLI.
const REQUIREMENTS: Requirements = Requirements {
    name: "moto",
    packages: include_str!("../moto/requirements.txt"),
};

const START_WITHIN: Duration = Duration::from_mins(2);

/// What moto's server writes when it listens, before the URL.
const LISTENING: &str = "Running on http";

const REGION: &str = "eu-west-1";

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
    /// [`PythonError`].
    pub async fn start() -> Result<Self, PythonError> {
        let environment = environment(REQUIREMENTS).await?;
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
