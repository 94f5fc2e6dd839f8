//! `irsa-audit audit`: every binding once, from a cluster and AWS, or from files.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `expect` | expectations on the command line |
//! | `input` | files as texts |
//! | `live` | a cluster and AWS, asked once |
//! | `threshold` | what makes an audit fail |

pub mod args;
mod expect;
pub mod input;
mod live;
mod threshold;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_core::report::Report;
use audit_offline::{Options, Weight};
use jiff::Timestamp;

use args::{AuditArgs, Format};
use input::{InputError, Reader};
use live::LiveError;

/// The report reaches the threshold.
const REACHED: u8 = 1;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A path cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What was read cannot be understood; each problem is told by itself.
    #[error("{}", .0.join("\nirsa-audit: "))]
    Problems(Vec<String>),
    /// Of files, one account's outputs at most may name none.
    #[error(
        "--account gives, with --kubernetes, one account to which outputs belong that name none: give one ID, without a role"
    )]
    Account,
    /// The cluster or AWS cannot be asked.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The report could not be written.
    #[error("the report could not be written: {0}")]
    Output(#[source] io::Error),
}

/// Audits once; the exit code tells whether the threshold is reached.
///
/// # Errors
/// When there is no report; the exit code is then 2.
pub fn run(args: &AuditArgs) -> Result<ExitCode, AuditError> {
    let report = if args.kubernetes.is_empty() {
        live::audit(args)?
    } else {
        offline(args)?
    };
    let text = match args.output {
        Format::Table => audit_report::table::render(&report),
        Format::Wide => audit_report::wide::render(&report),
        Format::Json => audit_report::json::render(&report),
        Format::Yaml => audit_report::yaml::render(&report),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The exit code tells it to whoever has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(AuditError::Output(error)),
        _ => {}
    }
    Ok(if args.fail_on.is_reached(&report) {
        ExitCode::from(REACHED)
    } else {
        ExitCode::SUCCESS
    })
}

/// The audit of files.
fn offline(args: &AuditArgs) -> Result<Report, AuditError> {
    let account = match args.accounts.as_slice() {
        [] => None,
        [access] if access.role_arn.is_none() => Some(access.id.clone()),
        _ => return Err(AuditError::Account),
    };
    let mut reader = Reader::default();
    let manifests = reader.read(&args.kubernetes)?;
    let outputs = reader.read(&args.aws)?;
    let now = Timestamp::now();
    let options = Options {
        annotation_prefix: args.annotation_prefix.clone(),
        namespace: args.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        webhook_namespace: args.webhook_namespace.clone(),
        partial: args.partial,
        issuer: args.issuer.clone(),
        account,
        now,
    };
    let mut loaded = audit_offline::load(&manifests, &outputs, &options);
    loaded.config.role_home.clone_from(&args.compose_role_arn);
    if loaded.has_errors() {
        let errors = loaded
            .problems
            .iter()
            .filter(|problem| problem.weight == Weight::Error);
        return Err(AuditError::Problems(errors.map(ToString::to_string).collect()));
    }
    for problem in &loaded.problems {
        eprintln!("irsa-audit: warning: {problem}");
    }
    expect::add(&mut loaded.snapshot, &loaded.config, &args.expect);
    Ok(audit_core::audit(&loaded.snapshot, &loaded.config, now))
}
