//! The pure core of irsa-audit.
//!
//! Plain data goes in ([`Snapshot`], [`Config`], the time), a report comes out ([`audit_binding`], [`audit()`]).
//! Nothing here reads a clock, a file, an API server or AWS, and nothing here can fail on data: what cannot be
//! known is reported as *unknown*.
//!
//! | module | what is in it |
//! |---|---|
//! | [`model`] | what was observed: ServiceAccounts, pods, roles, providers, what people expect |
//! | [`snapshot`] | all observations together, indexed by what the rules look up |
//! | [`chain`] | the credential chain of one binding, derived once from the snapshot and read by every rule |
//! | [`paths`] | how the consumers of a binding really get their credentials, one file a path |
//! | [`permissions`] | what a role may do, by its own policies and its boundary |
//! | [`rbac`] | what Kubernetes lets a ServiceAccount do, by the authorizer's own rules |
//! | [`check`] | what a rule is: what its finding is about, and what looks for it |
//! | [`rules`] | one file for each code; [`rules::CATALOGUE`] is the one list of them |
//! | [`finding`] | code, severity, link, message, fix |
//! | [`webhook`] | what the pod identity webhook would leave in a pod, and how a pod differs from that |
//! | [`verdict`] | how findings become one verdict and one reason |
//! | [`report`] | what an audit returns |
//! | [`disclosure`] | how much of it may be told where many read it |
//! | [`document`], [`subjects`], [`issuers`] | trust policies as IAM gives them out, whom they name, and which issuers are gone |

pub mod audit;
pub mod chain;
pub mod check;
#[cfg(test)]
#[path = "../tests/unit/combinations.rs"]
mod combinations_tests;
pub mod config;
pub mod disclosure;
pub mod document;
pub mod finding;
#[cfg(test)]
#[path = "../tests/unit/invariants/mod.rs"]
mod invariants;
pub mod issuers;
pub mod model;
pub mod paths;
pub mod permissions;
pub mod rbac;
pub mod report;
pub mod rules;
pub mod shared;
pub mod snapshot;
pub mod subjects;
#[cfg(test)]
#[path = "../tests/support/testing.rs"]
mod testing;
pub mod verdict;
pub mod webhook;

pub use ::audit_fix as fix;
pub use ::audit_fix::{decode_error, text};
pub use audit::{audit, audit_binding};
pub use config::Config;
pub use disclosure::Disclosure;
pub use finding::{Finding, Link, Severity};
pub use paths::CredentialPath;
pub use report::{AccountReport, BindingReport, ClusterReport, Report};
pub use snapshot::Snapshot;
pub use verdict::Verdict;
