//! What AWS answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::model::{
    EksIssuer, InlineDocuments, IssuerUrl, ManagedPolicy, Role, RolePolicies, TrustingRoles,
};
use jiff::Timestamp;

use crate::evidence::{Answered, EvidenceKind, PieceAnswer};
use crate::failure::Failure;

/// An answer to a [`DirectoryRequest`](crate::DirectoryRequest), or to who the operator is.
#[derive(Debug, Clone)]
pub enum Reading {
    /// The operator's own account, by `GetCallerIdentity`. Asked without request, again and again until it succeeds.
    HomeAccount {
        /// When the call started.
        at: Timestamp,
        /// The account's ID: 12 digits.
        result: Result<String, Failure>,
    },
    /// The configuration gives no way into an account that a request named.
    NotConfigured {
        /// The account's ID: 12 digits.
        account: String,
    },
    /// A piece of evidence.
    Piece {
        /// The ID of the account that was asked: 12 digits.
        account: String,
        /// The question and the answer.
        answer: PieceAnswer,
    },
    /// All roles of an account.
    Listing {
        /// The account's ID: 12 digits.
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
        /// When the call started.
        at: Timestamp,
        /// The issuer in its description.
        result: Result<IssuerUrl, Failure>,
    },
}

impl Reading {
    /// The answer to a question that was asked at once.
    pub fn piece<K>(account: &str, asked: K, at: Timestamp, result: Result<K::Value, Failure>) -> Self
    where
        K: EvidenceKind,
        PieceAnswer: From<Answered<K>>,
    {
        Self::Piece {
            account: account.to_owned(),
            answer: Answered::new(asked, at, result).into(),
        }
    }
}

/// What a complete listing of an account showed.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The wanted roles that exist, and all whose trust policy mentions the issuer.
    pub roles: Vec<ListedRole>,
    /// The wanted names that no role has.
    pub absent: BTreeSet<String>,
    /// The documents of managed policies that wanted roles have, with the time at which the page was asked for that had each.
    pub managed: BTreeMap<String, (Timestamp, ManagedPolicy)>,
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
