//! How a finding can be repaired, as text that a person pastes.
//!
//! Names and values come from people who may wish the reader ill. A command is only given if what the terminal shows
//! is what the shell gets; otherwise the fix is a step to take by hand, with the values made safe to show.
//!
//! Whether a repair repairs, its caller proves before it shows it; here it is only written down. Plain values go in: names, policy
//! documents, the grants of [`rbac`](::rbac).
//!
//! | module | what is in it |
//! |---|---|
//! | [`service_account`], [`provider`], [`trust`], [`workload`], [`permissions`], [`boundary`], [`rbac`] | repairs of what the chain is made of |
//! | [`Command`] | a command line, quoted by type wherever it is shown |
//! | [`shell`], [`hcl`], [`yaml`] | quoting for the languages that they are pasted into |
//! | [`jq`], [`diff`] | an edit of a document as a program, and for reading |
//! | [`consent`] | the tag by which a role consents to a ServiceAccount |
//! | [`Fix`], [`alternative`] | a repair, and its other forms |
//! | [`Repaired`] | what a repair does, as data |
//! | [`decode_error`] | what serde says of bad input, for people |
//! | [`text`] | untrusted text, made safe to show |

pub mod alternative;
pub mod boundary;
mod command;
pub mod consent;
pub mod decode_error;
pub mod diff;
mod fix;
pub mod hcl;
pub mod jq;
pub mod permissions;
pub mod provider;
pub mod rbac;
mod repaired;
mod rollout;
pub mod service_account;
pub mod shell;
pub mod text;
pub mod trust;
pub mod workload;
pub mod yaml;

pub use alternative::{Alternative, Form};
pub use command::Command;
pub use fix::{Fix, FixKind, Part, Step};
pub use repaired::Repaired;
pub use rollout::Held;
pub use service_account::{
    ServiceAccountName, annotate_role, ask_for_audience, create_annotated, create_service_account,
    drop_annotation, drop_audience, move_annotation, use_regional_sts,
};
pub use workload::{
    Workload, add_label, automount_token, delete_pods, drop_metadata, replace_annotation, restart, roll_out,
    run_as, select_windows, set_env, unset_env,
};
