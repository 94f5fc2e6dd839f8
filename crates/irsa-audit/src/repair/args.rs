//! The flags of the commands of remediation.

use std::time::Duration;

use audit_aws::AccountAccess;
use audit_core::fix::trust::TrustForm;
use audit_core::model::service_account::DEFAULT_AUDIENCE;
use audit_core::model::{BindingKey, IssuerUrl};
use audit_remedy::{MAX_VALIDITY, PlanHash};
use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use iam_policy::RoleArn;

use crate::arguments::{annotation_prefix, duration};
use crate::cluster::ConnectionArgs;
use crate::remediation::OwnAccount;

/// The shortest that the definition of an `IrsaApproval` allows.
const MIN_VALIDITY: Duration = Duration::from_mins(1);

/// Where the cluster and the role are read, and which ServiceAccounts are irsa-audit's own.
#[derive(Debug, Clone, Args)]
pub struct AccessArgs {
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// The issuer of the cluster's tokens; where absent, the one that the kubeconfig's token or the API server names
    #[arg(long = "issuer", alias = "oidc-issuer", env = "IRSA_AUDIT_OIDC_ISSUER", value_name = "URL", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// How to read an account: ID, `ID=ROLE_ARN`, or `ID=ROLE_ARN,EXTERNAL_ID`; may be repeated. Where absent, the caller's own
    /// credentials are used for the role's account
    #[arg(
        long = "account",
        env = "IRSA_AUDIT_ACCOUNTS",
        value_name = "ACCESS",
        value_delimiter = ';'
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
        value_name = "NAMESPACE/NAME",
        default_value = "irsa-audit/irsa-audit"
    )]
    pub operator_service_account: OwnAccount,

    /// The writer's ServiceAccount, which may not approve
    #[arg(
        long,
        env = "IRSA_AUDIT_WRITER_SERVICE_ACCOUNT",
        value_name = "NAMESPACE/NAME",
        default_value = "irsa-audit/irsa-audit-writer"
    )]
    pub writer_service_account: OwnAccount,
}

/// Show the planned repair of a trust policy.
///
/// Reads the ServiceAccount, its `IrsaAudit`, the policies, approvals and the journal from the cluster of the kubeconfig, and the role
/// from IAM, as the writer does. It reads no status of an `IrsaAudit`, and writes nothing.
///
/// Example: irsa-audit plan shop/cart
///
/// Exit code: 0 there is a plan, 1 there is none (nothing to do, or refused), 2 something is wrong with the call or cannot be read.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct PlanArgs {
    /// The ServiceAccount
    #[arg(value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub service_account: BindingKey,

    /// Show the plan that removes the statement of irsa-audit again
    #[arg(long)]
    pub remove: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Text)]
    pub output: PlanOutput,

    /// Print this form of the change too; may be repeated. Always printed: the AWS CLI, Terraform, eksctl, and the tools that manage the role
    #[arg(long = "form", value_name = "FORM", value_delimiter = ',')]
    pub forms: Vec<FormName>,

    #[command(flatten)]
    pub access: AccessArgs,
}

/// Print the tag by which a role consents to a ServiceAccount.
///
/// The role's owner sets it. The key belongs to this cluster, and the value keeps what the tag lists already. Nothing is written.
///
/// Example: irsa-audit consent shop/cart
///
/// Exit code: 0 printed, 1 refused because the existing tags are ambiguous or full, 2 something is wrong with the call or cannot be
/// read.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ConsentArgs {
    /// The ServiceAccount
    #[arg(value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub service_account: BindingKey,

    /// The role; where absent, the one that the ServiceAccount's annotation names. With --issuer, no cluster is needed
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub role: Option<RoleArn>,

    /// The tag's value as it is now, where the role cannot be read from here; empty if the role has no such tag
    #[arg(long, value_name = "VALUE")]
    pub existing: Option<String>,

    /// Print this form only
    #[arg(long, value_enum, value_name = "FORM")]
    pub form: Option<ConsentForm>,

    #[command(flatten)]
    pub access: AccessArgs,
}

/// Approve the planned repair of a trust policy.
///
/// Makes the plan itself, shows it whole, asks, and creates an `IrsaApproval` for exactly this plan. Everyone who may create an `IrsaApproval` may approve.
///
/// Example: irsa-audit approve shop/cart
///
/// Exit code: 0 approved, 1 nothing approved (no plan, a different plan, no use for an approval, or declined), 2 something is wrong with
/// the call, cannot be read, or may not be created.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ApproveArgs {
    /// The ServiceAccount
    #[arg(value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub service_account: BindingKey,

    /// How long the approval is valid: 1m to 24h
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = validity)]
    pub valid_for: Duration,

    #[command(flatten)]
    pub confirm: ConfirmArgs,

    #[command(flatten)]
    pub access: AccessArgs,
}

/// Approve that the statement of irsa-audit is removed from a trust policy again.
///
/// Makes the plan itself, shows it whole, asks, and creates an `IrsaApproval` for exactly this plan. Nothing but the one statement is removed.
///
/// Example: irsa-audit rollback shop/cart
///
/// Exit code: 0 approved, 1 nothing approved (nothing to remove, a different plan, no use for an approval, or declined), 2 something is
/// wrong with the call, cannot be read, or may not be created.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct RollbackArgs {
    #[command(flatten)]
    pub approve: ApproveArgs,
}

/// Release a role that another actor changed during a write.
///
/// The writer latched it and writes nothing to it. Shows what the role was, what was written and what was found, and asks. From then on the writer may write to the role again.
///
/// Example: irsa-audit release aroaexampleid-000001
///
/// Exit code: 0 released, 1 not released (the change is not latched, released already, or declined), 2 something is wrong with the call,
/// cannot be read, or may not be changed.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ReleaseArgs {
    /// The `TrustPolicyChange`
    #[arg(value_name = "CHANGE", value_parser = change_name)]
    pub change: String,

    /// Do not ask for confirmation; required without a terminal
    #[arg(long)]
    pub yes: bool,

    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// How a person confirms what was shown.
#[derive(Debug, Clone, Args)]
pub struct ConfirmArgs {
    /// The hash of the plan that is meant, all 64 digits; required without a terminal. A different plan is not approved
    #[arg(long, value_name = "HASH", value_parser = plan_hash)]
    pub plan_hash: Option<PlanHash>,

    /// Do not ask for confirmation on a terminal either
    #[arg(long, requires = "plan_hash")]
    pub yes: bool,
}

/// How a plan looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The forms of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConsentForm {
    /// A shell with the AWS CLI.
    AwsCli,
    /// Terraform's `tags`.
    Terraform,
}

/// A form of a plan, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormName(pub TrustForm);

impl ValueEnum for FormName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [FormName; TrustForm::ALL.len()] = {
            let [a, b, c, d, e, f] = TrustForm::ALL;
            [
                FormName(a),
                FormName(b),
                FormName(c),
                FormName(d),
                FormName(e),
                FormName(f),
            ]
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()))
    }
}

fn service_account(text: &str) -> Result<BindingKey, String> {
    let account: OwnAccount = text.parse()?;
    Ok(BindingKey::new(account.namespace, account.name))
}

fn role_arn(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|error| error.to_string())
}

fn plan_hash(text: &str) -> Result<PlanHash, String> {
    PlanHash::parse(text).ok_or_else(|| {
        "a hash has 64 digits, 0 to 9 and a to f; copy all of them from `irsa-audit plan`".to_owned()
    })
}

fn validity(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    if (MIN_VALIDITY..=Duration::try_from(MAX_VALIDITY).unwrap_or_default()).contains(&parsed) {
        Ok(parsed)
    } else {
        Err("must be between 1m and 24h".to_owned())
    }
}

/// The name of a cluster-wide object: nothing that would make another path of it.
fn change_name(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && text
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("give the name of a TrustPolicyChange, as `kubectl get trustpolicychanges` shows it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_given_whole() {
        assert!(plan_hash(&"ab".repeat(32)).is_ok());
        for bad in [
            "",
            "ab",
            &"ab".repeat(31),
            &"AB".repeat(32),
            &format!("{} ", "ab".repeat(32)),
        ] {
            assert!(plan_hash(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_approval_is_valid_for_a_minute_at_least_and_a_day_at_most() {
        assert_eq!(validity("24h"), Ok(Duration::from_hours(24)));
        assert_eq!(validity("1m"), Ok(Duration::from_mins(1)));
        for bad in ["24h1s", "25h", "59s", "0s", "-1h", "soon"] {
            assert!(validity(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        assert!(service_account("shop/cart.v2").is_ok() && change_name("aroaexample-000001").is_ok());
        for bad in ["cart", "shop/", "../x", "shop/../x", "Shop/cart"] {
            assert!(service_account(bad).is_err(), "{bad}");
        }
        for bad in ["", "..", "a/b", "a..b", "-a", "A"] {
            assert!(change_name(bad).is_err(), "{bad}");
        }
    }
}
