//! Values of flags that several commands take.

use std::net::SocketAddr;
use std::time::Duration;

use audit_core::model::BindingKey;
use audit_core::text::quote;
use clap::{Args, ValueEnum};

/// A ServiceAccount.
#[derive(Debug, Clone, Args)]
pub struct SubjectArgs {
    /// The ServiceAccount: NAMESPACE/NAME, or NAME with --namespace
    #[arg(value_name = "NAMESPACE/NAME")]
    pub service_account: String,

    /// The namespace of the ServiceAccount
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
}

/// The names of the resource, by which kubectl takes `sa/cart`.
const RESOURCE: [&str; 3] = ["sa", "serviceaccount", "serviceaccounts"];

/// Why a ServiceAccount is not named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The namespace or the name is missing.
    #[error("give the ServiceAccount as NAMESPACE/NAME, such as `shop/cart`, or as NAME with --namespace")]
    Incomplete,
    /// The namespace is given twice, and differs.
    #[error("`{}` is in namespace `{}`, but --namespace is `{}`: leave one out", quote(.given), quote(.own), quote(.flag))]
    TwoNamespaces {
        /// What is given.
        given: String,
        /// The namespace in it.
        own: String,
        /// That of the flag.
        flag: String,
    },
}

impl SubjectArgs {
    /// The ServiceAccount.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn key(&self) -> Result<BindingKey, SubjectError> {
        let given = self.namespace.as_deref();
        let (namespace, name) = match self.service_account.split_once('/') {
            Some((own, name)) => match given {
                // As kubectl has it: the flag names the namespace.
                Some(flag) if flag != own && RESOURCE.contains(&own) => (flag, name),
                Some(flag) if flag != own => {
                    return Err(SubjectError::TwoNamespaces {
                        given: self.service_account.clone(),
                        own: own.to_owned(),
                        flag: flag.to_owned(),
                    });
                }
                _ => (own, name),
            },
            None => (given.unwrap_or_default(), self.service_account.as_str()),
        };
        if namespace.is_empty() || name.is_empty() || name.contains('/') {
            return Err(SubjectError::Incomplete);
        }
        Ok(BindingKey::new(namespace, name))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, one object a line.
    Json,
}

/// Reads the prefix of an annotation: a DNS name.
pub fn annotation_prefix(text: &str) -> Result<String, String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("must be a DNS name, such as `eks.amazonaws.com`".to_owned())
    }
}

/// Reads `10m`, `90s`, `1h30m`; at least a second.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<kube::core::Duration, _> = text.parse();
    match parsed {
        Ok(duration) if !duration.is_negative() && Duration::from(duration) >= Duration::from_secs(1) => {
            Ok(duration.into())
        }
        Ok(_) => Err("must be at least 1s".to_owned()),
        Err(error) => Err(format!("{error}; write it like `90s`, `10m` or `1h30m`")),
    }
}

/// Reads `HOST:PORT`, and `:PORT` for all addresses.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') {
        format!("[::]{text}")
    } else {
        text.to_owned()
    };
    full.parse()
        .map_err(|_| "write it like `:8080` or `127.0.0.1:8080`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_named_with_its_namespace_once() {
        let key = |service_account: &str, namespace: Option<&str>| {
            let args = SubjectArgs {
                service_account: service_account.to_owned(),
                namespace: namespace.map(str::to_owned),
            };
            args.key()
        };
        let cart = Ok(BindingKey::new("shop", "cart"));
        assert_eq!(key("shop/cart", None), cart);
        assert_eq!(key("cart", Some("shop")), cart);
        assert_eq!(key("shop/cart", Some("shop")), cart);
        assert_eq!(key("sa/cart", Some("shop")), cart);
        assert_eq!(key("serviceaccount/cart", Some("shop")), cart);
        assert_eq!(key("sa/cart", None), Ok(BindingKey::new("sa", "cart")));
        assert_eq!(key("sa/cart", Some("sa")), Ok(BindingKey::new("sa", "cart")));
        let differs = key("till/cart", Some("shop")).unwrap_err().to_string();
        assert!(
            differs.contains("`till`") && differs.contains("`shop`"),
            "{differs}"
        );
        assert_eq!(key("cart", None), Err(SubjectError::Incomplete));
    }

    #[test]
    fn a_prefix_is_a_dns_name() {
        assert!(
            annotation_prefix("eks.amazonaws.com").is_ok() && annotation_prefix("irsa.k-1.example").is_ok()
        );
        for bad in ["", "eks.amazonaws.com/", "Eks.amazonaws.com", "a..b", "-a.b"] {
            assert!(annotation_prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_those_of_kubernetes() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        for bad in ["", "10", "-5m", "0s", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_alone_means_all_addresses() {
        assert_eq!(address(":8080").unwrap().to_string(), "[::]:8080");
        assert_eq!(address("[::1]:1").unwrap().to_string(), "[::1]:1");
        assert!(address("8080").is_err() && address(":http").is_err());
    }
}
