//! Carries the election out: calls, timers and the publishing of what came of it.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::time::Duration;

use audit_core::text::reveal;
use jiff::Timestamp;
use kube::api::{DynamicObject, PostParams};
use kube::{Api, Client};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::config::LeaseConfig;
use super::contents;
use super::leadership::Leadership;
use super::state::{Action, Answer, Call, Candidate};

/// An identity for [`LeaseConfig::identity`]: the pod's name, for people, and a random suffix, because a pod's
/// container restarts under the same name.
#[must_use]
pub fn unique_identity(pod_name: &str) -> String {
    format!("{pod_name}_{:016x}", random())
}

/// Contends for a Lease.
#[derive(Debug)]
pub struct Elector {
    config: LeaseConfig,
    api: Api<DynamicObject>,
    candidate: Candidate,
    start: Instant,
    /// The Lease as the API server last gave it to us.
    lease: Option<DynamicObject>,
    publisher: watch::Sender<Leadership>,
    /// Whether the last call failed, so that an outage is not logged anew with each call.
    failing: bool,
}

/// Why a call did not tell us what is stored.
#[derive(Debug, Error)]
enum CallError {
    #[error("no answer within `{0:?}`")]
    TimedOut(Duration),
    #[error("the answer has no resourceVersion")]
    Unversioned,
    #[error("not allowed: grant `get`, `create` and `update` on `leases` of `coordination.k8s.io`")]
    Forbidden,
    #[error("{}", reveal(&.0.to_string()))]
    Api(Box<kube::Error>),
}

impl From<kube::Error> for CallError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if status.is_forbidden() => Self::Forbidden,
            _ => Self::Api(Box::new(error)),
        }
    }
}

impl Elector {
    /// A candidate that does nothing before [`Self::run`], and where it publishes its leadership. The value
    /// changes with every renewal; `acquired` and `lost` wait for what matters.
    #[must_use]
    pub fn new(client: Client, config: LeaseConfig) -> (Self, watch::Receiver<Leadership>) {
        let (publisher, watch) = watch::channel(Leadership::default());
        let elector = Self {
            api: Api::namespaced_with(client, &config.namespace, &contents::resource()),
            candidate: Candidate::new(config.identity.clone(), config.timing),
            start: Instant::now(),
            lease: None,
            publisher,
            failing: false,
            config,
        };
        (elector, watch)
    }

    /// Takes part in the election until `stop` completes, then gives the Lease back if we hold it, and
    /// returns: within half a lease, whatever the API server does. Complete `stop` only after the work that
    /// leadership guards has ended. If this future is dropped instead, the lease runs out by itself.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let action = self.candidate.next(self.start.elapsed());
            // Before anything else: nobody may believe any more when a release is sent.
            self.publish();
            match action {
                Action::Done => return,
                Action::Wait { until } => {
                    let jitter = self.config.timing.jitter().mul_f64(fraction());
                    tokio::select! {
                        () = sleep_until(self.start + until + jitter) => {}
                        () = &mut stop => self.candidate.stop(),
                    }
                }
                Action::Call(call) => {
                    let answer = self.call(&call).await;
                    self.candidate.observe(self.start.elapsed(), answer);
                }
            }
        }
    }

    fn publish(&self) {
        let until = self.candidate.leads_until(self.start.elapsed());
        let next = Leadership {
            until: until.map(|until| self.start + until),
        };
        self.publisher.send_if_modified(|last| {
            if last.until.is_some() != next.until.is_some() {
                let LeaseConfig {
                    namespace,
                    name,
                    identity,
                    ..
                } = &self.config;
                if next.until.is_some() {
                    info!(namespace, name, identity, "leading");
                } else {
                    info!(namespace, name, identity, "no longer leading");
                }
            }
            let changed = *last != next;
            *last = next;
            changed
        });
    }

    async fn call(&mut self, call: &Call) -> Answer {
        let limit = self.config.timing.call_timeout();
        let outcome = timeout(limit, self.perform(call))
            .await
            .unwrap_or(Err(CallError::TimedOut(limit)));
        let LeaseConfig { namespace, name, .. } = &self.config;
        match outcome {
            Ok(answer) => {
                if std::mem::take(&mut self.failing) {
                    info!(namespace, name, "lease can be reached again");
                }
                answer
            }
            Err(error) => {
                if std::mem::replace(&mut self.failing, true) {
                    debug!(namespace, name, ?call, %error, "lease call failed again");
                } else {
                    warn!(namespace, name, ?call, %error, "lease call failed");
                }
                Answer::Unknown
            }
        }
    }

    async fn perform(&mut self, call: &Call) -> Result<Answer, CallError> {
        let now = Timestamp::now();
        let params = PostParams::default();
        let written = match call {
            Call::Read => {
                self.lease = self.api.get_opt(&self.config.name).await?;
                let record = self
                    .lease
                    .as_ref()
                    .map(|lease| contents::record(lease).ok_or(CallError::Unversioned));
                return Ok(Answer::Read(record.transpose()?));
            }
            Call::Create => {
                self.api
                    .create(&params, &contents::created(&self.config, now))
                    .await
            }
            Call::Update { version, change } => {
                let Some(current) = &self.lease else {
                    return Err(CallError::Unversioned);
                };
                let lease = contents::changed(current, version, *change, &self.config, now);
                match self.api.replace(&self.config.name, &params, &lease).await {
                    // Deleted meanwhile.
                    Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(Answer::Conflict),
                    written => written,
                }
            }
        };
        match written {
            Ok(lease) => {
                let version = contents::version(&lease).ok_or(CallError::Unversioned)?;
                self.lease = Some(lease);
                Ok(Answer::Accepted(version))
            }
            // The version has changed, or the Lease that we create exists.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                Ok(Answer::Conflict)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Random enough for names and jitter: the keys that the standard library draws from the operating system for
/// its hash tables.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Random, from 0 to 1.
fn fraction() -> f64 {
    f64::from(u32::try_from(random() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
#[path = "../../tests/unit/lease/driver.rs"]
mod tests;
