//! A Kubernetes control plane: kube-apiserver and etcd, without controllers and nodes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::binaries::{Binaries, BinariesError};
use crate::credentials::{self, ADMIN_TOKEN, CredentialsError, file};
use crate::ports;
use crate::process::{Launch, Process, ProcessError, Signal};

/// An issuer as EKS gives to its clusters, of no real cluster.
pub const DEFAULT_ISSUER: &str =
    "https://oidc.eks.eu-west-1.amazonaws.com/id/EBADC0FFEE0DDF00DBADC0FFEE0DDF00";

/// It takes seconds; minutes where many tests share a small machine.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// A killed server has ended by then.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

const READY_POLL: Duration = Duration::from_millis(100);

/// How often to try again with other ports when somebody was faster.
const PORT_ATTEMPTS: usize = 5;

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum ControlPlaneError {
    /// There are no programs to run.
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    /// Keys or certificates are missing.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// No port is free.
    #[error("could not find a free port on 127.0.0.1: {0}")]
    Port(io::Error),
    /// A server did not start; with the end of its log.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The client could not be set up from the kubeconfig.
    #[error("could not use the kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The API server answered with an error.
    #[error("the API server refused: {0}")]
    Kube(#[from] kube::Error),
    /// Etcd did not take an object.
    #[error("etcd refused: {0}")]
    Etcd(String),
    /// The API server gave a token request back without a token.
    #[error("the API server gave no token for ServiceAccount `{0}`")]
    NoToken(String),
}

/// How a control plane is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The issuer of its ServiceAccount tokens, an `https` URL without a trailing slash. Nobody serves it.
    pub issuer: String,
    /// More flags for kube-apiserver, as in `--audit-log-path=-`. They come last, so they win over this
    /// crate's own, except where kube-apiserver takes a flag several times.
    pub api_server_flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            issuer: DEFAULT_ISSUER.to_owned(),
            api_server_flags: Vec::new(),
        }
    }
}

/// A running control plane. The namespaces `default` and `kube-system` exist, and RBAC has its built-in roles. There
/// are no controllers: nothing collects garbage by owner references, creates ServiceAccounts named `default`, makes
/// pods of Deployments or runs them, or clears a namespace that is deleted. Gone when dropped, see [`Process`].
#[derive(Debug)]
pub struct ControlPlane {
    issuer: String,
    server_url: String,
    ca_pem: String,
    kubeconfig: PathBuf,
    etcd_url: String,
    /// What the keys of the API server's objects begin with.
    etcd_prefix: String,
    binaries: Binaries,
    /// The flags of the two servers, for a start with the same data.
    api_server_flags: Vec<String>,
    etcd_flags: Vec<String>,
    api_server: Process,
    // After the API server: in this order they are dropped.
    etcd: Process,
    /// Does nothing. Its folder has the data and the credentials, and outlasts the servers.
    _keeper: Process,
}

impl ControlPlane {
    /// Starts a control plane with the default [`Options`], and awaits that it is ready.
    ///
    /// # Errors
    /// [`ControlPlaneError`].
    pub async fn start() -> Result<Self, ControlPlaneError> {
        Self::start_with(&Options::default()).await
    }

    /// Starts a control plane and awaits that it is ready. The very first one on a machine may have to build its
    /// programs, see [`Binaries::find`].
    ///
    /// # Errors
    /// [`ControlPlaneError`].
    pub async fn start_with(options: &Options) -> Result<Self, ControlPlaneError> {
        start_on(options, &Binaries::find().await?, &mut ports::free).await
    }

    /// The path of a kubeconfig file for the administrator, a member of `system:masters`.
    #[must_use]
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// The text of a kubeconfig for whoever `token` stands for, such as
    /// [`ControlPlane::service_account_token`]'s.
    #[must_use]
    pub fn kubeconfig(&self, token: &str) -> String {
        credentials::kubeconfig(&self.server_url, &self.ca_pem, token)
    }

    /// The URL of the API server, `https://127.0.0.1:<port>`.
    #[must_use]
    pub fn server_url(&self) -> &str {
        &self.server_url
    }

    /// The certificate of the authority that signed the API server's, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The files with the API server's certificate and its key, in PEM.
    pub(crate) fn certificate(&self) -> (PathBuf, PathBuf) {
        let folder = self.kubeconfig.with_file_name("");
        (folder.join(file::CERTIFICATE), folder.join(file::KEY))
    }

    /// The issuer of ServiceAccount tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The API server's process: to be paused, killed, measured, or read the log of.
    #[must_use]
    pub fn api_server(&self) -> &Process {
        &self.api_server
    }

    /// etcd's process.
    #[must_use]
    pub fn etcd(&self) -> &Process {
        &self.etcd
    }

    /// Kills the API server, unless it has ended, starts it again with the same data and credentials, and awaits that it is ready.
    ///
    /// # Errors
    /// [`ControlPlaneError`].
    pub async fn restart_api_server(&mut self) -> Result<(), ControlPlaneError> {
        end(&self.api_server).await?;
        self.api_server = api_server(&self.binaries, &self.api_server_flags)?;
        self.ready().await
    }

    /// Kills etcd, unless it has ended, and starts it again with the same data.
    ///
    /// # Errors
    /// [`ControlPlaneError`].
    pub async fn restart_etcd(&mut self) -> Result<(), ControlPlaneError> {
        end(&self.etcd).await?;
        self.etcd = etcd(&self.binaries, &self.etcd_flags)?;
        self.ready().await
    }

    /// A new client for the administrator. It belongs to the runtime that it is made on.
    ///
    /// # Errors
    /// [`ControlPlaneError::Kubeconfig`], [`ControlPlaneError::Kube`].
    pub async fn client(&self) -> Result<Client, ControlPlaneError> {
        client(&self.kubeconfig(ADMIN_TOKEN)).await
    }

    /// Puts an object into etcd in place of the stored one, behind the API server's back: for what that lets nobody choose, such as
    /// when an object was created. `resource` is its plural, as in `pods`. Watches see a change.
    ///
    /// # Errors
    /// [`ControlPlaneError::Etcd`].
    pub async fn replace_stored(
        &self,
        resource: &str,
        (namespace, name): (&str, &str),
        object: &Value,
    ) -> Result<(), ControlPlaneError> {
        let failed = |message: String| ControlPlaneError::Etcd(message);
        let uri: http::Uri = self.etcd_url.parse().map_err(|_| failed(self.etcd_url.clone()))?;
        // The Kubernetes client speaks plain HTTP to anything.
        let client = Client::try_from(Config::new(uri)).map_err(|error| failed(error.to_string()))?;
        let key = format!("{}/{resource}/{namespace}/{name}", self.etcd_prefix);
        let put = json!({"key": STANDARD.encode(key), "value": STANDARD.encode(object.to_string())});
        let request = http::Request::post("/v3/kv/put").body(put.to_string().into_bytes());
        let request = request.map_err(|error| failed(error.to_string()))?;
        let answer = client.request_text(request).await;
        answer.map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Asks for a token of a ServiceAccount, for `audience`, or for the API server itself. Valid for an hour.
    ///
    /// # Errors
    /// [`ControlPlaneError::Kube`], such as when there is no such ServiceAccount.
    pub async fn service_account_token(
        &self,
        namespace: &str,
        name: &str,
        audience: Option<&str>,
    ) -> Result<String, ControlPlaneError> {
        let spec = TokenRequestSpec {
            audiences: vec![audience.unwrap_or(&self.issuer).to_owned()],
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest {
            spec,
            ..TokenRequest::default()
        };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let answer = accounts
            .create_token_request(name, &kube::api::PostParams::default(), &request)
            .await?;
        let missing = || ControlPlaneError::NoToken(format!("{namespace}/{name}"));
        answer.status.map(|status| status.token).ok_or_else(missing)
    }
}

/// `port` is asked for two ports for each attempt.
async fn start_on(
    options: &Options,
    binaries: &Binaries,
    port: &mut impl FnMut() -> io::Result<u16>,
) -> Result<ControlPlane, ControlPlaneError> {
    let mut attempt = 1;
    loop {
        let plane = launch(
            options,
            binaries,
            port().map_err(ControlPlaneError::Port)?,
            port().map_err(ControlPlaneError::Port)?,
        )?;
        match plane.ready().await {
            Ok(()) => return Ok(plane),
            Err(_) if attempt < PORT_ATTEMPTS && plane.port_taken() => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

fn launch(
    options: &Options,
    binaries: &Binaries,
    etcd_port: u16,
    port: u16,
) -> Result<ControlPlane, ControlPlaneError> {
    let keeper = Launch::new("control-plane", "sleep")?;
    let folder = keeper.folder().to_owned();
    let keeper = keeper.arg("infinity").start()?;
    let etcd_url = format!("http://127.0.0.1:{etcd_port}");
    let etcd_flags = vec![
        format!("--data-dir={}", folder.join("data").display()),
        format!("--listen-client-urls={etcd_url}"),
        format!("--advertise-client-urls={etcd_url}"),
        // No peer ever calls.
        "--listen-peer-urls=http://127.0.0.1:0".to_owned(),
        // Nothing here has to survive the machine's crash.
        "--unsafe-no-fsync".to_owned(),
    ];
    let etcd = etcd(binaries, &etcd_flags)?;

    let ca_pem = credentials::write(&folder)?;
    let server_url = format!("https://127.0.0.1:{port}");
    let kubeconfig = folder.join("kubeconfig");
    let admin = credentials::kubeconfig(&server_url, &ca_pem, ADMIN_TOKEN);
    fs::write(&kubeconfig, admin).map_err(CredentialsError::from)?;
    // If a port of ours was taken by the etcd of another control plane, nothing of theirs is touched.
    let prefix = folder.file_name().unwrap_or_default().to_string_lossy();
    let etcd_prefix = format!("/{prefix}");
    let path = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
    let mut api_server_flags = vec![
        format!("--etcd-servers={etcd_url}"),
        format!("--etcd-prefix={etcd_prefix}"),
        "--bind-address=127.0.0.1".to_owned(),
        // Else it asks the machine for an address that leads out, and fails where there is none.
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={port}"),
        path("tls-cert-file", file::CERTIFICATE),
        path("tls-private-key-file", file::KEY),
        path("token-auth-file", file::TOKENS),
        format!("--service-account-issuer={}", options.issuer),
        path("service-account-signing-key-file", file::SIGNING_KEY),
        path("service-account-key-file", file::SIGNING_PUBLIC),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // Else no pod could be created without a ServiceAccount that a controller made.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--profiling=false".to_owned(),
    ];
    api_server_flags.extend(options.api_server_flags.iter().cloned());
    let api_server = api_server(binaries, &api_server_flags)?;
    Ok(ControlPlane {
        issuer: options.issuer.clone(),
        server_url,
        ca_pem,
        kubeconfig,
        etcd_url,
        etcd_prefix,
        binaries: binaries.clone(),
        api_server_flags,
        etcd_flags,
        api_server,
        etcd,
        _keeper: keeper,
    })
}

fn etcd(binaries: &Binaries, flags: &[String]) -> Result<Process, ProcessError> {
    Launch::new("etcd", &binaries.etcd)?.args(flags).start()
}

fn api_server(binaries: &Binaries, flags: &[String]) -> Result<Process, ProcessError> {
    Launch::new("kube-apiserver", &binaries.api_server)?
        .args(flags)
        .start()
}

/// Kills a server, and awaits its end: its port is free then.
async fn end(server: &Process) -> Result<(), ProcessError> {
    server.signal(Signal::Kill)?;
    server.wait(ENDS_WITHIN).await?;
    Ok(())
}

impl ControlPlane {
    async fn ready(&self) -> Result<(), ControlPlaneError> {
        let client = self.client().await?;
        let poll = async {
            while !is_ready(&client).await {
                sleep(READY_POLL).await;
            }
        };
        tokio::select! {
            // In this order: with a port taken, another control plane's etcd could make this one look ready.
            biased;
            _ = self.etcd.end() => Err(self.etcd.ended().into()),
            _ = self.api_server.end() => Err(self.api_server.ended().into()),
            () = poll => Ok(()),
            () = sleep(READY_WITHIN) => Err(self.api_server.deadline("readiness", READY_WITHIN).into()),
        }
    }

    fn port_taken(&self) -> bool {
        [&self.etcd, &self.api_server]
            .into_iter()
            .any(|process| process.log().contains(ports::IN_USE))
    }
}

/// Ready by its own account, and with the namespaces that every test expects: these come a moment later.
async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    if client.request_text(request).await.is_err() {
        return false;
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in ["default", "kube-system"] {
        if namespaces.get(name).await.is_err() {
            return false;
        }
    }
    true
}

async fn client(kubeconfig: &str) -> Result<Client, ControlPlaneError> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Takes a port away right after it was chosen, for each of the two servers in turn.
    #[tokio::test]
    async fn a_port_that_somebody_took_is_given_up() {
        let thief = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let taken = thief.local_addr().unwrap().port();
        let mut given = Vec::new();
        let mut port = || {
            let port = if matches!(given.len(), 0 | 3) {
                taken
            } else {
                ports::free()?
            };
            given.push(port);
            Ok(port)
        };
        let binaries = Binaries::find().await.unwrap();
        let plane = start_on(&Options::default(), &binaries, &mut port).await.unwrap();
        assert_eq!(given.len(), 6);
        assert_eq!(plane.server_url(), format!("https://127.0.0.1:{}", given[5]));
    }
}
