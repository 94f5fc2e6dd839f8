//! `irsa-audit snapshot`: what an audit reads from the cluster and AWS, in a directory.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `directory` | the directory: parts that get there whole or not at all, and the manifest |
//! | `part` | the file of a part, element by element |
//! | `pace` | how fast the API server is asked |
//! | `kubernetes`, `aws` | the parts of the cluster and of the accounts |
//! | `known` | what the parts refer to, which is asked for by name |
//! | `view` | pure: what is said at the end |

pub mod args;
mod aws;
mod directory;
mod error;
mod known;
mod kubernetes;
mod pace;
mod part;
mod view;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_aws::{Directory, DirectoryRequest, DirectorySettings, Reading};
use audit_core::model::{ClusterIssuer, IssuerSource};
use audit_offline::snapshot_manifest::{SnapshotCluster, SnapshotWorkload};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use crate::audit::live::{self, LiveError};
use crate::cluster::workload::Workloads;
use crate::cluster::{issuer, shown};
use crate::console::{self, Progress};
use args::SnapshotArgs;
use audit_engine::Lookup;
use directory::SnapshotDirectory;
pub use error::SnapshotError;
use known::Known;
use pace::Pace;

/// Some parts are not whole.
const NOT_WHOLE: u8 = 1;

/// The exit code of a command that Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// The namespace whose UID tells clusters apart: every cluster has one, and it is never created again.
const KUBE_SYSTEM: &str = "kube-system";

/// Takes a snapshot; the exit code says whether it is whole.
///
/// # Errors
/// [`SnapshotError`]; the exit code is then 2.
pub fn run(args: &SnapshotArgs) -> Result<ExitCode, SnapshotError> {
    let runtime = live::runtime()?;
    let taken = runtime.block_on(async {
        tokio::select! {
            taken = take(args) => taken.map(Some),
            Ok(()) = tokio::signal::ctrl_c() => Ok(None),
        }
    })?;
    let Some(directory) = taken else {
        eprintln!("{}", view::INTERRUPTED);
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let text = view::summary(&directory.manifest);
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(SnapshotError::Output(error)),
        _ => {}
    }
    let is_whole = directory.manifest.not_whole().next().is_none();
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_WHOLE)
    })
}

async fn take(args: &SnapshotArgs) -> Result<SnapshotDirectory, SnapshotError> {
    let progress = Progress::start("connecting to the cluster");
    let kubeconfig = args.connection.config().await.map_err(LiveError::from)?;
    let token = live::token(&kubeconfig).await;
    let server = kubeconfig.cluster_url.to_string();
    let client = live::client(kubeconfig)?;
    let cluster = cluster(args, &client, &server, token.as_deref()).await?;
    let namespace = args.namespace.as_deref();
    let mut directory = SnapshotDirectory::open(&args.directory, cluster, Timestamp::now(), args.max_age)?;
    if let Some(kept) = directory.kept() {
        console::warn(view::kept(kept, Timestamp::now()));
    }
    let scope = audit_k8s::Scope {
        prefix: args.annotation_prefix.clone(),
        webhook_namespace: args.webhook_namespace.clone(),
    };
    let mut pace = Pace::new(args.rate);
    kubernetes::capture(&client, &scope, namespace, &mut directory, &mut pace, &progress).await?;
    progress.now("asking AWS who the caller is");
    let mut accounts = aws::accounts(args, &mut directory).await?;
    if !accounts.is_empty() {
        // As live, an account to which nothing refers is not looked into, nor is one that the policy does not allow.
        let known = Known::read(directory.path(), &directory.manifest)?;
        let named = known.map(|known| known.roles()).unwrap_or_default();
        let allowed = known::allowed_accounts(directory.path());
        accounts.retain(|account| {
            let is_wanted = account.is_home() || named.contains_key(account.id());
            is_wanted
                && allowed
                    .as_ref()
                    .is_none_or(|allowed| allowed.contains(account.id()))
        });
        let is_open = |id: &String| accounts.iter().any(|account| account.id() == id);
        directory.manifest.closed_accounts = named.into_keys().filter(|id| !is_open(id)).collect();
        aws::leave_out_others(&accounts, &mut directory)?;
    }
    let issuer = directory.manifest.issuer();
    for account in &accounts {
        aws::account(
            account,
            issuer.as_ref().map(|issuer| &issuer.url),
            &mut directory,
            &progress,
        )
        .await?;
    }
    progress.now("looking for what the objects refer to");
    if let Some(mut known) = Known::read(directory.path(), &directory.manifest)? {
        look_up(&client, &known, &mut directory, &mut pace).await;
        let name = args.cluster_name.as_deref();
        aws::by_name(&accounts, name, &mut known, &mut directory, &progress).await?;
    }
    directory.manifest.finished_at = Some(Timestamp::now());
    directory.save()?;
    Ok(directory)
}

/// Which cluster it is, and its issuer.
async fn cluster(
    args: &SnapshotArgs,
    client: &Client,
    server: &str,
    token: Option<&str>,
) -> Result<SnapshotCluster, SnapshotError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let uid = match namespaces.get_opt(KUBE_SYSTEM).await {
        Ok(namespace) => namespace.and_then(|namespace| namespace.metadata.uid),
        Err(kube::Error::Api(status)) if status.is_forbidden() => None,
        Err(error) => return Err(SnapshotError::Unreachable(shown(&error))),
    };
    let issuer = match &args.issuer {
        Some(url) => Some(ClusterIssuer {
            url: url.clone(),
            source: IssuerSource::Flag,
        }),
        None => issuer::ask(client, token).await,
    };
    let issuer = match (issuer, &args.cluster_name) {
        (None, Some(name)) => eks_issuer(name).await,
        (issuer, _) => issuer,
    };
    if issuer.is_none() {
        console::warn(
            "the cluster does not say its issuer, and most of an audit is unknown without it: set --issuer or --cluster-name",
        );
    }
    Ok(SnapshotCluster {
        identity: uid.map_or_else(|| format!("server:{server}"), |uid| format!("uid:{uid}")),
        issuer: issuer.as_ref().map(Into::into),
        name: args.cluster_name.clone(),
        namespace: args.namespace.clone(),
        annotation_prefix: args.annotation_prefix.clone(),
        webhook_namespace: args.webhook_namespace.clone(),
    })
}

/// The issuer that EKS says a cluster has.
async fn eks_issuer(cluster_name: &str) -> Option<ClusterIssuer> {
    let settings = DirectorySettings::new(audit_aws::load_home().await);
    let (directory, mut readings) = Directory::start(settings, live::unobserved());
    directory.request(DirectoryRequest::EksIssuer {
        cluster_name: cluster_name.to_owned(),
    });
    while let Some(reading) = readings.recv().await {
        let failure = match reading {
            Reading::EksIssuer { result: Ok(url), .. } => {
                return Some(ClusterIssuer {
                    url,
                    source: IssuerSource::Eks,
                });
            }
            Reading::EksIssuer {
                result: Err(failure), ..
            }
            | Reading::HomeAccount {
                result: Err(failure), ..
            } => failure,
            _ => continue,
        };
        console::warn(format_args!(
            "EKS did not return the cluster's issuer: {}",
            failure.message
        ));
        return None;
    }
    None
}

/// Asks for the workloads that are expected and have no pods.
async fn look_up(client: &Client, known: &Known, directory: &mut SnapshotDirectory, pace: &mut Pace) {
    let (mut workloads, mut found) = Workloads::new(client);
    directory.manifest.workloads.clear();
    for (key, workload) in known.workloads() {
        pace.turn().await;
        workloads.start(Lookup { key, workload });
        if let Some((Lookup { key, workload }, outcome)) = found.recv().await {
            let workload = SnapshotWorkload::new(&key, &workload, &outcome);
            directory.manifest.workloads.push(workload);
        }
    }
}
