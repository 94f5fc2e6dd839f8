//! What an audit judges.

use audit_core::model::ManifestPlaces;
use audit_core::{Config, Snapshot};
use jiff::Timestamp;

/// What was observed, and how it is to be judged.
#[derive(Debug)]
pub struct AuditInput {
    /// The observations.
    pub snapshot: Snapshot,
    /// The settings, with the `default` `IrsaAuditPolicy` over them.
    pub config: Config,
    /// The manifests of the bindings; empty for a live cluster.
    pub places: ManifestPlaces,
    /// When.
    pub now: Timestamp,
}
