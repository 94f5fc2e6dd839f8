//! The commands of remediation: what a person sees of it, and how a person agrees.
//!
//! They read live what the writer reads, by the same code, and make the plan themselves, so that its hash is the writer's. No command
//! writes to AWS. `approve`, `rollback` and `release` write to the cluster, as the caller.
//!
//! | file | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `error` | why there is no answer, and the way out |
//! | `session` | what is read, and the plan of it |
//! | `report` | pure: a plan as data |
//! | `finding` | pure: what the rules say where there is no plan |
//! | `text` | pure: a plan for a person |
//! | `confirm` | asking |
//! | `plan`, `consent`, `approve`, `release` | one command each; `approve` has `rollback` too |

mod approve;
pub mod args;
mod confirm;
mod consent;
mod error;
mod finding;
mod plan;
mod release;
mod report;
mod session;
#[cfg(test)]
#[path = "../../tests/support/repair.rs"]
mod testing;
mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_remedy::RemedyOperation;

use args::{ApproveArgs, ConsentArgs, PlanArgs, ReleaseArgs, RollbackArgs};
pub use error::RepairError;

/// The exit code where there is nothing to show or to do.
const NOTHING: u8 = 1;

/// `irsa-audit plan`.
///
/// # Errors
/// [`RepairError`]; the exit code is then 2. So with all commands here.
pub fn plan(args: &PlanArgs) -> Result<ExitCode, RepairError> {
    runtime()?.block_on(plan::run(args))
}

/// `irsa-audit consent`.
///
/// # Errors
/// [`RepairError`].
pub fn consent(args: &ConsentArgs) -> Result<ExitCode, RepairError> {
    runtime()?.block_on(consent::run(args))
}

/// `irsa-audit approve`.
///
/// # Errors
/// [`RepairError`].
pub fn approve(args: &ApproveArgs) -> Result<ExitCode, RepairError> {
    runtime()?.block_on(approve::run(args, RemedyOperation::Append))
}

/// `irsa-audit rollback`.
///
/// # Errors
/// [`RepairError`].
pub fn rollback(args: &RollbackArgs) -> Result<ExitCode, RepairError> {
    runtime()?.block_on(approve::run(&args.approve, RemedyOperation::Remove))
}

/// `irsa-audit release`.
///
/// # Errors
/// [`RepairError`].
pub fn release(args: &ReleaseArgs) -> Result<ExitCode, RepairError> {
    runtime()?.block_on(release::run(args))
}

fn runtime() -> Result<tokio::runtime::Runtime, RepairError> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Writes to standard output. A reader that has closed it still has the exit code.
fn print(text: &str) -> Result<(), RepairError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says why nothing was done.
fn refuse(why: &str) -> ExitCode {
    eprintln!("irsa-audit: {why}");
    ExitCode::from(NOTHING)
}
