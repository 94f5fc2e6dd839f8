//! The pure core of remediation: what may be changed in a trust policy, who has to agree, and how a write is carried out so that
//! nothing is lost that could be seen.
//!
//! Nothing here reads a clock, a file, an API server or AWS: plain data and the time go in, plans, refusals and effects come out.
//! What cannot be known is refused.
//!
//! | module | what is in it |
//! |---|---|
//! | `facts` | the role and the ServiceAccount as they were read |
//! | `edit` | the one kind of edit, and its proofs |
//! | `consent` | the role's tag that names ServiceAccounts |
//! | `ownership` | the tools that keep a role |
//! | `mode`, `policy` | what the team opts into and what admins allow |
//! | `plan` | one edit with all that it depends on, and the hash of that |
//! | `next_plan` | which plan a binding is up for |
//! | `approval` | a person's word for one hash, used once |
//! | `journal` | what was done, and what follows from it |
//! | `block` | who does not agree yet, authority by authority |
//! | `advice` | the same for people: what does not agree, and how to change that |
//! | `progress` | how far the repair of a binding has come, in one word |
//! | `execution` | a write, and what a new leader does with what the last one left, as state machines |
//!
//! # What a write promises, and what no read can show
//!
//! IAM has no compare-and-swap: `UpdateAssumeRolePolicy` replaces the whole document, whatever it is by then. A foreign change is lost
//! if it is made after the last moment of which the last read knows, and before the write takes effect. This *window* is as long as
//!
//! - an answer of `GetRole` may be stale ([`WriteTiming::consistency`]), and
//! - from that read to the write ([`WriteTiming::max_window`]), and
//! - from the sending of the write until it takes effect (usually one call; after a lost response up to
//!   [`WriteTiming::call_timeout`] and [`WriteTiming::late`]).
//!
//! What lies before the window is never lost: the write is the last read's document with one statement put in or cut out, and nothing
//! else. What is lost inside it shows in no later read either, because the document that is read back is exactly the one that was
//! written; CloudTrail has it. What is changed after the write shows in the read-back, is published with the document that was found,
//! and latches the role. A role at rest for [`WriteTiming::settle`] makes a change inside the window unlikely, and no more than that.
//!
//! A second promise rests on time: a request takes effect within [`WriteTiming::call_timeout`] and [`WriteTiming::late`] of its sending,
//! or never. AWS says that "in most cases, a request must reach AWS within five minutes of the time stamp in the request", and denies it
//! otherwise (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-signing.html>). The shell signs after it has compared its
//! clock with `not_after`. A record is judged, and the role written to again, only after that time; what would come later still falls
//! into the window. A write is sent within [`WriteTiming::lease`] after its record was asked for, or never: a leader that was another in
//! between may have judged the record by then.

mod advice;
mod approval;
mod block;
mod consent;
mod digest;
mod edit;
mod execution;
mod facts;
mod journal;
mod mode;
mod names;
mod next_plan;
mod ownership;
mod plan;
mod policy;
mod progress;
#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;

pub use advice::{Advice, Authority};
pub use approval::{AdmissionGuard, ApprovalRecord, ApprovalRefusal, MAX_VALIDITY, valid_approval};
pub use block::{ApprovalNeeded, Authorities, Blocker, WriteGrant, settling, write_grant};
pub use consent::{ConsentRefusal, RoleConsent, consent_key, consent_value_with, role_consent};
pub use edit::{
    EditRefusal, ProofFailure, ProposedEdit, RemedyOperation, append_statement, is_our_statement, prove,
    remove_statement, same_document, template_statements,
};
pub use execution::{
    Execution, LiveCheck, RecordClosing, Recovery, RemedyNotice, StopReason, WriteAnswer, WriteOrder,
    WriteTiming, WriterEffect, WriterEnd, WriterOutcome,
};
pub use facts::{LiveRole, RemedySubject, RoleTag};
pub use journal::{
    BreakerLimits, CHANGE_LIMIT_SPAN, ChangePhase, Journal, JournalRecord, OpenBreaker, expired_records,
    open_breaker, record_name,
};
pub use mode::RemediationMode;
pub use next_plan::next_plan;
pub use ownership::{OwnershipMark, OwningTool, ToolOwnership, owning_tools};
pub use plan::{AdmittedBy, Meant, Plan, PlanHash};
pub use policy::{AdminGrant, EmptySelector, NamespaceScope, RemediationPolicy, admin_grant};
pub use progress::RemedyProgress;
