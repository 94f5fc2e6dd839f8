//! What came of a change: an Event on the `IrsaAudit`, a metric, and a line of the audit log.
//!
//! The Event can be read by anyone who can read the namespace: it names the role, the phase and the record, and nothing of the documents.

use std::sync::Arc;
use std::time::Duration;

use audit_remedy::{ChangePhase, RemedyNotice};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};
use tokio::time::timeout;

use super::metrics::{WriterMetrics, outcome};
use crate::cluster::shown;
use crate::remediation::{LiveReader, subject};

/// How long an Event may take. What is published must not keep a record from being closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most characters of a document in a line of the log.
const MOST_LOGGED: usize = 4096;

/// Publishes.
#[derive(Clone)]
pub struct Announcer {
    reader: LiveReader,
    recorder: Recorder,
    metrics: Arc<WriterMetrics>,
}

impl Announcer {
    /// A publisher of Events by `recorder`.
    #[must_use]
    pub fn new(reader: LiveReader, recorder: Recorder, metrics: Arc<WriterMetrics>) -> Self {
        Self {
            reader,
            recorder,
            metrics,
        }
    }

    /// Publishes a notice. Log and metric always have it; the Event may fail.
    pub async fn announce(&self, notice: &RemedyNotice) {
        self.metrics.outcome(outcome(notice.phase));
        log(notice);
        match timeout(PATIENCE, self.event(notice)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(target: super::LOG, record = notice.record, error, "no Event could be published");
            }
            Err(error) => {
                tracing::warn!(target: super::LOG, record = notice.record, %error, "no Event could be published");
            }
        }
    }

    async fn event(&self, notice: &RemedyNotice) -> Result<(), String> {
        let audits = self
            .reader
            .audits_in(&notice.namespace)
            .await
            .map_err(|error| error.to_string())?;
        let Some(audit) = subject::audit_of(&audits, &notice.service_account) else {
            return Err("there is no IrsaAudit any more".to_owned());
        };
        let reference = ObjectReference {
            api_version: Some("irsa-audit.dev/v1alpha1".to_owned()),
            kind: Some("IrsaAudit".to_owned()),
            namespace: Some(notice.namespace.clone()),
            name: audit.metadata.name.clone(),
            uid: audit.metadata.uid.clone(),
            ..ObjectReference::default()
        };
        let published = self.recorder.publish(&event(notice), &reference).await;
        published.map_err(|error| shown(&error))
    }
}

/// The Event of a notice.
fn event(notice: &RemedyNotice) -> Event {
    let phase = notice.phase.as_str();
    let type_ = match notice.phase {
        ChangePhase::Applied | ChangePhase::Abandoned => EventType::Normal,
        _ => EventType::Warning,
    };
    Event {
        type_,
        reason: format!("Remediation{phase}"),
        note: Some(format!(
            "trust policy of role {}: {phase}; see TrustPolicyChange {}",
            notice.role_arn, notice.record
        )),
        // Events that differ in nothing but their note are counted as one.
        action: format!("{}:{}", notice.operation.as_str(), notice.record),
        secondary: None,
    }
}

/// The beginning of a document, safe to show: the record has all of it.
fn shortened(document: &str) -> String {
    let begin: String = document.chars().take(MOST_LOGGED).collect();
    audit_core::text::quote(&begin)
}

fn log(notice: &RemedyNotice) {
    let RemedyNotice {
        record,
        role_arn,
        namespace,
        service_account,
        operation,
        phase,
        found,
        refused,
    } = notice;
    let (operation, phase) = (operation.as_str(), phase.as_str());
    let refused = refused.as_deref().unwrap_or_default();
    let found = found.as_deref().map(shortened).unwrap_or_default();
    let is_trouble = !matches!(notice.phase, ChangePhase::Applied | ChangePhase::Abandoned);
    if is_trouble {
        tracing::error!(
            target: super::LOG,
            record,
            role_arn,
            namespace,
            service_account,
            operation,
            phase,
            refused,
            found,
            "a change of a trust policy needs attention"
        );
    } else {
        tracing::info!(
            target: super::LOG,
            record,
            role_arn,
            namespace,
            service_account,
            operation,
            phase,
            "a change of a trust policy ended"
        );
    }
}

#[cfg(test)]
mod tests {
    use audit_remedy::RemedyOperation;

    use super::*;

    fn notice(phase: ChangePhase) -> RemedyNotice {
        RemedyNotice {
            record: "aroa1-000001".to_owned(),
            role_arn: "arn:aws:iam::111122223333:role/app".to_owned(),
            namespace: "shop".to_owned(),
            service_account: "cart".to_owned(),
            operation: RemedyOperation::Append,
            phase,
            found: Some("the whole document".to_owned()),
            refused: Some("AccessDenied".to_owned()),
        }
    }

    #[test]
    fn an_event_tells_role_phase_and_record_and_nothing_of_a_document() {
        let note = event(&notice(ChangePhase::Latched)).note.unwrap();
        for told in ["role/app", "Latched", "aroa1-000001"] {
            assert!(note.contains(told), "{note}");
        }
        assert!(
            !note.contains("document") && !note.contains("AccessDenied"),
            "{note}"
        );
    }

    #[test]
    fn what_needs_a_person_is_a_warning() {
        for (phase, type_) in [
            (ChangePhase::Applied, EventType::Normal),
            (ChangePhase::Refused, EventType::Warning),
            (ChangePhase::NotApplied, EventType::Warning),
            (ChangePhase::Latched, EventType::Warning),
            (ChangePhase::Prepared, EventType::Warning),
        ] {
            assert_eq!(event(&notice(phase)).type_, type_, "{phase:?}");
        }
    }
}
