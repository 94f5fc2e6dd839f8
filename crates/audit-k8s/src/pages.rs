//! Pages of a list. How many objects one has follows from the bytes of the one before: an object may have 1.5 MB, anyone who can edit a
//! namespace makes such, and a page is in memory at once.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _, TryFutureExt as _, pin_mut};
use kube::Client;
use kube::api::{ListParams, ObjectList};
use kube::core::Request;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Objects of the first page, and the most of any.
const FIRST: u32 = 100;
const MOST: u32 = 500;

/// How many bytes a page has.
#[derive(Debug, Clone, Copy)]
struct PageBytes {
    /// As many as are meant.
    wanted: usize,
    /// The most: a page that has more is given up, and asked for with fewer objects.
    most: usize,
}

/// A page costs the API server something by itself, and each of a hundred thousand pods has some 8 KB.
const BYTES: PageBytes = PageBytes {
    wanted: 4 << 20,
    most: 16 << 20,
};

/// Reads and decodes pages, a few at once in the whole process: at a start all kinds are listed together, and their largest pages would
/// add up. An API server that does not answer keeps nobody waiting: a page's turn begins with the first byte of the answer.
static READING: Semaphore = Semaphore::const_new(AT_ONCE);

/// How many pages are read at once.
const AT_ONCE: usize = 2;

/// The longest that one answer may take, because others wait for it. After one that takes longer, fewer objects are asked for.
const LONGEST: Duration = Duration::from_secs(30);

/// An object of a page.
pub(crate) trait PageItem: Clone {
    /// Reads it.
    ///
    /// # Errors
    /// The text is not such an object, and the page cannot be used.
    fn read(text: &str) -> serde_json::Result<Self>;
}

/// The body of an answer, from its first byte on.
type Answer = Pin<Box<dyn AsyncRead + Send>>;

/// The list of one kind, page by page.
pub(crate) struct Pages {
    client: Client,
    request: Request,
    params: ListParams,
    limit: u32,
    bytes: PageBytes,
    /// The next page is asked for as soon as it is known where it begins: the API server makes it while this one is read, and
    /// for a large cluster it takes longer for that than the reader.
    asked: JoinSet<kube::Result<Answer>>,
}

impl Pages {
    /// The list at a path such as `/api/v1/pods`.
    pub(crate) fn new(client: Client, path: &str, params: ListParams) -> Self {
        Self {
            client,
            request: Request::new(path),
            params,
            limit: FIRST,
            bytes: BYTES,
            asked: JoinSet::new(),
        }
    }

    /// The next page. One without `continue` is the last.
    ///
    /// # Errors
    /// Those of the API server and of the way to it. A page that failed can be asked for again.
    pub(crate) async fn next<K: PageItem>(&mut self) -> kube::Result<ObjectList<K>> {
        loop {
            if self.asked.is_empty() {
                self.ask()?;
            }
            let answer = self.asked.join_next().await;
            // A task that nobody aborts ends with an answer, unless the runtime is about to end.
            let Some(Ok(answer)) = answer else {
                return Err(kube::Error::ReadEvents(ErrorKind::Interrupted.into()));
            };
            let body = answer?;
            let most = if self.limit == 1 {
                usize::MAX
            } else {
                self.bytes.most
            };
            let turn = READING.acquire().await;
            let Ok(text) = timeout(LONGEST, text(body, most)).await else {
                self.limit = (self.limit / 8).max(1);
                return Err(kube::Error::ReadEvents(ErrorKind::TimedOut.into()));
            };
            let text = text.map_err(kube::Error::ReadEvents)?;
            if text.len() == most {
                self.limit = (self.limit / 8).max(1);
                continue;
            }
            let page: ObjectList<&RawValue> =
                serde_json::from_slice(&text).map_err(kube::Error::SerdeError)?;
            let items: serde_json::Result<_> = page.items.iter().map(|item| K::read(item.get())).collect();
            let items: Vec<K> = items.map_err(kube::Error::SerdeError)?;
            self.limit = limit_after(self.limit, items.len(), text.len(), self.bytes);
            self.params.continue_token = page.metadata.continue_.clone().filter(|token| !token.is_empty());
            drop(turn);
            if self.params.continue_token.is_some() {
                self.ask()?;
            }
            let ObjectList { types, metadata, .. } = page;
            return Ok(ObjectList {
                types,
                metadata,
                items,
            });
        }
    }

    /// Asks for the next page.
    fn ask(&mut self) -> kube::Result<()> {
        let params = self.params.clone().limit(self.limit);
        let request = self.request.list(&params).map_err(kube::Error::BuildRequest)?;
        let client = self.client.clone();
        self.asked.spawn(async move {
            let body = client.request_stream(request);
            body.map_ok(|body| Box::pin(body) as Answer).await
        });
        Ok(())
    }
}

/// The text of an answer, or so many bytes of it.
async fn text(body: impl AsyncRead, most: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let start = body.take(u64::try_from(most).unwrap_or(u64::MAX));
    pin_mut!(start);
    start.read_to_end(&mut text).await?;
    Ok(text)
}

/// How many objects to ask for after a page of so many objects and bytes.
fn limit_after(limit: u32, objects: usize, bytes: usize, of: PageBytes) -> u32 {
    if objects == 0 {
        return limit;
    }
    let fitting = of.wanted.saturating_mul(objects) / bytes.max(1);
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

    impl PageItem for ConfigMap {
        fn read(text: &str) -> serde_json::Result<Self> {
            serde_json::from_str(text)
        }
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
        let most = 160_000;
        pages.bytes = PageBytes { wanted: 10_000, most };
        let mut names = Vec::new();
        loop {
            let page: ObjectList<ConfigMap> = pages.next().await.unwrap();
            // What is in memory at once is bounded.
            let bytes: usize = page
                .items
                .iter()
                .flat_map(|item| item.data.iter().flatten())
                .map(|(_, x)| x.len())
                .sum();
            assert!(bytes < most, "{bytes}");
            names.extend(page.items.iter().filter_map(|item| item.metadata.name.clone()));
            if page.metadata.continue_.is_none_or(|token| token.is_empty()) {
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
        assert_eq!(limit_after(100, 100, 1_200_000, BYTES), 349);
        assert_eq!(limit_after(349, 349, 100_000, BYTES), MOST);
        assert_eq!(limit_after(500, 13, 15_600_000, BYTES), 3);
        assert_eq!(limit_after(7, 0, 100, BYTES), 7);
    }
}
