//! Against a pretend API server. Time is tokio's paused clock, so nothing here waits.

use std::sync::Mutex;

use audit_core::Verdict;
use audit_core::model::{BindingKey, NamespacedName};
use audit_engine::Occasion;
use audit_k8s::ApiHealth;
use audit_k8s::lease::Leadership;
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use kube::runtime::events::Reporter;
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;
use crate::operator::announce::Announcement;
use crate::operator::settings::Detail;

/// How the API server answers.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// As if all went well, with this resource version.
    Version(&'static str),
    Status(u16, &'static str),
    /// An object that is not valid in this field.
    Invalid(&'static str),
    Nothing,
    Panic,
}

/// A call that was received: method, path with query, body.
type Received = (Method, String, Value);

#[derive(Clone)]
struct Api(Arc<Mutex<(Answer, Vec<Received>)>>);

impl Api {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new((answer, Vec::new()))))
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, std::io::Error>(api.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap_or_default();
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.1.push((parts.method, parts.uri.path().to_owned(), body));
            state.0
        };
        let (code, body) = match answer {
            Answer::Version(version) => (
                200,
                json!({
                    "apiVersion": API_VERSION, "kind": "IrsaAudit",
                    "metadata": {"name": "app", "namespace": "shop", "resourceVersion": version},
                    "spec": {"serviceAccountName": "app"},
                }),
            ),
            Answer::Status(code, reason) => (
                code,
                json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code}),
            ),
            Answer::Invalid(field) => (
                422,
                json!({
                    "kind": "Status", "status": "Failure", "reason": "Invalid", "message": "no", "code": 422,
                    "details": {"causes": [{"reason": "FieldValueInvalid", "message": "no", "field": field}]},
                }),
            ),
            Answer::Nothing => std::future::pending().await,
            Answer::Panic => panic!("in the middle of a call"),
        };
        Response::builder()
            .status(StatusCode::from_u16(code).unwrap())
            .header("content-type", "application/json")
            .body(Body::from(body.to_string().into_bytes()))
            .unwrap()
    }

    fn calls(&self) -> Vec<(Method, String, Value)> {
        self.0.lock().unwrap().1.clone()
    }
}

type Outcomes = mpsc::UnboundedReceiver<(Write, WriteOutcome)>;

fn publisher(api: &Api, guard: Guard) -> (ObjectWriter, Outcomes) {
    let client = api.client();
    let reporter = Reporter {
        controller: "irsa-audit".to_owned(),
        instance: None,
    };
    let recorder = Recorder::new(client.clone(), reporter);
    let health = ApiHealth::new();
    ObjectWriter::new(
        (health.client(client), health),
        recorder,
        guard,
        Arc::new(Metrics::new(Detail::All).unwrap()),
    )
}

fn object() -> NamespacedName {
    NamespacedName::new("shop", "app")
}

fn status(announce: Option<Announcement>) -> Write {
    Write::Status {
        object: object(),
        uid: "u".into(),
        status: PackedStatus::new(&audit_api::IrsaAuditStatus::default()),
        announce,
        occasion: Occasion::Change,
    }
}

fn delete() -> Write {
    Write::Delete {
        object: object(),
        uid: "u".into(),
    }
}

fn release() -> Write {
    Write::Release {
        object: object(),
        uid: "u".into(),
    }
}

fn create() -> Write {
    let owner = AuditOwner {
        name: "app".into(),
        uid: "sa".into(),
    };
    Write::Create {
        name: "app".to_owned(),
        key: BindingKey::new("shop", "app"),
        owner: Some(owner),
    }
}

async fn outcome_of(answer: Answer, write: Write) -> WriteOutcome {
    let (mut publisher, mut outcomes) = publisher(&Api::new(answer), Guard::Alone);
    publisher.start(write.clone());
    let (told, outcome) = outcomes.recv().await.unwrap();
    assert_eq!(told, write);
    outcome
}

#[tokio::test(start_paused = true)]
async fn answers_are_told_apart() {
    let done = |version| WriteOutcome::Done {
        resource_version: version,
    };
    for (answer, write, expected) in [
        (Answer::Version("7"), status(None), done(Some(7))),
        (Answer::Version("opaque"), status(None), done(None)),
        (Answer::Status(404, "NotFound"), status(None), WriteOutcome::Gone),
        (
            Answer::Status(409, "Conflict"),
            status(None),
            WriteOutcome::Failed,
        ),
        (
            Answer::Status(500, "InternalError"),
            status(None),
            WriteOutcome::Failed,
        ),
        // As a real API server answers where the UID is another object's.
        (Answer::Status(422, "Invalid"), status(None), WriteOutcome::Gone),
        (
            Answer::Invalid("status.verdict"),
            status(None),
            WriteOutcome::Failed,
        ),
        (Answer::Invalid("metadata.uid"), release(), WriteOutcome::Gone),
        (
            Answer::Invalid("metadata.ownerReferences.kind"),
            release(),
            WriteOutcome::Failed,
        ),
        (Answer::Status(409, "Conflict"), delete(), WriteOutcome::Gone),
        (Answer::Status(404, "NotFound"), delete(), WriteOutcome::Gone),
        (Answer::Status(403, "Forbidden"), create(), WriteOutcome::Refused),
        (Answer::Status(403, "Forbidden"), delete(), WriteOutcome::Failed),
        (Answer::Status(409, "AlreadyExists"), create(), done(None)),
        (
            Answer::Status(429, "TooManyRequests"),
            create(),
            WriteOutcome::Unavailable,
        ),
        (
            Answer::Status(503, "ServiceUnavailable"),
            create(),
            WriteOutcome::Unavailable,
        ),
        (
            Answer::Status(401, "Unauthorized"),
            create(),
            WriteOutcome::Unavailable,
        ),
        (Answer::Nothing, create(), WriteOutcome::Unavailable),
        (Answer::Panic, create(), WriteOutcome::Failed),
    ] {
        let shown = format!("{answer:?} {write:?}");
        assert_eq!(outcome_of(answer, write).await, expected, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_leadership() {
    let api = Api::new(Answer::Version("7"));
    let (sender, leadership) = watch::channel(Leadership::default());
    let (mut publisher, mut outcomes) = publisher(&api, Guard::Lease(leadership));
    publisher.start(status(None));
    assert_eq!(outcomes.recv().await.unwrap().1, WriteOutcome::Failed);
    assert!(api.calls().is_empty());
    sender.send_replace(Leadership {
        until: Some(Instant::now() + Duration::from_secs(9)),
    });
    publisher.start(status(None));
    assert_eq!(
        outcomes.recv().await.unwrap().1,
        WriteOutcome::Done {
            resource_version: Some(7)
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_is_given_up_before_leadership_ends() {
    let api = Api::new(Answer::Nothing);
    let leadership = Leadership {
        until: Some(Instant::now() + Duration::from_secs(7)),
    };
    let (_sender, receiver) = watch::channel(leadership);
    let (mut publisher, mut outcomes) = publisher(&api, Guard::Lease(receiver));
    publisher.start(status(None));
    assert_eq!(outcomes.recv().await.unwrap().1, WriteOutcome::Unavailable);
    assert!(Instant::now() <= leadership.until.unwrap() + Duration::from_millis(2));
    assert_eq!(api.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn writes_that_wait_are_not_sent_when_the_operator_stops() {
    let api = Api::new(Answer::Nothing);
    let (mut publisher, _outcomes) = publisher(&api, Guard::Alone);
    for _ in 0..OF_ONE + 5 {
        publisher.start(status(None));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    publisher.finish(Duration::from_secs(3)).await;
    assert_eq!(
        (api.calls().len(), start.elapsed()),
        (OF_ONE, Duration::from_secs(3))
    );
    assert!(publisher.tasks.is_empty());
}

fn news() -> Announcement {
    Announcement {
        before: Some(Verdict::Working),
        verdict: Verdict::Broken,
        reason: "RoleNotFound".to_owned(),
        message: "no role \\u{1b}".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_left_out_where_many_writes_of_its_namespace_wait() {
    for (waiting, events) in [(10, 1), (EVENTS_BEHIND + OF_ONE, 0)] {
        let api = Api::new(Answer::Version("7"));
        let (mut publisher, mut outcomes) = publisher(&api, Guard::Alone);
        publisher.start(status(Some(news())));
        for _ in 0..waiting {
            publisher.start(status(None));
        }
        for _ in 0..=waiting {
            let (_, outcome) = outcomes.recv().await.unwrap();
            assert!(matches!(outcome, WriteOutcome::Done { .. }), "{outcome:?}");
        }
        publisher.finish(Duration::from_mins(1)).await;
        let posted = api.calls().iter().filter(|call| call.0 == Method::POST).count();
        assert_eq!((posted, api.calls().len()), (events, waiting + 1 + events));
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_follows_a_status_that_was_written() {
    for (answer, expected) in [
        (Answer::Version("7"), 2),
        (Answer::Status(500, "InternalError"), 1),
    ] {
        let api = Api::new(answer);
        let (mut publisher, mut outcomes) = publisher(&api, Guard::Alone);
        publisher.start(status(Some(news())));
        outcomes.recv().await.unwrap();
        publisher.finish(Duration::from_mins(1)).await;
        let calls = api.calls();
        assert_eq!(calls.len(), expected);
        if let Some((method, path, event)) = calls.get(1) {
            assert_eq!(
                (method, path.as_str()),
                (&Method::POST, "/apis/events.k8s.io/v1/namespaces/shop/events")
            );
            assert_eq!(event["note"], "Working -> Broken: no role \\u{1b}");
            assert_eq!(event["regarding"]["uid"], "u");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_write_says_what_it_means() {
    let owner = AuditOwner {
        name: "app".into(),
        uid: "sa".into(),
    };
    let reference = json!([{"apiVersion": "v1", "kind": "ServiceAccount", "name": "app", "uid": "sa"}]);
    let audits = "/apis/irsa-audit.dev/v1alpha1/namespaces/shop/irsaaudits";
    for (write, method, path, pointer, expected) in [
        (
            create(),
            Method::POST,
            audits.to_owned(),
            "/metadata/ownerReferences",
            reference.clone(),
        ),
        (
            status(None),
            Method::PATCH,
            format!("{audits}/app/status"),
            "/0",
            json!({"op": "test", "path": "/metadata/uid", "value": "u"}),
        ),
        (
            Write::Own {
                object: object(),
                uid: "u".into(),
                owner,
            },
            Method::PATCH,
            format!("{audits}/app"),
            "/metadata",
            json!({"uid": "u", "ownerReferences": reference}),
        ),
        (
            Write::Release {
                object: object(),
                uid: "u".into(),
            },
            Method::PATCH,
            format!("{audits}/app"),
            "/metadata",
            json!({"uid": "u", "labels": {AUTOMATIC_LABEL: null}, "ownerReferences": null}),
        ),
        (
            delete(),
            Method::DELETE,
            format!("{audits}/app"),
            "/preconditions",
            json!({"uid": "u"}),
        ),
    ] {
        let api = Api::new(Answer::Version("7"));
        let (mut publisher, mut outcomes) = publisher(&api, Guard::Alone);
        publisher.start(write);
        outcomes.recv().await.unwrap();
        let calls = api.calls();
        let (called, at, body) = calls.first().unwrap();
        assert_eq!((called, at), (&method, &path));
        assert_eq!(body.pointer(pointer), Some(&expected), "{body}");
    }
}
