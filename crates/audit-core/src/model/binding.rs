//! The identity of a binding: one ServiceAccount.

use std::fmt;

use audit_fix::ServiceAccountName;
use rbac::Identity;

use super::Name;

/// Names one ServiceAccount, and with it one binding. Ordered by namespace, then name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingKey {
    /// The namespace of the ServiceAccount.
    pub namespace: Name,
    /// The name of the ServiceAccount.
    pub service_account: Name,
}

impl BindingKey {
    /// Names the ServiceAccount `service_account` in `namespace`.
    #[must_use]
    pub fn new(namespace: impl Into<Name>, service_account: impl Into<Name>) -> Self {
        Self {
            namespace: namespace.into(),
            service_account: service_account.into(),
        }
    }

    /// The `sub` claim of this ServiceAccount's tokens: `system:serviceaccount:<namespace>:<name>`.
    #[must_use]
    pub fn subject(&self) -> String {
        // Asked for each binding many times: in one piece, where `format!` would grow it.
        [
            "system:serviceaccount:",
            &self.namespace,
            ":",
            &self.service_account,
        ]
        .concat()
    }
}

impl From<&BindingKey> for Identity {
    fn from(key: &BindingKey) -> Self {
        Self::of(&key.namespace, &key.service_account)
    }
}

impl<'a> From<&'a BindingKey> for ServiceAccountName<'a> {
    fn from(key: &'a BindingKey) -> Self {
        Self {
            namespace: &key.namespace,
            name: &key.service_account,
        }
    }
}

impl fmt::Display for BindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.service_account)
    }
}
