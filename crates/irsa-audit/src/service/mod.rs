//! What the programs that stay have in common: the operator and the writer.

mod election;
mod error;
pub mod http;
pub mod stop;
mod visitors;

use std::time::Duration;

use ::http::Request;
use kube::client::Body;
use kube::{Client, Config};
use secrecy::ExposeSecret as _;
use tokio::task::{JoinError, JoinSet};

use crate::cluster::{ConnectionArgs, shown};
pub use election::Election;
pub use error::ServiceError;

/// A task that ends well tells whether it was meant to end; by its name, if it was not.
pub type Part = Option<&'static str>;

/// How long a connection to the API server, TLS included, may take.
const CONNECTS: Duration = Duration::from_secs(10);

/// How long a connection may say nothing while an answer is awaited. The API server sends each watch a bookmark about once a minute: one that
/// is silent for longer has died, and nothing else would tell.
const SILENCE: Duration = Duration::from_secs(90);

/// The cluster to talk to.
///
/// # Errors
/// [`ServiceError::Kubeconfig`].
pub async fn cluster(connection: &ConnectionArgs) -> Result<Config, ServiceError> {
    let found = connection.config().await;
    found.map_err(|error| ServiceError::Kubeconfig(error.to_string()))
}

/// The same for a program that stays: it retries calls itself, by what `ApiHealth` knows of all of them, and gives up connections that are
/// dead.
///
/// # Errors
/// [`ServiceError::Kubeconfig`].
pub async fn cluster_to_stay() -> Result<Config, ServiceError> {
    let mut cluster = cluster(&ConnectionArgs::default()).await?;
    cluster.default_retry = false;
    cluster.connect_timeout = Some(CONNECTS);
    cluster.read_timeout = Some(SILENCE);
    cluster.reset_reader_on_write = true;
    Ok(cluster)
}

/// A client for the cluster.
///
/// # Errors
/// [`ServiceError::Client`].
pub fn client(cluster: Config) -> Result<Client, ServiceError> {
    Client::try_from(cluster).map_err(|error| ServiceError::Client(shown(&error)))
}

/// This program does not lead any more.
#[derive(Debug, thiserror::Error)]
#[error("leadership has ended")]
struct Lost;

/// The same client, which sends nothing unless `leads` says so, asked when the bytes leave: between a decision to write and the write, the
/// process may have been stopped for longer than its lease.
#[must_use]
pub fn writing_client(client: Client, leads: impl Fn() -> bool + Clone + Send + Sync + 'static) -> Client {
    let namespace = client.default_namespace().to_owned();
    let call = move |request: Request<Body>| {
        let (client, leads) = (client.clone(), leads.clone());
        async move {
            if leads() {
                client.send(request).await
            } else {
                Err(kube::Error::Service(Box::new(Lost)))
            }
        }
    };
    Client::new(tower::service_fn(call), namespace)
}

/// The token by which this program is known to the cluster, where it has one.
#[must_use]
pub fn own_token(cluster: &Config) -> Option<String> {
    let token = cluster.auth_info.token.as_ref();
    token.map(|token| token.expose_secret().to_owned())
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
