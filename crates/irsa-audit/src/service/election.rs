//! The election, on a thread of its own with a client of its own: whatever keeps the program's thread busy, the lease is renewed.

use std::thread;
use std::time::Duration;

use audit_k8s::lease::{Elector, Leadership, LeaseConfig};
use kube::{Client, Config};
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::{ServiceError, stop};
use crate::cluster::shown;

/// How long giving back the lease may take; if it takes longer, it runs out by itself.
const RELEASE: Duration = Duration::from_secs(10);

/// Taking part in an election.
#[derive(Debug)]
pub struct Election {
    release: watch::Sender<bool>,
    /// Completes when the thread has ended.
    ended: oneshot::Receiver<()>,
}

impl Election {
    /// Takes part from now on. Leadership changes are told by the receiver.
    ///
    /// # Errors
    /// When there is no client, runtime or thread for it.
    pub fn start(
        cluster: Config,
        lease: LeaseConfig,
    ) -> Result<(Self, watch::Receiver<Leadership>), ServiceError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let client = Client::try_from(cluster).map_err(|error| ServiceError::Client(shown(&error)))?;
        drop(entered);
        let (elector, leadership) = Elector::new(client, lease);
        let (release, released) = watch::channel(false);
        let (ends, ended) = oneshot::channel();
        thread::Builder::new()
            .name("election".to_owned())
            .spawn(move || {
                runtime.block_on(elector.run(stop::until(released)));
                // Nobody listens any more where the program ends.
                let _ = ends.send(());
            })?;
        Ok((Self { release, ended }, leadership))
    }

    /// The name of the election, once it has ended by itself.
    pub async fn ended(&mut self) -> &'static str {
        if (&mut self.ended).await.is_err() {
            tracing::error!("the election broke down");
        }
        "election"
    }

    /// Has the lease given back, after the last write, and waits for that.
    pub async fn give_back(self) {
        self.release.send_replace(true);
        if timeout(RELEASE, self.ended).await.is_err() {
            tracing::warn!("the lease was not given back in time, and runs out by itself");
        }
    }
}
