//! The repair of a trust policy, in each form: a command that edits the live document, a diff, and Terraform.

mod in_place;
mod terraform;

use iam_policy::{Edit, WebIdentity};

use crate::alternative::Alternative;
use crate::diff;
use crate::text::quote;

pub use in_place::edit_in_place;

/// A diff and Terraform's statement, for an edit of the trust policy `text` of a role that was proven to admit the identity.
pub fn other_forms(
    role_name: &str,
    text: &str,
    edit: &Edit,
    identity: &WebIdentity,
) -> impl Iterator<Item = Alternative> {
    let name = format!("trust policy of {}", quote(role_name));
    let diff = diff::alternative(&name, text, &edit.text);
    std::iter::once(diff).chain(terraform::alternative(role_name, edit, identity))
}
