//! The flags of `can-i`.

use std::path::PathBuf;

use audit_core::model::BindingKey;
use clap::Args;

/// Tells whether a ServiceAccount may do something, and by which role, or why not and what would let it.
///
/// Asks manifests, which count as the whole cluster unless --partial is given.
///
/// Exit code: 0 yes, 1 no, 3 where what was given does not tell, 2 where something is wrong with the call, or cannot be
/// read.
#[derive(Debug, Args)]
pub struct CanIArgs {
    /// The ServiceAccount
    #[arg(value_name = "NAMESPACE/NAME", value_parser = service_account)]
    pub service_account: BindingKey,

    /// What it would do: a verb of Kubernetes, such as `get`
    #[arg(value_name = "VERB")]
    pub action: String,

    /// On what: a resource in the plural, with its API group and subresource where it has one, such as `deployments.apps/scale`
    #[arg(value_name = "RESOURCE")]
    pub target: String,

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

    /// Manifests: files or directories of YAML and JSON, with roles and bindings, as kubectl and helm print them; `-` reads standard
    /// input
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub kubernetes: Vec<PathBuf>,

    /// The manifests are not the whole cluster, but a chart or an application: what they lack may exist
    #[arg(long)]
    pub partial: bool,
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
