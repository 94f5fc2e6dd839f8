//! What a pod's containers see of its volumes.

use std::collections::HashMap;

use super::raw::{RawContainer, RawKeys, RawToken};

/// What is in a volume.
pub(super) enum Contents {
    /// Projected ServiceAccount tokens.
    Tokens(Vec<RawToken>),
    /// A Secret's keys.
    Secret(RawKeys),
    /// A ConfigMap's keys.
    ConfigMap(RawKeys),
    /// What containers put there.
    Scratch,
    Other,
}

/// Volumes by name.
pub(super) type Volumes = HashMap<String, Contents>;

/// A container, and whether it runs before the others.
pub(super) struct Seen {
    pub(super) init: bool,
    pub(super) raw: RawContainer,
}
