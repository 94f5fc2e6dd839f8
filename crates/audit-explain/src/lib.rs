//! What a pasted text means: a code of a finding, an error of STS or of an SDK, an API server's 403, an event of the kubelet, a
//! CloudTrail record, or the output of `aws sts get-caller-identity`.
//!
//! Pure: no clock, no I/O. The text comes from anywhere and is hostile. At most [`MAX_BYTES`] of it are read, and nothing of it is passed
//! on but names that match the grammar of ServiceAccounts, ARNs, actions and Kubernetes resources.
//!
//! | module | what is in it |
//! |---|---|
//! | `pasted` | the text, made comparable; `record` finds CloudTrail records in it |
//! | [`mentioned`] | the names that occur in it |
//! | [`symptom`], `symptoms` | what errors mean, as data: one table for each area |
//! | [`advice`] | common advice that does not help |
//! | [`sdk`] | the first version of each SDK that supports IRSA |
//! | [`page`] | the documentation of each finding, `docs/findings`, as it was at build time |
//! | [`next`] | the commands to run next |
//! | [`explanation`] | all of it together |
//! | [`text`], [`json`] | the explanation for people and for machines |

pub mod advice;
pub mod explanation;
pub mod json;
pub mod mentioned;
pub mod next;
pub mod page;
mod pages;
mod pasted;
mod record;
pub mod sdk;
pub mod symptom;
mod symptoms;
pub mod text;

pub use explanation::{Explanation, explain};
pub use mentioned::Mentioned;
pub use pasted::MAX_BYTES;
pub use symptom::Symptom;
