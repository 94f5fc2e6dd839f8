//! The roles that containers have in their environment, whoever put them there.

use std::collections::BTreeSet;

use iam_policy::RoleArn;

use super::MOST_WAYS;
use crate::model::Pod;

/// The roles that pods carry, as far as they are followed: whoever can create pods can have each of them name
/// another, and every one takes a derivation and requests to AWS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CarriedRoles {
    /// Sorted.
    followed: Vec<RoleArn>,
    left: usize,
}

impl CarriedRoles {
    /// Those of pods.
    #[must_use]
    pub fn of<'p>(pods: impl IntoIterator<Item = &'p Pod>) -> Self {
        let containers = pods.into_iter().flat_map(|pod| &pod.containers);
        let carried = containers.filter_map(|container| container.role_arn.as_deref());
        // A thousand pods of one workload carry one role.
        let mut last = None;
        let changes = carried.filter(|arn| last.replace(*arn) != Some(*arn));
        let each: BTreeSet<&str> = changes.collect();
        let mut roles = each.into_iter().filter_map(|arn| RoleArn::parse(arn).ok());
        Self {
            followed: roles.by_ref().take(MOST_WAYS).collect(),
            left: roles.count(),
        }
    }

    /// Those that are followed, sorted.
    #[must_use]
    pub fn followed(&self) -> &[RoleArn] {
        &self.followed
    }

    /// Whether a role is followed, or is none.
    #[must_use]
    pub fn follows(&self, role: &str) -> bool {
        self.left == 0 || self.followed.iter().any(|arn| arn.as_str() == role)
    }

    /// How many are not followed.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left
    }
}
