//! Pages of a list, read object by object while they come. How many objects one has follows from the bytes of the one before: an object
//! may have 1.5 MB, anyone who can edit a namespace makes such, and what is kept of a page's objects is in memory at once.

use std::io::ErrorKind;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::list_reader::{ListItem, ListReader};

/// Objects of the first page, and the most of any.
const FIRST: u32 = 100;
const MOST: u32 = 4_000;

/// A page that has so many times the bytes that are meant is given up, and asked for with fewer objects.
const TOO_MANY: usize = 4;

/// Reads and decodes pages, a few at once in the whole process: at a start all kinds are listed together, and their largest pages would
/// add up. An API server that does not answer keeps nobody waiting: a page's turn begins with the first byte of the answer.
static READING: Semaphore = Semaphore::const_new(AT_ONCE);

/// How many pages are read at once.
const AT_ONCE: usize = 2;

/// The longest that one answer may take, because others wait for it. After one that takes longer, fewer objects are asked for.
const LONGEST: Duration = Duration::from_secs(30);

/// A part of a list.
#[derive(Debug)]
pub(crate) struct Page<K> {
    pub(crate) items: Vec<K>,
    pub(crate) metadata: ListMeta,
}

impl<K> Page<K> {
    /// Whether no other one follows.
    pub(crate) fn is_last(&self) -> bool {
        is_last(&self.metadata)
    }
}

/// Whether nothing follows a page that says this of itself.
pub(crate) fn is_last(metadata: &ListMeta) -> bool {
    metadata.continue_.as_ref().is_none_or(String::is_empty)
}

/// The list of one kind, page by page.
pub(crate) struct Pages {
    client: Client,
    request: Request,
    params: ListParams,
    limit: u32,
    /// The next page is asked for as soon as it is known where it begins: the API server makes it while this one is read, and
    /// for a large cluster it takes longer for that than the reader.
    asked: JoinSet<kube::Result<ListReader>>,
}

impl Pages {
    /// The list at a path such as `/api/v1/pods`.
    pub(crate) fn new(client: Client, path: &str, params: ListParams) -> Self {
        Self {
            client,
            request: Request::new(path),
            params,
            limit: FIRST,
            asked: JoinSet::new(),
        }
    }

    /// The same from the page on that `metadata` names of the page before it.
    pub(crate) fn after(mut self, metadata: ListMeta) -> Self {
        self.params.continue_token = metadata.continue_;
        self
    }

    /// The next page.
    ///
    /// # Errors
    /// Those of the API server and of the way to it. A page that failed can be asked for again.
    pub(crate) async fn next<K: ListItem>(&mut self) -> kube::Result<Page<K>> {
        loop {
            if self.asked.is_empty() {
                self.ask()?;
            }
            let answer = self.asked.join_next().await;
            // A task that nobody aborts ends with an answer, unless the runtime is about to end.
            let Some(Ok(answer)) = answer else {
                return Err(kube::Error::ReadEvents(ErrorKind::Interrupted.into()));
            };
            let reader = answer?;
            let most = if self.limit == 1 {
                usize::MAX
            } else {
                TOO_MANY * K::PAGE
            };
            let turn = READING.acquire().await;
            let Ok(page) = timeout(LONGEST, read(reader, most)).await else {
                self.limit = (self.limit / 8).max(1);
                return Err(kube::Error::ReadEvents(ErrorKind::TimedOut.into()));
            };
            let Some((page, bytes)) = page? else {
                self.limit = (self.limit / 8).max(1);
                continue;
            };
            drop(turn);
            self.limit = limit_after(self.limit, page.items.len(), bytes, K::PAGE);
            if !page.is_last() {
                self.params.continue_token.clone_from(&page.metadata.continue_);
                self.ask()?;
            }
            return Ok(page);
        }
    }

    /// Asks for the next page.
    fn ask(&mut self) -> kube::Result<()> {
        let params = self.params.clone().limit(self.limit);
        let request = self.request.list(&params).map_err(kube::Error::BuildRequest)?;
        let client = self.client.clone();
        self.asked
            .spawn(async move { ListReader::ask(&client, request).await });
        Ok(())
    }
}

/// The page of an answer, and how many bytes it has; nothing where it has too many.
async fn read<K: ListItem>(mut reader: ListReader, most: usize) -> kube::Result<Option<(Page<K>, usize)>> {
    let mut items = Vec::new();
    while let Some(mut objects) = reader.some().await? {
        items.append(&mut objects);
        if reader.bytes() >= most {
            return Ok(None);
        }
    }
    let page = Page {
        items,
        metadata: reader.metadata()?,
    };
    Ok(Some((page, reader.bytes())))
}

/// How many objects to ask for after a page of so many objects and bytes, where it is meant to have others.
fn limit_after(limit: u32, objects: usize, bytes: usize, wanted: usize) -> u32 {
    if objects == 0 {
        return limit;
    }
    let fitting = wanted.saturating_mul(objects) / bytes.max(1);
    u32::try_from(fitting).unwrap_or(MOST).clamp(1, MOST)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::{StreamExt as _, stream};
    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::health::tests::text_or_silence;

    impl ListItem for ConfigMap {
        const PAGE: usize = 10_000;
    }

    /// A server of 40 small objects, 30 of 12 KB, and 40 small ones. Keeps how many objects were in each answer.
    fn server() -> (Client, Arc<Mutex<Vec<usize>>>) {
        let given: Arc<Mutex<Vec<usize>>> = Arc::default();
        let answers = Arc::clone(&given);
        let service = tower::service_fn(move |request: Request<Body>| {
            let answers = Arc::clone(&answers);
            async move {
                let query = request.uri().query().unwrap_or_default();
                let parameter = |name: &str| {
                    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                    let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
                    value.and_then(|value| value.parse::<usize>().ok())
                };
                let begin = parameter("continue").unwrap_or(0);
                let end = (begin + parameter("limit").unwrap()).min(110);
                let items: Vec<_> = (begin..end)
                    .map(|n| {
                        let size = if (40..70).contains(&n) { 12_000 } else { 100 };
                        json!({"metadata": {"name": n.to_string()}, "data": {"x": "x".repeat(size)}})
                    })
                    .collect();
                answers.lock().unwrap().push(items.len());
                let next = if end == 110 {
                    String::new()
                } else {
                    end.to_string()
                };
                let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": items,
                    "metadata": {"resourceVersion": "1", "continue": next}});
                Ok::<_, std::convert::Infallible>(Response::new(Body::from(list.to_string().into_bytes())))
            }
        });
        (Client::new(service, "default"), given)
    }

    #[tokio::test]
    async fn a_page_of_large_objects_is_asked_for_again_with_fewer() {
        let (client, given) = server();
        let mut pages = Pages::new(client, "/api/v1/configmaps", ListParams::default());
        let mut names = Vec::new();
        loop {
            let page: Page<ConfigMap> = pages.next().await.unwrap();
            // What is in memory at once is bounded.
            let bytes: usize = page
                .items
                .iter()
                .flat_map(|item| item.data.iter().flatten())
                .map(|(_, x)| x.len())
                .sum();
            assert!(bytes < TOO_MANY * ConfigMap::PAGE, "{bytes}");
            names.extend(page.items.iter().filter_map(|item| item.metadata.name.clone()));
            if page.is_last() {
                break;
            }
        }
        assert_eq!(
            names,
            (0..110).map(|n| n.to_string()).collect::<Vec<_>>(),
            "{:?}",
            given.lock().unwrap()
        );
        assert!(given.lock().unwrap().len() < 50, "{:?}", given.lock().unwrap());
    }

    /// Counts an answer that begins or ends.
    fn count(gauge: &Mutex<(usize, usize)>, begins: bool, ends: bool) {
        let mut gauge = gauge.lock().unwrap();
        gauge.0 = gauge.0 + usize::from(begins) - usize::from(ends);
        gauge.1 = gauge.1.max(gauge.0);
    }

    /// A server whose answers come in pieces. Keeps how many are being read, and the most of that.
    fn slow_server() -> (Client, Arc<Mutex<(usize, usize)>>) {
        let gauge: Arc<Mutex<(usize, usize)>> = Arc::default();
        let told = Arc::clone(&gauge);
        let service = tower::service_fn(move |_: Request<Body>| {
            let gauge = Arc::clone(&told);
            let text = json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": [], "metadata": {"resourceVersion": "1"}});
            let pieces = stream::unfold((0, text.to_string()), move |(at, text)| {
                let gauge = Arc::clone(&gauge);
                async move {
                    tokio::task::yield_now().await;
                    let piece = text.get(at..=at).map(str::to_owned);
                    count(&gauge, at == 0, piece.is_none());
                    let frame = Full::from(piece?).frame().await?;
                    Some((frame, (at + 1, text)))
                }
            });
            async move {
                let body = StreamBody::new(pieces.boxed());
                Ok::<_, std::convert::Infallible>(Response::new(body))
            }
        });
        (Client::new(service, "default"), gauge)
    }

    #[tokio::test]
    async fn the_pages_of_all_kinds_do_not_add_up() {
        let (client, gauge) = slow_server();
        let lists = (0..20).map(|_| async {
            let mut pages = Pages::new(client.clone(), "/api/v1/configmaps", ListParams::default());
            pages.next::<ConfigMap>().await.unwrap().items.len()
        });
        assert_eq!(futures::future::join_all(lists).await, [0; 20]);
        let (now, most) = *gauge.lock().unwrap();
        assert!(now == 0 && (1..=AT_ONCE).contains(&most), "{most}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_end_keeps_others_waiting_for_a_while_only() {
        let limits: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&limits);
        let service = tower::service_fn(move |request: Request<Body>| {
            let mut limits = told.lock().unwrap();
            let query = request.uri().query().unwrap_or_default();
            limits.extend(
                query
                    .split('&')
                    .filter_map(|pair| pair.strip_prefix("limit="))
                    .map(str::to_owned),
            );
            let text = json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": [], "metadata": {}});
            let text = (limits.len() > AT_ONCE).then(|| text.to_string());
            let answer = Response::new(text_or_silence(text));
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        let client = Client::new(service, "default");
        let pages = || Pages::new(client.clone(), "/api/v1/configmaps", ListParams::default());
        let silent = async || {
            let mut pages = pages();
            pages.next::<ConfigMap>().await.unwrap_err();
            pages.next::<ConfigMap>().await.unwrap();
        };
        let quick = async || drop(pages().next::<ConfigMap>().await.unwrap());
        tokio::join!(silent(), silent(), quick());
        limits.lock().unwrap().sort();
        assert_eq!(*limits.lock().unwrap(), ["100", "100", "100", "12", "12"]);
    }

    #[test]
    fn pages_grow_while_objects_are_small_and_shrink_where_they_are_not() {
        let wanted = 4 << 20;
        assert_eq!(limit_after(100, 100, 1_200_000, wanted), 349);
        assert_eq!(limit_after(349, 349, 10_000, wanted), MOST);
        assert_eq!(limit_after(500, 13, 15_600_000, wanted), 3);
        assert_eq!(limit_after(7, 0, 100, wanted), 7);
    }
}
