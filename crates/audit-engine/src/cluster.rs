//! The status of the `ClusterIrsaAudit`.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_api::ClusterIrsaAuditStatus;
use audit_api::cluster_audit::{AccountStatus, ClusterFinding, IssuerStatus, UnauditedStatus, VerdictCounts};
use audit_api::condition::{Condition, ConditionStatus};
use audit_core::audit::audit_cluster;
use audit_core::finding::{Finding, Severity};
use audit_core::model::Access;
use audit_core::report::{AccountReport, ClusterReport};
use audit_core::rules::{irsa903, irsa917};
use audit_core::snapshot::Unaudited;
use audit_core::{Config, Snapshot, Verdict};
use jiff::Timestamp;

use super::action::{Action, Write, WriteOutcome};
use super::schedule::{after, backoff};

/// The status is made, and written, at most this often.
const INTERVAL: Duration = Duration::from_secs(5);

/// The longest wait after writes that failed.
const MOST: Duration = Duration::from_mins(5);

/// The most accounts, findings and namespaces that are listed.
const MAX_ACCOUNTS: usize = 200;
const MAX_FINDINGS: usize = 50;
const MAX_NAMESPACES: usize = 50;

/// What is known of the `ClusterIrsaAudit`.
#[derive(Debug, Default)]
pub struct ClusterObject {
    stale: bool,
    written: Option<ClusterIrsaAuditStatus>,
    in_flight: Option<ClusterIrsaAuditStatus>,
    /// The object was lost while a write was under way.
    is_lost: bool,
    not_before: Option<Timestamp>,
    failures: u32,
}

impl ClusterObject {
    /// Takes note that its status may have to change.
    pub fn touch(&mut self) {
        self.stale = true;
    }

    /// When it is to be looked at again.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.not_before.filter(|_| self.stale && self.in_flight.is_none())
    }

    /// Whether it is time to make its status anew.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        let due = self.stale && self.in_flight.is_none() && self.not_before.is_none_or(|at| at <= now);
        if due {
            self.stale = false;
            self.not_before = Some(after(now, INTERVAL));
        }
        due
    }

    /// Writes its status if it is another one than the last.
    pub fn publish(&mut self, mut status: ClusterIrsaAuditStatus, actions: &mut Vec<Action>) {
        let old = self
            .written
            .as_ref()
            .map_or(&[][..], |written| &written.conditions);
        status.conditions = status
            .conditions
            .into_iter()
            .map(|condition| condition.since(old))
            .collect();
        if self.written.as_ref() != Some(&status) {
            self.in_flight = Some(status.clone());
            actions.push(Action::Write(Write::Cluster {
                status: Box::new(status),
            }));
        }
    }

    /// Takes note of the end of a write.
    pub fn written(&mut self, outcome: &WriteOutcome, now: Timestamp) {
        let status = self.in_flight.take();
        match outcome {
            WriteOutcome::Done { .. } => {
                self.failures = 0;
                if std::mem::take(&mut self.is_lost) {
                    self.stale = true;
                } else {
                    self.written = status;
                }
            }
            WriteOutcome::Unavailable => {
                self.stale = true;
                self.not_before = Some(after(now, INTERVAL));
            }
            WriteOutcome::Gone | WriteOutcome::Refused | WriteOutcome::Failed => {
                self.stale = true;
                self.not_before = Some(after(now, backoff(INTERVAL, MOST, self.failures)));
                self.failures += 1;
            }
        }
    }

    /// Takes note that there is no such object: it is written soon, whatever was written before.
    pub fn lose(&mut self, now: Timestamp) {
        self.is_lost = self.in_flight.is_some();
        self.written = None;
        self.stale = true;
        self.failures = 0;
        self.not_before = self.not_before.map(|at| at.min(after(now, INTERVAL)));
    }

    /// Forgets all but whether a write is under way, for a replica that no longer leads.
    pub fn forget(&mut self) {
        *self = Self {
            in_flight: self.in_flight.take(),
            ..Self::default()
        };
    }
}

/// The status that the observations give.
#[must_use]
pub fn cluster_status(
    snapshot: &Snapshot,
    config: &Config,
    unaudited: &[(String, Unaudited)],
    verdicts: impl Iterator<Item = Verdict>,
    now: Timestamp,
) -> ClusterIrsaAuditStatus {
    let report = audit_cluster(snapshot, config, now);
    let is_open = |one: &&AccountReport| {
        let known = snapshot.accounts.get(&one.account);
        known.is_some_and(|account| account.access == Access::Configured)
    };
    let (open, others): (Vec<&AccountReport>, Vec<&AccountReport>) =
        report.accounts.iter().partition(is_open);
    ClusterIrsaAuditStatus {
        issuer: snapshot.issuer.as_ref().map(|issuer| IssuerStatus {
            url: issuer.url.to_string(),
            source: issuer.source.as_str().to_owned(),
        }),
        accounts: open.iter().take(MAX_ACCOUNTS).map(|one| account(one)).collect(),
        other_accounts: u32::try_from(others.len()).unwrap_or(u32::MAX),
        unaudited: listed(unaudited),
        bindings: Some(count(verdicts)),
        findings: gravest_first(&report)
            .into_iter()
            .take(MAX_FINDINGS)
            .map(|finding| ClusterFinding {
                code: finding.entry.code.to_owned(),
                reason: finding.entry.reason.to_owned(),
                severity: finding.severity.as_str().to_owned(),
                message: finding.message.clone(),
                fix: finding.fix.as_ref().map(audit_core::fix::Fix::script),
            })
            .collect(),
        conditions: vec![ready(&report, now)],
    }
}

/// The findings in the order in which they are listed: where there are too many, the least grave are left out.
fn gravest_first(report: &ClusterReport) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// The namespaces of which most is not audited.
fn listed(unaudited: &[(String, Unaudited)]) -> Vec<UnauditedStatus> {
    unaudited
        .iter()
        .take(MAX_NAMESPACES)
        .map(|(namespace, count)| UnauditedStatus {
            namespace: namespace.clone(),
            suspended: count.suspended,
            refused: count.refused,
            over_limit: count.over_limit,
        })
        .collect()
}

fn account(account: &AccountReport) -> AccountStatus {
    let provider = match (&account.provider_arn, account.provider_seen) {
        (Some(_), _) => "Registered",
        (None, true) => "NotRegistered",
        (None, false) => "Unknown",
    };
    AccountStatus {
        id: account.account.clone(),
        provider: provider.to_owned(),
        provider_arn: account.provider_arn.clone(),
    }
}

fn count(verdicts: impl Iterator<Item = Verdict>) -> VerdictCounts {
    let mut counts: BTreeMap<Verdict, u32> = BTreeMap::new();
    for verdict in verdicts {
        *counts.entry(verdict).or_default() += 1;
    }
    let of = |verdict| counts.get(&verdict).copied().unwrap_or_default();
    VerdictCounts {
        working: of(Verdict::Working),
        at_risk: of(Verdict::AtRisk),
        broken: of(Verdict::Broken),
        unknown: of(Verdict::Unknown),
    }
}

fn ready(report: &ClusterReport, now: Timestamp) -> Condition {
    // What roles trust without need says nothing of what could be seen. Nor does what anyone who can edit a namespace brings about:
    // accounts that annotations name, and audits that are suspended or refused.
    let of_namespaces = [irsa903::ENTRY.code, irsa917::ENTRY.code];
    let first = report.findings.iter().find(|finding| {
        finding.severity >= Severity::Unknown && !of_namespaces.contains(&finding.entry.code)
    });
    Condition {
        type_: "Ready".to_owned(),
        status: if first.is_none() {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        },
        reason: first
            .map_or("AllEvidenceSeen", |finding| finding.entry.reason)
            .to_owned(),
        message: String::new(),
        observed_generation: 0,
        last_transition_time: Timestamp::from_second(now.as_second()).unwrap_or(now),
    }
}
