//! The controller: watches, reads, audits, publishes.
//!
//! All decisions are made by [`audit_engine`], which does no I/O. The [`controller`] feeds it and carries out what it says;
//! this module brings the parts together, and ends them in the right order.

mod announce;
mod clock;
mod controller;
mod leader;
mod line;
mod metrics;
mod publish;
mod refusals;
pub mod settings;
mod written;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use audit_aws::Directory;
use audit_core::Config;
use audit_core::model::{ClusterIssuer, IssuerSource};
use audit_engine::{Engine, RemediationSettings};
use audit_k8s::ApiHealth;
use audit_k8s::lease::{self, Timing};
use kube::runtime::events::{Recorder, Reporter};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cluster::issuer;
use crate::cluster::review::Reviewer;
use crate::cluster::workload::Workloads;
use crate::remediation::OwnAccounts;
use crate::service::{self, Election, Part, ServiceError, first_to_break, http, stop};
use clock::SteppingClock;
use controller::Controller;
use leader::Guard;
use metrics::Metrics;
use publish::ObjectWriter;
use settings::OperatorArgs;

/// The name of the reporter of Events.
const NAME: &str = "irsa-audit";

/// How many observations may wait for the engine; the watches wait when it is full.
const OBSERVATIONS: usize = 1024;

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the operator cannot start, or when a part of it breaks down. Nothing that the cluster or AWS does ends it.
pub async fn run(args: OperatorArgs) -> Result<(), ServiceError> {
    // Before anything else: as process 1 of a container, a program that does not listen yet is not ended by SIGTERM.
    let (stop, stopped) = watch::channel(false);
    stop::on_signal(stop)?;
    let metrics = Arc::new(Metrics::new(args.metrics_detail)?);
    let timing = Timing::new(args.lease_duration)?;
    let cluster = service::cluster_to_stay().await?;
    let listener = http::bind(args.metrics_addr).await?;
    tracing::info!(address = %listener.local_addr()?, "metrics are served");

    let ready = Arc::new(AtomicBool::new(false));
    let endpoints = http::Shown {
        metrics: metrics.clone(),
        ready: ready.clone(),
        not_ready: "the watches have not listed everything yet",
    };

    let mut election = None;
    let mut guard = Guard::Alone;
    if args.leader_elect {
        let config = lease::LeaseConfig {
            namespace: args.lease_namespace.clone(),
            name: lease::NAME.to_owned(),
            identity: lease::unique_identity(&args.pod_name),
            timing,
        };
        let (taking_part, leadership) = Election::start(cluster.clone(), config)?;
        election = Some(taking_part);
        guard = Guard::Lease(leadership);
    }

    let mut parts = JoinSet::new();
    parts.spawn(http::serve(listener, endpoints, stop::until(stopped.clone())));
    let mut controller = Box::pin(start(&args, cluster, guard, metrics, ready, &mut parts)).await?;
    let broken = tokio::select! {
        () = stop::until(stopped) => None,
        part = controller.work() => Some(part),
        part = first_to_break(&mut parts) => Some(part),
        part = election_to_end(&mut election) => Some(part),
    };
    controller.finish().await;
    // The lease is given back only after the last write has ended.
    if let Some(election) = election {
        election.give_back().await;
    }
    tracing::info!("stopped");
    broken.map_or(Ok(()), |part| Err(ServiceError::Ended(part)))
}

/// Who repairs trust policies, and for whose namespaces nothing is written.
fn remediation(args: &OperatorArgs) -> RemediationSettings {
    let Some(writer) = &args.writer_service_account else {
        return RemediationSettings::default();
    };
    let own = OwnAccounts {
        operator: args.service_account.clone(),
        writer: writer.clone(),
    };
    RemediationSettings {
        own_namespaces: own.namespaces(),
        own_users: own.users(),
    }
}

/// The name of the election, once it has ended by itself.
async fn election_to_end(election: &mut Option<Election>) -> &'static str {
    match election {
        Some(election) => election.ended().await,
        None => std::future::pending().await,
    }
}

/// Starts everything that the controller works with.
async fn start(
    args: &OperatorArgs,
    cluster: kube::Config,
    guard: Guard,
    metrics: Arc<Metrics>,
    ready: Arc<AtomicBool>,
    parts: &mut JoinSet<Part>,
) -> Result<Controller, ServiceError> {
    let own_token = service::own_token(&cluster);
    let health = ApiHealth::new();
    let client = health.client(service::client(cluster)?);
    let leads = guard.clone();
    let writing = service::writing_client(client.clone(), move || leads.leads());
    let config = Config {
        annotation_prefix: args.annotation_prefix.clone(),
        all_forms: false,
        own: issuer::own_service_account().await,
        token_audience: args.token_audience.clone(),
        role_home: args.compose_role_arn.clone(),
        ..Config::default()
    };
    let mut engine = Engine::new(audit_engine::EngineSettings {
        config,
        refresh: args.refresh,
        cluster_name: args.cluster_name.clone(),
        remediation: remediation(args),
    });
    let mut settings = audit_aws::DirectorySettings::new(audit_aws::load_home().await);
    settings.accounts.clone_from(&args.accounts);
    let (directory, readings) = Directory::start(settings, metrics.clone());
    let (sender, observations) = mpsc::channel(OBSERVATIONS);
    let scope = audit_k8s::Scope {
        prefix: args.annotation_prefix.clone(),
        webhook_namespace: args.webhook_namespace.clone(),
    };
    let watches = audit_k8s::observe(client.clone(), health.clone(), scope, sender);
    parts.spawn(async {
        watches.await;
        Some("watches")
    });
    let (sender, issuers) = mpsc::channel(1);
    match &args.issuer {
        Some(url) => engine.set_issuer(ClusterIssuer {
            url: url.clone(),
            source: IssuerSource::Flag,
        }),
        None => {
            parts.spawn(issuer::find(client.clone(), own_token, sender));
        }
    }
    let reporter = Reporter {
        controller: NAME.to_owned(),
        instance: Some(args.pod_name.clone()),
    };
    let recorder = Recorder::new(writing.clone(), reporter);
    let (reviewer, reviews) = Reviewer::new(&client);
    let (workloads, lookups) = Workloads::new(&client);
    let (publisher, outcomes) =
        ObjectWriter::new((writing, health), recorder, guard.clone(), metrics.clone());
    let cluster_name = args.cluster_name.clone();
    Ok(Controller {
        engine,
        directory,
        publisher,
        reviewer,
        workloads,
        guard,
        metrics,
        ready,
        observations,
        readings,
        outcomes,
        reviews,
        lookups,
        issuers,
        cluster_name,
        clock: SteppingClock::new(),
        leads: false,
        asks_eks: false,
        unrecorded: BTreeSet::new(),
    })
}
