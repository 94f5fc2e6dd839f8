//! What an audit judges.

use audit_core::{Config, Snapshot};
use jiff::Timestamp;

/// What was observed, and how it is to be judged.
#[derive(Debug)]
pub struct AuditInput {
    /// The observations.
    pub snapshot: Snapshot,
    /// The settings, with the `default` `IrsaAuditPolicy` over them.
    pub config: Config,
    /// When.
    pub now: Timestamp,
}
