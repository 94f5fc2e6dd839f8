//! The operator as a process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use test_kit::{Launch, Process, ProcessError};
use tokio::sync::OnceCell;

use crate::metrics::Metrics;

/// It has to reach the API server for the first time.
const LISTENS_WITHIN: Duration = Duration::from_mins(1);

/// What of the environment could lead it, or a tool, somewhere else.
const CONFUSING: &[&str] = &[
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_EKS",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "RUST_LOG",
];

/// Why there is no operator, or no answer of it.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// It could not be built.
    #[error("`cargo build --package irsa-audit` failed: {0}")]
    Build(String),
    /// It did not start, or not do what was awaited.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its kubeconfig could not be written.
    #[error("could not write `{path}`: {source}")]
    Write {
        /// Where.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Its endpoints did not answer.
    #[error("`{url}` did not answer: {message}")]
    Endpoint {
        /// Which.
        url: String,
        /// Why.
        message: String,
    },
}

/// The path of the `irsa-audit` program: the one that `IRSA_AUDIT_BIN` names, else built from this workspace, once.
///
/// # Errors
/// [`OperatorError::Build`].
pub async fn program() -> Result<&'static Path, OperatorError> {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let path = PROGRAM.get_or_try_init(|| async {
        match env::var_os("IRSA_AUDIT_BIN").filter(|path| !path.is_empty()) {
            Some(path) => Ok(PathBuf::from(path)),
            None => build().await,
        }
    });
    Ok(path.await?)
}

/// Cargo shows its own progress.
async fn build() -> Result<PathBuf, OperatorError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = tokio::process::Command::new(cargo)
        .args(["build", "--package", "irsa-audit", "--bin", "irsa-audit"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(|error| OperatorError::Build(error.to_string()))?;
    if !output.status.success() {
        return Err(OperatorError::Build(format!(
            "{}; see its output above",
            output.status
        )));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables =
        messages.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
    executables
        .next_back()
        .ok_or_else(|| OperatorError::Build("it named no executable".to_owned()))
}

/// A call of `irsa-audit` with these arguments, with nothing in its environment that could mislead it.
///
/// # Errors
/// [`OperatorError`].
pub async fn launch(name: &str, arguments: &[&str]) -> Result<Launch, OperatorError> {
    let launch = Launch::new(name, program().await?)?.args(arguments);
    let ours = env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("IRSA_AUDIT_"));
    let launch = ours.fold(launch, Launch::env_remove);
    Ok(CONFUSING.iter().fold(launch, Launch::env_remove))
}

/// A running operator, or writer. Gone when dropped.
pub struct Operator {
    process: Process,
    address: String,
    endpoints: kube::Client,
}

impl Operator {
    /// Starts `irsa-audit operator` as whoever the kubeconfig stands for, and awaits that its endpoints are served.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn start(
        kubeconfig: &str,
        environment: &[(&str, String)],
        flags: &[&str],
    ) -> Result<Self, OperatorError> {
        Self::start_as("operator", kubeconfig, environment, flags).await
    }

    /// The same with another of the programs that stay, `operator` or `writer`.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn start_as(
        program: &str,
        kubeconfig: &str,
        environment: &[(&str, String)],
        flags: &[&str],
    ) -> Result<Self, OperatorError> {
        Self::started(Self::prepare(program, kubeconfig, environment, flags).await?).await
    }

    /// Prepares what [`Operator::start_as`] starts, for [`Operator::started`]: with more in its environment, or under a limit.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn prepare(
        program: &str,
        kubeconfig: &str,
        environment: &[(&str, String)],
        flags: &[&str],
    ) -> Result<Launch, OperatorError> {
        let mut launch = launch(program, &[program, "--metrics-addr", "127.0.0.1:0"])
            .await?
            .args(flags);
        let path = launch.folder().join("kubeconfig");
        std::fs::write(&path, kubeconfig).map_err(|source| OperatorError::Write {
            path: path.display().to_string(),
            source,
        })?;
        for (name, value) in environment {
            launch = launch.env(name, value);
        }
        Ok(launch.env("KUBECONFIG", &path))
    }

    /// Starts what is prepared, an operator or a container with one, and awaits that its endpoints are served.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn started(launch: Launch) -> Result<Self, OperatorError> {
        let process = launch.start()?;
        let line = process
            .wait_for_line("metrics are served", LISTENS_WITHIN)
            .await?;
        let address = logged_address(&line).unwrap_or_default();
        let address = format!("http://{address}");
        let unreachable = |message: String| OperatorError::Endpoint {
            url: address.clone(),
            message,
        };
        let uri: http::Uri = address
            .parse()
            .map_err(|_| unreachable("it logged no address".to_owned()))?;
        // The Kubernetes client speaks plain HTTP to anything.
        let endpoints =
            kube::Client::try_from(kube::Config::new(uri)).map_err(|e| unreachable(e.to_string()))?;
        Ok(Self {
            process,
            address,
            endpoints,
        })
    }

    /// Its process: for signals, its end, and its log.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where its endpoints are served, as in `http://127.0.0.1:1234`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Scrapes it.
    ///
    /// # Errors
    /// [`OperatorError::Endpoint`].
    pub async fn metrics(&self) -> Result<Metrics, OperatorError> {
        Ok(Metrics::parse(&self.get("/metrics").await?))
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.get("/readyz").await.is_ok()
    }

    /// Whether it says that it is alive: what the chart's liveness probe asks.
    pub async fn is_alive(&self) -> bool {
        self.get("/healthz").await.is_ok()
    }

    async fn get(&self, path: &str) -> Result<String, OperatorError> {
        let failed = |message: String| OperatorError::Endpoint {
            url: format!("{}{path}", self.address),
            message,
        };
        let request = http::Request::get(path)
            .body(Vec::new())
            .map_err(|error| failed(error.to_string()))?;
        self.endpoints
            .request_text(request)
            .await
            .map_err(|error| failed(error.to_string()))
    }
}

/// The address in a line of the log, in either of its formats.
fn logged_address(line: &str) -> Option<String> {
    if let Ok(object) = serde_json::from_str::<Value>(line) {
        return object.get("address")?.as_str().map(str::to_owned);
    }
    line.split_whitespace()
        .find_map(|word| word.strip_prefix("address="))
        .map(str::to_owned)
}
