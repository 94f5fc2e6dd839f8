//! What the programs that stay have in common: the operator and the writer.

mod error;
pub mod http;
pub mod stop;

use kube::Client;
use tokio::task::{JoinError, JoinSet};

use crate::cluster::shown;
pub use error::ServiceError;

/// A task that ends well tells whether it was meant to end; by its name, if it was not.
pub type Part = Option<&'static str>;

/// A client for the cluster, and the configuration that it was made of.
///
/// # Errors
/// [`ServiceError::Kubeconfig`], [`ServiceError::Client`].
pub async fn connect() -> Result<(Client, kube::Config), ServiceError> {
    let config = kube::Config::infer()
        .await
        .map_err(|error| ServiceError::Kubeconfig(shown(&error)))?;
    let client = Client::try_from(config.clone()).map_err(|error| ServiceError::Client(shown(&error)))?;
    Ok((client, config))
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
pub fn broken(name: &'static str, error: &JoinError) -> &'static str {
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
