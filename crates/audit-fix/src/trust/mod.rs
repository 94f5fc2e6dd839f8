//! The repair of a trust policy, in each form.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | a diff and Terraform, for the least edit |
//! | `in_place` | a command that makes the least edit of the live document |
//! | `planned` | a planned edit of one statement: a command, and the source of each tool that manages roles |
//! | `terraform` | a statement of Terraform's data source |

mod in_place;
mod planned;
mod terraform;

use iam_policy::{Edit, WebIdentity};

use crate::alternative::Alternative;
use crate::diff;
use crate::text::quote;

pub use in_place::edit_in_place;
pub use planned::{PlannedEdit, PlannedKind, TrustForm};

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
