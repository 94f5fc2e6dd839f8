//! The writer's flags. Each has an environment variable, except the one that is for tests.

use std::net::SocketAddr;
use std::time::Duration;

use audit_aws::AccountAccess;
use audit_core::model::IssuerUrl;
use audit_core::model::service_account::DEFAULT_AUDIENCE;
use audit_k8s::lease;
use clap::Args;

use super::timing::TimingChange;
use crate::arguments::{LogFormat, address, annotation_prefix, duration};
use crate::remediation::OwnAccount;

/// Runs the writer.
///
/// It is the only part of irsa-audit that changes anything in AWS: it appends one statement to the trust policy of a role, or removes
/// that statement, once the team, the admins, the role's owner and, where the mode asks for it, a person agree. It always holds a
/// Lease. AWS credentials, region and endpoint come from the standard AWS environment; the cluster from KUBECONFIG, or from the pod
/// that this runs in.
#[derive(Debug, Clone, Args)]
pub struct WriterArgs {
    /// The issuer of the cluster's tokens; where absent, the one that the writer's own token or the API server names
    #[arg(long = "issuer", alias = "oidc-issuer", env = "IRSA_AUDIT_OIDC_ISSUER", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// An account whose roles may be edited, also the writer's own: ID, or `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be
    /// repeated. Roles of other accounts are neither read nor written
    #[arg(
        long = "account",
        env = "IRSA_AUDIT_ACCOUNTS",
        value_name = "ACCESS",
        value_delimiter = ';',
        required = true
    )]
    pub accounts: Vec<AccountAccess>,

    /// The prefix of the webhook's annotations
    #[arg(long, env = "IRSA_AUDIT_ANNOTATION_PREFIX", value_name = "PREFIX", default_value = "eks.amazonaws.com", value_parser = annotation_prefix)]
    pub annotation_prefix: String,

    /// The audience with which a self-hosted webhook is started, its own flag --token-audience
    #[arg(long, env = "IRSA_AUDIT_TOKEN_AUDIENCE", value_name = "AUDIENCE", default_value = DEFAULT_AUDIENCE, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub token_audience: String,

    /// The operator's ServiceAccount, which may not approve
    #[arg(
        long,
        env = "IRSA_AUDIT_OPERATOR_SERVICE_ACCOUNT",
        value_name = "NAMESPACE/NAME"
    )]
    pub operator_service_account: OwnAccount,

    /// The writer's own ServiceAccount, which may not approve
    #[arg(long, env = "IRSA_AUDIT_SERVICE_ACCOUNT", value_name = "NAMESPACE/NAME")]
    pub service_account: OwnAccount,

    /// How long to wait between two looks at what there is to repair
    #[arg(long, env = "IRSA_AUDIT_INTERVAL", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub interval: Duration,

    /// How many roles are read within a minute to look for repairs; the reads of a repair itself are not counted
    #[arg(long, env = "IRSA_AUDIT_ROLE_READS_PER_MINUTE", value_name = "NUMBER", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub role_reads_per_minute: u16,

    /// The namespace of the Lease
    #[arg(
        long,
        env = "IRSA_AUDIT_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "irsa-audit"
    )]
    pub lease_namespace: String,

    /// The name of the Lease, which is not the operator's
    #[arg(long, env = "IRSA_AUDIT_LEASE_NAME", value_name = "NAME", default_value = lease::WRITER_NAME)]
    pub lease_name: String,

    /// How long the Lease lasts without renewal: at least 45s, so that it outlasts a call to AWS
    #[arg(long, env = "IRSA_AUDIT_LEASE_DURATION", value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub lease_duration: Duration,

    /// The name of this replica in the Lease; a random part is added
    #[arg(
        long,
        env = "IRSA_AUDIT_POD_NAME",
        value_name = "NAME",
        default_value = "irsa-audit-writer"
    )]
    pub pod_name: String,

    /// How long repairs that have begun may go on after SIGTERM
    #[arg(long, env = "IRSA_AUDIT_GRACE", value_name = "DURATION", default_value = "150s", value_parser = duration)]
    pub grace: Duration,

    /// Where /metrics, /healthz and /readyz are served; port 0 picks a free one
    #[arg(long, env = "IRSA_AUDIT_METRICS_ADDR", value_name = "HOST:PORT", default_value = ":8080", value_parser = address)]
    pub metrics_addr: SocketAddr,

    /// How log lines look
    #[arg(long, env = "IRSA_AUDIT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: a level, or directives such as `info,irsa_audit::remediation=debug`
    #[arg(long, env = "IRSA_AUDIT_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    // For tests against a pretend AWS only. The defaults are what the safety of a write rests on: with shorter times a foreign change
    // of a role can be lost unseen. It has no environment variable, and the chart does not set it.
    #[arg(long, hide = true, value_name = "NAME=DURATION", value_delimiter = ',')]
    pub unsafe_test_timing: Vec<TimingChange>,
}
