//! The flags of `audit`.

use std::path::PathBuf;

use audit_aws::AccountAccess;
use audit_core::config::RoleHome;
use audit_core::model::IssuerUrl;
use clap::{Args, ValueEnum};

use super::expect::Expect;
use super::threshold::FailOn;
use crate::operator::settings::annotation_prefix;

/// Audits every binding once, and prints what it finds.
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
pub struct AuditArgs {
    /// Manifests in place of a cluster: files or directories of YAML and JSON, as kubectl and helm print them; `-` reads standard input
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub kubernetes: Vec<PathBuf>,

    /// Outputs of the AWS CLI in place of AWS: files or directories of JSON, recognised by shape
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "kubernetes")]
    pub aws: Vec<PathBuf>,

    /// The manifests are not the whole cluster, but a chart or an application: what they lack may exist
    #[arg(long, requires = "kubernetes")]
    pub partial: bool,

    /// The issuer of the cluster's tokens; found out where absent
    #[arg(long, value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The EKS cluster's name, in the caller's own account and region: to ask EKS for Pod Identity associations, and for the
    /// issuer where nothing else tells it
    #[arg(long, value_name = "NAME", conflicts_with = "kubernetes")]
    pub cluster_name: Option<String>,

    /// An account to look into besides the caller's own: ID, `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated. With
    /// --aws: the ID to which outputs belong that name none
    #[arg(long = "account", value_name = "ACCESS")]
    pub accounts: Vec<AccountAccess>,

    /// The prefix of the webhook's annotations
    #[arg(long, value_name = "PREFIX", default_value = "eks.amazonaws.com", value_parser = annotation_prefix)]
    pub annotation_prefix: String,

    /// The account, or PARTITION:ACCOUNT, in which a webhook started with --compose-role-arn looks for roles that
    /// annotations name without an ARN
    #[arg(long, value_name = "ACCOUNT", value_parser = RoleHome::parse)]
    pub compose_role_arn: Option<RoleHome>,

    /// The namespace of a self-hosted webhook, for the ConfigMap by which it may be told what to inject
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system")]
    pub webhook_namespace: String,

    /// Audit only this namespace of the cluster. With --kubernetes: the namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// With --kubernetes: what every annotated ServiceAccount must be able to do in AWS, besides what its IrsaAudit expects, as
    /// `s3:GetObject=arn:aws:s3:::bucket/*`; without the resource for an action that has none of its own; may be repeated
    #[arg(long, value_name = "ACTION=RESOURCE", requires = "kubernetes")]
    pub expect: Vec<Expect>,

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
