//! What the API server said of workloads that are expected to run as a ServiceAccount and have no pods.

/// What a workload is, seen by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookedUp {
    /// Its pod template names this ServiceAccount, or none and so `default`.
    RunsAs(String),
    /// There is no such workload.
    Absent,
    /// The API server refused or failed, or the kind is one that is not looked up.
    Unreadable,
}
