//! `irsa-audit can-i`: whether a ServiceAccount may do something, with the reason.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `kubernetes` | verbs of Kubernetes |

pub mod args;
mod kubernetes;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_offline::{Options, Weight};
use jiff::Timestamp;

use crate::audit::input::{InputError, Reader};
use args::CanIArgs;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CanIError {
    /// A path cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What was read cannot be understood; each problem is told by itself.
    #[error("{}", .0.join("\nirsa-audit: "))]
    Problems(Vec<String>),
    /// An action of AWS.
    #[error("`{0}` looks like an action of AWS: this version answers for verbs of Kubernetes")]
    Action(String),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reply {
    code: u8,
    text: String,
}

impl Reply {
    fn yes(why: &str) -> Self {
        Self {
            code: 0,
            text: format!("yes: {why}\n"),
        }
    }

    /// With what would let it.
    fn no(why: &str, remedy: &str) -> Self {
        Self {
            code: 1,
            text: format!("no: {why}\n\n{remedy}"),
        }
    }

    fn unknown(why: &str) -> Self {
        Self {
            code: 3,
            text: format!("unknown: {why}\n"),
        }
    }
}

/// Answers; the exit code says it as well.
///
/// # Errors
/// When there is no answer; the exit code is then 2.
pub fn run(args: &CanIArgs) -> Result<ExitCode, CanIError> {
    if args.action.contains(':') {
        return Err(CanIError::Action(audit_core::text::quote(&args.action)));
    }
    let manifests = Reader::default().read(&args.kubernetes)?;
    let options = Options {
        annotation_prefix: "eks.amazonaws.com".to_owned(),
        namespace: "default".to_owned(),
        webhook_namespace: "kube-system".to_owned(),
        partial: args.partial,
        issuer: None,
        account: None,
        now: Timestamp::now(),
    };
    let loaded = audit_offline::load(&manifests, &[], &options);
    if loaded.has_errors() {
        let errors = loaded
            .problems
            .iter()
            .filter(|problem| problem.weight == Weight::Error);
        return Err(CanIError::Problems(errors.map(ToString::to_string).collect()));
    }
    let reply = kubernetes::answer(&loaded.snapshot, args);
    match io::stdout().lock().write_all(reply.text.as_bytes()) {
        // The exit code tells it to whoever has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CanIError::Output(error)),
        _ => Ok(ExitCode::from(reply.code)),
    }
}
