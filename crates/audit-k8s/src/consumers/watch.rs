//! The watches of the kinds that are served: they begin when a kind is installed and end when it is removed.
//!
//! The API server is asked once a minute which groups it has: one small answer. A kind that may not be listed costs the
//! knowledge, and nothing else: it is said to be unseen, and asked for again after [`REFUSED_FOR`].

use audit_core::model::NamespacedName;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use kube::core::discovery::ApiResource;
use kube::runtime::watcher::Event;
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::seen::Seen;
use super::served::served;
use super::{ConsumerKind, kinds, read};
use crate::health::ApiHealth;
use crate::list_watch::{ListSource, list_watch};
use crate::observation::{Observation, WatchChange};
use crate::retry::Retry;
use crate::trouble::{self, Recovery};

/// How often the API server is asked which kinds it serves.
const ASKED_EVERY: Duration = Duration::from_mins(1);

/// How long a kind is left alone that may not be listed.
const REFUSED_FOR: Duration = Duration::from_mins(10);

/// How long the listings of kinds that have just appeared may take before everything else goes on without them.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind that was listed is refused only after so many refusals in a row: an API server that has just started may refuse what it has not
/// read the roles for.
const REFUSALS: u32 = 5;

/// How far the watch of a kind has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Its first listing is under way.
    Begun,
    /// It fails, and is tried again: nobody waits for it.
    Failing,
    /// All its objects have been listed.
    Listed,
    /// It has ended, because the kind may not be listed.
    Refused,
    /// It has ended, because the kind is not served after all.
    Gone,
}

/// A kind that was served when that was last asked.
struct Watched {
    kind: &'static ConsumerKind,
    /// When its watch began.
    since: Instant,
    progress: watch::Receiver<Progress>,
    handle: AbortHandle,
}

impl Watched {
    fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Whether its watch has ended and may begin again.
    fn is_due(&self) -> bool {
        match self.progress() {
            Progress::Refused => self.since.elapsed() >= REFUSED_FOR,
            Progress::Gone => true,
            Progress::Begun | Progress::Failing | Progress::Listed => false,
        }
    }
}

/// By group and kind.
type Known = BTreeMap<(&'static str, &'static str), Watched>;

/// Watches the kinds of the table for as long as they are served, and sends what they say, and which of them are unseen.
/// `listed` hears when those that are served at first have been listed, or cannot be.
pub(crate) async fn observe(
    client: Client,
    health: ApiHealth,
    sender: Sender<Observation>,
    listed: oneshot::Sender<()>,
) {
    let mut watches = JoinSet::new();
    let mut known = Known::new();
    let mut told = Vec::new();
    let mut is_asked = false;
    let mut first = Some(listed);
    loop {
        while watches.try_join_next().is_some() {}
        let now = if first.is_some() {
            insist(&client, &health).await
        } else {
            ask(&client).await.ok()
        };
        if let Some(now) = now {
            is_asked = true;
            for gone in stop(&mut known, &now) {
                if forget(&sender, gone).await.is_err() {
                    return;
                }
            }
            for (kind, resource) in now {
                let id = (kind.group, kind.kind);
                if known.get(&id).is_none_or(Watched::is_due) {
                    let (progress, seen) = watch::channel(Progress::Begun);
                    let api = Api::all_with(client.clone(), &resource);
                    let handle = watches.spawn(follow(kind, api, health.clone(), sender.clone(), progress));
                    known.insert(
                        id,
                        Watched {
                            kind,
                            since: Instant::now(),
                            progress: seen,
                            handle,
                        },
                    );
                }
            }
        }
        let begun = known.values_mut().map(|one| {
            let progress = &mut one.progress;
            async move {
                progress
                    .wait_for(|progress| *progress != Progress::Begun)
                    .await
                    .is_ok()
            }
        });
        let _ = timeout(PATIENCE, futures::future::join_all(begun)).await;
        let unseen: Vec<&'static ConsumerKind> = if is_asked {
            let mut unseen: Vec<_> = known.values().collect();
            unseen.retain(|one| one.progress() != Progress::Listed);
            unseen.into_iter().map(|one| one.kind).collect()
        } else {
            kinds().collect()
        };
        if told != unseen {
            tell(&unseen);
            told.clone_from(&unseen);
            if sender.send(Observation::UnseenConsumers(unseen)).await.is_err() {
                return;
            }
        }
        if let Some(first) = first.take() {
            let _ = first.send(());
        }
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(ASKED_EVERY) => {}
        }
    }
}

/// Logs which kinds are unseen, when these have changed.
fn tell(unseen: &[&ConsumerKind]) {
    let names: Vec<&str> = unseen.iter().map(|kind| kind.kind).collect();
    if names.is_empty() {
        tracing::info!("all kinds of other projects that are served have been listed");
    } else {
        tracing::info!(
            kinds = names.join(", "),
            "could not be listed: what their objects explain is not known (IRSA915)"
        );
    }
}

/// The kinds that are served.
async fn ask(client: &Client) -> Result<Vec<(&'static ConsumerKind, ApiResource)>, kube::Error> {
    let kinds = served(client).await;
    if let Err(error) = &kinds {
        tracing::debug!(%error, "which kinds of other projects are served is not known");
    }
    kinds
}

/// The same, asked again for a while: what explains pods is to be known before them.
async fn insist(client: &Client, health: &ApiHealth) -> Option<Vec<(&'static ConsumerKind, ApiResource)>> {
    let answered = async {
        for failures in 0.. {
            match ask(client).await {
                Ok(kinds) => return Some(kinds),
                Err(kube::Error::Api(status)) if status.code == trouble::FORBIDDEN => return None,
                Err(_) => health.pause(failures).await,
            }
        }
        None
    };
    timeout(PATIENCE, answered).await.ok().flatten()
}

/// Ends the watches of kinds that are not served any more, and returns those.
fn stop(known: &mut Known, now: &[(&'static ConsumerKind, ApiResource)]) -> Vec<&'static ConsumerKind> {
    let is_gone = |kind: &ConsumerKind| !now.iter().any(|(other, _)| *other == kind);
    let gone = known.extract_if(.., |_, one| is_gone(one.kind));
    gone.map(|(_, one)| {
        one.handle.abort();
        one.kind
    })
    .collect()
}

/// Says that there is no object of a kind any more.
async fn forget(sender: &Sender<Observation>, kind: &'static ConsumerKind) -> Result<(), ()> {
    for change in [WatchChange::Init, WatchChange::InitDone] {
        sender
            .send(Observation::Consumer(kind, change))
            .await
            .map_err(drop)?;
    }
    Ok(())
}

/// Watches one kind until the receiver is gone, or the kind may not be listed.
async fn follow(
    kind: &'static ConsumerKind,
    api: Api<Seen>,
    health: ApiHealth,
    sender: Sender<Observation>,
    progress: watch::Sender<Progress>,
) {
    let mut retry = Retry::new(kind.kind, health);
    let mut refusals = 0;
    let mut events = list_watch(api.clone(), None, ListSource::Pages).boxed();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let is_listed = matches!(event, Event::InitDone);
                if !matches!(event, Event::Init) {
                    refusals = 0;
                }
                retry.heard(&event, Instant::now());
                if let Some(change) = change(kind, event)
                    && sender.send(Observation::Consumer(kind, change)).await.is_err()
                {
                    return;
                }
                if is_listed {
                    progress.send_replace(Progress::Listed);
                }
            }
            Err(error) => {
                let was_listed = *progress.borrow() == Progress::Listed;
                match trouble::recovery(&error) {
                    Recovery::Refused(trouble::FORBIDDEN) if !was_listed || refusals >= REFUSALS => {
                        progress.send_replace(Progress::Refused);
                        return;
                    }
                    Recovery::Refused(trouble::FORBIDDEN) => refusals += 1,
                    Recovery::Refused(trouble::NOT_FOUND) => {
                        progress.send_replace(Progress::Gone);
                        return;
                    }
                    _ => {}
                }
                progress.send_if_modified(|progress| {
                    let is_first = *progress == Progress::Begun;
                    if is_first {
                        *progress = Progress::Failing;
                    }
                    is_first
                });
                if retry.wait(&error, &trouble::told(&error)).await {
                    events = list_watch(api.clone(), None, ListSource::Pages).boxed();
                }
            }
        }
    }
}

/// What an event says.
fn change(kind: &ConsumerKind, event: Event<Seen>) -> Option<WatchChange<super::ReadObject>> {
    Some(match event {
        Event::Init => WatchChange::Init,
        Event::InitApply(seen) => WatchChange::Listed(read(kind, &seen.value)?),
        Event::InitDone => WatchChange::InitDone,
        Event::Apply(seen) => WatchChange::Applied(read(kind, &seen.value)?),
        Event::Delete(seen) => {
            let NamespacedName { namespace, name } = seen.id();
            WatchChange::Deleted {
                namespace: namespace.into(),
                name: name.into(),
            }
        }
    })
}

#[cfg(test)]
#[path = "../../tests/unit/consumers/watch.rs"]
mod tests;
