//! The flags of `audit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::color::ColorWhen;
use super::expect::ExpectArgument;
use super::source::SourceArgs;
use super::threshold::FailOn;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit audit
  irsa-audit audit --context prod -n shop
  irsa-audit audit --kubernetes dump/kubernetes --aws dump/aws -o json
  irsa-audit audit --terraform plan.json dump/
  helm template . | irsa-audit audit --kubernetes - --partial --fail-on never";

/// Audit every binding once, from a cluster and AWS, or from files.
///
/// Looks at the cluster of the kubeconfig and at AWS; with paths, with --kubernetes or with --terraform, at files alone. Nothing is ever written to either.
///
/// Of files, the objects count as the whole cluster unless --partial is given, the roles of an account as all of them
/// if its get-account-authorization-details is given, and its providers if its list-open-id-connect-providers is. Everything
/// else that is missing is unknown, and said to be.
///
/// Exit code: 0 below the threshold of --fail-on, 1 at or above it, 2 where something is wrong with the call, or cannot be
/// read.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub struct AuditArgs {
    /// Files and directories in place of a cluster and AWS: manifests, and outputs of the AWS CLI. What each of them is shows by its
    /// content
    #[arg(value_name = "PATH", groups = ["files", "offline"])]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub source: SourceArgs,

    /// Audit only this namespace. In files, it is also the namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// What every ServiceAccount that asks for a role must be able to do in AWS, besides what its IrsaAudit expects, as
    /// `s3:GetObject=arn:aws:s3:::bucket/*`; without the resource for an action that has none of its own; may be repeated
    #[arg(long, value_name = "ACTION=RESOURCE")]
    pub expect: Vec<ExpectArgument>,

    /// The format of the report. Every format names each finding that reaches --fail-on
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub output: Format,

    /// Whether `-o table` and `-o wide` use colors. `auto` uses them on a terminal, and follows `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,

    /// The lowest severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::Broken)]
    pub fail_on: FailOn,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each binding, then the finding and the fix of each that does not work
    Table,
    /// The table with more columns, then every finding with every form of its fix
    Wide,
    /// Everything, for programs; fields are only ever added
    Json,
    /// The same as JSON, as YAML
    Yaml,
    /// SARIF 2.1.0 for code scanning: findings at the file and line of the manifest
    Sarif,
    /// JUnit XML for CI: a test case for each binding, which fails at or above --fail-on
    Junit,
    /// A comment for a pull request, below GitHub's limit of 65,536 characters
    Markdown,
    /// One page with the chain of each binding, a filter and a search; it loads nothing from the network
    Html,
    /// A graph of ServiceAccounts, roles and credential paths for Graphviz
    Dot,
}
