//! `irsa-audit doctor`: whether the operator, or whoever runs `audit`, may read what an audit needs.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `kubernetes` | what the API server says |
//! | `aws` | what AWS says |
//! | `view` | pure: the answers as text and JSON |

pub mod args;
mod aws;
mod kubernetes;
mod view;

use std::io::{self, Write as _};
use std::process::ExitCode;

use args::{DoctorArgs, DoctorError, DoctorOutput};
use view::{Checked, State};

use crate::console::Progress;

const DENIED: u8 = 1;
const UNKNOWN: u8 = 3;

/// Asks, and prints each answer; the exit code says the worst.
///
/// # Errors
/// [`DoctorError`]; the exit code is then 2.
pub fn run(args: &DoctorArgs) -> Result<ExitCode, DoctorError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DoctorError::System)?;
    let checked = runtime.block_on(async {
        let progress = Progress::start("asking the API server");
        let mut checked = kubernetes::check(args).await?;
        progress.now("asking AWS");
        checked.extend(aws::check(args).await);
        Ok::<_, DoctorError>(checked)
    })?;
    let text = match args.output {
        DoctorOutput::Text => view::text(&checked),
        DoctorOutput::Json => view::json(&checked),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(DoctorError::Output(error)),
        _ => {}
    }
    Ok(exit_code(&checked))
}

fn exit_code(checked: &[Checked]) -> ExitCode {
    if checked.iter().any(|one| matches!(one.state, State::Denied)) {
        ExitCode::from(DENIED)
    } else if checked.iter().any(|one| matches!(one.state, State::Unknown(_))) {
        ExitCode::from(UNKNOWN)
    } else {
        ExitCode::SUCCESS
    }
}
