//! The custom resources of irsa-audit, group `irsa-audit.dev`, version `v1alpha1`, and how the core's reports become
//! their status.
//!
//! | module | what is in it |
//! |---|---|
//! | [`irsa_audit`] | `IrsaAudit`: one binding, what is expected of it, and its verdict |
//! | [`policy`] | `IrsaAuditPolicy`: the settings of admins |
//! | [`cluster_audit`] | `ClusterIrsaAudit`: what concerns no single binding |
//! | [`status`] | a report as the status of an `IrsaAudit`, and when it is worth a write |
//! | [`disclosure`], [`selector`] | what may be told of a role in which namespaces |
//! | [`spec`] | the spec of an `IrsaAudit`, and of a policy, as the core reads them |
//! | [`approval`] | `IrsaApproval`: a person's approval of one change of a trust policy |
//! | [`change`] | `TrustPolicyChange`: the writer's journal |
//! | [`admission`] | the admission policy that makes `approvedBy` true, and its binding |
//! | [`remediation`] | these and the policies of admins, as the writer's core reads them |
//! | [`crds`] | the CustomResourceDefinitions |

pub mod admission;
pub mod approval;
pub mod change;
pub mod cluster_audit;
pub mod condition;
pub mod crds;
pub mod disclosure;
pub mod irsa_audit;
pub mod policy;
pub mod remediation;
mod schema;
pub mod selector;
pub mod spec;
pub mod status;
mod time;

pub use approval::{IrsaApproval, IrsaApprovalSpec};
pub use change::{TrustPolicyChange, TrustPolicyChangeSpec, TrustPolicyChangeStatus};
pub use cluster_audit::{ClusterIrsaAudit, ClusterIrsaAuditSpec, ClusterIrsaAuditStatus};
pub use irsa_audit::{IrsaAudit, IrsaAuditSpec, IrsaAuditStatus};
pub use policy::{IrsaAuditPolicy, IrsaAuditPolicySpec};

/// The API group.
pub const GROUP: &str = "irsa-audit.dev";

/// The field manager under which the operator writes.
pub const FIELD_MANAGER: &str = "irsa-audit";

/// The label of the `IrsaAudit`s that the operator created, with the value `true`.
pub const AUTOMATIC_LABEL: &str = "irsa-audit.dev/automatic";

/// The annotation that makes the operator read everything about a binding anew when its value changes.
pub const REAUDIT_ANNOTATION: &str = "irsa-audit.dev/reaudit";

/// The name of the one `ClusterIrsaAudit`, and of its singleton rule.
pub const CLUSTER_AUDIT_NAME: &str = "cluster";

/// The name of the `IrsaAuditPolicy` that holds the defaults.
pub const DEFAULT_POLICY_NAME: &str = "default";
