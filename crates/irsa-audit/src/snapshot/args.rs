//! The flags of `snapshot`.

use std::path::PathBuf;
use std::time::Duration;

use audit_aws::AccountAccess;
use audit_core::model::IssuerUrl;
use clap::Args;

use crate::arguments::{annotation_prefix, duration};
use crate::audit::source_args::{ANNOTATION_PREFIX, WEBHOOK_NAMESPACE};
use crate::cluster::ConnectionArgs;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit snapshot prod-2026-11-29
  irsa-audit snapshot prod --context prod --account 444455556666=arn:aws:iam::444455556666:role/reader
  irsa-audit snapshot prod && irsa-audit audit prod -o html > prod.html

Exit codes:
  0    the snapshot is whole
  1    some parts are not whole: what they may have held is unknown to an audit
  2    something is wrong with the call, the directory or the connection: nothing was taken
  130  interrupted: the same command takes the rest";

/// Capture what an audit reads from the cluster and AWS into a directory.
///
/// `irsa-audit audit DIR` then says what `irsa-audit audit` says live. A manifest, DIR/snapshot.json, lists the parts with their counts, and why a
/// part is not whole. The directory holds no Secret, no value of an environment variable except of those that AWS SDKs read, and no
/// annotation or field that no check reads. It does hold the roles of the accounts with their policies: keep it as you keep these.
///
/// If the command is interrupted, the same command keeps the parts that are whole and takes the rest.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct SnapshotArgs {
    /// The directory: new, empty, or of an earlier snapshot of the same cluster
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Capture the ServiceAccounts, pods and other objects of this namespace only
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// The issuer of the cluster's tokens; where absent, it is determined from the cluster
    #[arg(long, alias = "oidc-issuer", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The EKS cluster's name, in the caller's own account and region: to ask EKS for Pod Identity associations, and for the
    /// issuer where nothing else tells it
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// An account to look into besides the caller's own: `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated
    #[arg(long = "account", value_name = "ACCESS")]
    pub accounts: Vec<AccountAccess>,

    /// The prefix of the webhook's annotations
    #[arg(long, value_name = "PREFIX", default_value = ANNOTATION_PREFIX, value_parser = annotation_prefix)]
    pub annotation_prefix: String,

    /// The namespace of a self-hosted webhook, for the ConfigMap by which it may be told what to inject
    #[arg(long, value_name = "NAMESPACE", default_value = WEBHOOK_NAMESPACE)]
    pub webhook_namespace: String,

    /// Requests a second, to the API server and to AWS in each account, one after the other
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rate: u16,

    /// How old a whole part of an earlier run may be to be kept
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub max_age: Duration,
}
