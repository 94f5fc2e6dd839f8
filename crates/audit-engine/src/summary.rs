//! The part of a report that outlives its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::Verdict;
use audit_core::finding::Severity;
use audit_core::model::BindingKey;
use audit_core::report::BindingReport;
use audit_core::snapshot::Unaudited;
use audit_remedy::RemedyProgress;
use jiff::Timestamp;

/// What the engine shows to metrics.
#[derive(Debug, Default)]
pub struct MetricsView {
    /// The latest report of each binding, shared with the engine; empty on a follower.
    pub bindings: BTreeMap<BindingKey, Arc<BindingSummary>>,
    /// When the oldest evidence of each account was read; empty on a follower.
    pub evidence: BTreeMap<String, Timestamp>,
    /// The ARNs of roles with a statement of the writer's form that its journal does not know; empty on a follower.
    pub unrecorded: BTreeSet<String>,
    /// What is not audited, by namespace, the most first; empty on a follower.
    pub unaudited: Vec<(String, Unaudited)>,
}

/// What metrics and the cluster's status are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingSummary {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: &'static str,
    /// The role annotation.
    pub role_arn: Option<String>,
    /// The role's account.
    pub account: Option<String>,
    /// Findings that count: code, reason, severity.
    pub findings: Vec<(&'static str, &'static str, Severity)>,
    /// The pods.
    pub pods: PodCounts,
    /// How far the repair of the trust policy has come.
    pub progress: Option<RemedyProgress>,
    /// When it was made.
    pub audited: Timestamp,
}

/// Pods of a binding, or of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PodCounts {
    /// All that can still ask for credentials.
    pub total: u32,
    /// Ready ones.
    pub ready: u32,
    /// With another role than the annotation's.
    pub stale: u32,
    /// Without credentials.
    pub missing: u32,
}

impl BindingSummary {
    /// The summary of a report that was made at `now`.
    #[must_use]
    pub fn new(report: &BindingReport, progress: Option<RemedyProgress>, now: Timestamp) -> Self {
        let counting = report.findings.iter().filter(|finding| finding.counts());
        Self {
            verdict: report.verdict,
            reason: report.reason,
            role_arn: report.facts.role_arn.clone(),
            account: report.facts.account.clone(),
            findings: counting
                .map(|f| (f.entry.code, f.entry.reason, f.severity))
                .collect(),
            pods: PodCounts {
                total: report.pods.total,
                ready: report.pods.ready,
                stale: report.pods.stale,
                missing: report.pods.missing,
            },
            progress,
            audited: now,
        }
    }
}
