//! The flags of `audit`.

use clap::{Args, ValueEnum};

use super::expect::ExpectArgument;
use super::source::SourceArgs;
use super::threshold::FailOn;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit audit
  irsa-audit audit --context prod -n shop
  irsa-audit audit --kubernetes dump/kubernetes --aws dump/aws -o json
  helm template . | irsa-audit audit --kubernetes - --partial --fail-on never";

/// Audit every binding once, from a cluster and AWS, or from files.
///
/// Looks at the cluster of the kubeconfig and at AWS; with --kubernetes, at files alone. Nothing is ever written to either.
///
/// With --kubernetes, the objects count as the whole cluster unless --partial is given, the roles of an account as all of them
/// if its get-account-authorization-details is given, and its providers if its list-open-id-connect-providers is. Everything
/// else that is missing is unknown, and said to be.
///
/// Exit code: 0 below the threshold of --fail-on, 1 at or above it, 2 where something is wrong with the call, or cannot be
/// read.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub struct AuditArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Audit only this namespace of the cluster. With --kubernetes: the namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// What every ServiceAccount that asks for a role must be able to do in AWS, besides what its IrsaAudit expects, as
    /// `s3:GetObject=arn:aws:s3:::bucket/*`; without the resource for an action that has none of its own; may be repeated
    #[arg(long, value_name = "ACTION=RESOURCE")]
    pub expect: Vec<ExpectArgument>,

    /// How the report looks
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,

    /// The least that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Broken)]
    pub fail_on: FailOn,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each binding, and the fix of each that is not well
    Table,
    /// More columns, and every finding in every form
    Wide,
    /// Everything, for machines
    Json,
    /// The same as YAML
    Yaml,
}
