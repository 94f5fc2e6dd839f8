//! What the programs that stay have in common: the operator and the writer.

mod error;
pub mod http;
pub mod stop;

use std::time::Duration;

use audit_k8s::ApiHealth;
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::cluster::shown;
pub use error::ServiceError;

/// How long giving back the lease may take; if it takes longer, it runs out by itself.
const RELEASE: Duration = Duration::from_secs(10);

/// A task that ends well tells whether it was meant to end; by its name, if it was not.
pub type Part = Option<&'static str>;

/// How long a connection to the API server, TLS included, may take.
const CONNECTS: Duration = Duration::from_secs(10);

/// How long a connection may say nothing while an answer is awaited. The API server sends each watch a bookmark about once a minute: one that
/// is silent for longer has died, and nothing else would tell.
const SILENCE: Duration = Duration::from_secs(90);

/// A client for the cluster, and the token by which this program is known to it, where it has one.
///
/// # Errors
/// [`ServiceError::Kubeconfig`], [`ServiceError::Client`].
pub async fn connect() -> Result<(Client, Option<String>), ServiceError> {
    client(config().await?)
}

/// The same for a program that stays: it retries calls itself, by what `ApiHealth` knows of all of them, and gives up connections that are
/// dead.
///
/// # Errors
/// [`ServiceError::Kubeconfig`], [`ServiceError::Client`].
pub async fn connect_to_stay() -> Result<(Client, ApiHealth, Option<String>), ServiceError> {
    let mut config = config().await?;
    config.default_retry = false;
    config.connect_timeout = Some(CONNECTS);
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    let (client, token) = client(config)?;
    let health = ApiHealth::new();
    Ok((health.client(client), health, token))
}

async fn config() -> Result<Config, ServiceError> {
    Config::infer()
        .await
        .map_err(|error| ServiceError::Kubeconfig(shown(&error)))
}

fn client(config: Config) -> Result<(Client, Option<String>), ServiceError> {
    let token = config.auth_info.token.as_ref();
    let token = token.map(|token| token.expose_secret().to_owned());
    let client = Client::try_from(config).map_err(|error| ServiceError::Client(shown(&error)))?;
    Ok((client, token))
}

/// Waits for the first part that ends without being told to.
pub async fn first_to_break(parts: &mut JoinSet<Part>) -> &'static str {
    loop {
        match parts.join_next().await {
            Some(Ok(None)) => {}
            Some(Ok(Some(name))) => return name,
            Some(Err(error)) => return broken("part of the program", &error),
            None => std::future::pending().await,
        }
    }
}

/// The name of the election, once it has ended by itself.
pub async fn election_to_end(elector: &mut JoinHandle<()>) -> &'static str {
    elector
        .await
        .map_or_else(|error| broken("election", &error), |()| "election")
}

/// Has the lease given back, after the last write, and waits for that.
pub async fn give_back(release: &watch::Sender<bool>, elector: JoinHandle<()>) {
    release.send_replace(true);
    if !elector.is_finished() && timeout(RELEASE, elector).await.is_err() {
        tracing::warn!("the lease was not given back in time, and runs out by itself");
    }
}

/// The name of a part that broke down, which is logged.
fn broken(name: &'static str, error: &JoinError) -> &'static str {
    tracing::error!(%error, "the {name} broke down");
    name
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_ends_or_panics_is_noticed() {
        let mut parts: JoinSet<Part> = JoinSet::new();
        parts.spawn(async { None });
        parts.spawn(std::future::pending());
        let noticed = timeout(Duration::from_millis(50), first_to_break(&mut parts)).await;
        assert!(noticed.is_err(), "what was meant to end is no trouble");
        parts.spawn(async { Some("watches") });
        assert_eq!(first_to_break(&mut parts).await, "watches");
        parts.spawn(async { panic!("in a task") });
        assert_eq!(first_to_break(&mut parts).await, "part of the program");
    }
}
