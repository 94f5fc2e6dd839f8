//! `cargo xtask bench`: the figures in `docs/benchmarks.md`.

mod bare;
mod changes;
mod growth;
mod machine;
mod neighbours;
mod operator;
mod percentile;
mod process;
mod scale;
mod soak;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The operator on a real API server: latency, idle cost, memory.
    Operator,
    /// The operator at the size of the largest clusters: memory, starts, latency.
    Scale,
    /// What one namespace can do to the others.
    Neighbours,
    /// Half an hour of changes: what grows. Not measured with the others.
    Soak,
    /// The policy evaluator.
    Policy,
    /// What Kubernetes lets ServiceAccounts do, and who can take their identity.
    Rbac,
    /// `irsa-audit trust evaluate --batch`.
    Batch,
    /// The audit of a whole cluster in the core, on one thread.
    Audit,
    /// `irsa-audit audit` of more than a gigabyte of files.
    Offline,
    /// How work grows with the cluster, and what one change costs, for many shapes of clusters.
    Growth,
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo failed.
    #[error("`cargo {0}` failed")]
    Cargo(String),
    /// The world around the operator could not be made, or broke.
    #[error("{0}")]
    World(String),
}

/// Measures one subject, or all.
///
/// # Errors
/// What went wrong; figures that miss their goal are no error.
pub fn run(root: &Path, subject: Option<Subject>) -> Result<(), Error> {
    println!("{}", machine::describe());
    let wanted = |s| subject.is_none_or(|only| only == s);
    if wanted(Subject::Policy) {
        cargo(root, &["bench", "--quiet", "--package", "iam-policy"])?;
    }
    if wanted(Subject::Rbac) {
        cargo(root, &["bench", "--quiet", "--package", "rbac"])?;
    }
    if wanted(Subject::Batch) {
        cargo(
            root,
            &["bench", "--quiet", "--package", "irsa-audit", "--bench", "batch"],
        )?;
    }
    if wanted(Subject::Audit) {
        cargo(root, &["bench", "--quiet", "--package", "audit-offline"])?;
    }
    if wanted(Subject::Growth) {
        growth::run(root)?;
    }
    if wanted(Subject::Offline) {
        cargo(
            root,
            &[
                "bench",
                "--quiet",
                "--package",
                "irsa-audit",
                "--bench",
                "offline",
            ],
        )?;
    }
    if subject == Some(Subject::Soak) {
        measure(root, Subject::Soak)?;
    }
    for on_a_cluster in [Subject::Operator, Subject::Scale, Subject::Neighbours] {
        if wanted(on_a_cluster) {
            measure(root, on_a_cluster)?;
        }
    }
    Ok(())
}

/// Measures the operator from a release build of this program: where a client is compared with it, or makes thousands of changes, it
/// must not be the slower one.
fn measure(root: &Path, subject: Subject) -> Result<(), Error> {
    if cfg!(debug_assertions) {
        // Together: with one set of features, nothing is built twice.
        let build = [
            "build",
            "--release",
            "--quiet",
            "--package",
            "irsa-audit",
            "--package",
            "xtask",
        ];
        cargo(root, &build)?;
        let name = subject.to_possible_value();
        let name = name.as_ref().map_or("", |value| value.get_name());
        let program = target(root).join("release/xtask");
        return match Command::new(program).args(["bench", name]).status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Error::World(format!("the bench `{name}` failed"))),
        };
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Error::World(error.to_string()))?;
    runtime.block_on(async {
        match subject {
            Subject::Scale => scale::run(root).await,
            Subject::Neighbours => neighbours::run(root).await,
            Subject::Soak => soak::run(root).await,
            _ => operator::run(root).await,
        }
    })
}

/// Where cargo builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into)
}

fn cargo(root: &Path, words: &[&str]) -> Result<(), Error> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(program).current_dir(root).args(words).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::Cargo(words.join(" "))),
    }
}
