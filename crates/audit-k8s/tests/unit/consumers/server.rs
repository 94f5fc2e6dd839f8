//! An API server that serves some of the kinds, and changes while it is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::health::tests::{text_or_silence, until};

/// What is asked for a kind is answered with this status; 200 lists its objects.
#[derive(Debug, Clone)]
struct Installed {
    status: u16,
    objects: Vec<Value>,
}

/// What it serves, by `group/version/plural`, and what it was asked.
#[derive(Debug, Default)]
struct State {
    /// The status of `/apis`, where it is no success.
    failure: Option<u16>,
    kinds: BTreeMap<(String, String), (String, Installed)>,
    asked: Vec<String>,
    /// Ends the watches that run.
    cut: Arc<Notify>,
    /// No watch begins: its place is gone.
    refuses_watches: bool,
}

/// The server.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<State>>);

impl Server {
    /// Installs a kind, whose objects are answered with a status.
    pub(crate) fn install(
        &self,
        (group, kind, plural): (&str, &str, &str),
        status: u16,
        objects: Vec<Value>,
    ) {
        let installed = Installed { status, objects };
        let id = (group.to_owned(), plural.to_owned());
        let mut state = self.0.lock().unwrap();
        state.kinds.insert(id, (kind.to_owned(), installed));
    }

    pub(crate) fn remove(&self, (group, _, plural): (&str, &str, &str)) {
        let id = (group.to_owned(), plural.to_owned());
        self.0.lock().unwrap().kinds.remove(&id);
    }

    /// Says of groups nothing but this status; or all there is.
    pub(crate) fn fail(&self, status: Option<u16>) {
        self.0.lock().unwrap().failure = status;
    }

    /// How often a path was asked for that ends so, whatever its parameters.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let state = self.0.lock().unwrap();
        let asked = state.asked.iter();
        asked
            .filter(|one| one.split('?').next().is_some_and(|one| one.ends_with(path)))
            .count()
    }

    /// Ends the watches that run, and lets none begin.
    pub(crate) fn refuse_watches(&self) {
        self.0.lock().unwrap().refuses_watches = true;
        self.cut();
    }

    /// Ends the watches that run.
    pub(crate) fn cut(&self) {
        self.0.lock().unwrap().cut.notify_waiters();
    }

    pub(crate) fn client(&self) -> Client {
        let state = Arc::clone(&self.0);
        let service = tower::service_fn(move |request: Request<Body>| {
            let uri = request.uri().to_string();
            let (answer, cut) = {
                let mut state = state.lock().unwrap();
                state.asked.push(uri.clone());
                (state.answer(&uri), Arc::clone(&state.cut))
            };
            async move {
                let status = answer.as_ref().map_or(200, |(status, _)| *status);
                let body = match answer {
                    Some((_, body)) => text_or_silence(Some(body.to_string())),
                    None => until(cut),
                };
                let response = Response::builder().status(status);
                response.body(body).map_err(std::io::Error::other)
            }
        });
        Client::new(service, "default")
    }
}

impl State {
    fn answer(&self, uri: &str) -> Option<(u16, Value)> {
        let refusal = |code: u16| {
            let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no"});
            Some((code, body))
        };
        let (path, parameters) = uri.split_once('?').unwrap_or((uri, ""));
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["apis"] => match self.failure {
                Some(code) => refusal(code),
                None => Some((200, self.groups())),
            },
            ["apis", group, "v1"] => Some((200, self.resources(group))),
            ["apis", group, "v1", rest @ ..] => {
                let plural = rest.last().copied().unwrap_or_default();
                let Some((kind, installed)) = self.kinds.get(&((*group).to_owned(), plural.to_owned()))
                else {
                    return refusal(404);
                };
                if installed.status != 200 {
                    return refusal(installed.status);
                }
                if parameters.contains("watch=true") {
                    return if self.refuses_watches { refusal(500) } else { None };
                }
                let list = json!({
                    "apiVersion": format!("{group}/v1"), "kind": format!("{kind}List"),
                    "metadata": {"resourceVersion": "1"}, "items": installed.objects,
                });
                Some((200, list))
            }
            _ => refusal(404),
        }
    }

    fn groups(&self) -> Value {
        let mut names: Vec<&String> = self.kinds.keys().map(|(group, _)| group).collect();
        names.dedup();
        let groups: Vec<Value> = names
            .into_iter()
            .map(|name| {
                let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
                json!({"name": name, "versions": [version], "preferredVersion": version})
            })
            .collect();
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    }

    fn resources(&self, group: &str) -> Value {
        let mine = self.kinds.iter().filter(|((other, _), _)| other == group);
        let resources: Vec<Value> = mine
            .map(|((_, plural), (kind, _))| {
                json!({"name": plural, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list", "watch"]})
            })
            .collect();
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/v1"), "resources": resources})
    }
}
