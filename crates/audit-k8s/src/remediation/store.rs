//! Approvals, the journal and the admission policy, kept by what is asked of them.

use std::collections::{BTreeMap, BTreeSet};

use audit_api::admission::{guard, guarded_since};
use audit_core::model::BindingKey;
use audit_remedy::{AdmissionGuard, ApprovalRecord, CHANGE_LIMIT_SPAN, ChangePhase, JournalRecord};
use jiff::Timestamp;
use serde_json::Value;

use super::{ApprovalObject, ChangeObject};

/// What a change of these objects concerns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemediationDirty {
    /// Bindings that an approval or a record is for.
    pub bindings: BTreeSet<BindingKey>,
    /// Changes that have ended, by their binding: what was read of the role before is old.
    pub ended: BTreeMap<BindingKey, EndedChange>,
    /// Anything that is asked of every plan.
    pub plans: bool,
}

/// A change of a role that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedChange {
    /// The role's ARN.
    pub role_arn: String,
    /// When it ended.
    pub at: Timestamp,
}

/// Which of the kinds have been listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// `IrsaApproval`.
    pub approvals: bool,
    /// `TrustPolicyChange`.
    pub journal: bool,
    /// `ValidatingAdmissionPolicy` and its binding.
    pub admission: bool,
}

/// The objects of remediation.
#[derive(Debug, Default)]
pub struct RemediationStore {
    approvals: BTreeMap<String, ApprovalObject>,
    by_binding: BTreeMap<BindingKey, BTreeSet<String>>,
    changes: BTreeMap<String, ChangeObject>,
    /// How many of them are not as the writer makes them.
    unreadable: usize,
    by_role: BTreeMap<String, BTreeSet<String>>,
    by_time: BTreeSet<(Timestamp, String)>,
    policy: Option<Value>,
    binding: Option<Value>,
}

impl RemediationStore {
    /// The approvals for a binding.
    pub fn approvals(&self, key: &BindingKey) -> impl Iterator<Item = ApprovalRecord> {
        let since = guarded_since(self.policy.as_ref(), self.binding.as_ref());
        let names = self.by_binding.get(key).into_iter().flatten();
        names.filter_map(move |name| {
            let record = self.approvals.get(name)?.record.clone()?;
            Some(ApprovalRecord {
                is_guarded: since.is_some_and(|since| since <= record.created),
                ..record
            })
        })
    }

    /// The records that say something about a change of a role, by its ARN or its unique id: the role's own, those of the last hour,
    /// and the newest ones that ended, down to one that ended well. Each plan asks, so no others are copied.
    #[must_use]
    pub fn journal(&self, role_arn: &str, role_id: &str, now: Timestamp) -> Vec<JournalRecord> {
        let mut names = self.names_of(role_arn, role_id);
        let mut ended_well = false;
        for (changed, name) in self.by_time.iter().rev() {
            let is_recent = now.duration_since(*changed) < CHANGE_LIMIT_SPAN;
            if ended_well && !is_recent {
                break;
            }
            let Some(record) = self.record(name) else { continue };
            let says_nothing = matches!(record.phase, ChangePhase::Prepared | ChangePhase::Abandoned);
            if is_recent || !says_nothing {
                names.insert(name);
            }
            ended_well |= record.phase == ChangePhase::Applied;
        }
        self.records(names)
    }

    /// The records of a role alone, by its ARN or its unique id.
    #[must_use]
    pub fn changes_of(&self, role_arn: &str, role_id: &str) -> Vec<JournalRecord> {
        self.records(self.names_of(role_arn, role_id))
    }

    fn names_of(&self, role_arn: &str, role_id: &str) -> BTreeSet<&str> {
        let names = [role_arn, role_id]
            .into_iter()
            .filter_map(|key| self.by_role.get(key));
        names.flatten().map(String::as_str).collect()
    }

    fn records(&self, names: BTreeSet<&str>) -> Vec<JournalRecord> {
        let records = names.into_iter().filter_map(|name| self.record(name));
        records.cloned().collect()
    }

    /// Whether every record is as the writer makes them.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.unreadable == 0
    }

    /// What the admission policy and its binding are, for the user names of the operator and the writer.
    #[must_use]
    pub fn guard(&self, own_users: &[String]) -> AdmissionGuard {
        guard(self.policy.as_ref(), self.binding.as_ref(), own_users)
    }

    fn record(&self, name: &str) -> Option<&JournalRecord> {
        self.changes.get(name)?.record.as_ref()
    }

    pub(crate) fn put_approval(&mut self, approval: ApprovalObject, dirty: &mut RemediationDirty) {
        if self.approvals.get(&approval.name) == Some(&approval) {
            return;
        }
        self.remove_approval(&approval.name.clone(), dirty);
        dirty.bindings.insert(approval.binding.clone());
        self.by_binding
            .entry(approval.binding.clone())
            .or_default()
            .insert(approval.name.clone());
        self.approvals.insert(approval.name.clone(), approval);
    }

    pub(crate) fn remove_approval(&mut self, name: &str, dirty: &mut RemediationDirty) {
        let Some(old) = self.approvals.remove(name) else {
            return;
        };
        remove(&mut self.by_binding, &old.binding, name);
        dirty.bindings.insert(old.binding);
    }

    pub(crate) fn retain_approvals(
        &mut self,
        is_listed: impl Fn(&str) -> bool,
        dirty: &mut RemediationDirty,
    ) {
        let gone: Vec<String> = self
            .approvals
            .keys()
            .filter(|name| !is_listed(name))
            .cloned()
            .collect();
        for name in gone {
            self.remove_approval(&name, dirty);
        }
    }

    pub(crate) fn put_change(&mut self, change: ChangeObject, dirty: &mut RemediationDirty) {
        let old = self.changes.get(&change.name);
        if old == Some(&change) {
            return;
        }
        let was_open = old
            .and_then(|old| old.record.as_ref())
            .is_none_or(|record| record.phase.is_open());
        self.remove_change(&change.name.clone(), dirty);
        dirty.bindings.insert(change.binding.clone());
        // The limits of policies and the breaker count the changes of all roles.
        dirty.plans = true;
        if let Some(record) = &change.record {
            if was_open && !record.phase.is_open() {
                let ended = EndedChange {
                    role_arn: record.role_arn.clone(),
                    at: record.changed,
                };
                dirty.ended.insert(change.binding.clone(), ended);
            }
            for key in [&record.role_arn, &record.role_id] {
                let names = self.by_role.entry(key.clone()).or_default();
                names.insert(change.name.clone());
            }
            self.by_time.insert((record.changed, change.name.clone()));
        } else {
            self.unreadable += 1;
        }
        self.changes.insert(change.name.clone(), change);
    }

    pub(crate) fn remove_change(&mut self, name: &str, dirty: &mut RemediationDirty) {
        let Some(old) = self.changes.remove(name) else {
            return;
        };
        if let Some(record) = &old.record {
            for key in [&record.role_arn, &record.role_id] {
                remove(&mut self.by_role, key, name);
            }
            self.by_time.remove(&(record.changed, name.to_owned()));
        } else {
            self.unreadable -= 1;
        }
        dirty.bindings.insert(old.binding);
        dirty.plans = true;
    }

    pub(crate) fn retain_changes(&mut self, is_listed: impl Fn(&str) -> bool, dirty: &mut RemediationDirty) {
        let gone: Vec<String> = self
            .changes
            .keys()
            .filter(|name| !is_listed(name))
            .cloned()
            .collect();
        for name in gone {
            self.remove_change(&name, dirty);
        }
    }

    pub(crate) fn set_admission_policy(&mut self, policy: Option<Value>, dirty: &mut RemediationDirty) {
        dirty.plans |= self.policy != policy;
        self.policy = policy;
    }

    pub(crate) fn set_admission_binding(&mut self, binding: Option<Value>, dirty: &mut RemediationDirty) {
        dirty.plans |= self.binding != binding;
        self.binding = binding;
    }
}

fn remove<K: Ord>(all: &mut BTreeMap<K, BTreeSet<String>>, key: &K, name: &str) {
    if let Some(names) = all.get_mut(key) {
        names.remove(name);
        if names.is_empty() {
            all.remove(key);
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/remediation_store.rs"]
mod tests;
