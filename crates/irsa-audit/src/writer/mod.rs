//! The writer: the only part of irsa-audit that changes anything in AWS.
//!
//! What may be written, who has to agree and in which order everything happens, the core decides ([`audit_remedy`]), which does no I/O.
//! Here are the calls around it.
//!
//! | file | what is in it |
//! |---|---|
//! | `args`, `timing` | flags, and the times that the safety of a write rests on |
//! | `controller` | the loop: rounds, executions, recoveries |
//! | `schedule` | pure: which binding is looked at next |
//! | `look` | one look at a binding, before anything begins |
//! | `drive` | carries out what the core's machines ask for |
//! | `journal` | `TrustPolicyChange`s: created, closed once, and deleted when they are old |
//! | `announce`, `metrics`, `kinds` | what is told of it |

mod announce;
pub mod args;
mod controller;
mod drive;
mod journal;
mod kinds;
mod look;
mod metrics;
mod schedule;
mod timing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit_core::model::IssuerUrl;
use audit_k8s::lease::{self, Timing};
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cluster::ConnectionArgs;
use crate::cluster::issuer;
use crate::remediation::subject::SubjectScope;
use crate::remediation::{LiveReader, OwnAccounts, RoleEditors};
use crate::service::{self, Election, ServiceError, first_to_break, http, stop};
use announce::Announcer;
use args::WriterArgs;
use controller::{WriterLoop, WriterSettings};
use drive::Hands;
use journal::JournalKeeper;
use metrics::WriterMetrics;
use schedule::Schedule;

/// The target of the audit log: every change and every refusal.
const LOG: &str = "irsa_audit::remediation";

/// The name of the reporter of Events.
const NAME: &str = "irsa-audit-writer";

/// How long to wait before the cluster is asked for its issuer again.
const RETRY: Duration = Duration::from_secs(30);

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the writer cannot start, or when a part of it breaks down. Nothing that the cluster or AWS does ends it.
pub async fn run(args: WriterArgs) -> Result<(), ServiceError> {
    let own = OwnAccounts {
        operator: args.operator_service_account.clone(),
        writer: args.service_account.clone(),
    };
    if own.operator == own.writer {
        return Err(ServiceError::OneAccount);
    }
    let timing = timing::timing(args.lease_duration, &args.unsafe_test_timing)
        .map_err(|error| ServiceError::LeaseTooShort(error.to_string()))?;
    let lease_timing = Timing::new(args.lease_duration)?;
    let metrics = Arc::new(WriterMetrics::new()?);
    // Before anything else: as process 1 of a container, a program that does not listen yet is not ended by SIGTERM.
    let (stop, stopped) = watch::channel(false);
    stop::on_signal(stop)?;
    let cluster = service::cluster(&ConnectionArgs::default()).await?;
    let own_token = service::own_token(&cluster);
    let client = service::client(cluster.clone())?;
    let listener = http::bind(args.metrics_addr).await?;
    tracing::info!(address = %listener.local_addr()?, "metrics are served");
    if !args.unsafe_test_timing.is_empty() {
        tracing::warn!(
            "times are shortened for tests: with a real AWS, foreign changes of a role can be lost unseen"
        );
    }

    let ready = Arc::new(AtomicBool::new(false));
    let endpoints = http::Shown {
        metrics: metrics.clone(),
        ready: ready.clone(),
        not_ready: "the issuer of the cluster's tokens is not known yet",
    };
    let mut parts = JoinSet::new();
    parts.spawn(http::serve(listener, endpoints, stop::until(stopped.clone())));
    let found = tokio::select! {
        () = stop::until(stopped.clone()) => return Ok(()),
        url = find_issuer(&args, &client, own_token.as_deref()) => url,
    };
    tracing::info!(
        issuer = found.as_str(),
        "repairs are made for the tokens of this issuer"
    );
    ready.store(true, Ordering::Relaxed);

    let identity = lease::unique_identity(&args.pod_name);
    let config = lease::LeaseConfig {
        namespace: args.lease_namespace.clone(),
        name: args.lease_name.clone(),
        identity: identity.clone(),
        timing: lease_timing,
    };
    let (mut election, leadership) = Election::start(cluster, config)?;

    let reader = LiveReader::new(
        client.clone(),
        SubjectScope {
            issuer: found,
            prefix: args.annotation_prefix.clone(),
            audience: args.token_audience.clone(),
        },
        own,
        vec![args.lease_namespace.clone()],
    );
    let reporter = Reporter {
        controller: NAME.to_owned(),
        instance: Some(args.pod_name.clone()),
    };
    let recorder = Recorder::new(client.clone(), reporter);
    let call_timeout = timing::unsigned(timing.call_timeout);
    let hands = Hands {
        reader: reader.clone(),
        roles: Arc::new(RoleEditors::new(&args.accounts, call_timeout).await),
        journal: JournalKeeper::new(client),
        announcer: Announcer::new(reader, recorder, metrics.clone()),
        leadership,
        stopped: stopped.clone(),
    };
    let settings = WriterSettings {
        interval: args.interval,
        grace: args.grace,
        timing,
        identity,
    };
    let schedule = Schedule::new(args.interval, args.role_reads_per_minute);
    let mut writer = WriterLoop::new(settings, hands, metrics, schedule);
    let ended = tokio::select! {
        () = writer.work() => None,
        part = first_to_break(&mut parts) => Some(part),
        part = election.ended() => Some(part),
    };
    writer.finish().await;
    // Only after the last change is closed.
    election.give_back().await;
    tracing::info!("stopped");
    ended.map_or(Ok(()), |part| Err(ServiceError::Ended(part)))
}

/// The issuer of the cluster's tokens: the flag, or what the cluster says, asked until it says it.
async fn find_issuer(args: &WriterArgs, client: &Client, own_token: Option<&str>) -> IssuerUrl {
    if let Some(url) = &args.issuer {
        return url.clone();
    }
    loop {
        if let Some(found) = issuer::ask_as_pod(client, own_token).await {
            return found.url;
        }
        tracing::warn!("the issuer of the cluster's tokens is not known; give it with --issuer");
        sleep(RETRY).await;
    }
}
