//! What an audit judges.

use audit_core::model::{ManifestPlaces, PlannedResources};
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
    /// The resources of Terraform plans that declare what is audited; empty without a plan.
    pub resources: PlannedResources,
    /// When.
    pub now: Timestamp,
}
