//! Approvals, the journal and the admission policy with its binding. Of the last two there is one each: the watches select it by name.

use audit_api::admission;
use audit_core::model::NamespacedName;

use super::{Dirty, Index, Step};
use crate::kind::Kind;
use crate::observation::WatchChange;
use crate::remediation::{
    AdmissionBindingObject, AdmissionPolicyObject, ApprovalObject, ChangeObject, RemediationDirty,
    RemediationStore, Seen,
};

impl Index {
    /// What is seen of remediation, and which of it has been listed.
    #[must_use]
    pub fn remediation(&self) -> (&RemediationStore, Seen) {
        let is_listed = |kind| self.watches.get(&kind).is_some_and(|progress| progress.synced);
        let seen = Seen {
            approvals: is_listed(Kind::IrsaApproval),
            journal: is_listed(Kind::TrustPolicyChange) && self.remediation.is_readable(),
            admission: is_listed(Kind::ValidatingAdmissionPolicy)
                && is_listed(Kind::ValidatingAdmissionPolicyBinding),
        };
        (&self.remediation, seen)
    }

    pub(super) fn of_remediation(&mut self, apply: impl FnOnce(&mut Self, &mut RemediationDirty)) -> Dirty {
        let mut dirty = Dirty::default();
        let before = self.remediation().1;
        apply(self, &mut dirty.remediation);
        dirty.remediation.plans |= before != self.remediation().1;
        dirty
    }

    pub(super) fn approval(
        &mut self,
        change: WatchChange<Box<ApprovalObject>>,
        dirty: &mut RemediationDirty,
    ) {
        let progress = self.progress(Kind::IrsaApproval);
        match progress.step(change, |approval| cluster_scoped(&approval.name)) {
            Step::Nothing => {}
            Step::Put(approval) => self.remediation.put_approval(*approval, dirty),
            Step::Remove(id) => self.remediation.remove_approval(&id.name, dirty),
            Step::Retain(listed) => self
                .remediation
                .retain_approvals(|name| listed.contains(&cluster_scoped(name)), dirty),
        }
    }

    pub(super) fn change(&mut self, change: WatchChange<Box<ChangeObject>>, dirty: &mut RemediationDirty) {
        let progress = self.progress(Kind::TrustPolicyChange);
        match progress.step(change, |change| cluster_scoped(&change.name)) {
            Step::Nothing => {}
            Step::Put(change) => self.remediation.put_change(*change, dirty),
            Step::Remove(id) => self.remediation.remove_change(&id.name, dirty),
            Step::Retain(listed) => self
                .remediation
                .retain_changes(|name| listed.contains(&cluster_scoped(name)), dirty),
        }
    }

    pub(super) fn admission_policy(
        &mut self,
        change: WatchChange<AdmissionPolicyObject>,
        dirty: &mut RemediationDirty,
    ) {
        let progress = self.progress(Kind::ValidatingAdmissionPolicy);
        match progress.step(change, |_| cluster_scoped(admission::NAME)) {
            Step::Put(policy) => self.remediation.set_admission_policy(Some(policy.0), dirty),
            Step::Remove(_) => self.remediation.set_admission_policy(None, dirty),
            Step::Retain(listed) if listed.is_empty() => self.remediation.set_admission_policy(None, dirty),
            Step::Nothing | Step::Retain(_) => {}
        }
    }

    pub(super) fn admission_binding(
        &mut self,
        change: WatchChange<AdmissionBindingObject>,
        dirty: &mut RemediationDirty,
    ) {
        let progress = self.progress(Kind::ValidatingAdmissionPolicyBinding);
        match progress.step(change, |_| cluster_scoped(admission::NAME)) {
            Step::Put(binding) => self.remediation.set_admission_binding(Some(binding.0), dirty),
            Step::Remove(_) => self.remediation.set_admission_binding(None, dirty),
            Step::Retain(listed) if listed.is_empty() => self.remediation.set_admission_binding(None, dirty),
            Step::Nothing | Step::Retain(_) => {}
        }
    }
}

fn cluster_scoped(name: &str) -> NamespacedName {
    NamespacedName::new("", name)
}
