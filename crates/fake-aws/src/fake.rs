//! The handle that tests hold.

use crate::account::Account;
use crate::calls::Call;
use crate::fault::Fault;
use crate::server::{self, Shared};
use crate::tables::ManagedPolicy;
use crate::world::World;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running fake AWS, on a port of its own. Dropping it stops it. Methods that change something return the
/// handle, to be chained, and act on calls from then on.
#[derive(Debug)]
pub struct FakeAws {
    endpoint: String,
    shared: Arc<Shared>,
    /// The server stops when this end is gone.
    running: watch::Sender<()>,
    server: JoinHandle<io::Result<()>>,
}

#[allow(
    clippy::must_use_candidate,
    reason = "called for their effect; the handle comes back only to be chained"
)]
impl FakeAws {
    /// Starts on a free port of 127.0.0.1, without accounts.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new());
        let (running, stop) = watch::channel(());
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared), stop));
        Ok(Self {
            endpoint,
            shared,
            running,
            server,
        })
    }

    /// Where it listens, for `AWS_ENDPOINT_URL`: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it. When this returns, the port is closed and every connection too.
    ///
    /// # Errors
    /// If the server failed while it ran.
    pub async fn stop(self) -> io::Result<()> {
        drop(self.running);
        self.server.await.map_err(io::Error::other)?
    }

    /// An account by its twelve digits, to seed it; it exists from now on.
    #[must_use]
    pub fn account<'a>(&'a self, id: &'a str) -> Account<'a> {
        self.shared.world().accounts.entry(id.to_owned()).or_default();
        Account::new(&self.shared, id)
    }

    /// Access key id and secret of the account's user `fake-aws`, who may do everything there. The account
    /// exists from now on.
    #[must_use]
    pub fn credentials(&self, account: &str) -> (String, String) {
        let mut world = self.shared.world();
        world.accounts.entry(account.to_owned()).or_default();
        (world.keyring.user_key(account), "fake-secret".to_owned())
    }

    /// Adds an AWS managed policy, `arn:aws:iam::aws:policy/<name>`, which every account may attach.
    pub fn aws_managed_policy(&self, name: &str, document: &str) -> &Self {
        self.change(|world| {
            let arn = format!("arn:aws:iam::aws:policy/{name}");
            let policy = ManagedPolicy::new(world.ids.unique("ANPA"), arn.clone(), document.to_owned());
            world.aws_managed.insert(arn, policy);
        })
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) -> &Self {
        self.change(|world| world.faults.push(fault))
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) -> &Self {
        self.change(|world| world.faults.clear())
    }

    /// Caps every page at this many items, at least one, whatever the caller asks for.
    pub fn page_size(&self, items: usize) -> &Self {
        self.change(|world| world.settings.page_size = Some(items))
    }

    /// Makes pages hold fewer items than asked, some none, with `IsTruncated` all the same.
    pub fn short_pages(&self, short: bool) -> &Self {
        self.change(|world| world.settings.short_pages = short)
    }

    /// Whether policy documents in answers are percent-encoded by RFC 3986, as the real IAM does; the default.
    pub fn encode_documents(&self, encode: bool) -> &Self {
        self.change(|world| world.settings.encode_documents = encode)
    }

    /// Makes reads see later writes only after `delay`; `Duration::MAX` is until [`settle`](Self::settle).
    /// Writes check against what is really there. Seeding is seen at once.
    pub fn consistency_delay(&self, delay: Duration) -> &Self {
        self.change(|world| world.settings.consistency_delay = delay)
    }

    /// Lets reads see every write so far.
    pub fn settle(&self) -> &Self {
        self.change(|world| {
            for account in world.accounts.values_mut() {
                account.timeline.settle();
            }
        })
    }

    /// Denies an action, as `iam:GetRole`, or `iam:List*` with a trailing wildcard, to all callers of an account.
    /// `sts:AssumeRole` is also denied on the account's roles, whoever calls.
    pub fn deny(&self, account: &str, action: &str) -> &Self {
        self.change(|world| {
            world
                .accounts
                .entry(account.to_owned())
                .or_default()
                .denied
                .insert(action.to_owned());
        })
    }

    /// Takes back what [`deny`](Self::deny) denied with the same words.
    pub fn allow(&self, account: &str, action: &str) -> &Self {
        self.change(|world| {
            world
                .accounts
                .entry(account.to_owned())
                .or_default()
                .denied
                .remove(action);
        })
    }

    /// Ends all sessions that `AssumeRole` gave out: their keys answer `ExpiredToken`.
    pub fn expire_sessions(&self) -> &Self {
        self.change(|world| world.keyring.expire_sessions())
    }

    /// All calls since the start or the last reset, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.world().calls.all().to_vec()
    }

    /// How many calls of an operation, as `GetRole`, were made, every attempt of a retry counted.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.shared.world().calls.count(operation)
    }

    /// Forgets all calls.
    pub fn reset_calls(&self) -> &Self {
        self.change(|world| world.calls.reset())
    }

    /// Waits until an operation was called at least `times` times, answered or not, since the last reset.
    pub async fn wait_for_calls(&self, operation: &str, times: usize) {
        let mut arrivals = self.shared.arrivals.subscribe();
        while self.count(operation) < times {
            if arrivals.changed().await.is_err() {
                return;
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut World)) -> &Self {
        change(&mut self.shared.world());
        self
    }
}
