//! The objects of remediation, as the writer's core reads and writes them.

use std::collections::BTreeMap;

use audit_remedy::{
    ApprovalRecord, ChangePhase, JournalRecord, NamespaceScope, PlanHash, RemediationMode, RemediationPolicy,
    RemedyOperation, RemedyProgress,
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::change::{ApprovalRef, OperationName, PhaseName, TrustPolicyChangeSpec, TrustPolicyChangeStatus};
use crate::irsa_audit::{ProgressName, RemediationName};
use crate::{IrsaApproval, IrsaAudit, IrsaAuditPolicySpec, TrustPolicyChange};

/// The label of a namespace, as the API server gives them: names and labels.
pub type NamespaceLabels = BTreeMap<String, BTreeMap<String, String>>;

/// What a team opts into; `Propose` where it does not say.
#[must_use]
pub fn opt_in(audit: &IrsaAudit) -> RemediationMode {
    audit.spec.remediation.map_or(RemediationMode::Propose, mode)
}

/// A mode by its name in the custom resources.
#[must_use]
pub fn mode(name: RemediationName) -> RemediationMode {
    match name {
        RemediationName::Off => RemediationMode::Off,
        RemediationName::Propose => RemediationMode::Propose,
        RemediationName::RequireApproval => RemediationMode::RequireApproval,
        RemediationName::Automatic => RemediationMode::Automatic,
    }
}

/// What a policy says about remediation, if it does, for the namespaces that there are.
#[must_use]
pub fn policy(
    name: &str,
    policy: &IrsaAuditPolicySpec,
    namespaces: &NamespaceLabels,
) -> Option<RemediationPolicy> {
    let spec = policy.remediation.as_ref()?;
    let selector = &spec.namespace_selector;
    let is_empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
    let selected = namespaces
        .iter()
        .filter(|(_, labels)| selector.selects(labels))
        .map(|(name, _)| name.clone());
    Some(RemediationPolicy {
        name: name.to_owned(),
        roles: spec.roles.clone(),
        namespaces: if is_empty {
            NamespaceScope::Patterns(Vec::new())
        } else {
            NamespaceScope::Selected(selected.collect())
        },
        service_accounts: spec.service_accounts.clone(),
        max_mode: mode(spec.max_mode),
        paused: spec.paused,
        max_changes_per_hour: spec.max_changes_per_hour.into(),
        allow_tool_owned: spec.allow_tool_owned,
    })
}

/// An approval, for the time since when the admission policy and its binding have been there; nothing of one that the API server has not given a UID and a time, or that is being deleted.
#[must_use]
pub fn approval(object: &IrsaApproval, guarded_since: Option<Timestamp>) -> Option<ApprovalRecord> {
    if object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let spec = &object.spec;
    let created = object.creation_timestamp()?.0;
    let seconds = i64::try_from(std::time::Duration::from(spec.valid_for).as_secs()).ok()?;
    Some(ApprovalRecord {
        uid: object.uid()?,
        namespace: spec.namespace.clone(),
        service_account: spec.service_account.clone(),
        plan_hash: spec.plan_hash.clone(),
        valid_for: if spec.valid_for.is_negative() {
            SignedDuration::ZERO
        } else {
            SignedDuration::from_secs(seconds)
        },
        approved_by: spec.approved_by.clone(),
        created,
        is_guarded: guarded_since.is_some_and(|since| since <= created),
    })
}

/// Why an object of the journal could not be read. The writer stops: what it does not know may forbid a write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TrustPolicyChange `{name}`: {what}")]
pub struct JournalError {
    /// The object's name.
    pub name: String,
    what: &'static str,
}

/// A record of the journal.
///
/// # Errors
/// If it is not as the writer creates it.
pub fn record(object: &TrustPolicyChange) -> Result<JournalRecord, JournalError> {
    let error = |what| JournalError {
        name: object.name_any(),
        what,
    };
    let spec = &object.spec;
    let status = object.status.clone().unwrap_or_default();
    let created = object
        .creation_timestamp()
        .ok_or_else(|| error("no creationTimestamp"))?
        .0;
    Ok(JournalRecord {
        name: object.name_any(),
        sequence: spec.sequence.into(),
        role_arn: spec.role_arn.clone(),
        role_id: spec.role_id.clone(),
        issuer: spec.issuer.clone(),
        namespace: spec.namespace.clone(),
        service_account: spec.service_account.clone(),
        operation: match spec.operation {
            OperationName::Append => RemedyOperation::Append,
            OperationName::Remove => RemedyOperation::Remove,
        },
        statement: serde_json::from_str(&spec.statement).map_err(|_| error("spec.statement is not JSON"))?,
        before: spec.before.clone(),
        after: spec.after.clone(),
        hash: PlanHash::parse(&spec.plan_hash).ok_or_else(|| error("spec.planHash is not a hash"))?,
        approval: spec.approval.as_ref().map(|approval| approval.uid.clone()),
        policies: spec.policies.clone(),
        phase: status.phase.map_or(ChangePhase::Prepared, phase),
        created,
        changed: status.changed.unwrap_or(created),
        writer: spec.writer.clone(),
        found: status.found,
        released: status.released,
    })
}

fn phase(name: PhaseName) -> ChangePhase {
    match name {
        PhaseName::Prepared => ChangePhase::Prepared,
        PhaseName::Applied => ChangePhase::Applied,
        PhaseName::Refused => ChangePhase::Refused,
        PhaseName::NotApplied => ChangePhase::NotApplied,
        PhaseName::Abandoned => ChangePhase::Abandoned,
        PhaseName::Latched => ChangePhase::Latched,
    }
}

/// The name of a phase in the custom resource.
#[must_use]
pub fn phase_name(phase: ChangePhase) -> PhaseName {
    match phase {
        ChangePhase::Prepared => PhaseName::Prepared,
        ChangePhase::Applied => PhaseName::Applied,
        ChangePhase::Refused => PhaseName::Refused,
        ChangePhase::NotApplied => PhaseName::NotApplied,
        ChangePhase::Abandoned => PhaseName::Abandoned,
        ChangePhase::Latched => PhaseName::Latched,
    }
}

/// The name of a progress in the custom resource.
#[must_use]
pub fn progress_name(progress: RemedyProgress) -> ProgressName {
    match progress {
        RemedyProgress::Proposed => ProgressName::Proposed,
        RemedyProgress::Blocked => ProgressName::Blocked,
        RemedyProgress::Approved => ProgressName::Approved,
        RemedyProgress::Applied => ProgressName::Applied,
        RemedyProgress::RolledBack => ProgressName::RolledBack,
    }
}

/// The object of a record that is to be created, with the approval that it spends.
#[must_use]
pub fn change(record: &JournalRecord, approval: Option<&IrsaApproval>) -> TrustPolicyChange {
    let approval = approval.map(|approval| ApprovalRef {
        name: approval.name_any(),
        uid: approval.uid().unwrap_or_default(),
        approved_by: approval.spec.approved_by.clone(),
    });
    let spec = TrustPolicyChangeSpec {
        operation: match record.operation {
            RemedyOperation::Append => OperationName::Append,
            RemedyOperation::Remove => OperationName::Remove,
        },
        sequence: u32::try_from(record.sequence).unwrap_or(u32::MAX),
        issuer: record.issuer.clone(),
        namespace: record.namespace.clone(),
        service_account: record.service_account.clone(),
        role_arn: record.role_arn.clone(),
        role_id: record.role_id.clone(),
        plan_hash: record.hash.as_str().to_owned(),
        approval,
        policies: record.policies.clone(),
        statement: record.statement.to_string(),
        before: record.before.clone(),
        after: record.after.clone(),
        writer: record.writer.clone(),
    };
    TrustPolicyChange::new(&record.name, spec)
}

/// The status of a record that was closed.
#[must_use]
pub fn closed(
    phase: ChangePhase,
    changed: Timestamp,
    found: Option<String>,
    refused: Option<String>,
) -> TrustPolicyChangeStatus {
    TrustPolicyChangeStatus {
        phase: Some(phase_name(phase)),
        changed: Some(changed),
        found,
        refused,
        released: None,
    }
}
