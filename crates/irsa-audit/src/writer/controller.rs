//! The loop: looks at what there is to repair, begins executions and recoveries, and awaits their ends.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use audit_core::model::BindingKey;
use audit_k8s::lease::{Leadership, acquired, lost};
use audit_remedy::{
    AdmissionGuard, Authorities, ChangePhase, JournalRecord, Plan, RemediationMode, RemediationPolicy,
    WriteTiming, WriterEnd, expired_records,
};
use iam_policy::RoleArn;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::drive::Hands;
use super::look::{Look, look};
use super::metrics::WriterMetrics;
use super::schedule::Schedule;
use crate::remediation::ReadError;
use crate::service::stop;

/// So many executions go on at the same time, of different roles.
const EXECUTIONS: usize = 4;

/// A round that takes longer begins no further look: the next one reads anew who has to agree.
const LONGEST_ROUND: Duration = Duration::from_secs(30);

/// So often old records are looked for.
const CLEAN_UP: Duration = Duration::from_hours(1);

/// The most records that are deleted at once: the round waits for them.
const DELETIONS: usize = 20;

/// What a task is for.
#[derive(Debug)]
struct Job {
    role_arn: String,
    /// Of an execution.
    binding: Option<BindingKey>,
    /// Of a recovery.
    record: Option<String>,
}

/// What of everyone who has to agree makes bindings worth another look.
#[derive(Debug, PartialEq)]
struct Seen {
    policies: Vec<RemediationPolicy>,
    guard: AdmissionGuard,
    approvals: HashSet<String>,
}

/// How the writer works.
#[derive(Debug, Clone)]
pub struct WriterSettings {
    /// Between two rounds.
    pub interval: Duration,
    /// How long jobs may go on when the program stops.
    pub grace: Duration,
    /// The times of a write.
    pub timing: WriteTiming,
    /// The identity in the Lease.
    pub identity: String,
}

/// The writer.
pub struct WriterLoop {
    settings: WriterSettings,
    hands: Hands,
    metrics: Arc<WriterMetrics>,
    schedule: Schedule,
    jobs: JoinSet<Option<WriterEnd>>,
    at_work: HashMap<Id, Job>,
    seen: Option<Seen>,
    /// When old records are looked for next.
    next_clean_up: Instant,
    /// The last round failed, which is told once.
    failing: bool,
}

impl WriterLoop {
    /// A writer that has done nothing yet.
    #[must_use]
    pub fn new(
        settings: WriterSettings,
        hands: Hands,
        metrics: Arc<WriterMetrics>,
        schedule: Schedule,
    ) -> Self {
        Self {
            settings,
            hands,
            metrics,
            schedule,
            jobs: JoinSet::new(),
            at_work: HashMap::new(),
            seen: None,
            next_clean_up: Instant::now(),
            failing: false,
        }
    }

    /// Works until the program is to stop.
    pub async fn work(&mut self) {
        let mut leadership = self.hands.leadership.clone();
        let stopped = self.hands.stopped.clone();
        let mut next = Instant::now();
        loop {
            let leads = self.leads();
            if leads {
                self.metrics.leader.set(1);
            } else {
                self.metrics.follows();
                self.seen = None;
            }
            tokio::select! {
                () = stop::until(stopped.clone()) => return,
                Some(ended) = self.jobs.join_next_with_id() => match ended {
                    Ok((id, end)) => self.ended(id, end.as_ref()),
                    Err(error) => {
                        tracing::error!(target: super::LOG, %error, "a task broke down");
                        self.ended(error.id(), None);
                    }
                },
                gained = turned(&mut leadership, leads) => if gained {
                    next = Instant::now();
                },
                () = sleep_until(next), if leads => {
                    let stopped = stopped.clone();
                    tokio::select! {
                        () = stop::until(stopped) => return,
                        done = self.round() => self.told(done),
                    }
                    next = Instant::now() + self.settings.interval;
                }
            }
        }
    }

    /// Awaits the end of what has been recorded. What is left after the grace period, the next leader recovers.
    pub async fn finish(&mut self) {
        let all = async {
            while let Some(ended) = self.jobs.join_next_with_id().await {
                if let Err(error) = ended {
                    tracing::error!(target: super::LOG, %error, "a task broke down");
                }
            }
        };
        if timeout(self.settings.grace, all).await.is_err() {
            let left = self.jobs.len();
            tracing::warn!(target: super::LOG, left, "stopped before all changes were closed; the next leader recovers them");
        }
    }

    fn leads(&self) -> bool {
        self.hands.leadership.borrow().is_current()
    }

    fn told(&mut self, round: Result<(), ReadError>) {
        self.metrics.round(round.is_ok());
        match round {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(target: super::LOG, %error, "nothing is repaired while this cannot be read");
            }
            Err(_) => {}
        }
    }

    async fn round(&mut self) -> Result<(), ReadError> {
        let begin = Instant::now();
        let mut bindings = BTreeSet::new();
        let reader = self.hands.reader.clone();
        reader
            .each_audit(|audit| {
                if audit.opt_in() >= RemediationMode::RequireApproval {
                    bindings.insert(audit.binding());
                }
            })
            .await?;
        let view = reader.view().await?.authorities;
        if !self.leads() {
            return Ok(());
        }
        self.schedule.keep(bindings, begin);
        self.wake(&view);
        self.recover(&view.journal);
        self.metrics
            .journal(&view.journal, &self.settings.timing, Timestamp::now());
        while self.leads() && self.executions() < EXECUTIONS && begin.elapsed() < LONGEST_ROUND {
            let Some(binding) = self.schedule.next(Instant::now()) else {
                break;
            };
            let found = look(&reader, &self.hands.roles, &view, &binding).await;
            self.act(&binding, found);
        }
        self.clean_up(&view).await;
        Ok(())
    }

    /// Deletes a few records that are old, and on which no answer of the journal depends.
    async fn clean_up(&mut self, view: &Authorities) {
        let now = Instant::now();
        if now < self.next_clean_up {
            return;
        }
        self.next_clean_up = now + CLEAN_UP;
        let expired = expired_records(&view.journal, view.breaker, Timestamp::now());
        for record in expired.into_iter().take(DELETIONS) {
            if !self.leads() || !self.hands.journal.delete(record).await {
                return;
            }
        }
    }

    fn executions(&self) -> usize {
        self.at_work.values().filter(|job| job.binding.is_some()).count()
    }

    /// Bindings for which something has changed are looked at without waiting: it may be what they waited for.
    fn wake(&mut self, view: &Authorities) {
        let now = Instant::now();
        let new = Seen {
            policies: view.policies.clone(),
            guard: view.guard,
            approvals: view
                .approvals
                .iter()
                .map(|approval| approval.uid.clone())
                .collect(),
        };
        match &self.seen {
            Some(seen) if seen.policies == new.policies && seen.guard == new.guard => {
                for approval in &view.approvals {
                    if !seen.approvals.contains(&approval.uid) {
                        let binding = BindingKey::new(&approval.namespace, &approval.service_account);
                        self.schedule.wake(&binding, now);
                    }
                }
            }
            _ => self.schedule.wake_all(now),
        }
        self.seen = Some(new);
    }

    /// Begins to recover each open record that nothing here is at work on.
    fn recover(&mut self, journal: &[JournalRecord]) {
        for record in journal.iter().filter(|record| record.phase.is_open()) {
            let is_at_work = |job: &Job| {
                job.record.as_ref() == Some(&record.name)
                    || (job.binding.is_some() && job.role_arn == record.role_arn)
            };
            if self.at_work.values().any(is_at_work) {
                continue;
            }
            let Ok(role) = RoleArn::parse(&record.role_arn) else {
                continue;
            };
            if self.hands.roles.of(&role).is_none() {
                continue;
            }
            tracing::info!(target: super::LOG, record = record.name, role_arn = %role, "an open change is recovered");
            let job = Job {
                role_arn: record.role_arn.clone(),
                binding: None,
                record: Some(record.name.clone()),
            };
            // This process holds the lease now, so whoever wrote the record does not any more.
            let hands = self.hands.clone();
            let recovery = hands.recover(record.clone(), role, Timestamp::now(), self.settings.timing);
            let handle = self.jobs.spawn(recovery);
            self.at_work.insert(handle.id(), job);
        }
    }

    fn act(&mut self, binding: &BindingKey, found: Look) {
        let now = Instant::now();
        let (outcome, why) = match found {
            Look::Agreed(plan) => {
                if self
                    .at_work
                    .values()
                    .any(|job| job.role_arn == plan.role.arn.to_string())
                {
                    return;
                }
                self.execute(binding, *plan);
                return;
            }
            Look::Nothing => (None, "no role".to_owned()),
            Look::Admitted => (None, "admitted".to_owned()),
            Look::Blocked(by) => {
                self.metrics.blocked(&by);
                (Some("blocked"), by.join(","))
            }
            Look::NotPlanned(kind) => (Some("not_planned"), kind.to_owned()),
            Look::Unread(error) => (Some("unread"), error),
        };
        if let Some(outcome) = outcome {
            self.metrics.outcome(outcome);
        }
        if self.schedule.is_news(binding, &why) {
            let (namespace, service_account) = (binding.namespace.as_str(), binding.service_account.as_str());
            let outcome = outcome.unwrap_or("nothing_to_do");
            tracing::info!(target: super::LOG, namespace, service_account, outcome, why, "no repair");
        }
        self.schedule.rest(binding, now, fastrand::f64());
    }

    fn execute(&mut self, binding: &BindingKey, plan: Plan) {
        tracing::info!(
            target: super::LOG,
            namespace = binding.namespace.as_str(),
            service_account = binding.service_account.as_str(),
            role_arn = %plan.role.arn,
            operation = plan.operation().as_str(),
            plan = %plan.hash,
            "everyone agrees to a repair; it begins"
        );
        let job = Job {
            role_arn: plan.role.arn.to_string(),
            binding: Some(binding.clone()),
            record: None,
        };
        let (hands, timing, identity) = (
            self.hands.clone(),
            self.settings.timing,
            self.settings.identity.clone(),
        );
        let handle = self
            .jobs
            .spawn(async move { hands.execute(plan, &identity, timing).await });
        self.at_work.insert(handle.id(), job);
    }

    fn ended(&mut self, id: Id, end: Option<&WriterEnd>) {
        let Some(job) = self.at_work.remove(&id) else {
            return;
        };
        if let Some(WriterEnd::Stopped(reason)) = end {
            self.metrics.outcome("stopped");
            // The names of what blocks, and nothing of the documents.
            let why = super::kinds::stop_reason(reason);
            tracing::info!(target: super::LOG, role_arn = job.role_arn, why, "a repair was given up; nothing was written");
        }
        if let Some(binding) = job.binding {
            match end {
                Some(WriterEnd::Closed(ChangePhase::Applied)) => self.schedule.wake(&binding, Instant::now()),
                _ => self.schedule.rest(&binding, Instant::now(), fastrand::f64()),
            }
        }
    }
}

/// Awaits that leadership is lost, or gained; says whether it was gained.
async fn turned(leadership: &mut watch::Receiver<Leadership>, leads: bool) -> bool {
    if leads {
        lost(leadership).await;
    } else if acquired(leadership).await.is_err() {
        // The election has ended, and this replica never leads again.
        std::future::pending::<()>().await;
    }
    !leads
}
