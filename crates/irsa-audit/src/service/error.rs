//! Why a program could not start, or had to stop.

use std::net::SocketAddr;

use audit_k8s::lease::TimingError;

/// Why the operator or the writer could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No cluster to talk to.
    #[error("no usable kubeconfig: {0}; set KUBECONFIG to a readable file, or run inside a pod")]
    Kubeconfig(String),
    /// No client for it.
    #[error(
        "no Kubernetes client could be made from the kubeconfig: {0}; check its certificates and its server"
    )]
    Client(String),
    /// No address for metrics.
    #[error("cannot listen on `{address}`: {source}; choose another with --metrics-addr")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A lease duration out of bounds.
    #[error("--lease-duration: {0}")]
    Lease(#[from] TimingError),
    /// A lease that does not outlast a call to AWS.
    #[error("--lease-duration: {0}")]
    LeaseTooShort(String),
    /// The operator and the writer are one.
    #[error(
        "--service-account and --operator-service-account are the same: the writer needs an identity of its own"
    )]
    OneAccount,
    /// The metrics of this version collide.
    #[error("metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// A part of it ended without being told to.
    #[error("the {0} ended unexpectedly; the log says more, and a restart helps")]
    Ended(&'static str),
    /// Signals or sockets failed.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

impl ServiceError {
    /// Whether what somebody configured is at fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Kubeconfig(_)
                | Self::Client(_)
                | Self::Listen { .. }
                | Self::Lease(_)
                | Self::LeaseTooShort(_)
                | Self::OneAccount
        )
    }
}
