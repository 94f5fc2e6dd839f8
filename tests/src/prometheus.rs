//! Prometheus, where the machine has it or Debian's package can be had, with the alerts that are shipped.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::Request;
use serde_json::{Value, json};
use test_kit::{Launch, Process, ProcessError};
use tokio::sync::OnceCell;

use crate::chart::{self, ChartError};
use crate::debian;
use crate::tools::{ToolError, own, written};

/// It replays its log, of which there is none.
const LISTENS_WITHIN: Duration = Duration::from_mins(1);

/// Why there is no Prometheus, or no answer of it.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// It has to be there, and is not.
    #[error("Prometheus is not installed, and CI skips nothing: install Debian's package `prometheus` ({0})")]
    Missing(String),
    /// A file could not be written, or a program not be run.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The alerts could not be read.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The alerts are no YAML.
    #[error("the alerts are no YAML: {0}")]
    Yaml(#[from] serde_saphyr::Error),
    /// It did not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It did not answer, or with an error.
    #[error("`{url}` did not answer: {message}")]
    Endpoint {
        /// What was asked.
        url: String,
        /// Why.
        message: String,
    },
}

/// The two programs.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The server.
    pub prometheus: PathBuf,
    /// The checker.
    pub promtool: PathBuf,
    /// The files of its pages, where they do not lie where it looks.
    assets: Option<PathBuf>,
}

/// The machine's own Prometheus; else Debian's package, unpacked into the cache and not installed. Without either, a line
/// says so and there is none, except in CI, where that is an error.
///
/// # Errors
/// [`PrometheusError`].
pub async fn programs() -> Result<Option<Programs>, PrometheusError> {
    static FOUND: OnceCell<Option<Programs>> = OnceCell::const_new();
    FOUND.get_or_try_init(find).await.cloned()
}

async fn find() -> Result<Option<Programs>, PrometheusError> {
    if let (Some(prometheus), Some(promtool)) =
        (own("prometheus", &["--version"]), own("promtool", &["--version"]))
    {
        return Ok(Some(Programs {
            prometheus,
            promtool,
            assets: None,
        }));
    }
    let reason = match unpacked().await {
        Ok(programs) => return Ok(Some(programs)),
        Err(error) => error.to_string(),
    };
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return Err(PrometheusError::Missing(reason));
    }
    let reason = reason.lines().next().unwrap_or_default();
    eprintln!(
        "skipped what needs Prometheus: it is not installed, and Debian's package cannot be had ({reason})"
    );
    Ok(None)
}

/// Debian's package, without installing it: that would start a server on every address of the machine.
async fn unpacked() -> Result<Programs, ToolError> {
    let folder = debian::unpacked("prometheus", "usr/bin/prometheus").await?;
    Ok(Programs {
        prometheus: folder.join("usr/bin/prometheus"),
        promtool: folder.join("usr/bin/promtool"),
        assets: Some(folder.join("usr/share/prometheus/web")),
    })
}

/// The alerts as they are shipped, with every wait in them set to `wait`, as Prometheus writes durations.
///
/// # Errors
/// [`PrometheusError`].
pub fn alerts(wait: Option<&str>) -> Result<Value, PrometheusError> {
    let mut rules: Value = serde_saphyr::from_str(&chart::read("files/alerts.yaml")?)?;
    let groups = rules.get_mut("groups").and_then(Value::as_array_mut);
    for group in groups.into_iter().flatten() {
        let rules = group.get_mut("rules").and_then(Value::as_array_mut);
        for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
            for name in ["for", "keep_firing_for"] {
                if let (Some(wait), Some(held)) = (wait, rule.get_mut(name)) {
                    *held = json!(wait);
                }
            }
        }
    }
    Ok(rules)
}

/// A running server. Gone when dropped.
pub struct Prometheus {
    process: Process,
    address: String,
    client: kube::Client,
}

impl Prometheus {
    /// Starts a server on the loopback interface that scrapes these operators, `http://HOST:PORT`, and evaluates these
    /// rules, both every `interval`. All it sees gets the label `cluster`.
    ///
    /// # Errors
    /// [`PrometheusError`].
    pub async fn start(
        programs: &Programs,
        operators: &[&str],
        rules: &Value,
        interval: &str,
    ) -> Result<Self, PrometheusError> {
        let launch = Launch::new("prometheus", &programs.prometheus)?;
        let folder = launch.folder().to_owned();
        let targets: Vec<&str> = operators
            .iter()
            .map(|url| url.trim_start_matches("http://"))
            .collect();
        let config = json!({
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [folder.join("rules.json")],
            "scrape_configs": [{
                "job_name": "irsa-audit",
                "honor_labels": true,
                "static_configs": [{"targets": targets, "labels": {"cluster": "demo"}}],
            }],
        });
        // JSON is YAML.
        for (name, content) in [("rules.json", rules), ("prometheus.json", &config)] {
            let path = folder.join(name);
            written(&path, fs::write(&path, content.to_string()))?;
        }
        let launch = launch
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.json").display()
            ))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .args(
                programs
                    .assets
                    .iter()
                    .map(|folder| format!("--web.local-assets={}", folder.display())),
            );
        let process = launch.start()?;
        let line = process
            .wait_for_line("msg=\"Listening on\"", LISTENS_WITHIN)
            .await?;
        let address = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("address="));
        let address = format!("http://{}", address.unwrap_or_default());
        let unreachable = |message: String| PrometheusError::Endpoint {
            url: address.clone(),
            message,
        };
        let uri = address
            .parse()
            .map_err(|_| unreachable("it logged no address".to_owned()))?;
        // The Kubernetes client speaks plain HTTP to anything.
        let client =
            kube::Client::try_from(kube::Config::new(uri)).map_err(|e| unreachable(e.to_string()))?;
        Ok(Self {
            process,
            address,
            client,
        })
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Where it is served, as in `http://127.0.0.1:1234`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The result of a PromQL expression now: a list of series.
    ///
    /// # Errors
    /// [`PrometheusError::Endpoint`], with what is wrong with the expression.
    pub async fn query(&self, expression: &str) -> Result<Vec<Value>, PrometheusError> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", expression)
            .finish();
        Ok(list(
            self.get(&format!("/api/v1/query?{query}")).await?,
            "/data/result",
        ))
    }

    /// The results of a PromQL expression over the last `span`, every `step`.
    ///
    /// # Errors
    /// [`PrometheusError::Endpoint`].
    pub async fn range(
        &self,
        expression: &str,
        end: f64,
        span: f64,
        step: f64,
    ) -> Result<Vec<Value>, PrometheusError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("query", expression);
        for (name, value) in [("start", end - span), ("end", end), ("step", step)] {
            query.append_pair(name, &value.to_string());
        }
        Ok(list(
            self.get(&format!("/api/v1/query_range?{}", query.finish()))
                .await?,
            "/data/result",
        ))
    }

    /// The alerts that are pending or firing.
    ///
    /// # Errors
    /// [`PrometheusError::Endpoint`].
    pub async fn alerts(&self) -> Result<Vec<Value>, PrometheusError> {
        Ok(list(self.get("/api/v1/alerts").await?, "/data/alerts"))
    }

    async fn get(&self, path: &str) -> Result<Value, PrometheusError> {
        let failed = |message: String| PrometheusError::Endpoint {
            url: format!("{}{path}", self.address),
            message,
        };
        let request = Request::get(path)
            .body(Vec::new())
            .map_err(|error| failed(error.to_string()))?;
        let text = self
            .client
            .request_text(request)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        if answer.get("status").and_then(Value::as_str) == Some("success") {
            Ok(answer)
        } else {
            Err(failed(text))
        }
    }
}

fn list(mut answer: Value, pointer: &str) -> Vec<Value> {
    match answer.pointer_mut(pointer).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}
