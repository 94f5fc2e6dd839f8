//! The flags of `doctor`.

use std::io;

use audit_aws::AccountAccess;
use clap::{Args, ValueEnum};

use crate::cluster::ConnectionArgs;
use crate::remediation::OwnAccount;
use crate::service::ServiceError;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit doctor
  irsa-audit doctor --service-account irsa-audit/irsa-audit
  kubectl exec -n irsa-audit deploy/irsa-audit -- /irsa-audit doctor

Exit codes:
  0  everything is allowed
  1  something is denied
  2  something is wrong with the call, or the API server does not answer
  3  nothing is denied, and something cannot be determined";

/// Check the operator's own permissions in the cluster and in AWS.
///
/// Asks the API server about the caller, and makes each call to AWS that an audit needs once, about things that do not exist. Lists each
/// permission as ok, denied or unknown, and what is missing without it. AWS is asked with the caller's own credentials: run it in the operator's
/// pod to check those of the operator. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub struct DoctorArgs {
    /// Check this ServiceAccount in the cluster in place of the caller; AWS is still asked as the caller
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub service_account: Option<OwnAccount>,

    /// The namespace where the operator runs, for its Lease
    #[arg(short, long, value_name = "NAMESPACE", default_value = "irsa-audit")]
    pub namespace: String,

    /// Another account to check: `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated
    #[arg(
        long = "account",
        env = "IRSA_AUDIT_ACCOUNTS",
        value_name = "ACCESS",
        value_delimiter = ';'
    )]
    pub accounts: Vec<AccountAccess>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = DoctorOutput::Text)]
    pub output: DoctorOutput,

    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// How the answers look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorOutput {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// No cluster to talk to.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The operating system refused.
    #[error("the operating system refused: {0}")]
    System(#[source] io::Error),
    /// The answers could not be written.
    #[error("the answers could not be written: {0}")]
    Output(#[source] io::Error),
}
