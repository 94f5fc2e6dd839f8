//! The flags of `can-i`.

use audit_core::model::BindingKey;
use clap::Args;

use crate::audit::source::SourceArgs;
use irsa_audit::trust::args::condition;

/// What the long help ends with.
const MORE: &str = "\
Examples:
  irsa-audit can-i shop/cart s3:GetObject 'arn:aws:s3:::carts/*'
  irsa-audit can-i shop/cart list pods
  irsa-audit can-i shop/cart s3:GetObject 'arn:aws:s3:::carts/*' --condition aws:RequestedRegion=eu-west-1
  irsa-audit can-i shop/cart get secrets tls --kubernetes dump/kubernetes";

/// Tell whether a ServiceAccount may do something, and by what, or why not and what would let it.
///
/// Asks the cluster of the kubeconfig, and for actions of AWS also AWS; with --kubernetes, files alone. Nothing is ever written
/// to either.
///
/// Of an action of AWS the answer follows the whole chain: whether the ServiceAccount gets credentials of its role, what the role's
/// policies and its permissions boundary say, and, for sts:AssumeRole, the trust policy of the other role. From files, also the SCPs and
/// RCPs that were given. Policies of resources are not looked at.
///
/// Exit code: 0 yes, 1 no, 3 where what was seen does not tell, 2 where something is wrong with the call, or cannot be
/// read.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_long_help = MORE)]
pub struct CanIArgs {
    /// The ServiceAccount
    #[arg(value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub service_account: BindingKey,

    /// What it would do: a verb of Kubernetes, such as `get`, or an action of AWS, such as `s3:GetObject`
    #[arg(value_name = "VERB|ACTION")]
    pub action: String,

    /// On what: a resource by any name that kubectl takes, with API group and subresource where needed, such as `po`, `pods/log` or
    /// `deployments.apps/scale`; for AWS an ARN, or nothing for an action that has no resource of its own
    #[arg(value_name = "RESOURCE|ARN")]
    pub target: Option<String>,

    /// The only object that it is about
    #[arg(value_name = "NAME")]
    pub name: Option<String>,

    /// The subresource, such as `log`
    #[arg(long, value_name = "SUBRESOURCE")]
    pub subresource: Option<String>,

    /// In which namespace; that of the ServiceAccount where absent
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// In all namespaces, or of a resource that lies in none
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,

    /// For AWS: what is known of a condition key, such as `aws:RequestedRegion=eu-west-1`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = condition)]
    pub condition: Vec<(String, String)>,

    #[command(flatten)]
    pub source: SourceArgs,
}

fn service_account(text: &str) -> Result<BindingKey, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(BindingKey::new(namespace, name))
        }
        _ => Err("give NAMESPACE/NAME, such as `shop/cart`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_has_a_namespace_and_a_name() {
        assert_eq!(service_account("shop/cart"), Ok(BindingKey::new("shop", "cart")));
        for text in ["cart", "/cart", "shop/", "a/b/c", ""] {
            service_account(text).unwrap_err();
        }
    }
}
