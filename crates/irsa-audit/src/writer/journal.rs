//! The journal in the API server: records are created, closed once, and deleted when no answer depends on them any more.

use std::time::Duration;

use audit_api::remediation::{change, closed, phase_name, record};
use audit_api::{IrsaApproval, TrustPolicyChange};
use audit_remedy::{ChangePhase, JournalRecord, RecordClosing, WriterOutcome};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::timeout;

use crate::cluster::shown;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The field manager under which the writer writes.
const MANAGER: &str = "irsa-audit-writer";

/// Creates, closes and deletes records.
#[derive(Clone)]
pub struct JournalKeeper {
    changes: Api<TrustPolicyChange>,
}

impl JournalKeeper {
    /// The journal of a cluster.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            changes: Api::all(client),
        }
    }

    /// Creates a record, which spends its approval. There is only one object of a name.
    pub async fn create(&self, record: &JournalRecord, approvals: &[IrsaApproval]) -> WriterOutcome {
        let approval = match &record.approval {
            None => None,
            Some(spent) => {
                let found = approvals
                    .iter()
                    .find(|approval| approval.uid().as_deref() == Some(spent.as_str()));
                let Some(found) = found else {
                    return WriterOutcome::Failed;
                };
                Some(found)
            }
        };
        let object = change(record, approval);
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        match timeout(PATIENCE, self.changes.create(&params, &object)).await {
            Ok(Ok(_)) => WriterOutcome::Created,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => WriterOutcome::Exists,
            Ok(Err(error)) => failed("created", &record.name, &shown(&error)),
            Err(elapsed) => failed("created", &record.name, &elapsed.to_string()),
        }
    }

    /// Closes a record that is still `Prepared`, unless somebody changes it at the same time.
    pub async fn close(&self, closing: &RecordClosing) -> WriterOutcome {
        let found = match timeout(PATIENCE, self.changes.get_opt(&closing.name)).await {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return WriterOutcome::Conflict,
            Ok(Err(error)) => return failed("read", &closing.name, &shown(&error)),
            Err(elapsed) => return failed("read", &closing.name, &elapsed.to_string()),
        };
        let status = found.status.clone().unwrap_or_default();
        let phase = phase_name(closing.phase);
        match status.phase {
            None => {}
            Some(open) if open == phase_name(ChangePhase::Prepared) => {}
            // The answer to an earlier try was lost.
            Some(same) if same == phase && status.found == closing.found => return WriterOutcome::Closed,
            Some(_) => return WriterOutcome::Conflict,
        }
        let version = found.resource_version().unwrap_or_default();
        if version.is_empty() {
            return failed("closed", &closing.name, "it has no resourceVersion");
        }
        let refused = closing.refused.clone();
        let status = closed(closing.phase, closing.changed, closing.found.clone(), refused);
        let patch = json!({"metadata": {"resourceVersion": version}, "status": status});
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(&patch);
        let call = self.changes.patch_status(&closing.name, &params, &patch);
        match timeout(PATIENCE, call).await {
            Ok(Ok(_)) => WriterOutcome::Closed,
            // It may have been its labels only: the next try reads it again.
            Ok(Err(error)) => failed("closed", &closing.name, &shown(&error)),
            Err(elapsed) => failed("closed", &closing.name, &elapsed.to_string()),
        }
    }

    /// Deletes a record if it still is what was read, to the letter; says whether it did.
    pub async fn delete(&self, expired: &JournalRecord) -> bool {
        let name = expired.name.as_str();
        let found = match timeout(PATIENCE, self.changes.get_opt(name)).await {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return false,
            Ok(Err(error)) => return not_deleted(name, &shown(&error)),
            Err(elapsed) => return not_deleted(name, &elapsed.to_string()),
        };
        if record(&found).ok().as_ref() != Some(expired) {
            return not_deleted(name, "it was changed");
        }
        // Without both, the API server would delete whatever has this name by then.
        let (Some(uid), Some(resource_version)) = (found.uid(), found.resource_version()) else {
            return not_deleted(name, "it has no UID or no resourceVersion");
        };
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid),
                resource_version: Some(resource_version),
            }),
            ..DeleteParams::default()
        };
        match timeout(PATIENCE, self.changes.delete(name, &params)).await {
            Ok(Ok(_)) => {
                tracing::info!(
                    target: super::LOG,
                    record = name,
                    role_arn = expired.role_arn,
                    phase = expired.phase.as_str(),
                    created = %expired.created,
                    "an old TrustPolicyChange was deleted"
                );
                true
            }
            Ok(Err(error)) => not_deleted(name, &shown(&error)),
            Err(elapsed) => not_deleted(name, &elapsed.to_string()),
        }
    }
}

fn not_deleted(record: &str, error: &str) -> bool {
    tracing::warn!(target: super::LOG, record, error, "an old TrustPolicyChange could not be deleted");
    false
}

fn failed(attempt: &str, record: &str, error: &str) -> WriterOutcome {
    tracing::warn!(target: super::LOG, record, error, "the TrustPolicyChange could not be {attempt}");
    WriterOutcome::Failed
}
