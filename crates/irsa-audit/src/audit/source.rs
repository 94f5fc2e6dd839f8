//! Where a cluster and its accounts are looked at: the flags for it, and files read in their place.

use std::path::PathBuf;

use audit_aws::AccountAccess;
use audit_core::config::RoleHome;
use audit_core::model::IssuerUrl;
use audit_core::{Config, Snapshot};
use audit_offline::{Options, Weight};
use clap::Args;
use jiff::Timestamp;

use super::input::{InputError, Reader};
use super::live::LiveError;
use crate::arguments::annotation_prefix;

/// The namespace of objects that name none, as kubectl has it.
const DEFAULT_NAMESPACE: &str = "default";

/// Where a cluster and its accounts are looked at.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
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
}

impl SourceArgs {
    /// Whether files take the place of a cluster and of AWS.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        !self.kubernetes.is_empty()
    }

    /// The settings of an audit, before any policy.
    #[must_use]
    pub fn config(&self) -> Config {
        Config {
            annotation_prefix: self.annotation_prefix.clone(),
            role_home: self.compose_role_arn.clone(),
            ..Config::default()
        }
    }
}

/// What was observed, and how it is to be judged.
#[derive(Debug)]
pub struct Evidence {
    /// The observations.
    pub snapshot: Snapshot,
    /// The settings, with the `default` `IrsaAuditPolicy` over them.
    pub config: Config,
    /// When.
    pub now: Timestamp,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
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
}

/// What files say. Objects that name no namespace are in `namespace`.
///
/// # Errors
/// [`SourceError`], unless the cluster is asked.
pub fn read(args: &SourceArgs, namespace: Option<&str>) -> Result<Evidence, SourceError> {
    let account = match args.accounts.as_slice() {
        [] => None,
        [access] if access.role_arn.is_none() => Some(access.id.clone()),
        _ => return Err(SourceError::Account),
    };
    let mut reader = Reader::default();
    let manifests = reader.read(&args.kubernetes)?;
    let outputs = reader.read(&args.aws)?;
    let now = Timestamp::now();
    let options = Options {
        annotation_prefix: args.annotation_prefix.clone(),
        namespace: namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned(),
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
        return Err(SourceError::Problems(errors.map(ToString::to_string).collect()));
    }
    for problem in &loaded.problems {
        eprintln!("irsa-audit: warning: {problem}");
    }
    Ok(Evidence {
        snapshot: loaded.snapshot,
        config: loaded.config,
        now,
    })
}
