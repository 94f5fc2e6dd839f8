//! The arguments that say where a cluster and its accounts are looked at.

use std::path::PathBuf;

use audit_aws::AccountAccess;
use audit_core::Config;
use audit_core::config::RoleHome;
use audit_core::model::IssuerUrl;
use clap::{ArgGroup, Args};

use crate::arguments::annotation_prefix;
use crate::cluster::ConnectionArgs;

/// The prefix of EKS's webhook.
pub const ANNOTATION_PREFIX: &str = "eks.amazonaws.com";

/// The namespace in which self-hosted webhooks run.
pub const WEBHOOK_NAMESPACE: &str = "kube-system";

/// Where a cluster and its accounts are looked at.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("offline").multiple(true)))]
pub struct SourceArgs {
    /// Manifests in place of a cluster: files or directories of YAML and JSON, as kubectl and helm print them; `-` reads standard input
    #[arg(long, value_name = "PATH", num_args = 1.., groups = ["files", "offline"], conflicts_with_all = ["kubeconfig", "context"])]
    pub kubernetes: Vec<PathBuf>,

    /// Outputs of the AWS CLI in place of AWS: files or directories of JSON, recognised by shape
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "offline")]
    pub aws: Vec<PathBuf>,

    /// A Terraform plan as `terraform show -json PLAN` or `tofu show -json PLAN` prints it, laid over the other files: roles, policies, OIDC
    /// providers, Pod Identity associations and ServiceAccounts as they will be after apply. Values that are known only after apply are unknown. Without
    /// manifests, what the plan lacks may exist. May be repeated
    #[arg(long, value_name = "PLAN", group = "offline", conflicts_with_all = ["kubeconfig", "context"])]
    pub terraform: Vec<PathBuf>,

    /// Files and directories whose content tells what they are: of commands that take paths without a flag
    #[arg(skip)]
    pub paths: Vec<PathBuf>,

    /// The manifests are not the whole cluster, but a chart or an application: what they lack may exist
    #[arg(long, requires = "offline")]
    pub partial: bool,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// The issuer of the cluster's tokens; where absent, it is determined from the cluster
    #[arg(long, alias = "oidc-issuer", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The EKS cluster's name, in the caller's own account and region: to ask EKS for Pod Identity associations, and for the
    /// issuer where nothing else tells it
    #[arg(long, value_name = "NAME", conflicts_with = "offline")]
    pub cluster_name: Option<String>,

    /// An account to look into besides the caller's own: ID, `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated. With
    /// --aws: the account of outputs that name none, where the other outputs of their directory do not tell it
    #[arg(long = "account", value_name = "ACCESS")]
    pub accounts: Vec<AccountAccess>,

    /// The prefix of the webhook's annotations
    #[arg(long, value_name = "PREFIX", default_value = ANNOTATION_PREFIX, value_parser = annotation_prefix)]
    pub annotation_prefix: String,

    /// The audience with which a self-hosted webhook is started, its own flag --token-audience; where absent, the one that
    /// tokens in running pods show
    #[arg(long, value_name = "AUDIENCE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub token_audience: Option<String>,

    /// The account, or PARTITION:ACCOUNT, in which a webhook started with --compose-role-arn looks for roles that
    /// annotations name without an ARN
    #[arg(long, value_name = "ACCOUNT", value_parser = RoleHome::parse)]
    pub compose_role_arn: Option<RoleHome>,

    /// The namespace of a self-hosted webhook, for the ConfigMap by which it may be told what to inject
    #[arg(long, value_name = "NAMESPACE", default_value = WEBHOOK_NAMESPACE)]
    pub webhook_namespace: String,
}

impl SourceArgs {
    /// Whether files take the place of a cluster and of AWS.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        !self.kubernetes.is_empty() || !self.paths.is_empty() || !self.terraform.is_empty()
    }

    /// The settings of an audit, before any policy.
    #[must_use]
    pub fn config(&self) -> Config {
        Config {
            annotation_prefix: self.annotation_prefix.clone(),
            token_audience: self.token_audience.clone(),
            role_home: self.compose_role_arn.clone(),
            ..Config::default()
        }
    }
}
