//! The flags of `status`.

use std::io;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::arguments::{SubjectArgs, SubjectError, duration};
use crate::audit::source::{SourceArgs, SourceError};

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit status shop/cart
  irsa-audit status cart -n shop --watch
  irsa-audit status shop/cart --kubernetes dump/kubernetes --aws dump/aws

Exit codes:
  0  working or at risk, or nothing names a role
  1  broken
  2  something is wrong with the call, or cannot be read
  3  irsa-audit could not see something that decides";

/// Show one ServiceAccount as a whole: its credential path, each link of the chain, and every finding with its fix.
///
/// The first broken link is marked. Reads the cluster of the kubeconfig and AWS; with --kubernetes, only files. Writes to neither.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct StatusArgs {
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// Look again every DURATION until interrupted
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "15s", value_parser = duration, conflicts_with_all = ["kubernetes", "terraform"])]
    pub watch: Option<Duration>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = StatusOutput::Text)]
    pub output: StatusOutput,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// How a status looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusOutput {
    /// For people
    Text,
    /// For machines: a report of this ServiceAccount alone
    Json,
}

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The ServiceAccount is not named.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// There is nothing to look at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
}
