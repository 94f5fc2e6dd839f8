//! `cargo xtask bench`: the figures in `docs/benchmarks.md`.

mod growth;
mod machine;
mod operator;
mod percentile;

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The operator on a real API server: latency, idle cost, memory.
    Operator,
    /// The policy evaluator.
    Policy,
    /// What Kubernetes lets ServiceAccounts do, and who can take their identity.
    Rbac,
    /// `irsa-audit trust evaluate --batch`.
    Batch,
    /// The audit of a whole cluster in the core, on one thread.
    Audit,
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
        cargo(root, &["bench", "--quiet", "--package", "irsa-audit"])?;
    }
    if wanted(Subject::Audit) {
        cargo(root, &["bench", "--quiet", "--package", "audit-offline"])?;
    }
    if wanted(Subject::Growth) {
        growth::run(root)?;
    }
    if wanted(Subject::Operator) {
        cargo(
            root,
            &["build", "--release", "--quiet", "--package", "irsa-audit"],
        )?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| Error::World(error.to_string()))?;
        runtime.block_on(operator::run(root))?;
    }
    Ok(())
}

fn cargo(root: &Path, words: &[&str]) -> Result<(), Error> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(program).current_dir(root).args(words).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Error::Cargo(words.join(" "))),
    }
}
