//! The ServiceAccounts of irsa-audit itself. They may not approve, and nothing is written for their namespaces.

use std::collections::BTreeSet;
use std::str::FromStr;

use audit_core::text::quote;

/// A ServiceAccount of irsa-audit itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl FromStr for OwnAccount {
    type Err = String;

    /// Reads `NAMESPACE/NAME`, both as Kubernetes has them: the admission policy has them between quotation marks.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("`{}` is not NAMESPACE/NAME of a ServiceAccount", quote(text));
        let (namespace, name) = text.split_once('/').ok_or_else(error)?;
        let label = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !text.is_empty()
                && !text.starts_with('-')
                && !text.ends_with('-')
        };
        if label(namespace) && namespace.len() <= 63 && name.split('.').all(label) && name.len() <= 253 {
            Ok(Self {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        } else {
            Err(error())
        }
    }
}

impl OwnAccount {
    /// The name under which the API server knows it.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}

/// The accounts of both programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAccounts {
    /// The operator's.
    pub operator: OwnAccount,
    /// The writer's.
    pub writer: OwnAccount,
}

impl OwnAccounts {
    /// Their user names, in the order in which the shipped admission policy has them.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        vec![self.operator.user(), self.writer.user()]
    }

    /// Their namespaces.
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        let namespaces = [&self.operator, &self.writer].map(|account| account.namespace.clone());
        BTreeSet::from(namespaces).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_namespace_and_a_name_and_nothing_that_cel_could_read() {
        let account: OwnAccount = "irsa-audit/writer.v2".parse().unwrap();
        assert_eq!(account.user(), "system:serviceaccount:irsa-audit:writer.v2");
        for bad in ["", "a", "/a", "a/", "a/b/c", "a/b'", "A/b", "a.b/c", "a/b c"] {
            assert!(bad.parse::<OwnAccount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_common_namespace_is_named_once() {
        let accounts = OwnAccounts {
            operator: "ours/operator".parse().unwrap(),
            writer: "ours/writer".parse().unwrap(),
        };
        assert_eq!(accounts.namespaces(), ["ours"]);
    }
}
