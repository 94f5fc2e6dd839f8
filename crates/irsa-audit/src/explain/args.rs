//! The flags of `explain`.

use std::io;

use audit_core::text::quote;
use audit_explain::page::UnknownCode;
use clap::{Args, ValueEnum};

use crate::audit::source::{SourceArgs, SourceError};

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit explain IRSA301
  irsa-audit explain 'AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity'
  kubectl logs deploy/cart | irsa-audit explain -
  irsa-audit explain --live - < error.txt

Exit codes:
  0  explained
  2  something is wrong with the call, or cannot be read
  3  nothing in the text is known";

/// Explain a code or a pasted error of AWS or Kubernetes.
///
/// Takes a code or reason of a finding, or any text: an error of STS or of an SDK, a 403 of the API server, an event of the kubelet, a CloudTrail
/// record, or the output of `aws sts get-caller-identity` from a container. Says what it means, which findings can be behind it, which common
/// advice does not help, and what to run next.
///
/// With --live or a flag that names a cluster, or with files by --kubernetes, it goes on with the status of the ServiceAccounts in the text.
/// Otherwise nothing but the text is read.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct ExplainArgs {
    /// A code, such as IRSA301, or a text; `-` reads standard input
    #[arg(value_name = "CODE|TEXT", required = true)]
    pub words: Vec<String>,

    /// Look at the cluster of the kubeconfig and at AWS for the ServiceAccounts in the text
    #[arg(long, conflicts_with = "kubernetes")]
    pub live: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = ExplainOutput::Text)]
    pub output: ExplainOutput,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// How an explanation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainOutput {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// A code that this version does not have.
    #[error("{} is not a code of this version; codes of this group: {}", quote(&.0.code), .0.group.join(", "))]
    UnknownCode(UnknownCode),
    /// Standard input cannot be read.
    #[error("standard input cannot be read: {0}")]
    Input(#[source] io::Error),
    /// There is nothing to look at.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The explanation could not be written.
    #[error("the explanation could not be written: {0}")]
    Output(#[source] io::Error),
}

impl ExplainArgs {
    /// Whether a cluster is asked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live || self.source.connection.is_given() || self.source.cluster_name.is_some()
    }
}
