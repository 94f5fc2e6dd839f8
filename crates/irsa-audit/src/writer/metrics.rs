//! The writer's metrics, in a registry of their own.

use audit_remedy::{Blocker, ChangePhase, JournalRecord, WriteTiming};
use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};

use super::kinds::BEFORE_PLAN;
use super::timing::longest_open;
use crate::service::http::{MetricsText, text};

/// What may come of a look at a binding or of a change: the values of `outcome`.
const OUTCOMES: &[&str] = &[
    "applied",
    "refused",
    "not_applied",
    "abandoned",
    "latched",
    "undecided",
    "stopped",
    "blocked",
    "not_planned",
    "unread",
];

/// All metrics of the writer.
pub struct WriterMetrics {
    registry: Registry,
    remediations: IntCounterVec,
    blocked: IntCounterVec,
    rounds: IntCounterVec,
    latched: IntGauge,
    open_too_long: IntGauge,
    /// Whether this replica leads.
    pub leader: IntGauge,
}

impl WriterMetrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name, which tests rule out.
    pub fn new() -> prometheus::Result<Self> {
        let metrics = Self {
            registry: Registry::new(),
            remediations: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_remediations_total",
                    "Changes of trust policies by how they ended, and looks at bindings that led to none.",
                ),
                &["outcome"],
            )?,
            blocked: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_remediation_blocked_total",
                    "Looks at bindings whose repair is blocked, by each reason.",
                ),
                &["by"],
            )?,
            rounds: IntCounterVec::new(
                Opts::new(
                    "irsa_audit_remediation_rounds_total",
                    "Rounds. A round fails if the IrsaAudits, policies, approvals, namespaces, journal or admission policy cannot be read, and then no repair begins.",
                ),
                &["outcome"],
            )?,
            latched: IntGauge::new(
                "irsa_audit_remediation_latched_roles",
                "Roles that another actor changed during a write. Nothing is written to them until a person releases them.",
            )?,
            open_too_long: IntGauge::new(
                "irsa_audit_remediation_open_changes",
                "TrustPolicyChanges that are Prepared for longer than a write and its recovery take.",
            )?,
            leader: IntGauge::new("irsa_audit_writer_leader", "1 while this replica leads.")?,
        };
        let build = IntGauge::with_opts(
            Opts::new("irsa_audit_writer_build_info", "1, with the version.")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1);
        // From zero on, so that the first one shows as an increase.
        for outcome in OUTCOMES {
            metrics.remediations.with_label_values(&[*outcome]);
        }
        for by in BEFORE_PLAN.iter().chain(Blocker::NAMES) {
            metrics.blocked.with_label_values(&[*by]);
        }
        for outcome in ["done", "failed"] {
            metrics.rounds.with_label_values(&[outcome]);
        }
        let all: [Box<dyn Collector>; 7] = [
            Box::new(build),
            Box::new(metrics.remediations.clone()),
            Box::new(metrics.blocked.clone()),
            Box::new(metrics.rounds.clone()),
            Box::new(metrics.latched.clone()),
            Box::new(metrics.open_too_long.clone()),
            Box::new(metrics.leader.clone()),
        ];
        for collector in all {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Counts what came of a look, or of a change.
    pub fn outcome(&self, outcome: &str) {
        self.remediations.with_label_values(&[outcome]).inc();
    }

    /// Counts the reasons that block a repair.
    pub fn blocked(&self, by: &[&str]) {
        for by in by {
            self.blocked.with_label_values(&[*by]).inc();
        }
    }

    /// Counts a round.
    pub fn round(&self, is_done: bool) {
        let outcome = if is_done { "done" } else { "failed" };
        self.rounds.with_label_values(&[outcome]).inc();
    }

    /// Shows what the journal says; only the leader does.
    pub fn journal(&self, journal: &[JournalRecord], timing: &WriteTiming, now: Timestamp) {
        let latched: std::collections::BTreeSet<&str> = journal
            .iter()
            .filter(|record| record.is_latched())
            .map(|record| record.role_arn.as_str())
            .collect();
        let longest = longest_open(timing);
        let open = journal
            .iter()
            .filter(|record| record.phase.is_open() && now.duration_since(record.created) > longest);
        self.latched.set(i64::try_from(latched.len()).unwrap_or(i64::MAX));
        self.open_too_long
            .set(i64::try_from(open.count()).unwrap_or(i64::MAX));
    }

    /// This replica does not lead: it shows nothing of the journal.
    pub fn follows(&self) {
        self.leader.set(0);
        self.latched.set(0);
        self.open_too_long.set(0);
    }
}

impl MetricsText for WriterMetrics {
    fn encode(&self) -> Vec<u8> {
        text(&self.registry)
    }
}

/// The value of `outcome` for a phase; `undecided` where a change is left open.
#[must_use]
pub fn outcome(phase: ChangePhase) -> &'static str {
    match phase {
        ChangePhase::Prepared => "undecided",
        ChangePhase::Applied => "applied",
        ChangePhase::Refused => "refused",
        ChangePhase::NotApplied => "not_applied",
        ChangePhase::Abandoned => "abandoned",
        ChangePhase::Latched => "latched",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(metrics: &WriterMetrics) -> String {
        String::from_utf8(metrics.encode()).unwrap()
    }

    #[test]
    fn each_outcome_shows_from_zero_on() {
        let metrics = WriterMetrics::new().unwrap();
        for phase in [
            ChangePhase::Prepared,
            ChangePhase::Applied,
            ChangePhase::Refused,
            ChangePhase::NotApplied,
            ChangePhase::Abandoned,
            ChangePhase::Latched,
        ] {
            let series = format!("irsa_audit_remediations_total{{outcome=\"{}\"}}", outcome(phase));
            assert!(shown(&metrics).contains(&format!("{series} 0")), "{series}");
            metrics.outcome(outcome(phase));
            assert!(shown(&metrics).contains(&format!("{series} 1")), "{series}");
        }
    }

    #[test]
    fn a_follower_shows_nothing_of_the_journal() {
        let metrics = WriterMetrics::new().unwrap();
        metrics.leader.set(1);
        metrics.latched.set(2);
        metrics.follows();
        let text = shown(&metrics);
        for gauge in [
            "irsa_audit_writer_leader 0",
            "irsa_audit_remediation_latched_roles 0",
        ] {
            assert!(text.contains(gauge), "{text}");
        }
    }
}
