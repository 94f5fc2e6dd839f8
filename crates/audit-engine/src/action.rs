//! What the engine wants done, and what came of it.

use audit_api::ClusterIrsaAuditStatus;
use audit_api::status::PackedStatus;
use audit_core::Verdict;
use audit_core::model::{BindingKey, Name, NamespacedName, Uid, WorkloadRef};
use audit_core::rbac::{ReviewQuestion, Ruling};

/// A ServiceAccount that owns its automatic `IrsaAudit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditOwner {
    /// Its name.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
}

/// A change of verdict that is worth an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The verdict until now; none before the first.
    pub before: Option<Verdict>,
    /// The new verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// One write to the API server. Writes of one object never overlap.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Create the automatic `IrsaAudit` of a binding.
    Create {
        /// The name of the object.
        name: String,
        /// The ServiceAccount to be audited.
        key: BindingKey,
        /// Its owner, where the ServiceAccount exists.
        owner: Option<AuditOwner>,
    },
    /// Write a status.
    Status {
        /// The object.
        object: NamespacedName,
        /// Its UID: another object of the same name is not meant.
        uid: Uid,
        /// What to write.
        status: PackedStatus,
        /// The Event, where the verdict changed.
        announce: Option<Announcement>,
        /// Why it is written.
        occasion: Occasion,
    },
    /// Make a ServiceAccount that came to exist the owner of its automatic `IrsaAudit`.
    Own {
        /// The object.
        object: NamespacedName,
        /// Its UID: another object of the same name is not meant.
        uid: Uid,
        /// Its owner.
        owner: AuditOwner,
    },
    /// Let go of an automatic `IrsaAudit` that somebody has adopted: drop label and owner.
    Release {
        /// The object.
        object: NamespacedName,
        /// Its UID: another object of the same name is not meant.
        uid: Uid,
    },
    /// Delete an automatic `IrsaAudit` that nothing calls for any more.
    Delete {
        /// The object.
        object: NamespacedName,
        /// Its UID: another object of the same name is not meant.
        uid: Uid,
    },
    /// Write the status of the `ClusterIrsaAudit`.
    Cluster {
        /// What to write.
        status: Box<ClusterIrsaAuditStatus>,
    },
}

/// Why a status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Something of the binding has just changed: it goes before what is refreshed.
    Change,
    /// It is refreshed.
    Refresh,
    /// It says nothing new but numbers and times.
    Detail,
}

impl Write {
    /// The UID of the object that is meant, where only that one is.
    #[must_use]
    pub fn uid(&self) -> Option<&Uid> {
        match self {
            Self::Status { uid, .. }
            | Self::Own { uid, .. }
            | Self::Release { uid, .. }
            | Self::Delete { uid, .. } => Some(uid),
            Self::Create { .. } | Self::Cluster { .. } => None,
        }
    }

    /// Whether it goes before what is refreshed: whatever follows from something that has just changed.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Status { occasion, .. } => *occasion == Occasion::Change,
            _ => true,
        }
    }

    /// Whether it says nothing new but numbers and times.
    #[must_use]
    pub fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::Status {
                occasion: Occasion::Detail,
                ..
            }
        )
    }

    /// The object that is written to; none for the cluster's.
    #[must_use]
    pub fn object(&self) -> Option<NamespacedName> {
        match self {
            Self::Create { name, key, .. } => Some(NamespacedName::new(key.namespace.clone(), name.clone())),
            Self::Status { object, .. }
            | Self::Own { object, .. }
            | Self::Release { object, .. }
            | Self::Delete { object, .. } => Some(object.clone()),
            Self::Cluster { .. } => None,
        }
    }
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOutcome {
    /// Done; the object has this resource version now, where it still exists.
    Done {
        /// The version, if the server's answer had one.
        resource_version: Option<u64>,
    },
    /// The object is not there, or another one is.
    Gone,
    /// The API server does not let an object be created: a quota, an admission policy or a missing right. Worth another try, less and less
    /// often.
    Refused,
    /// Refused, or not allowed any more: worth another try, less and less often.
    Failed,
    /// The API server was not there for it: worth another try soon, which whoever writes makes no sooner than the API server can take it.
    Unavailable,
}

/// Questions to the API server: what would it answer to a ServiceAccount?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The ServiceAccount.
    pub key: BindingKey,
    /// Tells this review from all others.
    pub round: u64,
    /// What to ask.
    pub questions: Vec<ReviewQuestion>,
}

/// What came of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// The API server answered each question, in their order.
    Answered(Vec<Ruling>),
    /// It does not let the operator ask.
    Refused,
    /// It failed, or did not answer in time.
    Failed,
}

/// A question to the API server: as which ServiceAccount does a workload run that is expected to run as this one?
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The ServiceAccount; the workload is in its namespace.
    pub key: BindingKey,
    /// The workload.
    pub workload: WorkloadRef,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Ask AWS.
    Read(audit_aws::DirectoryRequest),
    /// Ask the API server.
    Review(Review),
    /// Ask the API server for a workload.
    LookUp(Lookup),
    /// Write to the API server.
    Write(Write),
}
