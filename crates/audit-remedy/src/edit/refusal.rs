//! Why a trust policy is not edited.

use audit_core::model::aws::Keeper;
use iam_policy::Problem;

use super::proof::ProofFailure;

/// Why there is no edit. Each needs a person, or nothing at all.
#[derive(Debug, Clone, PartialEq)]
pub enum EditRefusal {
    /// IAM lets no one edit the role: it is service-linked, or IAM Identity Center keeps it.
    KeptByAws(Keeper),
    /// The annotation names a role by an ARN that the live role does not have: a different path, account or partition.
    OtherRole {
        /// The ARN of the role that was read.
        live: String,
    },
    /// The `IrsaAudit` expects a different role: the annotation is what has to be changed.
    ExpectsAnother {
        /// The role that it expects, untrusted text.
        expected: String,
    },
    /// The document has a problem: it is not JSON, a key is there twice, a list is empty, IAM's grammar does not have it. What the
    /// edit would do to such a document cannot be known.
    NotWhole(Vec<Problem>),
    /// A statement has no principal, or a resource.
    NotATrustPolicy,
    /// Namespace, name, audience or issuer have characters that a statement must not hold: wildcards, variables, quotation marks,
    /// anything but printable ASCII.
    OddIdentity,
    /// Another statement has the same `Sid` as ours: it was edited or copied.
    SidTaken,
    /// The role admits the ServiceAccount already: there is nothing to do.
    AlreadyAdmitted,
    /// The statement that admits it, or was meant to, has conditions on something else than the token, on the network perhaps. A
    /// condition is usually deliberate, and our statement would go around it.
    DependsOnConditions,
    /// A Deny statement keeps it out: another edit is needed, which is its author's.
    Denied,
    /// A Deny statement with conditions that are not known here may keep it out.
    MayBeDenied,
    /// The document would be larger than the account's quota, in characters without white space.
    OverQuota {
        /// The size that it would have.
        size: usize,
        /// The quota.
        quota: usize,
    },
    /// What is to be taken out is not a statement of our template for this ServiceAccount.
    NotOurs,
    /// The statement to take out is there this many times, and not once.
    NotOnce(usize),
    /// It is the only statement, and IAM takes no document without one.
    OnlyStatement,
    /// The journal has no statement of ours for this ServiceAccount that the live document has.
    NothingToRemove,
    /// The edit was made, and did not prove right.
    Unproven(ProofFailure),
}

impl EditRefusal {
    /// A short name for labels, fields and log lines: it holds no text of a cluster or an account. It is a contract and stays.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::KeptByAws(_) => "kept_by_aws",
            Self::OtherRole { .. } => "other_role",
            Self::ExpectsAnother { .. } => "expects_another",
            Self::NotWhole(_) => "document_not_whole",
            Self::NotATrustPolicy => "not_a_trust_policy",
            Self::OddIdentity => "odd_identity",
            Self::SidTaken => "sid_taken",
            Self::AlreadyAdmitted => "already_admitted",
            Self::DependsOnConditions => "depends_on_conditions",
            Self::Denied => "denied",
            Self::MayBeDenied => "may_be_denied",
            Self::OverQuota { .. } => "over_quota",
            Self::NotOurs => "not_ours",
            Self::NotOnce(_) => "not_once",
            Self::OnlyStatement => "only_statement",
            Self::NothingToRemove => "nothing_to_remove",
            Self::Unproven(_) => "unproven",
        }
    }
}
