//! An AWS endpoint by other people that enforces policies: ministack, in a Python virtual environment.

use std::time::Duration;

use crate::process::{Launch, Process};
use crate::python::{PythonError, Requirements, environment, without_python_settings};

const REQUIREMENTS: Requirements = Requirements {
    name: "ministack",
    packages: include_str!("../ministack/requirements.txt"),
};

const START_WITHIN: Duration = Duration::from_mins(2);

/// What its server writes when it listens, before the rest of the URL.
const LISTENING: &str = "http://127.0.0.1:";

const REGION: &str = "eu-west-1";

/// The account of its only credentials.
const ACCOUNT: &str = "123456789012";

/// Key and secret of the root user.
const KEY: &str = "test";

/// A running ministack with IAM and STS, empty, with an endpoint of its own. It checks whether credentials exist and what policies allow.
///
/// `AssumeRoleWithWebIdentity` evaluates the role's trust policy on what the token says, and answers in AWS's words. It does not verify the
/// token's signature, and looks neither for a provider nor at its client IDs. It takes the list of audiences that Kubernetes writes for one
/// text, so that `StringEquals` of `…:aud` never holds. Gone when dropped, see [`Process`].
#[derive(Debug)]
pub struct Ministack {
    endpoint: String,
    process: Process,
}

impl Ministack {
    /// Starts one and awaits that it listens. The very first one on a machine downloads it, from the package index that pip is configured
    /// for, and keeps it in the user's cache folder.
    ///
    /// # Errors
    /// [`PythonError`].
    pub async fn start() -> Result<Self, PythonError> {
        let python = environment(REQUIREMENTS).await?.join("bin/python");
        // Its own command listens on every interface. Port 0: a free one that nobody can take away.
        let launch =
            Launch::new("ministack", python)?.args(["-m", "hypercorn", "ministack.app:app", "--bind"]);
        let launch = launch.arg("127.0.0.1:0");
        let launch = [
            ("AUTH", "true"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("SERVICES", "iam,sts"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            ("MINISTACK_REGION", REGION),
            // Else it listens for MQTT, on every interface.
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("PERSIST_STATE", "0"),
        ]
        .into_iter()
        .fold(launch, |launch, (name, value)| launch.env(name, value));
        let process = without_python_settings(launch).start()?;
        let line = process.wait_for_line(LISTENING, START_WITHIN).await?;
        let endpoint = line.split_whitespace().find(|word| word.starts_with(LISTENING));
        Ok(Self {
            endpoint: endpoint.unwrap_or_default().to_owned(),
            process,
        })
    }

    /// The URL of the endpoint, for every service, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The environment that leads an AWS SDK to it as the root user of its account, and away from what the user has configured.
    #[must_use]
    pub fn aws_environment(&self) -> Vec<(&'static str, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec()
    }

    /// The server's process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}
