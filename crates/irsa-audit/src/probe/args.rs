//! The flags of `probe`.

use std::io;

use audit_aws::AccountAccess;
use audit_core::config::RoleHome;
use audit_core::model::IssuerUrl;
use clap::{Args, ValueEnum};
use iam_policy::RoleArn;

use super::target::NothingToProbe;
use super::token::TokenError;
use crate::arguments::{SubjectArgs, SubjectError, annotation_prefix};
use crate::audit::live::LiveError;
use crate::audit::source::{SourceArgs, SourceError};
use crate::audit::source_args::{ANNOTATION_PREFIX, WEBHOOK_NAMESPACE};
use crate::cluster::ConnectionArgs;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit probe shop/cart
  irsa-audit probe cart -n shop --region eu-west-1
  irsa-audit probe shop/cart --role-arn arn:aws:iam::111122223333:role/reports

Exit codes:
  0  STS admits the token, the evaluation agrees, and the status is working or at risk
  1  STS refuses the token and the evaluation agrees; or the status is broken for a different reason
  2  something is wrong with the call, or the cluster, AWS or STS cannot be asked
  3  STS and the evaluation disagree (IRSA905), or something that decides could not be seen";

/// Ask STS once whether it gives the role to the ServiceAccount, and compare its answer with the evaluation.
///
/// This command acts, unlike `status`:
///
/// - It creates a token of the ServiceAccount, valid for 10 minutes, with your own permissions in the cluster (verb `create` on
///   `serviceaccounts/token`). The audit log of the API server shows that.
///
/// - It calls sts:AssumeRoleWithWebIdentity once with that token. If STS admits it, a session of the role exists for 15 minutes, with a
///   session policy that denies everything. CloudTrail shows the call, with a session name that begins with `irsa-audit-probe` and names
///   you, and IAM shows the role as used.
///
/// Token and credentials are never printed or stored, and are dropped at once. The call is made from this machine: a pod may have a different
/// network.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct ProbeArgs {
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// Ask for this role, and evaluate the ServiceAccount as if its annotation named it
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub role_arn: Option<RoleArn>,

    /// The region whose STS endpoint is asked; where absent, that of the EKS cluster, else that of the AWS configuration
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: Option<String>,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = ProbeOutput::Text)]
    pub output: ProbeOutput,

    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// The issuer of the cluster's tokens; where absent, it is determined from the cluster
    #[arg(long, alias = "oidc-issuer", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The EKS cluster's name, in the caller's own account and region: to ask EKS for Pod Identity associations, and for the
    /// issuer where nothing else tells it
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// An account to look into besides the caller's own: ID, `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated
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

impl ProbeArgs {
    /// What is evaluated: a cluster and AWS, for files have no tokens.
    pub fn source(&self) -> SourceArgs {
        SourceArgs {
            kubernetes: Vec::new(),
            aws: Vec::new(),
            terraform: Vec::new(),
            paths: Vec::new(),
            partial: false,
            connection: self.connection.clone(),
            issuer: self.issuer.clone(),
            cluster_name: self.cluster_name.clone(),
            accounts: self.accounts.clone(),
            annotation_prefix: self.annotation_prefix.clone(),
            token_audience: self.token_audience.clone(),
            compose_role_arn: self.compose_role_arn.clone(),
            webhook_namespace: self.webhook_namespace.clone(),
        }
    }
}

/// How a probe looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProbeOutput {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The ServiceAccount is not named.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The evaluation cannot be made.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no role or no audience to ask for.
    #[error(transparent)]
    Target(#[from] NothingToProbe),
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// STS does not answer.
    #[error(
        "STS in region `{region}` did not answer: {why}; check the network and proxy of this machine, or set --region or AWS_ENDPOINT_URL_STS"
    )]
    Sts {
        /// The region whose endpoint was asked.
        region: String,
        /// What stood in the way. Safe to show.
        why: String,
    },
    /// The answer could not be written.
    #[error("the answer could not be written: {0}")]
    Output(#[source] io::Error),
}

impl From<LiveError> for ProbeError {
    fn from(error: LiveError) -> Self {
        Self::Source(error.into())
    }
}

fn role_arn(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|error| error.to_string())
}

/// A region, which becomes a part of a host's name.
fn region(text: &str) -> Result<String, String> {
    let is_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.len() <= 32 && text.chars().all(is_region) {
        Ok(text.to_owned())
    } else {
        Err("must be a region, such as `eu-west-1`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_no_other_part_of_a_host() {
        assert_eq!(region("us-gov-west-1").as_deref(), Ok("us-gov-west-1"));
        for bad in [
            "",
            "eu-west-1.example.com",
            "eu west",
            "EU-WEST-1",
            "a/b",
            "eu-west-1#",
        ] {
            region(bad).unwrap_err();
        }
    }
}
