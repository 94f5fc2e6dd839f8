//! What AWS answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{
    BindingKey, EksIssuer, FailureKind, InlineDocuments, Inquiry, IssuerUrl, PodIdentityAssociation,
    Provider, Role, RoleLookup, RolePolicies, SimulatedAnswer, TrustingRoles,
};
use jiff::Timestamp;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What a verdict makes of it.
    pub kind: FailureKind,
    /// AWS's words, or what stood in the way of hearing any; safe to show.
    pub message: String,
}

/// An answer to a [`Request`](crate::Request), or to who the operator is.
///
/// `at` is when the call that was answered started: what AWS said is at least as young.
#[derive(Debug, Clone)]
pub enum Reading {
    /// The operator's own account, by `GetCallerIdentity`. Asked without request, again and again until it succeeds.
    HomeAccount {
        /// When.
        at: Timestamp,
        /// The account's id.
        result: Result<String, Failure>,
    },
    /// The configuration gives no way into an account that a request named.
    NotConfigured {
        /// The account's id.
        account: String,
    },
    /// Whether there is a role, and its trust policy.
    Role {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
        /// When.
        at: Timestamp,
        /// The role, or its absence.
        result: Result<RoleLookup, Failure>,
    },
    /// The permission policies of a role that exists.
    Policies {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
        /// When.
        at: Timestamp,
        /// Its policies.
        result: Result<RolePolicies, Failure>,
    },
    /// The documents of a role's inline policies.
    Inline {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
        /// When.
        at: Timestamp,
        /// The documents by name; none of a policy that is gone meanwhile.
        result: Result<InlineDocuments, Failure>,
    },
    /// A managed policy.
    Managed {
        /// The account from which it was read: it may belong to AWS.
        account: String,
        /// Its ARN.
        arn: String,
        /// When.
        at: Timestamp,
        /// The document of its default version.
        result: Result<Box<str>, Failure>,
    },
    /// What IAM's policy simulator says of a role.
    Simulation {
        /// The account's id.
        account: String,
        /// The role's name.
        name: String,
        /// Which policies the role was known to have when it was asked.
        state: u64,
        /// When.
        at: Timestamp,
        /// The answers by what was asked; none to what IAM does not simulate.
        result: Result<BTreeMap<Inquiry, Vec<SimulatedAnswer>>, Failure>,
    },
    /// An OIDC provider.
    Provider {
        /// The account's id.
        account: String,
        /// The ARN that was asked for.
        arn: String,
        /// When.
        at: Timestamp,
        /// The provider; `None` where IAM says that there is none.
        result: Result<Option<Provider>, Failure>,
    },
    /// The URLs of all OIDC providers of an account, without the scheme, sorted.
    ProviderUrls {
        /// The account's id.
        account: String,
        /// When.
        at: Timestamp,
        /// The URLs.
        result: Result<Vec<String>, Failure>,
    },
    /// How many characters a trust policy of an account may have.
    TrustQuota {
        /// The account's id.
        account: String,
        /// When.
        at: Timestamp,
        /// The quota.
        result: Result<usize, Failure>,
    },
    /// The associations of EKS Pod Identity of the cluster.
    PodIdentity {
        /// The id of the cluster's account.
        account: String,
        /// When.
        at: Timestamp,
        /// The associations.
        result: Result<BTreeMap<BindingKey, PodIdentityAssociation>, Failure>,
        /// Why roles of associations could not be read, although the associations could.
        trouble: Option<Failure>,
    },
    /// The EKS clusters of an account in a region.
    Clusters {
        /// The account's id.
        account: String,
        /// The region.
        region: String,
        /// When.
        at: Timestamp,
        /// The issuers of all of them.
        result: Result<BTreeSet<EksIssuer>, Failure>,
    },
    /// All roles of an account.
    Listing {
        /// The account's id.
        account: String,
        /// When the last page was there, or the listing failed.
        at: Timestamp,
        /// When the first page was asked for.
        started_at: Timestamp,
        /// What the whole listing showed.
        result: Result<Listed, Failure>,
    },
    /// The issuer of an EKS cluster.
    EksIssuer {
        /// The cluster's name.
        cluster_name: String,
        /// When.
        at: Timestamp,
        /// The issuer in its description.
        result: Result<IssuerUrl, Failure>,
    },
}

/// What a complete listing of an account showed.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The wanted roles that exist, and all whose trust policy mentions the issuer.
    pub roles: Vec<ListedRole>,
    /// The wanted names that no role has.
    pub absent: BTreeSet<String>,
    /// The documents of managed policies that wanted roles have, with the time at which the page was asked for that had each.
    pub managed: BTreeMap<String, (Timestamp, Box<str>)>,
    /// Managed policies that wanted roles have, and the listing did not show: they are read one by one.
    pub unlisted: BTreeSet<String>,
    /// The issuers of other EKS clusters than the one of the listing, and the roles that trust them, whoever they are.
    pub trusted_issuers: BTreeMap<EksIssuer, TrustingRoles>,
    /// How many roles the account has.
    pub total: usize,
}

/// One role of a listing.
#[derive(Debug, Clone)]
pub struct ListedRole {
    /// Its name.
    pub name: String,
    /// When the page that it stood on was asked for.
    pub at: Timestamp,
    /// The role, unless IAM described it in a way that nobody could read.
    pub role: Result<Arc<Role>, Failure>,
    /// Its permission policies.
    pub policies: RolePolicies,
    /// The documents of its inline policies, if it is wanted.
    pub inline: Option<InlineDocuments>,
    /// The subjects that its trust policy names exactly, for the issuer of the listing.
    pub subjects: BTreeSet<String>,
}
