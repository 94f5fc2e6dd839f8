//! The audit of a cluster and of AWS, once.
//!
//! The operator's engine decides what is to be read from AWS, and what to ask the API server about expected permissions. Here it
//! is fed with one listing of the cluster, and asked for its report as soon as every answer that a verdict hangs on is there. What
//! it would write is written nowhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_aws::{Directory, Outcome, Reading, Request, RequestObserver};
use audit_core::Config;
use audit_core::model::{ClusterIssuer, IssuerSource};
use audit_core::report::Report;
use audit_k8s::Observation;
use jiff::Timestamp;
use kube::Client;
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};
use tokio::time::sleep;

use super::args::AuditArgs;
use crate::operator::engine::{Action, Engine, Review, ReviewOutcome, Settings};
use crate::operator::review::Reviewer;
use crate::operator::{issuer, shown};

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
    Kubeconfig(String),
    /// No client for it.
    #[error(
        "no Kubernetes client could be made from the kubeconfig: {0}; check its certificates and its server"
    )]
    Client(String),
    /// A kind cannot be listed.
    #[error("{0}")]
    List(#[from] audit_k8s::ListFailed),
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
    fn observe(&self, _: &str, _: &'static str, _: &'static str, _: Outcome, _: Duration) {}
}

/// Audits the cluster of the kubeconfig.
///
/// # Errors
/// [`LiveError`].
pub fn audit(args: &AuditArgs) -> Result<Report, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(args))
}

async fn run(args: &AuditArgs) -> Result<Report, LiveError> {
    let kubeconfig = kube::Config::infer()
        .await
        .map_err(|error| LiveError::Kubeconfig(shown(&error)))?;
    let token = token(&kubeconfig).await;
    let client = Client::try_from(kubeconfig).map_err(|error| LiveError::Client(shown(&error)))?;
    let mut settings = audit_aws::Settings::new(audit_aws::load_home().await);
    settings.accounts.clone_from(&args.accounts);
    let (directory, readings) = Directory::start(settings, Arc::new(Unobserved));
    let mut engine = Engine::new(Settings {
        config: Config {
            annotation_prefix: args.annotation_prefix.clone(),
            role_home: args.compose_role_arn.clone(),
            ..Config::default()
        },
        refresh: REFRESH,
        cluster_name: args.cluster_name.clone(),
    });
    let scope = audit_k8s::Scope {
        prefix: args.annotation_prefix.clone(),
        webhook_namespace: args.webhook_namespace.clone(),
    };
    engine.set_leading(true);
    for observation in audit_k8s::list(&client, &scope, args.namespace.as_deref()).await? {
        if let Observation::Skipped(undecodable) = &observation {
            eprintln!("irsa-audit: warning: {undecodable}");
        }
        engine.observe(observation, Timestamp::now());
    }
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
        (None, Some(name)) => directory.request(Request::EksIssuer {
            cluster_name: name.clone(),
        }),
        (None, None) => {}
    }
    let (reviewer, reviews) = Reviewer::new(&client);
    let mut session = Session {
        engine,
        directory,
        readings,
        reviewer,
        reviews,
        asks_eks,
        warned: false,
    };
    session.settle().await?;
    Ok(session.engine.report(Timestamp::now()))
}

/// The token with which the kubeconfig authenticates, if it is written there.
async fn token(kubeconfig: &kube::Config) -> Option<String> {
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
    /// EKS has been asked for the issuer.
    asks_eks: bool,
    /// Somebody was told that reviews fail.
    warned: bool,
}

impl Session {
    /// Asks AWS and the API server until everything is answered that a verdict hangs on.
    async fn settle(&mut self) -> Result<(), LiveError> {
        let mut heard = Instant::now();
        loop {
            let now = Timestamp::now();
            for action in self.engine.turn(now) {
                match action {
                    Action::Read(request) => self.directory.request(request),
                    Action::Review(review) => self.reviewer.start(review),
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
                Heard::Nothing if heard.elapsed() >= SILENCE => {
                    let seconds = SILENCE.as_secs();
                    eprintln!(
                        "irsa-audit: warning: there was no answer for {seconds} seconds, and what is missing is unknown"
                    );
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
                        eprintln!(
                            "irsa-audit: warning: EKS did not tell the cluster's issuer: {}",
                            failure.message
                        );
                    }
                }
            }
            reading => self.engine.read(reading, Timestamp::now()),
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
            eprintln!(
                "irsa-audit: warning: the API server does not confirm expected permissions, and what roles and bindings say stands \
                 alone: {trouble}"
            );
        }
        self.engine.reviewed(review, outcome, Timestamp::now());
    }
}
