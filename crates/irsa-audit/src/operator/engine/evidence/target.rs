//! What a verdict can hang on.

/// Something in AWS that is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A role and its policies.
    Role {
        /// Its account.
        account: String,
        /// Its name.
        name: String,
    },
    /// The provider for the cluster's issuer.
    Provider {
        /// Its account.
        account: String,
    },
}

impl Target {
    /// A role.
    #[must_use]
    pub fn role(account: &str, name: &str) -> Self {
        Self::Role {
            account: account.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The provider of an account.
    #[must_use]
    pub fn provider(account: &str) -> Self {
        Self::Provider {
            account: account.to_owned(),
        }
    }

    /// The account that it is in.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::Role { account, .. } | Self::Provider { account } => account,
        }
    }

    /// Whether a listing of the account brings it.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        matches!(self, Self::Role { .. })
    }
}
