//! # `Static`
//!
//! Keys that do not change: `AWS_ACCESS_KEY_ID` in the container's environment, or a shared credentials file. IRSA406 speaks of them
//! where web identity is there as well.
//!
//! Source: [Access keys in the SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, nothing_else};
use crate::model::{Container, CredentialSource, Pod};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Static,
    claim,
    rest: nothing_else,
};

fn claim<'a>(sight: &PathInput<'a>, _: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    // Where a role is asked for, keys in its place are what is wrong.
    let is_kept = |source| {
        matches!(
            source,
            CredentialSource::Keys(_) | CredentialSource::CredentialsFile(_)
        )
    };
    let is_static = sight.asked.role.is_none() && container.sources().any(is_kept);
    is_static.then_some(Claim::of(PathRole::None))
}
