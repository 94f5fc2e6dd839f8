//! What can be asked of AWS.

use std::collections::BTreeSet;

use audit_core::model::{BindingKey, Inquiry, IssuerUrl};

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
    /// The same, and what stands in the policies and in the permissions boundary: `GetRolePolicy`, `GetPolicy` and
    /// `GetPolicyVersion` besides. Answered by [`Reading::Inline`](crate::Reading::Inline) and, for each managed policy,
    /// [`Reading::Managed`](crate::Reading::Managed) besides. A managed policy that is waiting to be read is read once, however
    /// many roles have it.
    Permissions {
        /// The account's id.
        account: String,
        /// The role's name, without its path.
        name: String,
    },
    /// What IAM's policy simulator says of a role: `SimulatePrincipalPolicy`, once for each inquiry. Answered by
    /// [`Reading::Simulation`](crate::Reading::Simulation).
    Simulation {
        /// The account's id.
        account: String,
        /// The role's name, without its path.
        name: String,
        /// The role's ARN.
        role_arn: String,
        /// Which policies the role is known to have; told again in the answer.
        state: u64,
        /// What is asked.
        inquiries: BTreeSet<Inquiry>,
    },
    /// One OIDC provider: `GetOpenIDConnectProvider`. Answered by [`Reading::Provider`](crate::Reading::Provider).
    Provider {
        /// The account's id.
        account: String,
        /// The provider's ARN.
        arn: String,
    },
    /// The URLs of all OIDC providers of an account: `ListOpenIDConnectProviders`. Answered by
    /// [`Reading::ProviderUrls`](crate::Reading::ProviderUrls).
    ProviderUrls {
        /// The account's id.
        account: String,
    },
    /// How long trust policies may be: `GetAccountSummary`. Answered by
    /// [`Reading::TrustQuota`](crate::Reading::TrustQuota).
    TrustQuota {
        /// The account's id.
        account: String,
    },
    /// The associations of EKS Pod Identity of a cluster: `ListPodIdentityAssociations`, and
    /// `DescribePodIdentityAssociation` for the roles of some. Answered by
    /// [`Reading::PodIdentity`](crate::Reading::PodIdentity).
    PodIdentity {
        /// The id of the cluster's account.
        account: String,
        /// The cluster's name.
        cluster_name: String,
        /// The ServiceAccounts whose associations' roles are of interest.
        wanted: BTreeSet<BindingKey>,
    },
    /// The issuers of all EKS clusters of an account in a region: `ListClusters`, and `DescribeCluster` for each. Answered by
    /// [`Reading::Clusters`](crate::Reading::Clusters).
    Clusters {
        /// The account's id.
        account: String,
        /// The region.
        region: String,
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
