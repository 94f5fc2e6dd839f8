//! The loop: takes in what comes, lets the engine take a turn, carries out what it says.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit_aws::{Directory, DirectoryRequest, Reading};
use audit_core::model::{ClusterIssuer, IssuerSource, LookedUp};
use audit_k8s::Observation;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::clock::SteppingClock;
use super::leader::Guard;
use super::metrics::Metrics;
use super::publish::ObjectWriter;
use crate::cluster::review::Reviewer;
use crate::cluster::workload::Workloads;
use audit_engine::{Action, Engine, Lookup, Review, ReviewOutcome, Write, WriteOutcome};

/// How many inputs are taken in before the engine takes a turn.
const BATCH: usize = 4096;

/// How long a turn goes on with looks. The thread has other work: the Lease, writes, scrapes, and what somebody changes meanwhile.
const TURN: Duration = Duration::from_millis(10);

/// How long writes under way may take when the operator stops.
const GRACE: Duration = Duration::from_secs(5);

/// What the controller works with.
pub struct Controller {
    /// Decides.
    pub engine: Engine,
    /// Asks AWS.
    pub directory: Directory,
    /// Writes to the API server.
    pub publisher: ObjectWriter,
    /// Asks the API server what it would answer to others.
    pub reviewer: Reviewer,
    /// Asks the API server for expected workloads.
    pub workloads: Workloads,
    /// Tells who leads.
    pub guard: Guard,
    /// Shown to Prometheus.
    pub metrics: Arc<Metrics>,
    /// Shown to Kubernetes.
    pub ready: Arc<AtomicBool>,
    /// What the watches see.
    pub observations: mpsc::Receiver<Observation>,
    /// What AWS answers.
    pub readings: mpsc::Receiver<Reading>,
    /// What came of writes.
    pub outcomes: mpsc::UnboundedReceiver<(Write, WriteOutcome)>,
    /// What came of reviews.
    pub reviews: mpsc::UnboundedReceiver<(Review, ReviewOutcome)>,
    /// What came of lookups.
    pub lookups: mpsc::UnboundedReceiver<(Lookup, LookedUp)>,
    /// What the cluster says of its issuer; nothing where it does not tell.
    pub issuers: mpsc::Receiver<Option<ClusterIssuer>>,
    /// The name by which EKS may be asked for the issuer.
    pub cluster_name: Option<String>,
    /// Tells when the clock was set.
    pub clock: SteppingClock,
    /// The controller thinks that this replica leads.
    pub leads: bool,
    /// The cluster does not tell its issuer, and EKS is to be asked by the leader.
    pub asks_eks: bool,
    /// Roles with a statement that no record has, as they were logged last.
    pub unrecorded: BTreeSet<String>,
}

impl Controller {
    /// Works for as long as there is anything to work with. Returns which part of the operator has ended without being
    /// told to.
    pub async fn work(&mut self) -> &'static str {
        loop {
            let alarm = sleep_until(self.engine.next());
            tokio::select! {
                observation = self.observations.recv() => match observation {
                    Some(observation) => self.observe(observation),
                    None => return "watches",
                },
                reading = self.readings.recv() => match reading {
                    Some(reading) => self.read(reading),
                    None => return "directory of AWS accounts",
                },
                Some((write, outcome)) = self.outcomes.recv() => self.written(&write, &outcome),
                Some((review, outcome)) = self.reviews.recv() => self.reviewed(review, outcome),
                Some((lookup, outcome)) = self.lookups.recv() => self.looked_up(lookup, outcome),
                Some(issuer) = self.issuers.recv() => self.issuer(issuer),
                () = self.guard.changed() => {}
                () = alarm => {}
            }
            self.take_in_more();
            self.turn();
            if self.engine.has_more() {
                // Others run, and what they bring is taken in before the rest.
                tokio::task::yield_now().await;
            }
        }
    }

    /// What waits already is taken in before the next turn, so that a burst costs one.
    fn take_in_more(&mut self) {
        for _ in 0..BATCH {
            if let Ok(observation) = self.observations.try_recv() {
                self.observe(observation);
            } else if let Ok(reading) = self.readings.try_recv() {
                self.read(reading);
            } else if let Ok((write, outcome)) = self.outcomes.try_recv() {
                self.written(&write, &outcome);
            } else if let Ok((review, outcome)) = self.reviews.try_recv() {
                self.reviewed(review, outcome);
            } else if let Ok((lookup, outcome)) = self.lookups.try_recv() {
                self.looked_up(lookup, outcome);
            } else {
                return;
            }
        }
    }

    fn observe(&mut self, observation: Observation) {
        if let Observation::Skipped(undecodable) = &observation {
            self.metrics.skipped(undecodable.kind);
        }
        self.engine.observe(observation, Timestamp::now());
    }

    fn read(&mut self, reading: Reading) {
        match &reading {
            Reading::EksIssuer { result: Ok(url), .. } => {
                self.issuer(Some(ClusterIssuer {
                    url: url.clone(),
                    source: IssuerSource::Eks,
                }));
            }
            Reading::EksIssuer {
                result: Err(failure), ..
            } => {
                tracing::warn!(error = failure.message, "EKS did not tell the cluster's issuer");
            }
            _ => {}
        }
        self.engine.read(reading, Timestamp::now());
    }

    fn written(&mut self, write: &Write, outcome: &WriteOutcome) {
        self.engine.written(write, outcome, Timestamp::now());
    }

    fn reviewed(&mut self, review: Review, outcome: ReviewOutcome) {
        self.metrics.review(&outcome);
        self.engine.reviewed(review, outcome, Timestamp::now());
    }

    fn looked_up(&mut self, lookup: Lookup, outcome: LookedUp) {
        self.engine.looked_up(lookup, outcome, Timestamp::now());
    }

    fn issuer(&mut self, found: Option<ClusterIssuer>) {
        if let Some(issuer) = found {
            tracing::info!(url = %issuer.url, source = issuer.source.as_str(), "issuer found");
            // It does not change: nobody needs to look for it any more.
            self.issuers.close();
            self.asks_eks = false;
            self.engine.set_issuer(issuer);
        } else {
            self.asks_eks = true;
        }
    }

    fn turn(&mut self) {
        if let Some(step) = self.clock.step() {
            tracing::warn!(
                seconds = step.as_secs(),
                "the clock was set: everything is audited anew"
            );
            // What was planned by the other clock, and how old evidence is by it, is forgotten as at the end of a term.
            self.engine.set_leading(false);
            self.leads = false;
        }
        let leads = self.guard.leads();
        if leads != self.leads {
            tracing::info!(leads, "leadership changed");
            self.leads = leads;
            self.engine.set_leading(leads);
            self.metrics.leader.set(i64::from(leads));
        }
        if self.leads
            && std::mem::take(&mut self.asks_eks)
            && let Some(name) = &self.cluster_name
        {
            self.directory.request(DirectoryRequest::EksIssuer {
                cluster_name: name.clone(),
            });
        }
        let timer = self.metrics.reconcile.start_timer();
        let end = Instant::now() + TURN;
        let actions = self.engine.turn(Timestamp::now(), || Instant::now() < end);
        timer.observe_duration();
        for action in actions {
            match action {
                Action::Read(request) => self.directory.request(request),
                Action::Review(review) => self.reviewer.start(review),
                Action::LookUp(lookup) => self.workloads.start(lookup),
                Action::Write(write) => self.publisher.start(write),
            }
        }
        self.metrics.waiting("observations", self.observations.len());
        self.metrics.waiting("readings", self.readings.len());
        self.publisher.reap();
        self.show();
        if self.engine.is_synced() && !self.ready.swap(true, Ordering::Relaxed) {
            tracing::info!("ready");
        }
    }

    /// Shows what metrics are made of, and logs what needs a person.
    fn show(&mut self) {
        let mut shown = self.metrics.shown();
        self.engine.show(&mut shown);
        if shown.unrecorded != self.unrecorded {
            for role_arn in shown.unrecorded.difference(&self.unrecorded) {
                tracing::error!(
                    role_arn,
                    "the trust policy has a statement in the writer's format, but no TrustPolicyChange records it"
                );
            }
            self.unrecorded.clone_from(&shown.unrecorded);
        }
    }

    /// Sends nothing more, and waits for the writes under way.
    pub async fn finish(mut self) {
        self.publisher.finish(GRACE).await;
    }
}

/// Sleeps until a time on the wall clock; for ever where there is none.
async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => {
            let wait = at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        }
        None => std::future::pending().await,
    }
}
