//! A proxy in front of an API server: it terminates TLS, counts calls, and makes faults on demand.

mod call;
mod carry;
mod fault;

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

use crate::control_plane::ControlPlane;
use crate::credentials;
pub use call::SeenCall;
pub use fault::{Calls, ProxyFault};

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No port is free.
    #[error("no port of 127.0.0.1 could be bound: {0}")]
    Listen(#[from] io::Error),
    /// The API server's certificate or key could not be read.
    #[error("the API server's certificate or key cannot be read: {0}")]
    Pem(#[from] pem::Error),
    /// The API server's certificate or key could not be used.
    #[error("the API server's certificate or key cannot be used: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// There is no client for the API server.
    #[error("no client could be made for the API server: {0}")]
    Client(#[from] kube::Error),
}

/// What a proxy and its connections share.
#[derive(Debug)]
struct Shared {
    faults: watch::Sender<Vec<ProxyFault>>,
    /// Changes when all connections are to be closed.
    cut: watch::Sender<u64>,
    calls: Mutex<Vec<SeenCall>>,
    /// Requests that have not been answered by the API server, and will be.
    under_way: AtomicUsize,
}

impl Shared {
    fn calls<T>(&self, use_them: impl FnOnce(&mut Vec<SeenCall>) -> T) -> T {
        use_them(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running proxy. It presents the API server's own certificate, so that clients trust it. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    ca_pem: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of a control plane's API server, on the current tokio runtime.
    ///
    /// # Errors
    /// [`ProxyError`].
    pub async fn start(plane: &ControlPlane) -> Result<Self, ProxyError> {
        let authority = CertificateDer::from_pem_slice(plane.ca_pem().as_bytes())?;
        let upstream: http::Uri = plane.server_url().parse().map_err(io::Error::other)?;
        // What a client sends is sent on once, with its own credentials.
        let mut config = Config::new(upstream);
        config.root_cert = Some(vec![authority.to_vec()]);
        config.default_retry = false;
        let client = Client::try_from(config)?;
        let (certificate, key) = plane.certificate();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)?.collect();
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(certificates?, PrivateKeyDer::from_pem_file(key)?)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("https://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            faults: watch::Sender::new(Vec::new()),
            cut: watch::Sender::new(0),
            calls: Mutex::default(),
            under_way: AtomicUsize::new(0),
        });
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let task = tokio::spawn(accept(listener, acceptor, client, Arc::clone(&shared)));
        Ok(Self {
            url,
            ca_pem: plane.ca_pem().to_owned(),
            shared,
            task,
        })
    }

    /// The text of a kubeconfig that leads through the proxy, for whoever `token` stands for.
    #[must_use]
    pub fn kubeconfig(&self, token: &str) -> String {
        credentials::kubeconfig(&self.url, &self.ca_pem, token)
    }

    /// Puts these faults in force in place of all others. Of several that apply to a call, the first decides.
    pub fn set(&self, faults: impl IntoIterator<Item = ProxyFault>) {
        self.shared.faults.send_replace(faults.into_iter().collect());
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.set([]);
    }

    /// Closes all connections, watches included.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|cut| *cut += 1);
    }

    /// How many requests are on their way to the API server, or wait there for its answer.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.shared.under_way.load(Ordering::Relaxed)
    }

    /// The calls so far, in the order in which they came.
    #[must_use]
    pub fn calls(&self) -> Vec<SeenCall> {
        self.shared.calls(|calls| calls.clone())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, client: Client, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // What it says in small pieces is for nobody to wait for.
        let _ = stream.set_nodelay(true);
        let connection = serve(stream, acceptor.clone(), client.clone(), Arc::clone(&shared));
        let mut cut = shared.cut.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = connection => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, client: Client, shared: Arc<Shared>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| carry::carry(request, client.clone(), Arc::clone(&shared)));
    // A connection that broke is what it is for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
