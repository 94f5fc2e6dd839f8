//! A list and the watch after it, as events: what kube's `watcher` does, with pages whose sizes follow their bytes, which it does not have.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{Error, Event};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::pages::{PageItem, Pages};

const GONE: u16 = 410;
const TIMEOUT: u16 = 408;
const TOO_MANY: u16 = 429;

/// How long one watch call lasts, in seconds. A connection that died silently is noticed five seconds after that, so
/// this stays below the idle limits of common load balancers (350 s for AWS's Network Load Balancer); the API
/// server's bookmarks, about one a minute, keep it from being idle that long.
const WATCH_SECONDS: u32 = 240;

/// How much longer than agreed a watch may last before it counts as dead.
const SILENCE: Duration = Duration::from_secs(5);

/// Lists, then watches, for ever: an error is told, and what failed is tried again when the stream is asked for its next item. Both go
/// on where they were, until the API server says that it cannot.
pub(crate) fn list_watch<K>(
    api: Api<K>,
    fields: Option<String>,
) -> impl Stream<Item = Result<Event<K>, Error>> + Send
where
    K: Resource + DeserializeOwned + PageItem + Debug + Send + 'static,
{
    let source = Source {
        api,
        fields,
        place: Place::Start,
    };
    stream::unfold(source, |mut source| async move {
        loop {
            if let Some(item) = source.step().await {
                return Some((item, source));
            }
        }
    })
}

/// Whether the API server will not give this page: the list of which it was a part is gone (410), or with it the kind or the right to it.
/// After other failures the same page is asked for again: a long list would else never end where one page in a thousand fails.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && !matches!(status.code, TIMEOUT | TOO_MANY))
}

/// How far it has come.
enum Place<K> {
    Start,
    Listing {
        pages: Box<Pages>,
        objects: VecDeque<K>,
        /// The version of the whole list, once its last page was read.
        listed: Option<String>,
    },
    Watching {
        version: String,
        events: Option<BoxStream<'static, kube::Result<WatchEvent<K>>>>,
    },
}

struct Source<K> {
    api: Api<K>,
    /// A field selector.
    fields: Option<String>,
    place: Place<K>,
}

impl<K> Source<K>
where
    K: Resource + DeserializeOwned + PageItem + Debug + Send + 'static,
{
    /// Goes on by one event, error or call.
    async fn step(&mut self) -> Option<Result<Event<K>, Error>> {
        match std::mem::replace(&mut self.place, Place::Start) {
            Place::Start => {
                let mut params = ListParams::default();
                params.field_selector.clone_from(&self.fields);
                self.place = Place::Listing {
                    pages: Box::new(Pages::new(
                        self.api.clone().into_client(),
                        self.api.resource_url(),
                        params,
                    )),
                    objects: VecDeque::new(),
                    listed: None,
                };
                Some(Ok(Event::Init))
            }
            Place::Listing {
                pages,
                objects,
                listed,
            } => self.list(pages, objects, listed).await,
            Place::Watching { version, events } => match events {
                Some(events) => self.watch(version, events).await,
                None => self.resume(version).await,
            },
        }
    }

    async fn list(
        &mut self,
        mut pages: Box<Pages>,
        mut objects: VecDeque<K>,
        listed: Option<String>,
    ) -> Option<Result<Event<K>, Error>> {
        if let Some(object) = objects.pop_front() {
            self.place = Place::Listing {
                pages,
                objects,
                listed,
            };
            return Some(Ok(Event::InitApply(object)));
        }
        if let Some(version) = listed {
            self.place = Place::Watching {
                version,
                events: None,
            };
            return Some(Ok(Event::InitDone));
        }
        let page = match pages.next().await {
            Ok(page) => page,
            Err(error) => {
                if !is_refused(&error) {
                    self.place = Place::Listing {
                        pages,
                        objects,
                        listed: None,
                    };
                }
                return Some(Err(Error::InitialListFailed(error)));
            }
        };
        let is_last = page.metadata.continue_.is_none_or(|token| token.is_empty());
        let listed = page
            .metadata
            .resource_version
            .filter(|version| is_last && !version.is_empty());
        if is_last && listed.is_none() {
            return Some(Err(Error::NoResourceVersion));
        }
        self.place = Place::Listing {
            pages,
            objects: page.items.into(),
            listed,
        };
        None
    }

    /// Begins a watch, or begins it again, after a version.
    async fn resume(&mut self, version: String) -> Option<Result<Event<K>, Error>> {
        let mut params = WatchParams::default().timeout(WATCH_SECONDS);
        params.field_selector.clone_from(&self.fields);
        let begun = self.api.watch(&params, &version).await;
        let (events, error) = match begun {
            Ok(events) => (Some(events.boxed()), None),
            Err(error) => (None, Some(Err(Error::WatchStartFailed(error)))),
        };
        self.place = Place::Watching { version, events };
        error
    }

    async fn watch(
        &mut self,
        version: String,
        mut events: BoxStream<'static, kube::Result<WatchEvent<K>>>,
    ) -> Option<Result<Event<K>, Error>> {
        let most = Duration::from_secs(WATCH_SECONDS.into()) + SILENCE;
        // A connection that died silently ends like a watch whose time is over.
        let next = timeout(most, events.next()).await.ok().flatten();
        let (item, version, events) = match next {
            None => (None, version, None),
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                let version = object.resource_version().unwrap_or(version);
                (Some(Ok(Event::Apply(object))), version, Some(events))
            }
            Some(Ok(WatchEvent::Deleted(object))) => {
                let version = object.resource_version().unwrap_or(version);
                (Some(Ok(Event::Delete(object))), version, Some(events))
            }
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                (None, bookmark.metadata.resource_version, Some(events))
            }
            Some(Ok(WatchEvent::Error(status))) if status.code == GONE => {
                return Some(Err(Error::WatchError(status.boxed())));
            }
            Some(Ok(WatchEvent::Error(status))) => (
                Some(Err(Error::WatchError(status.boxed()))),
                version,
                Some(events),
            ),
            // One event that cannot be read does not end the watch; a connection that is broken ends it next.
            Some(Err(error)) => (Some(Err(Error::WatchFailed(error))), version, Some(events)),
        };
        self.place = Place::Watching { version, events };
        item
    }
}
