//! What an elector is told.

use super::timing::Timing;

/// Which Lease to contend for, and as whom.
#[derive(Clone, Debug)]
pub struct LeaseConfig {
    /// Namespace of the Lease; it must exist.
    pub namespace: String,
    /// Name of the Lease, the same for all replicas.
    pub name: String,
    /// Who we are. Must be unique among all processes that ever contend for this Lease, also over restarts:
    /// see [`unique_identity`](super::unique_identity).
    pub identity: String,
    /// How long the lease lasts.
    pub timing: Timing,
}
