//! What a shell carries out, and what may come of it.

use jiff::{SignedDuration, Timestamp};

use crate::block::{Authorities, Blocker};
use crate::edit::{EditRefusal, RemedyOperation};
use crate::facts::{LiveRole, RemedySubject};
use crate::journal::{ChangePhase, JournalRecord};

/// Something to do in the world. Each is asked for once, and answered by one [`WriterOutcome`].
#[derive(Debug, Clone, PartialEq)]
pub enum WriterEffect {
    /// Read the role with its tags by `GetRole`, and the account's quota. Answer: `Role`, `RoleGone`, `Failed`.
    ReadRole {
        /// The role's name, without its path.
        role_name: String,
    },
    /// Wait. Answer: `Waited`.
    Wait {
        /// Until then.
        until: Timestamp,
    },
    /// Read, by live calls and from no cache, the ServiceAccount, its `IrsaAudit`, all policies, approvals and records, and the
    /// admission policy with its binding. Answer: `Checked`, `Failed`.
    Check,
    /// Create the record, and fail if there is an object of this name. Only while this process holds the lease by its own clock, else the
    /// shell gives up. Answer: `Created`, `Exists`, `Failed`.
    CreateRecord(Box<JournalRecord>),
    /// Say until when the lease is held by this process, by its own clock and its own renewals. Answer: `Lease`, `Failed`.
    CheckLease,
    /// Call `UpdateAssumeRolePolicy`, once, with retries off. Answer: `Written`.
    Write(Box<WriteOrder>),
    /// Write down how the change ended, on the condition that its record is still `Prepared`. Answer: `Closed`, `Conflict`, `Failed`.
    CloseRecord(RecordClosing),
    /// Publish by Event, metric and audit log line; a notice of failure also alerts. Answer: `Announced`; where it fails, too.
    Announce(Box<RemedyNotice>),
    /// There is nothing more to do.
    Done(WriterEnd),
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOrder {
    /// The role's name, without its path.
    pub role_name: String,
    /// The whole document.
    pub document: String,
    /// The shell reads its clock right before it signs and sends: after this time it does neither, and answers
    /// [`WriteAnswer::TooLate`].
    pub not_after: Timestamp,
    /// After how long the call is given up.
    pub timeout: SignedDuration,
    /// The name of the record that was created for it.
    pub record: String,
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum WriterOutcome {
    /// The role.
    Role(Box<LiveRole>),
    /// IAM says `NoSuchEntity`.
    RoleGone,
    /// The time is over.
    Waited,
    /// What was read.
    Checked(Box<LiveCheck>),
    /// The record was created.
    Created,
    /// There is an object of this name.
    Exists,
    /// Until when the lease is held; `None` if it is not.
    Lease(Option<Timestamp>),
    /// What IAM said to the write.
    Written(WriteAnswer),
    /// The record was changed.
    Closed,
    /// The record is not there, or not `Prepared` any more.
    Conflict,
    /// It is published.
    Announced,
    /// It failed, or its answer is lost: nothing is known.
    Failed,
}

/// What was read live of the ServiceAccount and of everyone who has to agree.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveCheck {
    /// The ServiceAccount and its `IrsaAudit`; `None` where one of them is not there.
    pub subject: Option<RemedySubject>,
    /// The others.
    pub authorities: Authorities,
}

/// What IAM said to a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteAnswer {
    /// It took it.
    Accepted,
    /// It certainly did not: an error that says that nothing was done, such as `AccessDenied`, `Throttling`, `LimitExceeded`,
    /// `MalformedPolicyDocument`, `UnmodifiableEntity`, `NoSuchEntity`. Not `ServiceFailure`, no timeout, no broken connection.
    Refused {
        /// The error's code.
        code: String,
    },
    /// Everything else: it may have taken it, or may yet.
    Lost,
    /// The shell did not send it, because it was after `not_after`.
    TooLate,
}

/// How a change ended, for its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordClosing {
    /// The record's name.
    pub name: String,
    /// The phase that it gets.
    pub phase: ChangePhase,
    /// When.
    pub changed: Timestamp,
    /// The document that was found, if the change is latched.
    pub found: Option<String>,
    /// The error code by which IAM refused the write, if it did.
    pub refused: Option<String>,
}

/// What is published about a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedyNotice {
    /// The record's name.
    pub record: String,
    /// The role's ARN.
    pub role_arn: String,
    /// The ServiceAccount's namespace.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub service_account: String,
    /// What was done, or tried.
    pub operation: RemedyOperation,
    /// How it ended; `Prepared` where that could not be determined, and the next leader, or the next start, has to.
    pub phase: ChangePhase,
    /// The foreign document that was found, if the change is latched and the role exists.
    pub found: Option<String>,
    /// IAM's error code, where it refused.
    pub refused: Option<String>,
}

/// How a machine ended.
#[derive(Debug, Clone, PartialEq)]
pub enum WriterEnd {
    /// Nothing was written; a record, where there was one, says `Abandoned`.
    Stopped(StopReason),
    /// The record was closed in this phase.
    Closed(ChangePhase),
    /// Another writer closed the record: it leads now.
    Superseded,
    /// The record could not be closed. It stays `Prepared`, its role in flight, and a [`super::Recovery`] is needed.
    Unrecorded(ChangePhase),
    /// The role could not be read for too long after a write. As above.
    Undecided,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq)]
pub enum StopReason {
    /// The role is not what the plan was made for, or changed in between.
    RoleChanged,
    /// The role is not there.
    RoleGone,
    /// The role could not be read.
    RoleUnreadable,
    /// Policies, approvals, journal or the ServiceAccount could not be read.
    Unchecked,
    /// The ServiceAccount or its `IrsaAudit` is not there.
    SubjectGone,
    /// There is no edit to make any more.
    NoEdit(EditRefusal),
    /// The plan made of what is live has a different hash.
    PlanChanged,
    /// At least one authority does not agree.
    Blocked(Vec<Blocker>),
    /// The approval or the policies are not those that the record names.
    GrantChanged,
    /// The record was created by another writer.
    OtherWriter,
    /// Whether the record was created is not known. If it was, a [`super::Recovery`] closes it.
    RecordUnknown,
    /// The record in the journal is not the one that was created.
    RecordChanged,
    /// The lease is not held, or ends before the call would.
    NoLease,
    /// The last read or the last check was too old for a write, again and again.
    TooSlow,
    /// The shell gave an outcome that does not answer the effect.
    WrongOutcome,
}
