//! What roles collect that no controller has filled in, worked out once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::objects::ObjectId;
use crate::powers::Powers;

/// The rules of one unfilled role.
#[derive(Debug, Default)]
pub(crate) struct CollectedRules {
    /// The roles whose rules it has, itself first.
    pub from: Vec<ObjectId>,
    /// What these open together.
    pub powers: Arc<Powers>,
}

/// What was worked out so far. It holds until any ClusterRole changes.
#[derive(Debug, Default)]
pub(crate) struct Collected(Mutex<BTreeMap<ObjectId, Arc<CollectedRules>>>);

impl Collected {
    /// The rules of a role, which `collect` works out where nobody has asked before.
    pub(crate) fn of(
        &self,
        role: &ObjectId,
        collect: impl FnOnce() -> CollectedRules,
    ) -> Arc<CollectedRules> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(role) {
            return rules.clone();
        }
        let rules = Arc::new(collect());
        known.insert(role.clone(), rules.clone());
        rules
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        let known = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        known.clear();
    }
}

impl Clone for Collected {
    /// A copy works things out by itself.
    fn clone(&self) -> Self {
        Self::default()
    }
}
