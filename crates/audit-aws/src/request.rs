//! What can be asked of AWS.

use std::collections::BTreeSet;

use audit_core::model::IssuerUrl;

/// A question to AWS.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    /// One role, its trust policy and the names of its permission policies: `GetRole`, `ListAttachedRolePolicies`,
    /// `ListRolePolicies`. Answered by [`Reading::Role`](crate::Reading::Role) and, where the role exists,
    /// [`Reading::Policies`](crate::Reading::Policies).
    Role {
        /// The account's id.
        account: String,
        /// The role's name, without its path.
        name: String,
    },
    /// One OIDC provider: `GetOpenIDConnectProvider`. Answered by [`Reading::Provider`](crate::Reading::Provider).
    Provider {
        /// The account's id.
        account: String,
        /// The provider's ARN.
        arn: String,
    },
    /// All roles of an account: `GetAccountAuthorizationDetails`. Answered by
    /// [`Reading::Listing`](crate::Reading::Listing).
    Listing {
        /// The account's id.
        account: String,
        /// The cluster's issuer: roles whose trust policy mentions it are kept.
        issuer: IssuerUrl,
        /// The names of roles that are kept anyway, or found to be absent.
        wanted: BTreeSet<String>,
    },
    /// The issuer of an EKS cluster in the operator's own account and region: `DescribeCluster`. Answered by
    /// [`Reading::EksIssuer`](crate::Reading::EksIssuer).
    EksIssuer {
        /// The cluster's name.
        cluster_name: String,
    },
}
