//! An `IrsaApproval`: a person's word for one plan, used once.

use jiff::{SignedDuration, Timestamp};

use crate::journal::Journal;
use crate::plan::{Plan, PlanHash};

/// The longest that an approval may be valid.
pub const MAX_VALIDITY: SignedDuration = SignedDuration::from_hours(24);

/// How far ahead of ours the API server's clock may be.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What an `IrsaApproval` says: plain data, read live. The object is immutable, so each of its fields is what was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// The object's UID.
    pub uid: String,
    /// The ServiceAccount's namespace.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub service_account: String,
    /// The hash, as it was written: compared whole with the plan's.
    pub plan_hash: String,
    /// How long it is valid after `created`: more than nothing, at most [`MAX_VALIDITY`].
    pub valid_for: SignedDuration,
    /// Who approved: the admission policy forces it to be the user who created the object.
    pub approved_by: String,
    /// The object's `creationTimestamp`.
    pub created: Timestamp,
    /// It is no older than the admission policy and its binding: they have compared `approved_by` with its author.
    pub is_guarded: bool,
}

/// What the writer sees of the shipped `ValidatingAdmissionPolicy`, which makes `approvedBy` true, and of its binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmissionGuard {
    /// Both are there and are what is shipped, with `failurePolicy: Fail` and `validationActions: [Deny]`.
    AsShipped,
    /// The policy is not there.
    PolicyMissing,
    /// The policy is not what is shipped.
    PolicyChanged,
    /// The binding is not there.
    BindingMissing,
    /// The binding is not what is shipped: it does not deny, or selects less than everything.
    BindingChanged,
    /// They could not be read.
    Unreadable,
}

/// Why an approval does not count for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalRefusal {
    /// There is none for this ServiceAccount.
    Missing,
    /// It is for a different plan: the role, the ServiceAccount, the consent or the journal have changed, or the hash was cut or
    /// mistyped.
    OtherPlan {
        /// Its UID.
        uid: String,
    },
    /// It was used.
    Spent {
        /// Its UID.
        uid: String,
        /// The record that used it, or its hash.
        change: String,
    },
    /// Its time is over.
    Expired {
        /// Its UID.
        uid: String,
        /// Since when.
        since: Timestamp,
    },
    /// It is valid for longer than [`MAX_VALIDITY`], or for no time.
    BadValidity {
        /// Its UID.
        uid: String,
    },
    /// It was created after now, by more than clocks may differ.
    FromTheFuture {
        /// Its UID.
        uid: String,
    },
    /// It does not say who approved, or one of the operator's or writer's own accounts did.
    BadApprover {
        /// Its UID.
        uid: String,
    },
    /// It is older than the admission policy or its binding, so nothing proves who created it.
    Unguarded {
        /// Its UID.
        uid: String,
    },
    /// It is older than the role's newest change, of which its author cannot have known.
    OlderThanLastChange {
        /// Its UID.
        uid: String,
        /// The newest change.
        change: String,
    },
}

/// The approval that counts for a plan at a time, of all that there are. `own_users` are the user names of the operator and the writer.
///
/// # Errors
/// Why none counts: of the approvals for this ServiceAccount, the one that comes nearest.
pub fn valid_approval<'a>(
    approvals: &'a [ApprovalRecord],
    plan: &Plan,
    journal: &Journal<'_>,
    own_users: &[String],
    now: Timestamp,
) -> Result<&'a ApprovalRecord, ApprovalRefusal> {
    let mut nearest = ApprovalRefusal::Missing;
    for approval in approvals {
        match check(approval, plan, journal, own_users, now) {
            Ok(()) => return Ok(approval),
            Err(refusal) => {
                if rank(&refusal) > rank(&nearest) {
                    nearest = refusal;
                }
            }
        }
    }
    Err(nearest)
}

/// How near an approval came.
fn rank(refusal: &ApprovalRefusal) -> u8 {
    match refusal {
        ApprovalRefusal::Missing => 0,
        ApprovalRefusal::OtherPlan { .. } => 1,
        _ => 2,
    }
}

fn check(
    approval: &ApprovalRecord,
    plan: &Plan,
    journal: &Journal<'_>,
    own_users: &[String],
    now: Timestamp,
) -> Result<(), ApprovalRefusal> {
    let uid = approval.uid.clone();
    let subject = &plan.subject;
    if (approval.namespace.as_str(), approval.service_account.as_str())
        != (subject.namespace.as_str(), subject.name.as_str())
    {
        return Err(ApprovalRefusal::Missing);
    }
    // Spent by use, also by one that came to nothing; an object that is created again has a new UID and the old hash.
    let spent = journal
        .spent_approval(&uid)
        .or_else(|| PlanHash::parse(&approval.plan_hash).and_then(|hash| journal.spent_hash(&hash)));
    if let Some(record) = spent {
        let change = record.name.clone();
        return Err(ApprovalRefusal::Spent { uid, change });
    }
    if approval.plan_hash != plan.hash.as_str() {
        return Err(ApprovalRefusal::OtherPlan { uid });
    }
    if approval.valid_for > MAX_VALIDITY || !approval.valid_for.is_positive() {
        return Err(ApprovalRefusal::BadValidity { uid });
    }
    let age = now.duration_since(approval.created);
    if age < -MAX_SKEW {
        return Err(ApprovalRefusal::FromTheFuture { uid });
    }
    if age >= approval.valid_for {
        let since = approval.created.checked_add(approval.valid_for).unwrap_or(now);
        return Err(ApprovalRefusal::Expired { uid, since });
    }
    if approval.approved_by.trim().is_empty() || own_users.contains(&approval.approved_by) {
        return Err(ApprovalRefusal::BadApprover { uid });
    }
    if !approval.is_guarded {
        return Err(ApprovalRefusal::Unguarded { uid });
    }
    match journal.newest(&plan.role) {
        Some(record) if approval.created < record.created => Err(ApprovalRefusal::OlderThanLastChange {
            uid,
            change: record.name.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "../tests/unit/approval.rs"]
mod tests;
