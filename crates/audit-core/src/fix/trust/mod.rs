//! The repair of a trust policy, in each form: a command that edits the live document, a diff, and Terraform.

mod diff;
mod in_place;
mod terraform;

use iam_policy::{Edit, WebIdentity};

use super::Fix;

pub use in_place::edit_in_place;

/// The repair of the trust policy `text` of a role by an edit that was proven to admit the identity; `brief` says it in words.
///
/// `None` where no command can carry the edit out exactly.
#[must_use]
pub fn repair(
    role_name: &str,
    text: &str,
    edit: &Edit,
    identity: &WebIdentity,
    brief: String,
) -> Option<Fix> {
    let old = serde_json::from_str(text).ok()?;
    let fix = edit_in_place(role_name, &old, &edit.document, brief)?;
    Some(
        fix.or_else([diff::alternative(role_name, text, &edit.text)])
            .or_else(terraform::alternative(role_name, edit, identity)),
    )
}
