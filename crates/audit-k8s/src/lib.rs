//! What irsa-audit sees of a cluster, and how its replicas agree on who writes.
//!
//! Raw watch events become plain data of the core as they are read, one object at a time; nothing else of an object
//! is ever stored. What an object means for the audit is decided in [`index`], without a clock and without a client,
//! so that everything but the transport is tested without an API server.
//!
//! ```text
//! API server ─► watch ─► prune ─► Observation ─► Index ─► Cluster (the core's) + IrsaAudits + policies
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | [`prune`] | objects as the API server sends them, reduced to what rules read |
//! | [`audit_object`] | an `IrsaAudit`, reduced to what the operator needs of it |
//! | [`cluster_audit_object`] | the `ClusterIrsaAudit`, likewise |
//! | [`policy_object`] | an `IrsaAuditPolicy`, likewise |
//! | [`webhook_object`], [`config_map_object`] | whether the pod identity webhook is there, and what it is told |
//! | [`consumers`] | objects of other projects that use ServiceAccounts: a table of kinds |
//! | [`remediation`] | approvals, the journal and the admission policy, likewise, and kept |
//! | [`namespace_object`] | a namespace, likewise |
//! | [`kind`] | the kinds that are watched |
//! | [`observation`] | what the watches say |
//! | [`watch`] | the watches |
//! | [`health`] | whether the API server answers, as all calls see it together |
//! | [`mod@list`] | the same once, for who does not stay |
//! | [`capture`] | the same to be written down, in the form of the API server |
//! | [`index`] | what was observed, kept |
//! | [`workload_kind`] | the kinds of workloads that are looked up by name |
//! | [`lease`] | leader election |
//! | [`rights`] | what RBAC has to allow for all that |

pub mod audit_object;
pub mod capture;
pub mod cluster_audit_object;
pub mod config_map_object;
pub mod consumers;
pub mod health;
pub mod index;
pub mod kind;
pub mod lease;
pub mod list;
mod list_reader;
mod list_text;
mod list_watch;
pub mod namespace_object;
pub mod observation;
mod pages;
pub mod policy_object;
pub mod prune;
pub mod remediation;
mod retry;
pub mod rights;
mod shallow;
mod trouble;
pub mod watch;
mod watched;
pub mod webhook_object;
mod wire;
pub mod workload_kind;

pub use audit_object::{AuditObject, Owner};
pub use cluster_audit_object::ClusterAuditObject;
pub use config_map_object::ConfigMapObject;
pub use health::ApiHealth;
pub use index::{Dirty, Index};
pub use kind::Kind;
pub use list::{ListFailed, list, list_permissions};
pub use namespace_object::NamespaceObject;
pub use observation::{Observation, WatchChange};
pub use policy_object::PolicyObject;
pub use prune::Undecodable;
pub use watch::{Scope, observe};
pub use webhook_object::WebhookObject;
pub use workload_kind::WorkloadKind;
