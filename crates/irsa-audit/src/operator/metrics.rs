//! Metrics, in a registry of their own.
//!
//! What concerns bindings is not kept in gauges but made at each scrape from the latest reports, so that a series is
//! gone with its object. Only the leader shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit_aws::{Outcome as AwsOutcome, RequestObserver};
use audit_core::Verdict;
use audit_core::model::BindingKey;
use audit_k8s::Kind;
use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use super::engine::{Outcome, Summary};
use super::settings::Detail;

/// What the engine shows to metrics.
#[derive(Debug, Default)]
pub struct Shown {
    /// The latest report of each binding; empty on a follower.
    pub bindings: BTreeMap<BindingKey, Summary>,
    /// When the oldest evidence of each account was read; empty on a follower.
    pub evidence: BTreeMap<String, Timestamp>,
}

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    shown: Arc<Mutex<Shown>>,
    aws_requests: IntCounterVec,
    aws_duration: HistogramVec,
    writes: IntCounterVec,
    skipped: IntCounterVec,
    /// Whether this replica leads.
    pub leader: IntGauge,
    /// How long a turn of the engine takes.
    pub reconcile: Histogram,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name, which tests rule out.
    pub fn new(detail: Detail) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let shown = Arc::new(Mutex::new(Shown::default()));
        let aws_labels = ["account", "service", "operation", "outcome"];
        let metrics = Self {
            aws_requests: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_aws_requests_total",
                    "Calls to AWS, each attempt that the SDK reports.",
                ),
                &aws_labels,
            )?,
            aws_duration: HistogramVec::new(
                HistogramOpts::new(
                    "irsa_audit_aws_request_duration_seconds",
                    "How long calls to AWS took.",
                ),
                &["service", "operation"],
            )?,
            writes: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_writes_total",
                    "Writes to the Kubernetes API, by kind and outcome.",
                ),
                &["write", "outcome"],
            )?,
            skipped: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_undecodable_objects_total",
                    "Objects that were skipped, by kind.",
                ),
                &["kind"],
            )?,
            leader: IntGauge::new("irsa_audit_leader", "1 while this replica leads.")?,
            reconcile: Histogram::with_opts(HistogramOpts::new(
                "irsa_audit_reconcile_duration_seconds",
                "How long one turn of the audit took.",
            ))?,
            shown: shown.clone(),
            registry,
        };
        let build = IntGauge::with_opts(
            Opts::new("irsa_audit_build_info", "1, with the version.")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1);
        for kind in Kind::ALL {
            // From zero on, so that the first one shows as an increase.
            metrics.skipped.with_label_values(&[kind.as_str()]);
        }
        metrics.registry.register(Box::new(build))?;
        metrics
            .registry
            .register(Box::new(metrics.aws_requests.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.aws_duration.clone()))?;
        metrics.registry.register(Box::new(metrics.writes.clone()))?;
        metrics.registry.register(Box::new(metrics.skipped.clone()))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile.clone()))?;
        metrics.registry.register(Box::new(Bindings { shown, detail }))?;
        Ok(metrics)
    }

    /// Counts a write.
    pub fn write(&self, write: &str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Done { .. } => "done",
            Outcome::Gone => "gone",
            Outcome::Failed => "failed",
        };
        self.writes.with_label_values(&[write, outcome]).inc();
    }

    /// Counts an object that was skipped.
    pub fn skipped(&self, kind: Kind) {
        self.skipped.with_label_values(&[kind.as_str()]).inc();
    }

    /// What bindings show; for whoever changes it.
    pub fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be encoded");
        }
        text
    }
}

impl RequestObserver for Metrics {
    fn observe(
        &self,
        account: &str,
        service: &'static str,
        operation: &'static str,
        outcome: AwsOutcome,
        took: Duration,
    ) {
        self.aws_requests
            .with_label_values(&[account, service, operation, outcome.as_str()])
            .inc();
        self.aws_duration
            .with_label_values(&[service, operation])
            .observe(took.as_secs_f64());
    }
}

/// A panic elsewhere leaves the data as whole as it was.
fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the families of bindings.
struct Bindings {
    shown: Arc<Mutex<Shown>>,
    detail: Detail,
}

impl Collector for Bindings {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let shown = lock(&self.shown);
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
        let mut totals: BTreeMap<(&str, Verdict), u32> = BTreeMap::new();
        let mut pods: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (key, summary) in &shown.bindings {
            let namespace = key.namespace.as_str();
            for other in Verdict::ALL {
                *totals.entry((namespace, other)).or_default() += u32::from(other == summary.verdict);
            }
            for (state, count) in [
                ("total", summary.pods.total),
                ("ready", summary.pods.ready),
                ("stale", summary.pods.stale),
                ("missing", summary.pods.missing),
            ] {
                *pods.entry((namespace, state)).or_default() += count;
            }
            let detailed = match self.detail {
                Detail::Totals => false,
                Detail::Unhealthy => summary.verdict != Verdict::Working,
                Detail::All => true,
            };
            if !detailed {
                continue;
            }
            let binding = [
                ("namespace", namespace),
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
        let mut bindings = Family::new("irsa_audit_bindings", "Bindings of a namespace by verdict.");
        for ((namespace, verdict), count) in totals {
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
        let mut age = Family::new(
            "irsa_audit_evidence_age_seconds",
            "Age of the oldest evidence of an account.",
        );
        let now = seconds(Timestamp::now());
        for (account, read) in &shown.evidence {
            age.add(vec![label("account", account)], (now - seconds(*read)).max(0.0));
        }
        [info, verdict, finding, audited, bindings, pod_totals, age]
            .into_iter()
            .filter_map(Family::finish)
            .collect()
    }
}

/// A time as Prometheus has it.
fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// A family of gauges in the making.
struct Family {
    name: &'static str,
    help: &'static str,
    metrics: Vec<Metric>,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            metrics: Vec::new(),
        }
    }

    fn add(&mut self, mut labels: Vec<LabelPair>, value: f64) {
        labels.sort_by(|a, b| a.name().cmp(b.name()));
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        self.metrics.push(metric);
    }

    /// The family, unless it is empty, which the registry does not take.
    fn finish(self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(self.metrics);
        Some(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::engine::PodCounts;
    use audit_core::Severity;

    fn summary(verdict: Verdict) -> Summary {
        Summary {
            verdict,
            reason: "RoleNotFound",
            role_arn: Some("arn:aws:iam::111122223333:role/\"odd\"\n".to_owned()),
            account: Some("111122223333".to_owned()),
            findings: vec![
                ("IRSA201", "RoleNotFound", Severity::Broken),
                ("IRSA201", "RoleNotFound", Severity::Broken),
            ],
            pods: PodCounts {
                total: 3,
                ready: 2,
                stale: 1,
                missing: 0,
            },
            audited: Timestamp::UNIX_EPOCH,
        }
    }

    fn text(detail: Detail) -> String {
        let metrics = Metrics::new(detail).unwrap();
        metrics
            .shown()
            .bindings
            .insert(BindingKey::new("a", "fine"), summary(Verdict::Working));
        metrics
            .shown()
            .bindings
            .insert(BindingKey::new("a", "bad"), summary(Verdict::Broken));
        String::from_utf8(metrics.encode()).unwrap()
    }

    #[test]
    fn a_series_goes_with_its_binding() {
        let metrics = Metrics::new(Detail::All).unwrap();
        metrics
            .shown()
            .bindings
            .insert(BindingKey::new("a", "b"), summary(Verdict::Broken));
        assert!(
            String::from_utf8(metrics.encode())
                .unwrap()
                .contains("service_account=\"b\"")
        );
        metrics.shown().bindings.clear();
        assert!(
            !String::from_utf8(metrics.encode())
                .unwrap()
                .contains("service_account")
        );
    }

    #[test]
    fn healthy_bindings_count_in_totals_only() {
        let text = text(Detail::Unhealthy);
        assert!(
            !text.contains("service_account=\"fine\"") && text.contains("service_account=\"bad\""),
            "{text}"
        );
        assert!(
            text.contains("irsa_audit_bindings{namespace=\"a\",verdict=\"Working\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("irsa_audit_pods{namespace=\"a\",state=\"total\"} 6"),
            "{text}"
        );
    }

    #[test]
    fn each_series_stands_once_and_its_labels_are_escaped() {
        let text = text(Detail::All);
        let series: Vec<&str> = text
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.rsplit_once(' '))
            .map(|(s, _)| s)
            .collect();
        let mut unique = series.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), series.len());
        assert!(
            text.contains(r#"role_arn="arn:aws:iam::111122223333:role/\"odd\"\n""#),
            "{text}"
        );
    }
}
