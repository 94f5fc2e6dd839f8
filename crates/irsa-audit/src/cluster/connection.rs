//! Which cluster is meant, by the flags of kubectl.

use std::path::PathBuf;

use clap::Args;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

use super::shown;

/// Which cluster is meant. Without any, the one that kubectl would use; inside a pod, the pod's own.
#[derive(Debug, Clone, Default, Args)]
pub struct ConnectionArgs {
    /// The kubeconfig file; where absent, the files that KUBECONFIG names, else ~/.kube/config
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig; where absent, its current context
    #[arg(long, value_name = "CONTEXT", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// Why there is no cluster to talk to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectionError(String);

impl ConnectionArgs {
    /// Whether a cluster was named.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// How to reach the cluster.
    ///
    /// # Errors
    /// When no kubeconfig can be read, or it has no such context. The text is safe to show.
    pub async fn config(&self) -> Result<Config, ConnectionError> {
        if !self.is_given() {
            return Config::infer()
                .await
                .map_err(|error| ConnectionError(shown(&error)));
        }
        let wrong = |error: &kube::config::KubeconfigError| ConnectionError(shown(error));
        let kubeconfig = match &self.kubeconfig {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let kubeconfig = kubeconfig.map_err(|error| wrong(&error))?;
        Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| wrong(&error))
    }
}
