//! Building a program from a Go module that is checked in.

use std::env::consts;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::process::{Launch, ProcessError};
use crate::progress::{run, succeed};

/// A cold build on a slow machine takes a quarter of an hour.
const BUILD_WITHIN: Duration = Duration::from_hours(1);

/// Generous, because with `GOTOOLCHAIN=auto` this may download a toolchain.
const TOOLCHAIN_WITHIN: Duration = Duration::from_mins(10);

/// A program, and the module in this crate's `control-plane` folder that pins all that it is built from.
pub(crate) struct Program {
    /// The name of the binary.
    pub name: &'static str,
    /// The main package.
    pub package: &'static str,
    /// The module whose version is the program's version.
    pub module: &'static str,
    /// The content of `go.mod`.
    pub go_mod: &'static str,
    /// The content of `go.sum`.
    pub go_sum: &'static str,
    /// The package that wants to be told the version, in the way of Kubernetes: `gitVersion` and its parts.
    pub version_package: Option<&'static str>,
}

impl Program {
    /// The version of the module in `go.mod`, such as `v1.2.3`; empty if it is not required.
    pub(crate) fn version(&self) -> &str {
        let mut words = self
            .go_mod
            .lines()
            .map(|line| line.trim().trim_start_matches("require "));
        words
            .find_map(|line| line.strip_prefix(self.module)?.split_whitespace().next())
            .unwrap_or_default()
    }

    /// The least Go release that `go.mod` asks for, as in `1.26`.
    fn least_go(&self) -> &str {
        let version = self
            .go_mod
            .lines()
            .find_map(|line| line.strip_prefix("go "))
            .unwrap_or_default();
        version.strip_suffix(".0").unwrap_or(version)
    }
}

/// Why a program could not be built.
#[derive(Debug, thiserror::Error)]
pub enum GoError {
    /// There is no `go` command.
    #[error(
        "`{go}` is not installed, and `{program}` has to be built with it: {}",
        way_out(least)
    )]
    Missing {
        /// The command that was tried.
        go: String,
        /// What it was needed for.
        program: &'static str,
        /// The least release that will do, as in `1.26`.
        least: String,
    },
    /// The `go` command is older than the program needs, and does not fetch a newer one itself.
    #[error("`{go}` is too old for `{program}` ({found}): {}", way_out(least))]
    TooOld {
        /// The command that was tried.
        go: String,
        /// What it was needed for.
        program: &'static str,
        /// What it says of itself.
        found: String,
        /// The least release that will do, as in `1.26`.
        least: String,
    },
    /// The module files could not be written.
    #[error("could not write `{path}`: {source}")]
    Write {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The build failed, or took too long.
    #[error("could not build `{program}`: {source}")]
    Build {
        /// Which program.
        program: &'static str,
        /// The end of its output.
        source: ProcessError,
    },
}

fn way_out(least: &str) -> String {
    format!(
        "install Go {least} or newer from https://go.dev/dl/, or set `KUBEBUILDER_ASSETS` to a folder with \
         `kube-apiserver` and `etcd`"
    )
}

/// Builds `program` with the command `go` into `folder`.
pub(crate) async fn build(go: &str, program: &Program, folder: &Path) -> Result<(), GoError> {
    check_toolchain(go, program).await?;
    let failed = |source| GoError::Build {
        program: program.name,
        source,
    };
    let launch = command(go, program)?
        .args(["build", "-trimpath", "-ldflags"])
        .arg(linker_flags(program));
    let launch = launch
        .arg("-o")
        .arg(folder.join(program.name))
        .arg(program.package);
    let doing = format!(
        "building {} {} with Go, once, a matter of minutes",
        program.name,
        program.version()
    );
    succeed(launch, &doing, BUILD_WITHIN).await.map_err(failed)
}

fn linker_flags(program: &Program) -> String {
    let Some(package) = program.version_package else {
        return "-s -w".to_owned();
    };
    let version = program.version();
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next().unwrap_or_default();
    let (major, minor) = (number(), number());
    format!(
        "-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
    )
}

/// Asked in the folder of the module: there, and only there, `GOTOOLCHAIN=auto` makes Go fetch what `go.mod` wants.
async fn check_toolchain(go: &str, program: &Program) -> Result<(), GoError> {
    let least = program.least_go().to_owned();
    let failed = |source| GoError::Build {
        program: program.name,
        source,
    };
    let launch = command(go, program)?.args(["env", "GOVERSION"]);
    let (code, process) = run(launch, "asking Go for its version", TOOLCHAIN_WITHIN)
        .await
        .map_err(failed)?;
    // Above it may be what Go says while it fetches another release of itself.
    let found = process.log().lines().last().unwrap_or_default().to_owned();
    match code {
        126 | 127 => Err(GoError::Missing {
            go: go.to_owned(),
            program: program.name,
            least,
        }),
        0 if release(&found) >= release(&format!("go{least}")) => Ok(()),
        _ => Err(GoError::TooOld {
            go: go.to_owned(),
            program: program.name,
            found,
            least,
        }),
    }
}

/// The major and minor number in what Go calls itself: `go1.26.8`, `devel go1.27-0123abc`, `go1.26rc1`.
fn release(version: &str) -> Option<(u32, u32)> {
    let (major, rest) = version.split_once("go")?.1.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A `go` command in a folder with the module, for this machine whatever the user has set for other work.
fn command(go: &str, program: &Program) -> Result<Launch, GoError> {
    let launch = Launch::new("go", go).map_err(|source| GoError::Build {
        program: program.name,
        source,
    })?;
    let module = launch.folder().join("module");
    let written = |path: &Path, result: io::Result<()>| {
        result.map_err(|source| GoError::Write {
            path: path.display().to_string(),
            source,
        })
    };
    written(&module, fs::create_dir(&module))?;
    for (name, content) in [("go.mod", program.go_mod), ("go.sum", program.go_sum)] {
        written(&module.join(name), fs::write(module.join(name), content))?;
    }
    let launch = launch
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .env("GO111MODULE", "on");
    Ok(launch
        .env("GOOS", go_os())
        .env("GOARCH", go_arch())
        .current_dir(&module))
}

fn go_os() -> &'static str {
    if consts::OS == "macos" {
        "darwin"
    } else {
        consts::OS
    }
}

fn go_arch() -> &'static str {
    match consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(release("go1.26.8"), Some((1, 26)));
        assert_eq!(release("go1.26"), Some((1, 26)));
        assert_eq!(release("go1.27rc1"), Some((1, 27)));
        assert_eq!(release("devel go1.27-0123abc"), Some((1, 27)));
        assert_eq!(release("go: no such tool"), None);
        assert!(release("go1.9") < release("go1.26"));
    }
}
