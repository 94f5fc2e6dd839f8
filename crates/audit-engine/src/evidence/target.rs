//! What a verdict can hang on.

use audit_core::issuers::Question;

/// Something in AWS that is read by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A role, and which policies it has.
    Role {
        /// Its account.
        account: String,
        /// Its name.
        name: String,
    },
    /// A role, with what stands in its policies.
    Permissions {
        /// Its account.
        account: String,
        /// Its name.
        name: String,
    },
    /// What IAM's policy simulator says of a role.
    Simulation {
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
    /// The URLs of all providers of an account.
    ProviderUrls {
        /// The account.
        account: String,
    },
    /// How long an account lets trust policies be.
    TrustQuota {
        /// The account.
        account: String,
    },
    /// The associations of EKS Pod Identity of the cluster.
    PodIdentity {
        /// The cluster's account.
        account: String,
    },
    /// The EKS clusters of an account in a region.
    Clusters {
        /// The account.
        account: String,
        /// The region.
        region: String,
    },
}

impl From<Question> for Target {
    fn from(question: Question) -> Self {
        match question {
            Question::Providers { account } => Self::ProviderUrls { account },
            Question::Clusters { account, region } => Self::Clusters { account, region },
        }
    }
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

    /// A role, with what stands in its policies.
    #[must_use]
    pub fn permissions(account: &str, name: &str) -> Self {
        Self::Permissions {
            account: account.to_owned(),
            name: name.to_owned(),
        }
    }

    /// What IAM's policy simulator says of a role.
    #[must_use]
    pub fn simulation(account: &str, name: &str) -> Self {
        Self::Simulation {
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

    /// The URLs of all providers of an account.
    #[must_use]
    pub fn provider_urls(account: &str) -> Self {
        Self::ProviderUrls {
            account: account.to_owned(),
        }
    }

    /// How long an account lets trust policies be.
    #[must_use]
    pub fn trust_quota(account: &str) -> Self {
        Self::TrustQuota {
            account: account.to_owned(),
        }
    }

    /// The associations of EKS Pod Identity of the cluster, which is in this account.
    #[must_use]
    pub fn pod_identity(account: &str) -> Self {
        Self::PodIdentity {
            account: account.to_owned(),
        }
    }

    /// What is read with it as well.
    #[must_use]
    pub fn part(&self) -> Option<Self> {
        match self {
            Self::Permissions { account, name } => Some(Self::role(account, name)),
            _ => None,
        }
    }

    /// What has to be read again as well where it is: without it, an answer could be to another role.
    #[must_use]
    pub fn basis(&self) -> Option<Self> {
        match self {
            Self::Simulation { account, name } => Some(Self::permissions(account, name)),
            _ => None,
        }
    }

    /// The account that it is in.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::Role { account, .. }
            | Self::Permissions { account, .. }
            | Self::Simulation { account, .. }
            | Self::Provider { account }
            | Self::ProviderUrls { account }
            | Self::TrustQuota { account }
            | Self::PodIdentity { account }
            | Self::Clusters { account, .. } => account,
        }
    }

    /// Whether a listing of the account brings it.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        matches!(self, Self::Role { .. } | Self::Permissions { .. })
    }
}
