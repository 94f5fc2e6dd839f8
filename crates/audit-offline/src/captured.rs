//! What the manifest of a snapshot says beside its files: which absence proves something, and which proves nothing.
//!
//! A live audit lists everything, or says what it could not list. So does one of a snapshot: a part that is whole is all there is, and what a
//! part may have held that is not whole is unknown.

use std::sync::Arc;

use audit_core::Snapshot;
use audit_core::model::{Access, Observed, RoleLookup, UnseenKind};
use audit_core::snapshot::GapKind;
use audit_core::text::quote;
use audit_k8s::capture::resource_of;
use audit_k8s::consumers;
use jiff::Timestamp;

use crate::problem::{InputProblem, Place};
use crate::snapshot_manifest::{PartState, SERVED_KINDS, SnapshotManifest, SnapshotPart};

/// Parts whose absence leaves a kind of objects unknown.
const GAPS: [(&str, GapKind); 6] = [
    ("kubernetes/serviceaccounts", GapKind::ServiceAccounts),
    ("kubernetes/pods", GapKind::Pods),
    ("kubernetes/roles", GapKind::Rbac),
    ("kubernetes/clusterroles", GapKind::Rbac),
    ("kubernetes/rolebindings", GapKind::Rbac),
    ("kubernetes/clusterrolebindings", GapKind::Rbac),
];

/// Parts without which there is no verdict, as there is none live: what is expected, and how it is judged.
const NEEDED: [&str; 2] = ["kubernetes/irsaaudits", "kubernetes/irsaauditpolicies"];

/// The webhook's ConfigMap.
const CONFIG_MAP: &str = "kubernetes/configmaps";

/// The registrations of webhooks.
const REGISTRATIONS: &str = "kubernetes/mutatingwebhookconfigurations";

/// The ServiceAccounts.
pub(crate) const SERVICE_ACCOUNTS: &str = "kubernetes/serviceaccounts";

/// A snapshot that is read.
#[derive(Debug, Clone)]
pub struct GivenSnapshot {
    /// The path of its manifest, for messages.
    pub path: String,
    /// What it says.
    pub manifest: SnapshotManifest,
}

impl GivenSnapshot {
    fn place(&self) -> Place {
        Place::within(&quote(&self.path), None, true, "")
    }

    /// Why a part is not whole, as a main clause; `None` for one that is.
    fn lack(&self, part: &str) -> Option<String> {
        let why = match self.manifest.parts.get(part) {
            Some(part) if part.is_whole() => return None,
            Some(part) => part.told(),
            None => "has not been taken yet".to_owned(),
        };
        Some(format!("part `{}` of the snapshot {why}", quote(part)))
    }

    /// Tells which parts are not whole.
    pub(crate) fn problems(&self) -> Vec<InputProblem> {
        let mut problems = Vec::new();
        for needed in NEEDED {
            let is_there = self
                .manifest
                .parts
                .get(needed)
                .is_some_and(|part| part.state != PartState::Missing);
            if let Some(lack) = self.lack(needed).filter(|_| !is_there) {
                let message = format!(
                    "{lack}: what is expected and how it is judged is unknown; take the snapshot again"
                );
                problems.push(InputProblem::error(self.place(), message));
            }
        }
        for (name, part) in self.manifest.not_whole() {
            let message = format!(
                "part `{}` {}: what it may have held is unknown",
                quote(name),
                part.told()
            );
            problems.push(InputProblem::warning(self.place(), message));
        }
        if self.manifest.finished_at.is_none() {
            let message = "this snapshot was interrupted, and what is missing is unknown: run `irsa-audit snapshot` with its directory again";
            problems.push(InputProblem::warning(self.place(), message));
        }
        problems
    }

    /// Puts into a snapshot what the manifest says of it.
    pub(crate) fn apply(&self, snapshot: &mut Snapshot, now: Timestamp) {
        self.apply_cluster(snapshot);
        for workload in &self.manifest.workloads {
            let (key, workload, found) = workload.found();
            snapshot.cluster.put_looked_up(&key, &workload, found);
        }
        for (name, part) in &self.manifest.parts {
            let mut words = name.split('/');
            if let (Some("aws"), Some(id), Some(what)) = (words.next(), words.next(), words.next()) {
                apply_account(snapshot, id, what, part, now);
            }
        }
        for id in &self.manifest.closed_accounts {
            if snapshot.accounts.get(id).is_none() {
                snapshot.accounts.slot(id).access = Access::NotConfigured;
            }
        }
        for (id, names) in &self.manifest.absent_roles {
            let account = snapshot.accounts.slot(id);
            for name in names {
                if account.roles.get(name).is_none() {
                    account
                        .roles
                        .insert(name.clone(), Observed::known(RoleLookup::Absent, now));
                }
            }
        }
    }

    fn apply_cluster(&self, snapshot: &mut Snapshot) {
        let cluster = &mut snapshot.cluster;
        cluster.set_captured();
        cluster.set_only_namespace(self.manifest.cluster.namespace.clone());
        for (part, gap) in GAPS {
            if let Some(lack) = self.lack(part) {
                cluster.put_gap(gap, lack);
            }
        }
        if self.lack(CONFIG_MAP).is_some() {
            cluster.set_webhook_entries_unseen(true);
        }
        if self.lack(REGISTRATIONS).is_none() && cluster.registrations().is_none() {
            cluster.set_registrations(Some(Vec::new()));
        }
        cluster.set_unseen_kinds(self.unseen_kinds());
    }

    /// The kinds of other projects that may have objects which the snapshot does not hold.
    fn unseen_kinds(&self) -> Vec<UnseenKind> {
        let knows_served = self.manifest.has_whole(SERVED_KINDS);
        let is_unseen = |part: &str| match self.manifest.parts.get(part) {
            Some(part) => !part.is_whole(),
            None => !knows_served,
        };
        consumers::kinds()
            .filter(|kind| is_unseen(&format!("kubernetes/{}", resource_of(kind))))
            .map(consumers::ConsumerKind::unseen)
            .collect()
    }
}

/// Puts into an account what a part says of it beside its file.
fn apply_account(snapshot: &mut Snapshot, id: &str, what: &str, part: &SnapshotPart, now: Timestamp) {
    if part.state == PartState::Missing {
        return;
    }
    let account = snapshot.accounts.slot(id);
    match what {
        // IAM was asked for the one provider of the issuer.
        "provider" if part.is_whole() && part.count == 0 && account.provider.is_pending() => {
            account.provider = Observed::known(None, now);
        }
        "associations" if part.is_whole() && account.pod_identity.is_pending() => {
            account.pod_identity = Observed::known([].into(), now);
        }
        "details" | "roles" => {
            let names: Vec<String> = account.roles.keys().cloned().collect();
            for name in names {
                if let Some((RoleLookup::Found(role), _)) = &mut account.roles.slot(&name).value {
                    Arc::make_mut(role).told_after = Some(part.taken_at);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "../tests/unit/captured.rs"]
mod tests;
