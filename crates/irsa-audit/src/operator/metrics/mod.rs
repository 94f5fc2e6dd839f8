//! Metrics, in a registry of their own.
//!
//! What concerns bindings is not kept in gauges but made at each scrape from the latest reports, so that a series is
//! gone with its object. Only the leader shows it.

mod bindings;
mod family;
mod memory;
#[cfg(test)]
#[path = "../../../tests/unit/operator/metrics.rs"]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit_aws::{CallOutcome as AwsOutcome, RequestObserver};
use audit_k8s::Kind;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::settings::Detail;
use crate::service::http::{MetricsText, text};
use audit_engine::{MetricsView, ReviewOutcome, WriteOutcome};
use bindings::Bindings;
use memory::ProcessMemory;

/// All metrics of the operator.
pub struct Metrics {
    registry: Registry,
    shown: Arc<Mutex<MetricsView>>,
    aws_requests: IntCounterVec,
    aws_duration: HistogramVec,
    writes: IntCounterVec,
    reviews: IntCounterVec,
    skipped: IntCounterVec,
    waiting: IntGaugeVec,
    /// Whether this replica leads.
    pub leader: IntGauge,
    /// How long a turn of the engine takes.
    pub reconcile: Histogram,
}

/// One in a queue.
pub struct Queued(IntGauge);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name, which tests rule out.
    pub fn new(detail: Detail) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let shown = Arc::new(Mutex::new(MetricsView::default()));
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
            reviews: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_access_reviews_total",
                    "Questions to the Kubernetes API whether ServiceAccounts may do what is expected, by outcome.",
                ),
                &["outcome"],
            )?,
            skipped: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_undecodable_objects_total",
                    "Objects that were skipped, by kind.",
                ),
                &["kind"],
            )?,
            waiting: IntGaugeVec::new(
                Opts::new(
                    "irsa_audit_waiting",
                    "What waits: observations and readings for the audit, writes for the API server.",
                ),
                &["queue"],
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
        metrics.registry.register(Box::new(metrics.reviews.clone()))?;
        metrics.registry.register(Box::new(metrics.skipped.clone()))?;
        metrics.registry.register(Box::new(metrics.waiting.clone()))?;
        metrics.registry.register(Box::new(ProcessMemory::new()?))?;
        metrics.registry.register(Box::new(metrics.leader.clone()))?;
        metrics.registry.register(Box::new(metrics.reconcile.clone()))?;
        metrics.registry.register(Box::new(Bindings { shown, detail }))?;
        Ok(metrics)
    }

    /// Counts a write.
    pub fn write(&self, write: &str, outcome: &WriteOutcome) {
        let outcome = match outcome {
            WriteOutcome::Done { .. } => "done",
            WriteOutcome::Gone => "gone",
            WriteOutcome::Refused => "refused",
            WriteOutcome::Failed | WriteOutcome::Unavailable => "failed",
        };
        self.writes.with_label_values(&[write, outcome]).inc();
    }

    /// Counts the questions of a review; one that could not be answered is the last.
    pub fn review(&self, outcome: &ReviewOutcome) {
        let (outcome, questions) = match outcome {
            ReviewOutcome::Answered(rulings) => {
                ("answered", u64::try_from(rulings.len()).unwrap_or(u64::MAX))
            }
            ReviewOutcome::Refused => ("refused", 1),
            ReviewOutcome::Failed => ("failed", 1),
        };
        self.reviews.with_label_values(&[outcome]).inc_by(questions);
    }

    /// Counts an object that was skipped.
    pub fn skipped(&self, kind: Kind) {
        self.skipped.with_label_values(&[kind.as_str()]).inc();
    }

    /// Shows how much waits in a queue.
    pub fn waiting(&self, queue: &str, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        self.waiting.with_label_values(&[queue]).set(length);
    }

    /// Counts one in a queue until it is dropped.
    pub fn queued(&self, queue: &str) -> Queued {
        let gauge = self.waiting.with_label_values(&[queue]);
        gauge.inc();
        Queued(gauge)
    }

    /// What bindings show; for whoever changes it.
    pub fn shown(&self) -> MutexGuard<'_, MetricsView> {
        lock(&self.shown)
    }
}

impl MetricsText for Metrics {
    fn encode(&self) -> Vec<u8> {
        text(&self.registry)
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
fn lock(shown: &Mutex<MetricsView>) -> MutexGuard<'_, MetricsView> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}
