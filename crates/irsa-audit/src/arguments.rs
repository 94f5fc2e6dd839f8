//! Values of flags that several commands take.

use std::net::SocketAddr;
use std::time::Duration;

use audit_core::model::BindingKey;
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

/// Why a ServiceAccount is not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The namespace or the name is missing.
    #[error("give the ServiceAccount as NAMESPACE/NAME, such as `shop/cart`, or as NAME with --namespace")]
    Incomplete,
    /// The namespace is given twice, and differs.
    #[error("--namespace names a different namespace from NAMESPACE/NAME: leave one out")]
    TwoNamespaces,
}

impl SubjectArgs {
    /// The ServiceAccount.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn key(&self) -> Result<BindingKey, SubjectError> {
        let given = self.namespace.as_deref();
        let (namespace, name) = match self.service_account.split_once('/') {
            Some((namespace, _)) if given.is_some_and(|given| given != namespace) => {
                return Err(SubjectError::TwoNamespaces);
            }
            Some((namespace, name)) => (namespace, name),
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
