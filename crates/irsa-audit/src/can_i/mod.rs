//! `irsa-audit can-i`: whether a ServiceAccount may do something, with the reason.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `question` | what they ask for |
//! | `aws` | actions of AWS |
//! | `afterwards` | what has to be repaired after the first broken link |
//! | `pod_identity` | the same with credentials of EKS Pod Identity |
//! | `kubernetes` | verbs of Kubernetes |
//! | `resources` | which resources there are, and by which names |
//! | `served` | what the API server says of them, and of ServiceAccount and namespace |
//! | `presence` | whether ServiceAccount and namespace exist |
//! | `reply` | answers as text |

mod afterwards;
pub mod args;
mod aws;
mod kubernetes;
mod pod_identity;
mod presence;
mod question;
mod reply;
mod resources;
mod served;
#[cfg(test)]
#[path = "../../tests/support/can_i.rs"]
mod testing;

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::audit::source::SourceError;
use args::CanIArgs;
use question::{CanIQuestion, QuestionError};
use resources::ResourceError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CanIError {
    /// It is no question.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// It is about no resource that there is.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// There is nothing to ask.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
}

/// Answers; the exit code says it as well.
///
/// # Errors
/// When there is no answer; the exit code is then 2.
pub fn run(args: &CanIArgs) -> Result<ExitCode, CanIError> {
    let key = &args.service_account;
    let reply = match question::read(args)? {
        CanIQuestion::Aws(asked) => aws::ask(&args.source, key, &asked)?,
        CanIQuestion::Kubernetes(asked) => kubernetes::ask(&args.source, key, &asked)?,
    };
    match io::stdout().lock().write_all(reply.text.as_bytes()) {
        // The exit code tells it to whoever has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CanIError::Output(error)),
        _ => Ok(ExitCode::from(reply.code)),
    }
}
