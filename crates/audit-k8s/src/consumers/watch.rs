//! The watches of the kinds that are served: they begin when a kind is installed and end when it is removed.
//!
//! The API server is asked once a minute which groups it has: one small answer. What may not be listed is not known, and
//! asked for again after [`REFUSED_FOR`]: no error, and no loop.

use audit_core::model::NamespacedName;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use kube::core::discovery::ApiResource;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event, watcher};
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::seen::Seen;
use super::served::served;
use super::{ConsumerKind, read};
use crate::observation::{Observation, WatchChange};
use crate::trouble;

/// How often the API server is asked which kinds it serves.
const ASKED_EVERY: Duration = Duration::from_mins(1);

/// How long a kind is left alone that may not be listed.
const REFUSED_FOR: Duration = Duration::from_mins(10);

/// How long the first listings may take before everything else goes on without them.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one watch call lasts, in seconds, and how many objects one answer to a list call has: as of the other kinds, but
/// for smaller pages, because these objects are reduced only once they are here.
const WATCH_SECONDS: u32 = 240;
const PAGE_SIZE: u32 = 100;

/// The pause where the backoff has none to give; it always has.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A kind that was served when it was last asked.
enum Served {
    /// It is watched.
    Watched(AbortHandle),
    /// It may not be listed, since then.
    Refused(Instant),
}

/// Watches the kinds of the table for as long as they are served, and sends what they say. `listed` hears when those that are
/// served at first have been listed, or cannot be.
pub(crate) async fn observe(client: Client, sender: Sender<Observation>, listed: oneshot::Sender<()>) {
    let mut watches = JoinSet::new();
    let mut known: BTreeMap<(&str, &str), (&'static ConsumerKind, Served)> = BTreeMap::new();
    let mut first = Some(listed);
    loop {
        while let Some(ended) = watches.try_join_next() {
            if let Ok(id) = ended
                && let Some((_, state)) = known.get_mut(&id)
            {
                *state = Served::Refused(Instant::now());
            }
        }
        let mut listings = Vec::new();
        match served(&client).await {
            Ok(now) => {
                for gone in stop(&mut known, &now) {
                    if forget(&sender, gone).await.is_err() {
                        return;
                    }
                }
                for (kind, resource) in now {
                    let id = (kind.group, kind.kind);
                    let is_due = match known.get(&id) {
                        None => true,
                        Some((_, Served::Refused(since))) => since.elapsed() >= REFUSED_FOR,
                        Some((_, Served::Watched(_))) => false,
                    };
                    if is_due {
                        let (done, listing) = oneshot::channel();
                        listings.push(listing);
                        let api = Api::all_with(client.clone(), &resource);
                        let watch = watch(kind, resource, api, sender.clone(), done);
                        let handle = watches.spawn(async move {
                            watch.await;
                            id
                        });
                        known.insert(id, (kind, Served::Watched(handle)));
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "which kinds of other projects are served is not known"),
        }
        if let Some(first) = first.take() {
            // A listing that fails drops its end, which counts as well.
            let _ = timeout(PATIENCE, futures::future::join_all(listings)).await;
            let _ = first.send(());
        }
        tokio::select! {
            () = sender.closed() => return,
            () = sleep(ASKED_EVERY) => {}
        }
    }
}

/// Ends the watches of kinds that are not served any more, and returns those.
fn stop(
    known: &mut BTreeMap<(&str, &str), (&'static ConsumerKind, Served)>,
    now: &[(&'static ConsumerKind, ApiResource)],
) -> Vec<&'static ConsumerKind> {
    let is_gone = |kind: &ConsumerKind| !now.iter().any(|(other, _)| *other == kind);
    let gone: Vec<&'static ConsumerKind> = known
        .values()
        .map(|(kind, _)| *kind)
        .filter(|kind| is_gone(kind))
        .collect();
    for kind in &gone {
        if let Some((_, Served::Watched(handle))) = known.remove(&(kind.group, kind.kind)) {
            handle.abort();
        }
    }
    gone
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
async fn watch(
    kind: &'static ConsumerKind,
    resource: ApiResource,
    api: Api<Seen>,
    sender: Sender<Observation>,
    listed: oneshot::Sender<()>,
) {
    let config = watcher::Config::default()
        .timeout(WATCH_SECONDS)
        .page_size(PAGE_SIZE);
    let mut backoff = DefaultBackoff::default();
    let mut listed = Some(listed);
    let events = watcher(api, config);
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let is_listed = matches!(event, Event::InitDone);
                if matches!(event, Event::Apply(_) | Event::Delete(_)) {
                    backoff.reset();
                }
                if let Some(change) = change(kind, event)
                    && sender.send(Observation::Consumer(kind, change)).await.is_err()
                {
                    return;
                }
                if is_listed && let Some(listed) = listed.take() {
                    let _ = listed.send(());
                }
            }
            Err(error) if trouble::is_refused(&error) => {
                let (kind, group) = (kind.kind, resource.group.as_str());
                tracing::info!(
                    kind,
                    group,
                    "may not be listed: what it says of ServiceAccounts is not known"
                );
                return;
            }
            Err(error) => {
                tracing::debug!(kind = kind.kind, %error, "watch failed, will be tried again");
                // Nobody waits for a kind that cannot be read now.
                drop(listed.take());
                sleep(backoff.next().unwrap_or(LONGEST_PAUSE)).await;
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
            WatchChange::Deleted { namespace, name }
        }
    })
}
