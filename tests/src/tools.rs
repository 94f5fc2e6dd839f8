//! The commands that the operator's texts call: `aws`, `jq` and `kubectl`. What a machine lacks is built once with Go,
//! and kept in the user's cache folder.

use std::env::{self, consts};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use test_kit::{Launch, ProcessError};
use tokio::time::timeout;

const BUILD_WITHIN: Duration = Duration::from_mins(30);
const RUN_WITHIN: Duration = Duration::from_mins(2);

/// A tool that Go can build.
pub(crate) struct Source {
    pub name: &'static str,
    /// Arguments that make it show that it works.
    pub check: &'static [&'static str],
    /// The module whose version is the tool's.
    pub module: &'static str,
    pub package: &'static str,
    pub files: &'static [(&'static str, &'static str)],
}

const JQ: Source = Source {
    name: "jq",
    check: &["--version"],
    module: "github.com/itchyny/gojq",
    package: "github.com/itchyny/gojq/cmd/gojq",
    files: &[
        ("go.mod", include_str!("../tools/jq/go.mod")),
        ("go.sum", include_str!("../tools/jq/go.sum")),
    ],
};

const KUBECTL: Source = Source {
    name: "kubectl",
    check: &["version", "--client"],
    module: "k8s.io/kubectl",
    package: ".",
    files: &[
        ("go.mod", include_str!("../tools/kubectl/go.mod")),
        ("go.sum", include_str!("../tools/kubectl/go.sum")),
        ("main.go", include_str!("../tools/kubectl/main.go")),
    ],
};

/// Why a tool is not there, or did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The cache folder or a file in it could not be used.
    #[error("could not use `{path}`: {source}; make it writable, or set `XDG_CACHE_HOME`")]
    Cache {
        /// Which.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no place for a cache.
    #[error("no cache folder: set `XDG_CACHE_HOME` or `HOME` to an absolute path")]
    NoHome,
    /// It could not be built.
    #[error("`{tool}` is not installed, and could not be built with Go: {source}")]
    Build {
        /// Which.
        tool: &'static str,
        /// The end of Go's output.
        source: ProcessError,
    },
    /// A script did not start or did not end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A script failed.
    #[error("`{script}` ended with exit code {code}:\n{output}")]
    Script {
        /// The script.
        script: String,
        /// Its exit code.
        code: i32,
        /// What it wrote.
        output: String,
    },
}

/// A `jq`: the machine's own, else one that is built.
///
/// # Errors
/// [`ToolError`].
pub async fn jq() -> Result<PathBuf, ToolError> {
    JQ.find().await
}

/// A `kubectl`: the machine's own, else one that is built, which takes a minute or two the first time.
///
/// # Errors
/// [`ToolError`].
pub async fn kubectl() -> Result<PathBuf, ToolError> {
    KUBECTL.find().await
}

/// Runs a program to its end; gives what it wrote to its standard output.
///
/// # Errors
/// [`ToolError::Script`] if it failed, with all that it wrote.
pub async fn run(program: &Path, arguments: &[&str]) -> Result<String, ToolError> {
    let started = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let script = || format!("{} {}", program.display(), arguments.join(" "));
    let output = match timeout(BUILD_WITHIN, started).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => {
            return Err(ToolError::Cache {
                path: script(),
                source,
            });
        }
        Err(_) => {
            return Err(ToolError::Script {
                script: script(),
                code: -1,
                output: format!("no end within {BUILD_WITHIN:?}"),
            });
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(ToolError::Script {
        script: script(),
        code: output.status.code().unwrap_or(-1),
        output: format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
    })
}

/// The machine's own `aws`, if there is one that works.
#[must_use]
pub fn own_aws() -> Option<PathBuf> {
    own("aws", &["--version"])
}

/// A command of the `PATH` that answers to these arguments: what a version manager leaves there may only complain.
pub(crate) fn own(name: &str, check: &[&str]) -> Option<PathBuf> {
    let path = env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())?;
    let status = Command::new(&path)
        .args(check)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success()).then_some(path)
}

impl Source {
    fn version(&self) -> &str {
        let lines = self.files.iter().flat_map(|(_, text)| text.lines());
        let mut words = lines.map(|line| line.trim().trim_start_matches("require "));
        words
            .find_map(|line| line.strip_prefix(self.module)?.split_whitespace().next())
            .unwrap_or_default()
    }

    async fn find(&self) -> Result<PathBuf, ToolError> {
        if let Some(path) = own(self.name, self.check) {
            return Ok(path);
        }
        self.pinned().await
    }

    /// The one that is built here, whatever the machine has.
    pub(crate) async fn pinned(&self) -> Result<PathBuf, ToolError> {
        let key = format!("{}-{}-{}-{}", self.name, self.version(), consts::OS, consts::ARCH);
        let folder = cache()?.join("tools").join(key);
        let path = folder.join(self.name);
        if !path.is_file() {
            self.build(&folder).await?;
        }
        Ok(path)
    }

    /// Builds it aside and moves it into the folder, so that nobody ever runs half a program.
    async fn build(&self, folder: &Path) -> Result<(), ToolError> {
        eprintln!("building {} {} with Go, once", self.name, self.version());
        let failed = |source| ToolError::Build {
            tool: self.name,
            source,
        };
        let launch = Launch::new(self.name, "go").map_err(failed)?;
        let module = launch.folder().join("module");
        written(&module, fs::create_dir(&module))?;
        for (name, text) in self.files {
            let path = module.join(name);
            let parent = path.parent().unwrap_or(&module);
            written(parent, fs::create_dir_all(parent))?;
            written(&path, fs::write(&path, text))?;
        }
        written(folder, fs::create_dir_all(folder))?;
        let aside = tempfile::tempdir_in(folder);
        let aside = aside.map_err(|source| ToolError::Cache {
            path: folder.display().to_string(),
            source,
        })?;
        let output = aside.path().join(self.name);
        let launch = launch
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .env_remove("GOOS")
            .env_remove("GOARCH");
        let launch = launch
            .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(&output)
            .arg(self.package);
        let process = launch.current_dir(&module).start().map_err(failed)?;
        match process.wait(BUILD_WITHIN).await.map_err(failed)? {
            0 => written(folder, fs::rename(&output, folder.join(self.name))),
            code => Err(ToolError::Script {
                script: format!("go build {}", self.package),
                code,
                output: process.log(),
            }),
        }
    }
}

pub(crate) fn written<T>(path: &Path, result: io::Result<T>) -> Result<T, ToolError> {
    result.map_err(|source| ToolError::Cache {
        path: path.display().to_string(),
        source,
    })
}

/// This project's folder in the user's cache folder, by the XDG base directory specification.
pub(crate) fn cache() -> Result<PathBuf, ToolError> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    Ok(caches.ok_or(ToolError::NoHome)?.join("irsa-audit"))
}

/// A shell in which a person pastes what the operator printed.
#[derive(Debug)]
pub struct Shell {
    /// Links to the tools, first in the `PATH`.
    tools: TempDir,
    /// What must not go before the shell.
    kept: Vec<TempDir>,
    environment: Vec<(String, OsString)>,
}

impl Shell {
    /// A shell with these tools, by the names that they are called by, and these variables.
    ///
    /// # Errors
    /// [`ToolError::Cache`].
    pub fn new(tools: &[(&str, &Path)], environment: &[(&str, String)]) -> Result<Self, ToolError> {
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|source| ToolError::Cache {
            path: env::temp_dir().display().to_string(),
            source,
        })?;
        for (name, path) in tools {
            let link = folder.path().join(name);
            written(&link, std::os::unix::fs::symlink(path, &link))?;
        }
        let variables = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.into()));
        Ok(Self {
            tools: folder,
            kept: Vec::new(),
            environment: variables.collect(),
        })
    }

    /// Keeps a folder, in which a tool lies, as long as the shell.
    #[must_use]
    pub fn keeping(mut self, folder: TempDir) -> Self {
        self.kept.push(folder);
        self
    }

    /// Runs a text as `sh -c` does, to the letter; gives what it wrote.
    ///
    /// # Errors
    /// [`ToolError::Script`] if it failed.
    pub async fn run(&self, script: &str) -> Result<String, ToolError> {
        let mut path = OsString::from(self.tools.path());
        if let Some(rest) = env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        let mut launch = Launch::new("shell", "/bin/sh")?
            .arg("-c")
            .arg(script)
            .env("PATH", path);
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"] {
            launch = launch.env_remove(name);
        }
        for (name, value) in &self.environment {
            launch = launch.env(name, value);
        }
        let process = launch.start()?;
        match process.wait(RUN_WITHIN).await? {
            0 => Ok(process.log()),
            code => Err(ToolError::Script {
                script: script.to_owned(),
                code,
                output: process.log(),
            }),
        }
    }
}
