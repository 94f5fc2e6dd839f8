//! One record of the journal.

use jiff::Timestamp;
use serde_json::Value;

use crate::edit::RemedyOperation;
use crate::facts::RemedySubject;
use crate::plan::PlanHash;

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangePhase {
    /// The record is there; the write may have been sent, or be on its way.
    Prepared,
    /// The role was seen to have the proposed document, after a time in which no stale answer is given.
    Applied,
    /// IAM refused the write.
    Refused,
    /// The role still has the document from before, after a time in which the write can no longer arrive.
    NotApplied,
    /// The write was never sent.
    Abandoned,
    /// The role was seen with a third document: another actor changed it. The writer does not write to the role until a person releases it.
    Latched,
}

impl ChangePhase {
    /// Its name in the custom resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "Prepared",
            Self::Applied => "Applied",
            Self::Refused => "Refused",
            Self::NotApplied => "NotApplied",
            Self::Abandoned => "Abandoned",
            Self::Latched => "Latched",
        }
    }

    /// Whether the change is still going on.
    #[must_use]
    pub fn is_open(self) -> bool {
        self == Self::Prepared
    }

    /// Whether the change counts as a failure of writing.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::NotApplied | Self::Latched)
    }
}

/// A `TrustPolicyChange`: one write, or the attempt of one. The shell keeps it until [`expired_records`](super::expired_records) has it,
/// lets no one but the writer change it, and changes `phase`, `changed` and `found` only while `phase` is `Prepared`, with the object's resource version as precondition.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRecord {
    /// The object's name, from [`record_name`]: the API server lets only one writer create it.
    pub name: String,
    /// The role's change counter with this record, from 1.
    pub sequence: u64,
    /// The role's ARN.
    pub role_arn: String,
    /// The role's unique id.
    pub role_id: String,
    /// The URL of the cluster's issuer.
    pub issuer: String,
    /// The ServiceAccount's namespace.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub service_account: String,
    /// What is done.
    pub operation: RemedyOperation,
    /// The statement that it is done with.
    pub statement: Value,
    /// The role's document from before, decoded, whole: what a person restores.
    pub before: String,
    /// The document that is written.
    pub after: String,
    /// The plan's hash.
    pub hash: PlanHash,
    /// The UID of the `IrsaApproval` that is spent; none in `Automatic`.
    pub approval: Option<String>,
    /// The names of the policies that allowed it: each counts it against its limit.
    pub policies: Vec<String>,
    /// How far it has come.
    pub phase: ChangePhase,
    /// When it was created: the API server's `creationTimestamp` where the object has one.
    pub created: Timestamp,
    /// When `phase` was changed last.
    pub changed: Timestamp,
    /// The identity under which the writer held the lease.
    pub writer: String,
    /// The document that was found, if the change is latched and the role exists.
    pub found: Option<String>,
    /// When a person released the role, if the change was latched.
    pub released: Option<Timestamp>,
}

impl JournalRecord {
    /// Whether the statement of the record is, or may have been, in the role's document.
    #[must_use]
    pub fn may_have_acted(&self) -> bool {
        matches!(self.phase, ChangePhase::Applied | ChangePhase::Latched)
    }

    /// Whether it is a change for this ServiceAccount of this cluster.
    #[must_use]
    pub fn is_for(&self, subject: &RemedySubject) -> bool {
        (
            self.issuer.as_str(),
            self.namespace.as_str(),
            self.service_account.as_str(),
        ) == (
            subject.issuer.as_str(),
            subject.namespace.as_str(),
            subject.name.as_str(),
        )
    }

    /// Whether it keeps its role from being written to.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        self.phase == ChangePhase::Latched && self.released.is_none()
    }
}

/// The name of the record of a role's change: the same for two writers that are about to make the same change, so that the API server
/// accepts one of them.
#[must_use]
pub fn record_name(role_id: &str, sequence: u64) -> String {
    let id: String = role_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    format!("{id}-{sequence:06}")
}
