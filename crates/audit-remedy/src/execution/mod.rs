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
//! What is promised, and what no read can show, is in the documentation of the crate.

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
