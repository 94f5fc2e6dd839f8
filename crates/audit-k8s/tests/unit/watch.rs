use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::model::BindingKey;
use audit_core::snapshot::Cluster;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

use super::*;
use crate::health::tests::text_or_silence;
use crate::index::Index;
use crate::kind::Kind;
use crate::retry::RESUMES_BEFORE_LISTING;

const SERVICE_ACCOUNTS: &str = "/api/v1/serviceaccounts";
const PODS: &str = "/api/v1/pods";
const AUDITS: &str = "/apis/irsa-audit.dev/v1alpha1/irsaaudits";
const POLICIES: &str = "/apis/irsa-audit.dev/v1alpha1/irsaauditpolicies";

const WEBHOOK: &str = "/api/v1/namespaces/kube-system/configmaps";

fn watches(
    api: &FakeApi,
    prefix: &str,
    sender: Sender<Observation>,
) -> impl Future<Output = ()> + Send + 'static {
    let health = ApiHealth::new();
    observe(health.client(api.client()), health, scope(prefix), sender)
}

fn scope(prefix: &str) -> Scope {
    Scope {
        prefix: prefix.to_owned(),
        webhook_namespace: "kube-system".to_owned(),
    }
}

/// Paused time runs only while everything waits, so an hour is over in no time if nothing happens.
const PATIENCE: Duration = Duration::from_hours(1);

/// An answer of the API server.
struct Answer {
    status: StatusCode,
    body: String,
}

impl Answer {
    /// A page of a list; `next` is the token of the next one.
    fn page(objects: &[Value], next: &str, version: &str) -> Self {
        let metadata = json!({ "continue": next, "resourceVersion": version });
        Self::of(
            200,
            &json!({ "apiVersion": "v1", "kind": "List", "metadata": metadata, "items": objects }),
        )
    }

    /// A watch that says this, and ends.
    fn events(events: &[(&str, Value)]) -> Self {
        let lines = events
            .iter()
            // In this order, as the API server.
            .map(|(type_, object)| format!("{{\"type\":\"{type_}\",\"object\":{object}}}\n"));
        Self {
            status: StatusCode::OK,
            body: lines.collect(),
        }
    }

    fn of(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    fn text(status: u16, body: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap(),
            body: body.to_owned(),
        }
    }
}

/// A call that was made: when, and its query.
type Call = (Instant, BTreeMap<String, String>);

#[derive(Default)]
struct Script {
    answers: BTreeMap<(&'static str, bool), VecDeque<Answer>>,
    calls: BTreeMap<(String, bool), Vec<Call>>,
}

/// An API server that answers each kind's calls in order; then lists are empty, and watches say nothing and do not end.
#[derive(Clone, Default)]
struct FakeApi(Arc<Mutex<Script>>);

impl FakeApi {
    fn lists(self, path: &'static str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.0
            .lock()
            .unwrap()
            .answers
            .entry((path, false))
            .or_default()
            .extend(answers);
        self
    }

    fn watches(self, path: &'static str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.0
            .lock()
            .unwrap()
            .answers
            .entry((path, true))
            .or_default()
            .extend(answers);
        self
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = api.answer(&request);
            async move {
                let body = answer.as_ref().map(|answer| answer.body.clone());
                let status = answer.map_or(StatusCode::OK, |answer| answer.status);
                Ok::<_, std::io::Error>(
                    Response::builder()
                        .status(status)
                        .body(text_or_silence(body))
                        .unwrap(),
                )
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, request: &Request<Body>) -> Option<Answer> {
        let query: BTreeMap<String, String> = request
            .uri()
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let is_watch = query.get("watch").is_some_and(|value| value == "true");
        let path = request.uri().path().to_owned();
        let mut script = self.0.lock().unwrap();
        let answer = script
            .answers
            .iter_mut()
            .find(|((scripted, watch), _)| *scripted == path && *watch == is_watch)
            .and_then(|(_, answers)| answers.pop_front());
        script
            .calls
            .entry((path, is_watch))
            .or_default()
            .push((Instant::now(), query));
        answer.or_else(|| (!is_watch).then(|| Answer::page(&[], "", "1")))
    }

    fn calls(&self, path: &str, is_watch: bool) -> Vec<Call> {
        self.0
            .lock()
            .unwrap()
            .calls
            .get(&(path.to_owned(), is_watch))
            .cloned()
            .unwrap_or_default()
    }

    /// One parameter of all calls.
    fn parameter(&self, path: &str, is_watch: bool, name: &str) -> Vec<String> {
        let calls = self.calls(path, is_watch);
        calls
            .into_iter()
            .map(|(_, mut query)| query.remove(name).unwrap_or_default())
            .collect()
    }
}

/// The consumer's side.
struct Consumer {
    index: Index,
    cluster: Cluster,
    receiver: Receiver<Observation>,
    failures: Vec<String>,
}

impl Consumer {
    /// Starts the watches; the narrowest channel shows that nothing depends on its width.
    fn start(api: &FakeApi) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(watches(api, "irsa.example.com", sender));
        Self {
            index: Index::new(),
            cluster: Cluster::default(),
            receiver,
            failures: Vec::new(),
        }
    }

    async fn until(&mut self, done: impl Fn(&Self) -> bool) {
        timeout(PATIENCE, async {
            while !done(self) {
                let observation = self.receiver.recv().await.unwrap();
                if let Observation::WatchFailed { message, .. } = &observation {
                    self.failures.push(message.clone());
                }
                self.index.apply(&mut self.cluster, observation);
            }
        })
        .await
        .unwrap();
    }

    fn pods(&self, service_account: &str) -> Vec<&str> {
        let binding = self.cluster.binding(&BindingKey::new("shop", service_account));
        let mut names: Vec<_> = binding
            .iter()
            .flat_map(|b| b.pods())
            .map(|pod| &*pod.name)
            .collect();
        names.sort_unstable();
        names
    }
}

fn pod(name: &str, version: &str) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": name, "resourceVersion": version },
        "spec": { "serviceAccountName": "orders", "containers": [] }
    })
}

fn unreadable_pod(name: &str, version: &str) -> Value {
    json!({ "metadata": { "namespace": "shop", "name": name, "resourceVersion": version }, "spec": 7 })
}

fn audit(name: &str) -> Value {
    json!({ "metadata": { "namespace": "shop", "name": name }, "spec": { "serviceAccountName": "orders" } })
}

fn gone() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
        "message": "too old resource version: 20 (4711)" })
}

fn bookmark(version: &str) -> Value {
    json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "resourceVersion": version, "creationTimestamp": null },
        "spec": { "containers": null }, "status": {} })
}

#[tokio::test(start_paused = true)]
async fn a_list_from_the_cache_that_breaks_off_is_made_anew_in_pages() {
    let whole = Answer::page(&[pod("a", "1"), pod("gone", "2")], "", "10").body;
    for end in [1, whole.len() / 2, whole.len() - 1] {
        let api = FakeApi::default().lists(
            PODS,
            [
                Answer::text(200, &whole[..end]),
                Answer::page(&[pod("a", "1")], "page2", "20"),
                Answer::page(&[pod("b", "15")], "", "20"),
            ],
        );
        let mut consumer = Consumer::start(&api);
        consumer.until(|c| c.index.is_synced()).await;
        assert_eq!(consumer.pods("orders"), ["a", "b"], "{end}");
        assert_eq!(api.parameter(PODS, false, "resourceVersion"), ["0", "", ""]);
        assert_eq!(api.parameter(PODS, false, "continue"), ["", "", "page2"]);
    }
}

#[tokio::test(start_paused = true)]
async fn pages_changes_unreadable_objects_and_an_expired_watch() {
    let api = FakeApi::default()
        .lists(
            PODS,
            [
                Answer::page(
                    &[pod("a", "1"), unreadable_pod("b", "2"), json!(null)],
                    "page2",
                    "10",
                ),
                Answer::page(&[pod("c", "3")], "", "10"),
                Answer::page(&[pod("a", "1"), pod("d", "11")], "page4", "30"),
                Answer::page(&[pod("e", "25")], "", "30"),
            ],
        )
        .watches(
            PODS,
            [
                Answer::events(&[
                    ("ADDED", pod("d", "11")),
                    ("MODIFIED", unreadable_pod("d", "12")),
                    ("DELETED", unreadable_pod("c", "13")),
                    ("BOOKMARK", bookmark("20")),
                ]),
                Answer::events(&[("ERROR", gone())]),
            ],
        );
    let mut consumer = Consumer::start(&api);
    consumer
        .until(|c| c.index.is_synced() && c.pods("orders") == ["a", "d"])
        .await;
    assert_eq!(
        consumer.index.skipped(Kind::Pod),
        3,
        "`b`, something without a name, and the later `d`"
    );
    consumer.until(|c| c.pods("orders") == ["a", "d", "e"]).await;
    assert_eq!(consumer.index.failed(Kind::Pod), 1);
    assert_eq!(consumer.index.skipped(Kind::Pod), 3);

    assert_eq!(api.parameter(PODS, false, "continue"), ["", "page2", "", "page4"]);
    // The first list may come from a cache, and whole. A page of small objects is followed by a larger one.
    assert_eq!(api.parameter(PODS, false, "resourceVersion"), ["0", "", "", ""]);
    assert_eq!(api.parameter(PODS, false, "limit"), ["", "100", "100", "4000"]);
    while api.calls(PODS, true).len() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(api.parameter(PODS, true, "resourceVersion"), ["10", "20", "30"]);
    assert!(
        api.parameter(PODS, true, "allowWatchBookmarks")
            .iter()
            .all(|on| on == "true")
    );
    assert!(
        api.parameter(PODS, true, "timeoutSeconds")
            .iter()
            .all(|seconds| seconds == "240")
    );
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_after_a_page_that_failed() {
    let page = |name, next| Answer::page(&[pod(name, "1")], next, "10");
    for (failures, continues) in [
        (vec![Answer::text(503, "")], vec!["", "2", "2"]),
        (
            vec![Answer::text(200, "{"), Answer::text(429, "")],
            vec!["", "2", "2", "2"],
        ),
        (
            vec![Answer::of(410, &gone()), page("a", "2")],
            vec!["", "2", "", "2"],
        ),
        (
            vec![Answer::text(400, ""), page("a", "2")],
            vec!["", "2", "", "2"],
        ),
    ] {
        let answers = std::iter::once(page("a", "2")).chain(failures);
        let api = FakeApi::default().lists(PODS, answers.chain([page("b", "")]));
        let mut consumer = Consumer::start(&api);
        consumer.until(|c| c.pods("orders") == ["a", "b"]).await;
        assert_eq!(api.parameter(PODS, false, "continue"), continues);
        consumer.until(|c| c.index.is_synced()).await;
        assert!(api.calls(PODS, false).len() == continues.len());
    }
}

#[tokio::test(start_paused = true)]
async fn what_vanished_while_the_watch_was_expired_goes_when_the_listing_is_complete() {
    let api = FakeApi::default()
        .lists(
            PODS,
            [
                Answer::page(&[pod("a", "1"), pod("b", "2")], "", "10"),
                Answer::page(&[pod("b", "2")], "", "20"),
            ],
        )
        .watches(PODS, [Answer::events(&[("ERROR", gone())])]);
    let mut consumer = Consumer::start(&api);
    consumer.until(|c| c.pods("orders") == ["a", "b"]).await;
    consumer.until(|c| c.pods("orders") == ["b"]).await;
    assert_eq!(consumer.index.failed(Kind::Pod), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_call_is_answered_with_gone_starts_anew() {
    let api = FakeApi::default()
        .lists(
            PODS,
            [
                Answer::page(&[pod("a", "1")], "", "10"),
                Answer::page(&[pod("b", "2")], "", "20"),
            ],
        )
        .watches(PODS, [Answer::of(410, &gone())]);
    let mut consumer = Consumer::start(&api);
    consumer.until(|c| c.pods("orders") == ["b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_continued_starts_anew() {
    let ahead = || {
        Answer::of(
            504,
            &json!({ "kind": "Status", "code": 504, "message": "Too large resource version" }),
        )
    };
    let api = FakeApi::default()
        .lists(
            PODS,
            [
                Answer::page(&[pod("a", "1")], "", "10"),
                Answer::page(&[pod("b", "2")], "", "5"),
            ],
        )
        .watches(PODS, (0..RESUMES_BEFORE_LISTING).map(|_| ahead()));
    let mut consumer = Consumer::start(&api);
    consumer.until(|c| c.pods("orders") == ["b"]).await;
    assert_eq!(
        consumer.index.failed(Kind::Pod),
        u64::from(RESUMES_BEFORE_LISTING)
    );
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_watched_and_pruned_for_the_prefix() {
    let account = json!({ "metadata": { "namespace": "shop", "name": "orders", "annotations": {
        "irsa.example.com/role-arn": "arn:aws:iam::111122223333:role/orders", "team": "shop" } } });
    let mut skipping = pod("p", "1");
    skipping["metadata"]["annotations"] = json!({ "irsa.example.com/skip-containers": "app", "other": "x" });
    let policy = json!({ "metadata": { "name": "default" }, "spec": {} });
    let config_map = json!({ "metadata": { "namespace": "kube-system", "name": "pod-identity-webhook" },
        "data": { "config": r#"{"shop/orders": {"RoleARN": "arn"}}"# } });
    let api = FakeApi::default()
        .lists(SERVICE_ACCOUNTS, [Answer::page(&[account], "", "1")])
        .lists(PODS, [Answer::page(&[skipping], "", "1")])
        .lists(AUDITS, [Answer::page(&[audit("mine")], "", "1")])
        .lists(POLICIES, [Answer::page(&[policy], "", "1")])
        .lists(WEBHOOK, [Answer::page(&[config_map], "", "1")]);
    let mut consumer = Consumer::start(&api);
    consumer.until(|c| c.index.is_synced()).await;
    let binding = consumer
        .cluster
        .binding(&BindingKey::new("shop", "orders"))
        .unwrap();
    let kept: Vec<_> = binding.service_account().unwrap().annotations.keys().collect();
    assert_eq!(kept, ["irsa.example.com/role-arn"]);
    let skipped = binding.pods()[0].annotation("irsa.example.com", "skip-containers");
    assert_eq!((skipped, binding.pods()[0].annotations.len()), (Some("app"), 1));
    assert_eq!(binding.requests()[0].name, "mine");
    assert!(consumer.index.audit("shop", "mine").is_some() && consumer.index.policy("default").is_some());
    let entry = consumer.cluster.webhook_entry(&BindingKey::new("shop", "orders"));
    assert_eq!(entry.unwrap().role_arn, "arn");
    let (_, query) = &api.calls(WEBHOOK, false)[0];
    assert_eq!(
        query["fieldSelector"], "metadata.name%3Dpod-identity-webhook",
        "no other is asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_definition_is_told_and_asked_for_ever_more_rarely_until_it_is_there() {
    const FAILURES: usize = 20;
    let missing = (0..FAILURES).map(|_| Answer::text(404, "404 page not found\n"));
    let api = FakeApi::default()
        .lists(AUDITS, missing)
        .lists(AUDITS, [Answer::page(&[audit("mine")], "", "7")]);
    let mut consumer = Consumer::start(&api);
    consumer
        .until(|c| c.index.unsynced().collect::<Vec<_>>().len() == 1 && !c.failures.is_empty())
        .await;
    let (kind, failure) = consumer.index.unsynced().next().unwrap();
    assert_eq!(kind, Kind::IrsaAudit);
    assert!(
        failure.unwrap().contains("CustomResourceDefinition"),
        "{failure:?}"
    );

    consumer.until(|c| c.index.is_synced()).await;
    assert!(consumer.index.audit("shop", "mine").is_some());
    assert_eq!(consumer.index.failed(Kind::IrsaAudit), FAILURES as u64);
    let times: Vec<_> = api.calls(AUDITS, false).into_iter().map(|(at, _)| at).collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] < Duration::from_secs(2), "{pauses:?}");
    let last = pauses.last().unwrap();
    assert!(
        (Duration::from_secs(7)..=Duration::from_secs(15)).contains(last),
        "{pauses:?}"
    );
}

/// What anyone who may write an object may put into its `managedFields`: any depth, and times of any year.
fn odd(mut object: Value) -> Value {
    let mut deep = json!({});
    for _ in 0..300 {
        deep = json!({ "f:x": deep });
    }
    object["metadata"]["managedFields"] = json!([{ "manager": "mine", "operation": "Update", "apiVersion": "v1",
        "time": "9999-12-31T23:59:59Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": deep } }]);
    object
}

#[tokio::test(start_paused = true)]
async fn an_object_with_an_odd_history_is_read_as_any_other() {
    let api = FakeApi::default()
        .lists(PODS, [Answer::page(&[odd(pod("a", "1"))], "", "10")])
        .watches(PODS, [Answer::events(&[("ADDED", odd(pod("b", "11")))])])
        .lists(AUDITS, [Answer::page(&[odd(audit("listed"))], "", "10")])
        .watches(AUDITS, [Answer::events(&[("ADDED", odd(audit("watched")))])]);
    let mut consumer = Consumer::start(&api);
    consumer
        .until(|c| {
            let are_there = ["listed", "watched"].map(|name| c.index.audit("shop", name).is_some());
            c.pods("orders") == ["a", "b"] && are_there == [true, true]
        })
        .await;
    for kind in [Kind::Pod, Kind::IrsaAudit] {
        assert_eq!(
            (consumer.index.failed(kind), consumer.index.skipped(kind)),
            (0, 0),
            "{kind}"
        );
    }
}

/// One line is lost, whatever it was: what it said is found by a listing.
#[tokio::test(start_paused = true)]
async fn a_line_that_is_no_event_makes_the_watch_begin_anew() {
    for line in ["garbage\n", "{\"type\":\"ADDED\"}\n", "{}\n"] {
        let api = FakeApi::default()
            .lists(
                PODS,
                [
                    Answer::page(&[pod("a", "1")], "", "10"),
                    Answer::page(&[pod("a", "1"), pod("b", "11")], "", "11"),
                ],
            )
            .watches(PODS, [Answer::text(200, line)]);
        let mut consumer = Consumer::start(&api);
        consumer.until(|c| c.pods("orders") == ["a", "b"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_make_no_sense_are_failures_and_nothing_more() {
    let api = FakeApi::default()
        .lists(
            PODS,
            [
                Answer::text(200, "<html>"),
                Answer::text(200, "{}"),
                Answer::text(503, ""),
                Answer::page(&[pod("a", "1")], "", ""),
                Answer::page(&[pod("a", "1")], "", "10"),
                // A change may be lost in what could not be read of the watch: it is listed anew.
                Answer::page(&[pod("a", "1")], "", "10"),
            ],
        )
        .watches(
            PODS,
            [Answer::text(200, "garbage\n\n{\"type\":\"ADDED\"}\n{\"type\":")],
        )
        .watches(PODS, [Answer::events(&[("ADDED", pod("b", "11"))])]);
    let mut consumer = Consumer::start(&api);
    consumer.until(|c| c.pods("orders") == ["a", "b"]).await;
    assert!(consumer.index.failed(Kind::Pod) >= 5, "{:?}", consumer.failures);
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_its_receiver_whether_it_waits_for_it_or_for_news() {
    for idle in [false, true] {
        let api = FakeApi::default();
        let (sender, mut receiver) = mpsc::channel(1);
        let watching = tokio::spawn(watches(&api, "eks.amazonaws.com", sender));
        if idle {
            // A beginning and an end for each kind; nothing comes after that.
            for _ in 0..2 * Kind::ALL.len() {
                receiver.recv().await.unwrap();
            }
        }
        drop(receiver);
        timeout(PATIENCE, watching).await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_it_ends_the_watches() {
    let api = FakeApi::default();
    let (sender, mut receiver) = mpsc::channel(64);
    let watching = tokio::spawn(watches(&api, "eks.amazonaws.com", sender));
    receiver.recv().await.unwrap();
    watching.abort();
    timeout(PATIENCE, async { while receiver.recv().await.is_some() {} })
        .await
        .unwrap();
}
