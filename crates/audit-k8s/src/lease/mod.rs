//! Leader election between replicas through one `coordination.k8s.io/v1` Lease.
//!
//! Only the leader writes, and it asks [`Leadership::is_current`] right before each write. What makes that
//! question safe to answer without a call:
//!
//! - A Lease is only ever written with the resourceVersion that was read (or created anew), so of several
//!   candidates that see it free the API server lets one win.
//! - A leader counts from when it *sent* the last write that was accepted, by its own clock, and stops a
//!   margin before the duration is over, whatever the API server answers or does not answer.
//! - A follower counts the holder's duration from when it *saw* the Lease change, by its own clock. That is
//!   later than the write, which is later than its sending. Wall clocks are never compared: `renewTime` is
//!   written for people.
//!
//! So two replicas lead at the same time only if their clocks run at rates more than a tenth apart in each
//! direction (the margin is a fifth of the duration), or if somebody else edits the Lease's holder under
//! them. Whoever has seen the Lease treats its deletion like a renewal by somebody else, and waits.
//!
//! `state` decides and does no I/O; `driver` carries it out; `contents` is how the Lease object looks.

mod config;
mod contents;
mod driver;
#[cfg(test)]
#[path = "../../tests/support/fake_api.rs"]
mod fake_api;
mod leadership;
#[cfg(test)]
#[path = "../../tests/unit/lease/simulation.rs"]
mod simulation;
mod state;
mod timing;

pub use config::LeaseConfig;
pub use driver::{Elector, unique_identity};
pub use leadership::{Leadership, acquired, lost};
pub use timing::{Timing, TimingError};

/// The name of the operator's Lease.
pub const NAME: &str = "irsa-audit";

/// The name of the writer's Lease.
pub const WRITER_NAME: &str = "irsa-audit-writer";
