//! Writes and recoveries as state machines that a shell drives: `next` gives an effect, the shell carries it out and gives what came of
//! it to `observe`, until `next` gives [`WriterEffect::Done`].
//!
//! | file | what is in it |
//! |---|---|
//! | `effect` | what a shell carries out, and what may come of it |
//! | `timing` | how long everything may take |
//! | `write` | one write, from the first read to the closed record |
//! | `read_back` | what reads after a write prove |
//! | `closing` | how a record is closed and published |
//! | `recovery` | what a new leader does with a record that the last one left open |
//!
//! # What is promised, and what no read can show
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
//! The second promise that rests on time: a request takes effect within [`WriteTiming::call_timeout`] and [`WriteTiming::late`] of its
//! sending, or never. AWS refuses a request five minutes after it was signed, so a shell that signs it after the check of `not_after`
//! has that bound from AWS. A record is judged, and the role written to again, only after that.

mod closing;
mod effect;
mod read_back;
mod recovery;
mod timing;
mod write;

pub use effect::{
    LiveCheck, RecordClosing, RemedyNotice, StopReason, WriteAnswer, WriteOrder, WriterEffect, WriterEnd,
    WriterOutcome,
};
pub use recovery::Recovery;
pub use timing::WriteTiming;
pub use write::Execution;

#[cfg(test)]
#[path = "../../tests/unit/execution.rs"]
mod tests;
