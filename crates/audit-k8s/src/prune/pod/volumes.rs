//! What a pod's containers see of its volumes.

use std::collections::HashMap;

use super::raw::{RawContainer, RawKeys, RawToken};

/// What is in a volume.
pub(super) enum Contents {
    /// Projected ServiceAccount tokens, and what is projected beside them.
    Tokens(Projected),
    /// A Secret's keys.
    Secret(RawKeys),
    /// A ConfigMap's keys.
    ConfigMap(RawKeys),
    /// What containers put there.
    Scratch,
    Other,
}

/// A projected volume with tokens in it. Its files are those of its sources, and no others.
pub(super) struct Projected {
    pub(super) tokens: Vec<RawToken>,
    /// The paths of the files beside them.
    pub(super) others: Vec<String>,
    /// Some source has files of which nothing shows how they are called.
    pub(super) has_more: bool,
    /// A token was left out, because its path or its audience is longer than any that is read.
    pub(super) has_longer_tokens: bool,
}

/// Volumes by name.
pub(super) type Volumes = HashMap<String, Contents>;

/// A container, and whether it runs before the others.
pub(super) struct Seen {
    pub(super) init: bool,
    pub(super) raw: RawContainer,
}

/// Adds the volumes that containers of a template mount and it does not list: a `StatefulSet` claims them for its pods.
pub(super) fn claim<'a>(volumes: &mut Volumes, containers: impl Iterator<Item = &'a RawContainer>) {
    for mount in containers.flat_map(|container| &container.volume_mounts) {
        if !volumes.contains_key(&mount.name) {
            volumes.insert(mount.name.clone(), Contents::Other);
        }
    }
}
