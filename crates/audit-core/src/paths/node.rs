//! # `Node`
//!
//! Nothing gives the container credentials. Its SDK asks the instance metadata service last, and gets the role of the node,
//! if pods reach the service: EKS advises against that, and a hop limit of 1 prevents it for pods that do not use the host's
//! network.
//!
//! Source: [Restrict access to the instance profile](https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, nothing_else};
use crate::model::{Container, Pod};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Node,
    claim,
    rest: nothing_else,
};

#[expect(clippy::unnecessary_wraps, reason = "all paths claim by one signature")]
fn claim<'a>(sight: &PathInput<'a>, _: &'a Pod, _: &'a Container) -> Option<Claim<'a>> {
    let is_asked = sight.asked.role.is_some();
    Some(Claim::of(if is_asked { PathRole::Asked } else { PathRole::None }))
}
