//! The operator's flags. Each has an environment variable.

use std::net::SocketAddr;
use std::time::Duration;

use crate::arguments::{LogFormat, address, annotation_prefix, duration};
use crate::remediation::OwnAccount;
use audit_aws::AccountAccess;
use audit_core::config::RoleHome;
use audit_core::model::IssuerUrl;
use clap::{Args, ValueEnum};

/// How many series bindings get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// Series of bindings that are not Working, and totals.
    Unhealthy,
    /// Series of all bindings, and totals.
    All,
    /// Totals only.
    Totals,
}

/// Runs the controller.
///
/// AWS credentials, region and endpoint come from the standard AWS environment; the cluster from KUBECONFIG, or from the
/// pod that this runs in.
#[derive(Debug, Clone, Args)]
pub struct OperatorArgs {
    /// The issuer of the cluster's tokens; found out where absent
    #[arg(long = "issuer", alias = "oidc-issuer", env = "IRSA_AUDIT_OIDC_ISSUER", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The EKS cluster's name, in the operator's own account and region: to ask EKS for Pod Identity associations, and
    /// for the issuer where nothing else tells it
    #[arg(long, env = "IRSA_AUDIT_CLUSTER_NAME", value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// The prefix of the webhook's annotations
    #[arg(long, env = "IRSA_AUDIT_ANNOTATION_PREFIX", value_name = "PREFIX", default_value = "eks.amazonaws.com", value_parser = annotation_prefix)]
    pub annotation_prefix: String,

    /// The audience with which a self-hosted webhook is started, its own flag --token-audience; where absent, the one that
    /// tokens in running pods show
    #[arg(long, env = "IRSA_AUDIT_TOKEN_AUDIENCE", value_name = "AUDIENCE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub token_audience: Option<String>,

    /// The account, or PARTITION:ACCOUNT, in which a webhook started with --compose-role-arn looks for roles that
    /// annotations name without an ARN
    #[arg(long, env = "IRSA_AUDIT_COMPOSE_ROLE_ARN", value_name = "ACCOUNT", value_parser = RoleHome::parse)]
    pub compose_role_arn: Option<RoleHome>,

    /// The namespace of a self-hosted webhook, for the ConfigMap by which it may be told what to inject
    #[arg(
        long,
        env = "IRSA_AUDIT_WEBHOOK_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "kube-system"
    )]
    pub webhook_namespace: String,

    /// Where /metrics, /healthz and /readyz are served; port 0 picks a free one
    #[arg(long, env = "IRSA_AUDIT_METRICS_ADDR", value_name = "HOST:PORT", default_value = ":8080", value_parser = address)]
    pub metrics_addr: SocketAddr,

    /// Which bindings get series of their own
    #[arg(long, env = "IRSA_AUDIT_METRICS_DETAIL", value_enum, default_value_t = Detail::Unhealthy)]
    pub metrics_detail: Detail,

    /// How often everything in AWS is read anew, such as 10m
    #[arg(long, env = "IRSA_AUDIT_REFRESH", value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub refresh: Duration,

    /// An account to look into besides the operator's own: ID, or `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated
    #[arg(
        long = "account",
        env = "IRSA_AUDIT_ACCOUNTS",
        value_name = "ACCESS",
        value_delimiter = ';'
    )]
    pub accounts: Vec<AccountAccess>,

    /// Lead only while holding a Lease, so that several replicas can run
    #[arg(long, env = "IRSA_AUDIT_LEADER_ELECT")]
    pub leader_elect: bool,

    /// The namespace of the Lease
    #[arg(
        long,
        env = "IRSA_AUDIT_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "irsa-audit"
    )]
    pub lease_namespace: String,

    /// How long the Lease lasts without renewal
    #[arg(long, env = "IRSA_AUDIT_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,

    /// The name of this replica in the Lease; a random part is added
    #[arg(
        long,
        env = "IRSA_AUDIT_POD_NAME",
        value_name = "NAME",
        default_value = "irsa-audit"
    )]
    pub pod_name: String,

    /// The operator's own ServiceAccount, which may not approve a repair
    #[arg(
        long,
        env = "IRSA_AUDIT_SERVICE_ACCOUNT",
        value_name = "NAMESPACE/NAME",
        default_value = "irsa-audit/irsa-audit"
    )]
    pub service_account: OwnAccount,

    /// The writer's ServiceAccount, if the writer is installed: a status then says who does not agree to a repair yet
    #[arg(
        long,
        env = "IRSA_AUDIT_WRITER_SERVICE_ACCOUNT",
        value_name = "NAMESPACE/NAME"
    )]
    pub writer_service_account: Option<OwnAccount>,

    /// How log lines look
    #[arg(long, env = "IRSA_AUDIT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: a level, or directives such as `info,audit_aws=debug`
    #[arg(long, env = "IRSA_AUDIT_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}
