//! The series of bindings and accounts, made at each scrape from what the engine shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use audit_core::Verdict;
use audit_remedy::RemedyProgress;
use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily};

use super::family::{Family, label};
use super::{MetricsView, lock};
use crate::operator::settings::Detail;

/// Makes the families of bindings.
pub struct Bindings {
    /// What the engine shows.
    pub shown: Arc<Mutex<MetricsView>>,
    /// How many series bindings get.
    pub detail: Detail,
}

impl Collector for Bindings {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let shown = lock(&self.shown);
        let families = detailed(&shown, self.detail)
            .into_iter()
            .chain(totals(&shown))
            .chain([unrecorded(&shown), unaudited(&shown), evidence(&shown)]);
        families.filter_map(Family::finish).collect()
    }
}

/// The series of single bindings, as far as they get any.
fn detailed(shown: &MetricsView, detail: Detail) -> [Family; 4] {
    let mut info = Family::new("irsa_audit_binding_info", "1 for each binding, with its role.");
    let mut verdict = Family::new(
        "irsa_audit_binding_verdict",
        "1 for the verdict that a binding has, else 0.",
    );
    let mut finding = Family::new("irsa_audit_finding", "1 while a finding stands.");
    let mut audited = Family::new(
        "irsa_audit_last_audit_timestamp_seconds",
        "When a binding was audited last.",
    );
    for (key, summary) in &shown.bindings {
        let is_detailed = match detail {
            Detail::Totals => false,
            Detail::Unhealthy => summary.verdict != Verdict::Working,
            Detail::All => true,
        };
        if !is_detailed {
            continue;
        }
        let binding = [
            ("namespace", key.namespace.as_str()),
            ("service_account", key.service_account.as_str()),
        ];
        let with = |more: &[(&'static str, &str)]| -> Vec<LabelPair> {
            binding
                .iter()
                .chain(more)
                .map(|(name, value)| label(name, value))
                .collect()
        };
        let (role, account) = (summary.role_arn.as_deref(), summary.account.as_deref());
        info.add(
            with(&[
                ("role_arn", role.unwrap_or_default()),
                ("account", account.unwrap_or_default()),
            ]),
            1.0,
        );
        for other in Verdict::ALL {
            let holds = if other == summary.verdict { 1.0 } else { 0.0 };
            verdict.add(with(&[("verdict", other.as_str())]), holds);
        }
        let mut listed: Vec<&str> = Vec::new();
        for (code, reason, severity) in &summary.findings {
            if !listed.contains(code) {
                listed.push(code);
                finding.add(
                    with(&[
                        ("code", code),
                        ("reason", reason),
                        ("severity", severity.as_str()),
                    ]),
                    1.0,
                );
            }
        }
        audited.add(with(&[]), seconds(summary.audited));
    }
    [info, verdict, finding, audited]
}

/// What the bindings of a namespace come to.
fn totals(shown: &MetricsView) -> [Family; 3] {
    let mut verdicts: BTreeMap<(&str, Verdict), u32> = BTreeMap::new();
    let mut pods: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut repairs: BTreeMap<(&str, RemedyProgress), u32> = BTreeMap::new();
    for (key, summary) in &shown.bindings {
        let namespace = key.namespace.as_str();
        for other in Verdict::ALL {
            *verdicts.entry((namespace, other)).or_default() += u32::from(other == summary.verdict);
        }
        for (state, count) in [
            ("total", summary.pods.total),
            ("ready", summary.pods.ready),
            ("stale", summary.pods.stale),
            ("missing", summary.pods.missing),
        ] {
            *pods.entry((namespace, state)).or_default() += count;
        }
        if let Some(progress) = summary.progress {
            *repairs.entry((namespace, progress)).or_default() += 1;
        }
    }
    let mut bindings = Family::new("irsa_audit_bindings", "Bindings of a namespace by verdict.");
    for ((namespace, verdict), count) in verdicts {
        bindings.add(
            vec![label("namespace", namespace), label("verdict", verdict.as_str())],
            f64::from(count),
        );
    }
    let mut pod_totals = Family::new("irsa_audit_pods", "Pods of audited ServiceAccounts by state.");
    for ((namespace, state), count) in pods {
        pod_totals.add(
            vec![label("namespace", namespace), label("state", state)],
            f64::from(count),
        );
    }
    let mut remediation = Family::new(
        "irsa_audit_remediation_bindings",
        "Bindings of a namespace by how far the repair of their role's trust policy has come.",
    );
    for ((namespace, progress), count) in repairs {
        remediation.add(
            vec![
                label("namespace", namespace),
                label("progress", progress.as_str()),
            ],
            f64::from(count),
        );
    }
    [bindings, pod_totals, remediation]
}

fn unrecorded(shown: &MetricsView) -> Family {
    let mut unrecorded = Family::new(
        "irsa_audit_unrecorded_roles",
        "Roles with a statement in the writer's format that no TrustPolicyChange records.",
    );
    let count = u32::try_from(shown.unrecorded.len());
    unrecorded.add(Vec::new(), count.map_or(f64::INFINITY, f64::from));
    unrecorded
}

fn unaudited(shown: &MetricsView) -> Family {
    let mut unaudited = Family::new(
        "irsa_audit_unaudited_bindings",
        "ServiceAccounts of a namespace that are not audited, or not completely, by reason.",
    );
    for (namespace, count) in &shown.unaudited {
        for (reason, count) in [
            ("Suspended", count.suspended),
            ("Refused", count.refused),
            ("OverLimit", count.over_limit),
        ] {
            if count > 0 {
                let labels = vec![label("namespace", namespace), label("reason", reason)];
                unaudited.add(labels, f64::from(count));
            }
        }
    }
    unaudited
}

fn evidence(shown: &MetricsView) -> Family {
    let mut age = Family::new(
        "irsa_audit_evidence_age_seconds",
        "Age of the oldest evidence of an account.",
    );
    let now = seconds(Timestamp::now());
    for (account, read) in &shown.evidence {
        age.add(vec![label("account", account)], (now - seconds(*read)).max(0.0));
    }
    age
}

/// A time as Prometheus has it.
fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}
