//! A list and the watch after it, as events: what kube's `watcher` does, with lists that are read while they come, and pages whose sizes follow
//! their bytes, which it does not have.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use kube::runtime::watcher::{Error, Event};
use kube::{Api, Resource, ResourceExt as _};
use tokio::time::timeout;

use crate::kind::Kind;
use crate::list_reader::{ListItem, ListReader};
use crate::pages::{Pages, is_last};

const GONE: u16 = 410;
const TIMEOUT: u16 = 408;
const TOO_MANY: u16 = 429;

/// How long one watch call lasts, in seconds. A connection that died silently is noticed five seconds after that, so
/// this stays below the idle limits of common load balancers (350 s for AWS's Network Load Balancer); the API
/// server's bookmarks, about one a minute, keep it from being idle that long.
const WATCH_SECONDS: u32 = 240;

/// How much longer than agreed a watch may last before it counts as dead.
const SILENCE: Duration = Duration::from_secs(5);

/// How long nothing may come of a list that has begun.
const STALLS: Duration = Duration::from_secs(30);

/// Where a list comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListSource {
    /// The API server's cache, all in one answer, for the first list of a kind of which there are many. It costs the API server a third of the
    /// pages of a large list, for each of which it counts all objects after it, or asks etcd. An API server that lags behind tells what
    /// follows by the watch.
    Cache,
    /// The most recent state, in pages: what was seen already is never followed by what was before it.
    Pages,
}

impl ListSource {
    /// Where the first list of a kind comes from. What decides about others, such as policies and approvals, is never seen late for
    /// the sake of speed.
    pub(crate) fn first_of(kind: Kind) -> Self {
        match kind {
            Kind::Pod | Kind::IrsaAudit => Self::Cache,
            _ => Self::Pages,
        }
    }
}

/// Lists, then watches, for ever: an error is told, and what failed is tried again when the stream is asked for its next item. Both go
/// on where they were, until the API server says that it cannot.
pub(crate) fn list_watch<K>(
    api: Api<K>,
    fields: Option<String>,
    from: ListSource,
) -> impl Stream<Item = Result<Event<K>, Error>> + Send
where
    K: Resource + ListItem + Debug + Send + 'static,
{
    let source = Source {
        api,
        fields,
        from,
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
    /// A list from the cache, and what came of it.
    Cached {
        reader: Option<ListReader>,
        objects: VecDeque<K>,
    },
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
    /// Where the next list comes from.
    from: ListSource,
    place: Place<K>,
}

impl<K> Source<K>
where
    K: Resource + ListItem + Debug + Send + 'static,
{
    /// Goes on by one event, error or call.
    async fn step(&mut self) -> Option<Result<Event<K>, Error>> {
        match std::mem::replace(&mut self.place, Place::Start) {
            Place::Start => {
                let objects = VecDeque::new();
                self.place = match std::mem::replace(&mut self.from, ListSource::Pages) {
                    ListSource::Cache => Place::Cached {
                        reader: None,
                        objects,
                    },
                    ListSource::Pages => Place::Listing {
                        pages: Box::new(self.pages()),
                        objects,
                        listed: None,
                    },
                };
                Some(Ok(Event::Init))
            }
            Place::Cached { reader, objects } => self.read_on(reader, objects).await,
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

    fn params(&self) -> ListParams {
        let mut params = ListParams::default();
        params.field_selector.clone_from(&self.fields);
        params
    }

    fn pages(&self) -> Pages {
        Pages::new(
            self.api.clone().into_client(),
            self.api.resource_url(),
            self.params(),
        )
    }

    /// Begins a list from the API server's cache.
    async fn ask_cache(&mut self) -> kube::Result<ListReader> {
        let request = Request::new(self.api.resource_url()).list(&self.params().match_any());
        let request = request.map_err(kube::Error::BuildRequest)?;
        ListReader::ask(&self.api.clone().into_client(), request).await
    }

    /// Goes on with a list from the cache.
    async fn read_on(
        &mut self,
        reader: Option<ListReader>,
        mut objects: VecDeque<K>,
    ) -> Option<Result<Event<K>, Error>> {
        if let Some(object) = objects.pop_front() {
            self.place = Place::Cached { reader, objects };
            return Some(Ok(Event::InitApply(object)));
        }
        match self.read_some(reader).await {
            Ok((reader, Some(objects))) => {
                self.place = Place::Cached {
                    reader: Some(reader),
                    objects: objects.into(),
                };
                None
            }
            Ok((reader, None)) => self.end_of_cached(&reader),
            // What begins anew begins with pages.
            Err(error) => Some(Err(Error::InitialListFailed(error))),
        }
    }

    async fn read_some(&mut self, reader: Option<ListReader>) -> kube::Result<(ListReader, Option<Vec<K>>)> {
        let Some(mut reader) = reader else {
            return Ok((self.ask_cache().await?, Some(Vec::new())));
        };
        let objects = timeout(STALLS, reader.some()).await;
        let objects = objects.map_err(|_| kube::Error::ReadEvents(ErrorKind::TimedOut.into()))?;
        Ok((reader, objects?))
    }

    fn end_of_cached(&mut self, reader: &ListReader) -> Option<Result<Event<K>, Error>> {
        let metadata = match reader.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return Some(Err(Error::InitialListFailed(error))),
        };
        // An API server without a cache for the kind may make pages of it.
        if !is_last(&metadata) {
            self.place = Place::Listing {
                pages: Box::new(self.pages().after(metadata)),
                objects: VecDeque::new(),
                listed: None,
            };
            return None;
        }
        let Some(version) = metadata.resource_version.filter(|version| !version.is_empty()) else {
            return Some(Err(Error::NoResourceVersion));
        };
        self.place = Place::Watching {
            version,
            events: None,
        };
        Some(Ok(Event::InitDone))
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
        let is_last = page.is_last();
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
