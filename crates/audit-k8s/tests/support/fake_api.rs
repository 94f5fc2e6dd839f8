//! For tests: an API server that keeps one Lease, with the faults that a network can have.

use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// What happens to calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Calls get lost.
    Lost,
    /// Writes are carried out, their answers get lost.
    AnswerLost,
    /// Calls are refused with this status.
    Refused(StatusCode),
    /// Writes are carried out, and all answers are garbage.
    Garbage,
}

#[derive(Debug)]
struct Store {
    lease: Option<Value>,
    revision: u64,
    fault: Fault,
    calls: Vec<Method>,
    patience: u32,
}

#[derive(Clone, Debug)]
pub(super) struct FakeApi(Arc<Mutex<Store>>);

impl FakeApi {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Store {
            lease: None,
            revision: 0,
            fault: Fault::None,
            calls: Vec::new(),
            // More than any test needs. Under a paused clock, calls without pause would stop time.
            patience: 2_000,
        })))
    }

    pub(super) fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, std::io::Error>(api.answer(request).await) }
        });
        Client::new(service, "default")
    }

    pub(super) fn fault(&self, fault: Fault) {
        self.0.lock().unwrap().fault = fault;
    }

    /// The methods called since the last time this was asked.
    pub(super) fn take_calls(&self) -> Vec<Method> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// The `spec` of the Lease, `null` without a Lease.
    pub(super) fn spec(&self) -> Value {
        self.0
            .lock()
            .unwrap()
            .lease
            .as_ref()
            .map_or(Value::Null, |lease| lease["spec"].clone())
    }

    pub(super) fn holder(&self) -> Option<String> {
        self.spec()["holderIdentity"].as_str().map(str::to_owned)
    }

    /// As somebody with the right to do so would edit the Lease, creating it if need be.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut store = self.0.lock().unwrap();
        let mut lease = store
            .lease
            .take()
            .unwrap_or_else(|| json!({ "metadata": { "name": "leader", "uid": "edited" } }));
        edit(&mut lease);
        store.put(lease);
    }

    pub(super) fn delete(&self) {
        self.0.lock().unwrap().lease = None;
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let fault = {
            let mut store = self.0.lock().unwrap();
            store.calls.push(parts.method.clone());
            store.patience = store.patience.saturating_sub(1);
            if store.patience == 0 {
                Fault::Lost
            } else {
                store.fault
            }
        };
        let answer = || {
            self.0
                .lock()
                .unwrap()
                .handle(&parts.method, parts.uri.path(), &body)
        };
        match fault {
            Fault::None => answer(),
            Fault::Lost => pending().await,
            Fault::AnswerLost => {
                answer();
                pending().await
            }
            Fault::Refused(status) => refuse(status),
            Fault::Garbage => {
                answer();
                Response::new(Body::from(b"<html>".to_vec()))
            }
        }
    }
}

impl Store {
    fn handle(&mut self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/irsa-audit/leases";
        let lease = || serde_json::from_slice::<Value>(body).unwrap();
        match *method {
            Method::POST => assert_eq!(path, LEASES),
            _ => assert_eq!(path, format!("{LEASES}/leader")),
        }
        match (method, &self.lease) {
            (&Method::GET, Some(lease)) => respond(StatusCode::OK, lease),
            (&Method::POST, None) => {
                let mut lease = lease();
                lease["metadata"]["uid"] = json!(format!("uid-{}", self.revision));
                self.put(lease)
            }
            (&Method::POST, Some(_)) => refuse(StatusCode::CONFLICT),
            (&Method::PUT, Some(stored)) => {
                let lease = lease();
                let same = |field| lease["metadata"][field] == stored["metadata"][field];
                if same("resourceVersion") && same("uid") {
                    self.put(lease)
                } else {
                    refuse(StatusCode::CONFLICT)
                }
            }
            (_, None) => refuse(StatusCode::NOT_FOUND),
            (method, Some(_)) => unreachable!("{method}"),
        }
    }

    fn put(&mut self, mut lease: Value) -> Response<Body> {
        self.revision += 1;
        lease["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        respond(StatusCode::OK, self.lease.insert(lease))
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(body.to_string().into_bytes()))
        .unwrap()
}

fn refuse(status: StatusCode) -> Response<Body> {
    let reason = match status {
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        _ => "InternalError",
    };
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": status.as_u16(),
        "reason": reason,
        "message": "\u{1b}[31mno",
    });
    respond(status, &body)
}
