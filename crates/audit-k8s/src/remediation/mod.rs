//! What the operator sees of remediation: approvals, the journal, and the admission policy with its binding.
//!
//! The writer reads all of this by itself. Here it serves to show people how far a repair has come, and nothing else.
//!
//! | file | what is in it |
//! |---|---|
//! | `approval` | an `IrsaApproval`, reduced |
//! | `change` | a `TrustPolicyChange`, reduced |
//! | `admission` | the admission policy, or its binding, reduced |
//! | `store` | all of them, kept |

mod admission;
mod approval;
mod change;
mod store;

pub use admission::{AdmissionBindingObject, AdmissionPolicyObject};
pub use approval::ApprovalObject;
pub use change::ChangeObject;
pub use store::{EndedChange, RemediationDirty, RemediationStore, Seen};
