//! `irsa-audit trust`: a trust policy by itself, without a cluster and without AWS.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | [`batch`] | many requests, one a line |
//! | `evaluation` | one policy and one identity |
//! | `provider` | the provider's ARN, where only the issuer is given |
//! | `cause` | the finding behind an answer |
//! | `report` | the answer as data, printed as JSON |
//! | `text` | the answer for a person |

pub mod args;
pub mod batch;
mod cause;
mod evaluation;
mod place;
mod provider;
mod report;
mod text;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use args::{EvaluateArgs, Output, TrustCommand};
use audit_core::text::quote;
use batch::BatchError;
pub use evaluation::EvaluationError;
use evaluation::{Asked, Evaluation};
use iam_policy::Decision;
use report::TrustReport;

/// Denied, by a statement or for want of one.
const DENIED: u8 = 1;
/// Something is wrong with what was given.
const BAD_INPUT: u8 = 2;
/// It hangs on something that is not known.
const UNDETERMINED: u8 = 3;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// What was given cannot be evaluated.
    #[error(transparent)]
    Input(#[from] EvaluationError),
    /// The batch's file cannot be opened.
    #[error("the batch `{0}` could not be opened: {1}; give a file, or `-` for standard input")]
    Batch(String, #[source] io::Error),
    /// The batch ended early.
    #[error(transparent)]
    Ended(#[from] BatchError),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
    /// A flag is missing.
    #[error("--policy, --issuer and --subject, or --batch, must be given")]
    Flags,
}

/// Runs a command; the exit code is the answer.
///
/// # Errors
/// When there is no answer; the exit code is then 2.
pub fn run(command: &TrustCommand) -> Result<ExitCode, TrustError> {
    let TrustCommand::Evaluate(args) = command;
    match &args.batch {
        Some(path) => run_batch(path, args.explain),
        None => evaluate(args),
    }
}

fn evaluate(args: &EvaluateArgs) -> Result<ExitCode, TrustError> {
    let (Some(policy), Some(issuer), Some(subject)) = (&args.policy, &args.issuer, &args.subject) else {
        return Err(TrustError::Flags);
    };
    let asked = Asked {
        issuer,
        subject,
        audience: &args.audience,
        account: args.account.as_deref(),
        context: &args.condition,
    };
    let evaluation = Evaluation::new(&evaluation::read_policy(policy)?, &asked)?;
    let report = TrustReport::of(&evaluation);
    let text = match args.output {
        Output::Text => text::render(&report),
        Output::Json => {
            serde_json::to_string_pretty(&report)
                .map_err(io::Error::from)
                .map_err(TrustError::Output)?
                + "\n"
        }
    };
    if let (Decision::Invalid, Some(problem)) = (evaluation.decision, report.problems.first()) {
        eprintln!(
            "irsa-audit: IAM would refuse the policy `{}`: {problem}",
            quote(&policy.to_string_lossy())
        );
    }
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The exit code tells it to whoever has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(TrustError::Output(error)),
        _ => {}
    }
    Ok(match evaluation.decision {
        Decision::Allowed => ExitCode::SUCCESS,
        Decision::ExplicitlyDenied | Decision::ImplicitlyDenied => ExitCode::from(DENIED),
        Decision::Undetermined => ExitCode::from(UNDETERMINED),
        Decision::Invalid => ExitCode::from(BAD_INPUT),
    })
}

fn run_batch(path: &Path, explain: bool) -> Result<ExitCode, TrustError> {
    let output = io::stdout().lock();
    let result = if path.as_os_str() == "-" {
        batch::evaluate(io::stdin().lock(), output, explain)
    } else {
        let opened = File::open(path);
        let opened = opened.map_err(|error| TrustError::Batch(quote(&path.to_string_lossy()), error))?;
        batch::evaluate(opened, output, explain)
    };
    match result {
        Ok(summary) if summary.bad == 0 => Ok(ExitCode::SUCCESS),
        Ok(_) => Ok(ExitCode::from(BAD_INPUT)),
        // Whoever reads the answers has had enough.
        Err(BatchError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

/// The name of a decision, as users see it.
fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "Allowed",
        Decision::ExplicitlyDenied => "ExplicitlyDenied",
        Decision::ImplicitlyDenied => "ImplicitlyDenied",
        Decision::Undetermined => "Undetermined",
        Decision::Invalid => "Invalid",
    }
}
