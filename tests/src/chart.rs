//! The Helm chart, rendered as a user renders it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::checkers;
use crate::tools::{self, ToolError};

/// The release's name, as in the documentation.
pub const RELEASE: &str = "irsa-audit";

/// The release's namespace.
pub const NAMESPACE: &str = "irsa-audit";

/// Why the chart cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// Helm is not there, or says no.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// What was rendered is no YAML.
    #[error("the chart renders no YAML: {0}")]
    Yaml(#[from] serde_saphyr::Error),
    /// A file cannot be read.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// The chart's folder.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/irsa-audit")
}

/// A file of the chart.
///
/// # Errors
/// [`ChartError::File`].
pub fn read(name: &str) -> Result<String, ChartError> {
    let path = folder().join(name);
    fs::read_to_string(&path).map_err(|source| ChartError::File {
        path: path.display().to_string(),
        source,
    })
}

/// The sets of values that the chart must work with.
///
/// # Errors
/// [`ChartError::File`].
pub fn values() -> Result<Vec<PathBuf>, ChartError> {
    let folder = folder().join("ci");
    let failed = |source| ChartError::File {
        path: folder.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    for file in fs::read_dir(&folder).map_err(failed)? {
        files.push(file.map_err(failed)?.path());
    }
    files.sort();
    Ok(files)
}

/// Calls Helm.
///
/// # Errors
/// [`ToolError`].
pub async fn helm(arguments: &[&str]) -> Result<String, ToolError> {
    tools::run(&checkers::helm().await?, arguments).await
}

/// Renders the chart for a Kubernetes release with a file of values and more of them, as in `replicas=1`; gives the text.
///
/// # Errors
/// [`ToolError`], with what Helm says of the values.
pub async fn template(release: &str, values: &Path, sets: &[&str]) -> Result<String, ToolError> {
    let (chart, values) = (folder().display().to_string(), values.display().to_string());
    let mut arguments = vec!["template", RELEASE, &chart, "--namespace", NAMESPACE];
    arguments.extend(["--kube-version", release, "--values", &values]);
    for set in sets {
        arguments.extend(["--set", set]);
    }
    helm(&arguments).await
}

/// The objects in a rendered text.
///
/// # Errors
/// [`ChartError::Yaml`].
pub fn objects(rendered: &str) -> Result<Vec<Value>, ChartError> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(rendered)?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}

/// The one object of a kind.
#[must_use]
pub fn one<'o>(objects: &'o [Value], kind: &str) -> Option<&'o Value> {
    let mut of_kind = objects
        .iter()
        .filter(|object| object.get("kind").and_then(Value::as_str) == Some(kind));
    of_kind.next().filter(|_| of_kind.next().is_none())
}
