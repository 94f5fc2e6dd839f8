//! The flags of `trust evaluate`.

use std::path::PathBuf;

use audit_core::model::IssuerUrl;
use audit_core::text::quote;
use clap::{Args, Subcommand, ValueEnum};

/// Commands about trust policies by themselves.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Say whether a role's trust policy admits a Kubernetes token, and why.
    ///
    /// Example: irsa-audit trust evaluate --policy role.json --issuer `https://…` --subject system:serviceaccount:shop:cart
    ///
    /// Exit code: 0 allowed, 1 denied, 2 bad input, 3 undetermined. With --batch: 0 when every line was answered, 2 when some asked nothing.
    Evaluate(Box<EvaluateArgs>),
}

/// What is asked of a trust policy.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct EvaluateArgs {
    /// The policy document, plain or percent-encoded, or the whole output of `aws iam get-role`; `-` reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    pub policy: Option<PathBuf>,

    /// The issuer of the token, as in its `iss` claim
    #[arg(long, value_name = "URL", required_unless_present = "batch", value_parser = IssuerUrl::parse)]
    pub issuer: Option<IssuerUrl>,

    /// The subject of the token: `system:serviceaccount:NAMESPACE:NAME`
    #[arg(long, value_name = "SUBJECT", required_unless_present = "batch")]
    pub subject: Option<String>,

    /// The audience of the token
    #[arg(long, value_name = "AUDIENCE", default_value = "sts.amazonaws.com")]
    pub audience: String,

    /// The account of the role; by default the one whose provider the policy names
    #[arg(long, value_name = "ID", value_parser = account)]
    pub account: Option<String>,

    /// What is known of another condition key, such as `aws:SourceIp=10.1.2.3`; given again, the key has several values
    #[arg(long, value_name = "KEY=VALUE", value_parser = condition)]
    pub condition: Vec<(String, String)>,

    /// How the answer looks
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// Answer JSON lines {id, policy, principal, action?, context, closed?} with JSON lines {id, decision}; `-` reads
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policy", "issuer", "subject", "audience", "account", "condition", "output"])]
    pub batch: Option<PathBuf>,

    /// In a batch, also say why, unless it is allowed; this takes several times as long
    #[arg(long, requires = "batch")]
    pub explain: bool,
}

/// How an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Reads an account number.
fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account has 12 digits; leading zeros count".to_owned())
    }
}

/// Reads a condition key and a value of it.
///
/// # Errors
/// Where it is neither.
pub fn condition(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("write it like `aws:SourceIp=10.1.2.3`")?;
    if key.contains(':') {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err(format!(
            "`{}` is no condition key; write it like `aws:SourceIp=10.1.2.3`",
            quote(key)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_twelve_digits() {
        assert!(account("000011112222").is_ok());
        for bad in ["", "11112222333", "1111222233334", "11112222333x"] {
            assert!(account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_context_value_may_be_anything() {
        assert_eq!(
            condition("aws:SourceIp=a=b"),
            Ok(("aws:SourceIp".to_owned(), "a=b".to_owned()))
        );
        assert_eq!(
            condition("aws:SourceIp="),
            Ok(("aws:SourceIp".to_owned(), String::new()))
        );
        assert!(condition("aws:SourceIp").is_err() && condition("ip=1").is_err());
    }
}
