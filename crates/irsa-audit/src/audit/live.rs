//! A cluster and AWS, asked once.
//!
//! The operator's engine decides what is to be read from AWS, and what to ask the API server about expected permissions. Here it
//! is fed with one listing of the cluster, and asked for what it knows as soon as every answer that a verdict hangs on is there. What
//! it would write is written nowhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_aws::evidence::Answered;
use audit_aws::{CallOutcome, Directory, DirectoryRequest, PieceAnswer, Reading, RequestObserver};
use audit_core::Snapshot;
use audit_core::model::{ClusterIssuer, IssuerSource, LookedUp, ManifestPlaces, PlannedResources};
use audit_core::snapshot::Cluster;
use audit_k8s::{Index, ListFailed, Observation, WatchChange};
use jiff::Timestamp;
use kube::Client;
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::time::sleep;

use super::evidence::AuditInput;
use super::source_args::SourceArgs;
use crate::cluster::review::Reviewer;
use crate::cluster::workload::Workloads;
use crate::cluster::{ConnectionError, issuer, shown};
use crate::console::{self, Progress};
use audit_engine::{Action, Engine, EngineSettings, Lookup, RemediationSettings, Review, ReviewOutcome};

/// Nothing is read twice.
const REFRESH: Duration = Duration::from_hours(24);

/// After so long without any answer, what is known is reported, and the rest is unknown.
const SILENCE: Duration = Duration::from_mins(1);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No cluster to talk to.
    #[error(
        "no usable kubeconfig: {0}; set KUBECONFIG to a readable file, or give manifests with --kubernetes"
    )]
    Kubeconfig(#[from] ConnectionError),
    /// No client for it.
    #[error(
        "no Kubernetes client could be made from the kubeconfig: {0}; check its certificates and its server"
    )]
    Client(String),
    /// A kind cannot be listed.
    #[error("{0}")]
    List(#[from] ListFailed),
    /// Nothing can be asked of AWS.
    #[error(
        "AWS does not say which account the credentials are in: {0}; check them with `aws sts get-caller-identity`"
    )]
    Credentials(String),
    /// The operating system refused.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
}

/// Nobody counts the calls.
struct Unobserved;

impl RequestObserver for Unobserved {
    fn observe(&self, _: &str, _: &'static str, _: &'static str, _: CallOutcome, _: Duration) {}
}

/// Of what nobody counts the calls.
#[must_use]
pub fn unobserved() -> Arc<dyn RequestObserver> {
    Arc::new(Unobserved)
}

/// What is looked for.
pub struct Wish<'a> {
    /// The only namespace whose ServiceAccounts are looked at.
    pub namespace: Option<&'a str>,
    /// Whether the `IrsaAuditPolicy` objects say what is looked at, and how it is judged.
    pub heeds_policies: bool,
    /// Changes what is expected of ServiceAccounts, and with it what is asked of AWS.
    pub expect: &'a dyn Fn(&mut Cluster),
}

/// Looks at the cluster of the kubeconfig, and at what its ServiceAccounts have in AWS.
///
/// # Errors
/// [`LiveError`].
pub fn look(args: &SourceArgs, wish: &Wish<'_>) -> Result<AuditInput, LiveError> {
    runtime()?.block_on(run(args, wish))
}

/// Looks at the roles of Kubernetes and at their bindings alone, in the cluster of the kubeconfig, and asks it for something `also`.
///
/// # Errors
/// [`LiveError`].
pub fn permissions<T>(
    args: &SourceArgs,
    also: impl AsyncFnOnce(&Client) -> T,
) -> Result<(AuditInput, T), LiveError> {
    let (observations, also) = runtime()?.block_on(async {
        let client = client(kubeconfig(args).await?)?;
        let observations = audit_k8s::list_permissions(&client, &args.annotation_prefix).await;
        Ok::<_, LiveError>((observations, also(&client).await))
    })?;
    let (mut snapshot, mut index) = (Snapshot::default(), Index::new());
    let mut failures = Vec::new();
    let mut is_blind = true;
    for observation in observations {
        warn(&observation);
        match &observation {
            Observation::WatchFailed { kind, message } => failures.push(ListFailed {
                kind: *kind,
                message: message.clone(),
            }),
            _ => is_blind = false,
        }
        index.apply(&mut snapshot.cluster, observation);
    }
    match failures.into_iter().next() {
        Some(failure) if is_blind => return Err(failure.into()),
        _ => {}
    }
    let input = AuditInput {
        snapshot,
        config: args.config(),
        places: ManifestPlaces::new(),
        resources: PlannedResources::default(),
        now: Timestamp::now(),
    };
    Ok((input, also))
}

/// A runtime for calls that are made once.
///
/// # Errors
/// When the operating system refuses.
pub fn runtime() -> Result<tokio::runtime::Runtime, LiveError> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

async fn kubeconfig(args: &SourceArgs) -> Result<kube::Config, LiveError> {
    Ok(args.connection.config().await?)
}

/// A client for a cluster.
///
/// # Errors
/// When its kubeconfig makes none.
pub fn client(kubeconfig: kube::Config) -> Result<Client, LiveError> {
    Client::try_from(kubeconfig).map_err(|error| LiveError::Client(shown(&error)))
}

/// Says which object could not be read.
fn warn(observation: &Observation) {
    if let Observation::Skipped(undecodable) = observation {
        console::warn(undecodable);
    }
}

async fn run(args: &SourceArgs, wish: &Wish<'_>) -> Result<AuditInput, LiveError> {
    let progress = Progress::start("connecting to the cluster");
    let kubeconfig = kubeconfig(args).await?;
    let token = token(&kubeconfig).await;
    let client = client(kubeconfig)?;
    let mut settings = audit_aws::DirectorySettings::new(audit_aws::load_home().await);
    settings.accounts.clone_from(&args.accounts);
    let (directory, readings) = Directory::start(settings, unobserved());
    let mut engine = Engine::new(EngineSettings {
        config: args.config(),
        refresh: REFRESH,
        cluster_name: args.cluster_name.clone(),
        remediation: RemediationSettings::default(),
    });
    let scope = audit_k8s::Scope {
        prefix: args.annotation_prefix.clone(),
        webhook_namespace: args.webhook_namespace.clone(),
    };
    engine.set_leading(true);
    progress.now("reading the cluster");
    for observation in audit_k8s::list(&client, &scope, wish.namespace).await? {
        warn(&observation);
        let is_policy = matches!(observation, Observation::Policy(WatchChange::Listed(_)));
        if wish.heeds_policies || !is_policy {
            engine.observe(observation, Timestamp::now());
        }
    }
    engine.expect(|cluster| {
        cluster.set_only_namespace(wish.namespace.map(str::to_owned));
        (wish.expect)(cluster);
    });
    let found = match &args.issuer {
        Some(url) => Some(ClusterIssuer {
            url: url.clone(),
            source: IssuerSource::Flag,
        }),
        None => issuer::ask(&client, token.as_deref()).await,
    };
    let asks_eks = found.is_none() && args.cluster_name.is_some();
    match (found, &args.cluster_name) {
        (Some(issuer), _) => engine.set_issuer(issuer),
        (None, Some(name)) => directory.request(DirectoryRequest::EksIssuer {
            cluster_name: name.clone(),
        }),
        (None, None) => {}
    }
    progress.now("asking AWS and the API server");
    let (reviewer, reviews) = Reviewer::new(&client);
    let (workloads, lookups) = Workloads::new(&client);
    let mut session = Session {
        engine,
        directory,
        readings,
        reviewer,
        reviews,
        workloads,
        lookups,
        asks_eks,
        warned: false,
        warned_of_simulations: false,
    };
    session.settle().await?;
    let (snapshot, config) = session.engine.into_evidence();
    Ok(AuditInput {
        snapshot,
        config,
        places: ManifestPlaces::new(),
        resources: PlannedResources::default(),
        now: Timestamp::now(),
    })
}

/// The token with which the kubeconfig authenticates, if it is written there.
pub async fn token(kubeconfig: &kube::Config) -> Option<String> {
    let auth = &kubeconfig.auth_info;
    if let Some(token) = &auth.token {
        return Some(token.expose_secret().to_owned());
    }
    tokio::fs::read_to_string(auth.token_file.as_ref()?).await.ok()
}

/// What came in.
enum Heard {
    Reading(Reading),
    Review(Review, ReviewOutcome),
    Lookup(Lookup, LookedUp),
    /// Nothing, for as long as anybody wanted to wait.
    Nothing,
    /// Nothing, for ever.
    End,
}

/// An engine, and whom it asks.
struct Session {
    engine: Engine,
    directory: Directory,
    readings: Receiver<Reading>,
    reviewer: Reviewer,
    reviews: UnboundedReceiver<(Review, ReviewOutcome)>,
    workloads: Workloads,
    lookups: UnboundedReceiver<(Lookup, LookedUp)>,
    /// EKS has been asked for the issuer.
    asks_eks: bool,
    /// Somebody was told that reviews fail.
    warned: bool,
    /// Somebody was told that simulations fail.
    warned_of_simulations: bool,
}

impl Session {
    /// Asks AWS and the API server until everything is answered that a verdict hangs on.
    async fn settle(&mut self) -> Result<(), LiveError> {
        let mut heard = Instant::now();
        loop {
            let now = Timestamp::now();
            for action in self.engine.turn(now, || true) {
                match action {
                    Action::Read(request) => self.directory.request(request),
                    Action::Review(review) => self.reviewer.start(review),
                    Action::LookUp(lookup) => self.workloads.start(lookup),
                    // Nothing is written by who only looks.
                    Action::Write(_) => {}
                }
            }
            if !self.asks_eks && self.engine.is_settled(now) {
                return Ok(());
            }
            // The engine may have more to ask by then.
            let turn = self
                .engine
                .next()
                .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
            let patience = SILENCE.saturating_sub(heard.elapsed());
            match self.hear(turn.unwrap_or(SILENCE).min(patience)).await {
                Heard::Reading(reading) => {
                    heard = Instant::now();
                    self.read(reading)?;
                }
                Heard::Review(review, outcome) => {
                    heard = Instant::now();
                    self.reviewed(review, outcome);
                }
                Heard::Lookup(lookup, outcome) => {
                    heard = Instant::now();
                    self.engine.looked_up(lookup, outcome, Timestamp::now());
                }
                Heard::Nothing if heard.elapsed() >= SILENCE => {
                    let seconds = SILENCE.as_secs();
                    console::warn(format_args!(
                        "there was no answer for {seconds} seconds, and what is missing is unknown"
                    ));
                    return Ok(());
                }
                Heard::Nothing => {}
                Heard::End => return Ok(()),
            }
        }
    }

    async fn hear(&mut self, patience: Duration) -> Heard {
        tokio::select! {
            reading = self.readings.recv() => reading.map_or(Heard::End, Heard::Reading),
            Some((review, outcome)) = self.reviews.recv() => Heard::Review(review, outcome),
            Some((lookup, outcome)) = self.lookups.recv() => Heard::Lookup(lookup, outcome),
            () = sleep(patience) => Heard::Nothing,
        }
    }

    fn read(&mut self, reading: Reading) -> Result<(), LiveError> {
        match reading {
            Reading::HomeAccount {
                result: Err(failure), ..
            } => return Err(LiveError::Credentials(failure.message)),
            Reading::EksIssuer { result, .. } => {
                self.asks_eks = false;
                match result {
                    Ok(url) => self.engine.set_issuer(ClusterIssuer {
                        url,
                        source: IssuerSource::Eks,
                    }),
                    Err(failure) => {
                        console::warn(format_args!(
                            "EKS did not return the cluster's issuer: {}",
                            failure.message
                        ));
                    }
                }
            }
            reading => {
                if let Reading::Piece {
                    answer:
                        PieceAnswer::Simulation(Answered {
                            result: Err(failure), ..
                        }),
                    ..
                } = &reading
                    && !std::mem::replace(&mut self.warned_of_simulations, true)
                {
                    console::warn(format_args!(
                        "IAM's policy simulator does not confirm expected permissions, and what policies say \
                         stands alone: {}",
                        failure.message
                    ));
                }
                self.engine.read(reading, Timestamp::now());
            }
        }
        Ok(())
    }

    fn reviewed(&mut self, review: Review, outcome: ReviewOutcome) {
        let trouble = match outcome {
            ReviewOutcome::Answered(_) => None,
            ReviewOutcome::Refused => {
                Some("to create `subjectaccessreviews.authorization.k8s.io` is forbidden")
            }
            ReviewOutcome::Failed => Some("it failed, or did not answer in time"),
        };
        if let Some(trouble) = trouble.filter(|_| !std::mem::replace(&mut self.warned, true)) {
            console::warn(format_args!(
                "the API server does not confirm expected permissions, and what roles and bindings say stands \
                 alone: {trouble}"
            ));
        }
        self.engine.reviewed(review, outcome, Timestamp::now());
    }
}
