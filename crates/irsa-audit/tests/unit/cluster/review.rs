//! Against a pretend API server. Time is tokio's paused clock, so nothing here waits.

use std::sync::Mutex as StdMutex;

use audit_core::rbac::ReviewQuestion;
use audit_core::rbac::review::Evaluated;
use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;

/// How the API server answers.
#[derive(Debug, Clone)]
enum Answer {
    Says(Value),
    Code(u16),
    Nothing,
    Panic,
}

/// A call that was received: path and body.
type Received = (String, Value);

#[derive(Clone)]
struct Server(Arc<StdMutex<(Answer, Vec<Received>)>>);

impl Server {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(StdMutex::new((answer, Vec::new()))))
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, std::io::Error>(server.answer(request).await) }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.1.push((parts.uri.path().to_owned(), body.clone()));
            state.0.clone()
        };
        let (code, body) = match answer {
            Answer::Says(status) => {
                let mut review = body;
                review["status"] = status;
                (201, review)
            }
            Answer::Code(code) => {
                let reason = if code == 403 { "Forbidden" } else { "InternalError" };
                (
                    code,
                    json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code}),
                )
            }
            Answer::Nothing => std::future::pending().await,
            Answer::Panic => panic!("in the middle of a call"),
        };
        Response::builder()
            .status(code)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string().into_bytes()))
            .unwrap()
    }

    fn calls(&self) -> Vec<Received> {
        self.0.lock().unwrap().1.clone()
    }
}

fn review(questions: usize) -> Review {
    let request = OwnedRequest {
        namespace: Some("shop".to_owned()),
        api_group: String::new(),
        resource: "pods".to_owned(),
        subresource: "log".to_owned(),
        name: String::new(),
        verb: "get".to_owned(),
    };
    let question = ReviewQuestion {
        request,
        evaluated: Evaluated::Denied,
    };
    Review {
        key: BindingKey::new("shop", "cart"),
        round: 7,
        questions: vec![question; questions],
    }
}

async fn outcome_of(answer: Answer) -> ReviewOutcome {
    let (mut reviewer, mut outcomes) = Reviewer::new(&Server::new(answer).client());
    reviewer.start(review(1));
    let (told, outcome) = outcomes.recv().await.unwrap();
    assert_eq!(told, review(1));
    outcome
}

#[tokio::test(start_paused = true)]
async fn answers_are_told_apart() {
    let denied = |explicitly, failed| ReviewOutcome::Answered(vec![Ruling::Denied { explicitly, failed }]);
    let allowed = ReviewOutcome::Answered(vec![Ruling::Allowed]);
    for (answer, expected) in [
        (Answer::Says(json!({"allowed": true})), allowed.clone()),
        (
            Answer::Says(json!({"allowed": true, "evaluationError": "role gone"})),
            allowed,
        ),
        (Answer::Says(json!({"allowed": false})), denied(false, false)),
        (
            Answer::Says(json!({"allowed": false, "denied": true})),
            denied(true, false),
        ),
        (
            Answer::Says(json!({"allowed": false, "evaluationError": "webhook down"})),
            denied(false, true),
        ),
        (Answer::Says(Value::Null), ReviewOutcome::Failed),
        (Answer::Code(403), ReviewOutcome::Refused),
        (Answer::Code(500), ReviewOutcome::Failed),
        (Answer::Nothing, ReviewOutcome::Failed),
        (Answer::Panic, ReviewOutcome::Failed),
    ] {
        let shown = format!("{answer:?}");
        assert_eq!(outcome_of(answer).await, expected, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_asks_as_the_service_account_at_a_bounded_rate() {
    let server = Server::new(Answer::Says(json!({"allowed": true})));
    let (mut reviewer, mut outcomes) = Reviewer::new(&server.client());
    let start = Instant::now();
    for _ in 0..2 {
        reviewer.start(review(51));
    }
    for _ in 0..2 {
        let (_, outcome) = outcomes.recv().await.unwrap();
        assert_eq!(outcome, ReviewOutcome::Answered(vec![Ruling::Allowed; 51]));
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    let calls = server.calls();
    let (path, body) = calls.first().unwrap();
    assert_eq!(
        (calls.len(), path.as_str()),
        (102, "/apis/authorization.k8s.io/v1/subjectaccessreviews")
    );
    let groups = [
        "system:serviceaccounts:shop",
        "system:serviceaccounts",
        "system:authenticated",
    ];
    let attributes = json!({"namespace": "shop", "verb": "get", "resource": "pods", "subresource": "log"});
    assert_eq!(
        body["spec"],
        json!({"user": "system:serviceaccount:shop:cart", "groups": groups, "resourceAttributes": attributes})
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_question_without_an_answer_ends_it() {
    let server = Server::new(Answer::Code(500));
    let (mut reviewer, mut outcomes) = Reviewer::new(&server.client());
    reviewer.start(review(5));
    assert_eq!(outcomes.recv().await.unwrap().1, ReviewOutcome::Failed);
    assert_eq!(server.calls().len(), 1);
}
