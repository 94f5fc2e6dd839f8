//! Who asks, who answers, and who waits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use crate::account::AccountClient;
use crate::account_access::AccountAccess;
use crate::evidence::PieceId;
use crate::failure::Failure;
use crate::home;
use crate::lane::{Followed, Lane, work};
use crate::listing::Scope;
use crate::observer::RequestObserver;
use crate::queue::{Job, QueuedQuestion, Single};
use crate::reading::Reading;
use crate::request::DirectoryRequest;
use crate::settings::DirectorySettings;
use turns::AskedFor;

/// Readings that wait for their receiver, before calls to AWS wait too.
const WAITING_READINGS: usize = 256;

/// The handle by which to ask. Cheap to clone; when the last one is gone, the directory ends.
#[derive(Debug, Clone)]
pub struct Directory {
    requests: mpsc::UnboundedSender<DirectoryRequest>,
}

impl Directory {
    /// Starts a directory on the current tokio runtime, which must be there. Nothing is called but
    /// `sts:GetCallerIdentity`, in the background, until the first request.
    ///
    /// The readings come in the order in which AWS answered. They must be received: when too many wait, the
    /// directory waits as well. When the receiver is gone, the directory ends.
    #[must_use]
    pub fn start(
        settings: DirectorySettings,
        observer: Arc<dyn RequestObserver>,
    ) -> (Self, mpsc::Receiver<Reading>) {
        let (requests, incoming) = mpsc::unbounded_channel();
        let (readings, outgoing) = mpsc::channel(WAITING_READINGS);
        tokio::spawn(Router::new(settings.prepare(), observer, readings).run(incoming));
        (Self { requests }, outgoing)
    }

    /// Asks for something. Never blocks; what is queued or under way already is not asked for again, and is
    /// answered once.
    ///
    /// An account that the configuration gives no way into is answered by
    /// [`Reading::NotConfigured`] as soon as the operator's own account is known. While it is
    /// not, requests that need it wait, and are answered by a failure in the meantime where `GetCallerIdentity` fails.
    pub fn request(&self, request: DirectoryRequest) {
        // The router ends before its handles only when nobody receives readings: then nobody wants an answer.
        drop(self.requests.send(request));
    }
}

/// The operator's own account.
enum Home {
    /// Not found out yet; why the latest attempt failed.
    Unknown(Option<(Timestamp, Failure)>),
    Known(String),
}

/// Leads requests to the lanes of their accounts, and keeps the lanes at work.
struct Router {
    settings: DirectorySettings,
    observer: Arc<dyn RequestObserver>,
    readings: mpsc::Sender<Reading>,
    accounts: BTreeMap<String, AccountAccess>,
    home: Home,
    /// Requests that wait for the home account.
    waiting: BTreeSet<DirectoryRequest>,
    lanes: HashMap<String, Lane>,
    jobs: JoinSet<Followed>,
    /// What runs as which task: account, and the single question unless it is a page of a listing.
    running: HashMap<Id, (String, Option<QueuedQuestion>)>,
}

impl Router {
    fn new(
        settings: DirectorySettings,
        observer: Arc<dyn RequestObserver>,
        readings: mpsc::Sender<Reading>,
    ) -> Self {
        let accounts = settings
            .accounts
            .iter()
            .map(|access| (access.id.clone(), access.clone()))
            .collect();
        Self {
            settings,
            observer,
            readings,
            accounts,
            home: Home::Unknown(None),
            waiting: BTreeSet::new(),
            lanes: HashMap::new(),
            jobs: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    async fn run(mut self, mut requests: mpsc::UnboundedReceiver<DirectoryRequest>) {
        let (answers, mut home_answers) = mpsc::channel(1);
        let mut home_finder = JoinSet::new();
        home_finder.spawn(home::find(
            self.settings.clone(),
            Arc::clone(&self.observer),
            answers,
        ));
        loop {
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.take(request).await,
                    None => return,
                },
                Some((at, answer)) = home_answers.recv() => self.home_answered(at, answer).await,
                Some(ended) = self.jobs.join_next_with_id() => self.job_ended(ended),
                () = self.readings.closed() => return,
            }
        }
    }

    /// Leads a request where it belongs.
    async fn take(&mut self, request: DirectoryRequest) {
        if let DirectoryRequest::Release { account, pieces } = &request {
            self.release(account, pieces);
            return;
        }
        let Some(id) = self.account_of(&request) else {
            let told = !self.waiting.insert(request.clone());
            if let (Home::Unknown(Some((at, failure))), false) = (&self.home, told) {
                self.fail(request, *at, failure.clone()).await;
            }
            return;
        };
        if !self.lanes.contains_key(&id) {
            let Some(client) = self.client(&id).await else {
                self.send(Reading::NotConfigured { account: id }).await;
                return;
            };
            self.lanes.insert(id.clone(), Lane::new(client));
        }
        if let Some(lane) = self.lanes.get_mut(&id) {
            match request {
                DirectoryRequest::Piece { piece, asked_for, .. } => {
                    lane.queue.push(Single::Piece(piece), asked_for);
                }
                DirectoryRequest::EksIssuer { cluster_name } => {
                    lane.queue
                        .push(Single::EksIssuer(cluster_name), AskedFor::default());
                }
                DirectoryRequest::Listing { issuer, wanted, .. } => {
                    lane.queue.push_listing(Scope { issuer, wanted });
                }
                DirectoryRequest::Release { .. } => {}
            }
            self.start_jobs(&id);
        }
    }

    /// Drops what nobody waits for any more.
    fn release(&mut self, id: &str, pieces: &BTreeSet<PieceId>) {
        self.waiting.retain(|request| match request {
            DirectoryRequest::Piece { account, piece, .. } => {
                !pieces.contains(&PieceId::new(account, piece.kind(), piece.key()))
            }
            _ => true,
        });
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.queue.release(pieces);
        }
    }

    /// The account that a request is for; `None` if it cannot be served before the home account is known.
    fn account_of(&self, request: &DirectoryRequest) -> Option<String> {
        let named = match request {
            DirectoryRequest::Piece { account, .. }
            | DirectoryRequest::Listing { account, .. }
            | DirectoryRequest::Release { account, .. } => Some(account),
            DirectoryRequest::EksIssuer { .. } => None,
        };
        match (&self.home, named) {
            (Home::Known(home), named) => Some(named.unwrap_or(home).clone()),
            (Home::Unknown(_), Some(id)) if self.role_for(id).is_some() => Some(id.clone()),
            (Home::Unknown(_), _) => None,
        }
    }

    /// The configured role by which to read an account.
    fn role_for(&self, id: &str) -> Option<(&str, Option<&str>)> {
        let access = self.accounts.get(id)?;
        Some((access.role_arn.as_deref()?, access.external_id.as_deref()))
    }

    /// The way into an account, if there is one.
    async fn client(&self, id: &str) -> Option<AccountClient> {
        if let Some((role_arn, external_id)) = self.role_for(id) {
            return Some(
                AccountClient::by_role(id, role_arn, external_id, &self.settings, &self.observer).await,
            );
        }
        matches!(&self.home, Home::Known(home) if home == id)
            .then(|| AccountClient::home(id, &self.settings, &self.observer))
    }

    fn start_jobs(&mut self, id: &str) {
        let Some(lane) = self.lanes.get_mut(id) else {
            return;
        };
        while lane.running < self.settings.concurrency.max(1) {
            let Some(job) = lane.queue.pop() else { return };
            let asked = match &job {
                Job::Single(asked) => Some(asked.clone()),
                Job::Page(_) => None,
            };
            let task = self
                .jobs
                .spawn(work(Arc::clone(&lane.account), job, self.readings.clone()));
            self.running.insert(task.id(), (id.to_owned(), asked));
            lane.running += 1;
        }
    }

    fn job_ended(&mut self, ended: Result<(Id, Followed), JoinError>) {
        let (task, followed) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a read from AWS broke off, and its answer is lost");
                (error.id(), Followed::default())
            }
        };
        let Some((id, asked)) = self.running.remove(&task) else {
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.running -= 1;
            if let Some(asked) = asked {
                lane.queue.follow(&asked, followed.pieces);
                lane.queue.answered(&asked.single);
            } else {
                lane.queue.page_read(followed.page);
                lane.queue.follow_listing(followed.pieces);
            }
        }
        self.start_jobs(&id);
    }

    async fn home_answered(&mut self, at: Timestamp, answer: Result<String, Failure>) {
        self.send(Reading::HomeAccount {
            at,
            result: answer.clone(),
        })
        .await;
        match answer {
            Ok(id) => {
                tracing::info!(account = id, "the operator's own account is known");
                self.warn_of_accounts_without_way(&id);
                self.home = Home::Known(id);
                for request in std::mem::take(&mut self.waiting) {
                    self.take(request).await;
                }
            }
            Err(failure) => {
                let first = matches!(self.home, Home::Unknown(None));
                self.home = Home::Unknown(Some((at, failure.clone())));
                // Those that came later were told when they came.
                let waiting = if first {
                    self.waiting.clone()
                } else {
                    BTreeSet::new()
                };
                for request in waiting {
                    self.fail(request, at, failure.clone()).await;
                }
            }
        }
    }

    fn warn_of_accounts_without_way(&self, home: &str) {
        for access in self
            .accounts
            .values()
            .filter(|access| access.role_arn.is_none() && access.id != home)
        {
            tracing::warn!(
                account = access.id,
                "the account is configured without a role to assume, and is not the operator's own: it cannot be read"
            );
        }
    }

    /// Answers a request that could not be served.
    async fn fail(&self, request: DirectoryRequest, at: Timestamp, failure: Failure) {
        let reading = match request {
            DirectoryRequest::Piece { account, piece, .. } => Reading::Piece {
                account,
                answer: piece.failed(at, failure),
            },
            DirectoryRequest::Listing { account, .. } => Reading::Listing {
                account,
                at,
                started_at: at,
                result: Err(failure),
            },
            DirectoryRequest::EksIssuer { cluster_name } => Reading::EksIssuer {
                cluster_name,
                at,
                result: Err(failure),
            },
            DirectoryRequest::Release { .. } => return,
        };
        self.send(reading).await;
    }

    async fn send(&self, reading: Reading) {
        // A receiver that is gone ends the router at its next turn.
        drop(self.readings.send(reading).await);
    }
}
