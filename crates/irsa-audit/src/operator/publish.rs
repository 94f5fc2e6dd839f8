//! Carries out the engine's writes, several at a time, each guarded by leadership right before it is sent.

use std::sync::Arc;
use std::time::Duration;

use audit_api::status::PackedStatus;
use audit_api::{
    AUTOMATIC_LABEL, CLUSTER_AUDIT_NAME, ClusterIrsaAudit, ClusterIrsaAuditStatus, FIELD_MANAGER, IrsaAudit,
};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::runtime::events::Recorder;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::announce::{self, API_VERSION};
use super::leader::Guard;
use super::line::Line;
use super::metrics::Metrics;
use super::refusals::Refusals;
use super::written::WrittenAudit;
use crate::cluster::{Ending, shown};
use audit_core::model::NamespacedName;
use audit_engine::{AuditOwner, Write, WriteOutcome};
use audit_k8s::ApiHealth;
use turns::AskedFor;

/// Writes that are under way at once: enough to hide the API server's latency, too few to crowd others out.
const CONCURRENCY: usize = 16;

/// Of these, how many may be of one namespace: with all of them, each write of others takes the API server as long as sixteen.
const OF_ONE: usize = 4;

/// Events that are under way at once, and of one namespace: what they tell stands in the status, which somebody waits for.
const EVENTS: usize = 2;
const EVENTS_OF_ONE: usize = 1;

/// So many writes of a namespace may wait while one more of its Events does. A verdict that changes back and forth makes Events faster than they
/// are sent; what it is now, the status says.
const EVENTS_BEHIND: usize = 256;

/// Why a write was not done.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Api(#[from] kube::Error),
    #[error("no answer within `{0:?}`")]
    TimedOut(Duration),
}

impl WriteError {
    /// The HTTP status by which the API server answered; 0 where it did not.
    fn code(&self) -> u16 {
        match self {
            Self::Api(kube::Error::Api(status)) => status.code,
            _ => 0,
        }
    }

    /// For the log, safe to show.
    fn shown(&self) -> String {
        match self {
            Self::Api(error) => shown(error),
            Self::TimedOut(_) => self.to_string(),
        }
    }

    /// Whether the API server was not there for it, whatever the write said.
    fn is_of_the_api_server(&self) -> bool {
        matches!(self.code(), 0 | 401 | 429 | 503 | 504)
    }
}

/// Carries out writes.
pub struct ObjectWriter {
    writer: Arc<Writer>,
    line: Line,
    events: Line,
    tasks: JoinSet<()>,
    done: mpsc::UnboundedSender<(Write, WriteOutcome)>,
}

impl ObjectWriter {
    /// A publisher, and where it tells what came of each write.
    #[must_use]
    pub fn new(
        (client, health): (Client, ApiHealth),
        recorder: Recorder,
        guard: Guard,
        metrics: Arc<Metrics>,
    ) -> (Self, mpsc::UnboundedReceiver<(Write, WriteOutcome)>) {
        let (done, outcomes) = mpsc::unbounded_channel();
        let writer = Writer {
            client,
            health,
            recorder,
            guard,
            metrics,
            refusals: Arc::default(),
        };
        (
            Self {
                writer: Arc::new(writer),
                line: Line::new(CONCURRENCY, OF_ONE),
                events: Line::new(EVENTS, EVENTS_OF_ONE),
                tasks: JoinSet::new(),
                done,
            },
            outcomes,
        )
    }

    /// Starts a write. Its outcome is told in any case, even if the write panics.
    pub fn start(&mut self, write: Write) {
        self.reap();
        let (writer, line) = (Arc::clone(&self.writer), self.line.clone());
        let events = self.events.clone();
        let queued = self.writer.metrics.queued("writes");
        let mut ending = Ending::new(write, WriteOutcome::Failed, self.done.clone());
        self.tasks.spawn(async move {
            let _queued = queued;
            let Some((write, outcome)) = ending.get() else {
                return;
            };
            let namespace = write.object().map(|id| id.namespace).unwrap_or_default();
            // Nobody has one any more while the operator stops.
            let Some(turn) = line.enter(asked_for(&namespace, write.is_urgent())).await else {
                return;
            };
            // In a box of its own: ten thousand may wait for their turn, and what the call needs is not taken before that.
            *outcome = Box::pin(writer.carry_out(write)).await;
            let announcement = match (write, outcome) {
                (
                    Write::Status {
                        object,
                        uid,
                        announce: Some(news),
                        ..
                    },
                    WriteOutcome::Done { .. },
                ) => Some((object.clone(), uid.clone(), news.clone())),
                _ => None,
            };
            drop((ending, turn));
            if let Some((object, uid, news)) = announcement
                && line.waiting(&namespace) + events.waiting(&namespace) < EVENTS_BEHIND
                && let Some(_turn) = events.enter(asked_for(&namespace, false)).await
            {
                Box::pin(writer.announce(&object, &uid, &news)).await;
            }
        });
    }

    /// Frees what has ended: ten thousand may have since the latest write was started.
    pub fn reap(&mut self) {
        while self.tasks.try_join_next().is_some() {}
    }

    /// Sends nothing more, and waits for what is under way; what has not ended after `grace` is given up.
    pub async fn finish(&mut self, grace: Duration) {
        self.line.close();
        self.events.close();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            tracing::warn!(unfinished = self.tasks.len(), "writes did not end in time");
            self.tasks.shutdown().await;
        }
    }
}

/// For whom something is written.
fn asked_for(namespace: &str, is_urgent: bool) -> AskedFor {
    AskedFor {
        namespace: namespace.to_owned(),
        is_urgent,
    }
}

/// Makes the calls.
struct Writer {
    client: Client,
    health: ApiHealth,
    recorder: Recorder,
    guard: Guard,
    metrics: Arc<Metrics>,
    refusals: Arc<Refusals>,
}

impl Writer {
    /// Makes the call, if this replica leads for as long as the call may take. While the API server is in trouble, it waits for its turn.
    async fn carry_out(&self, write: &Write) -> WriteOutcome {
        self.health.turn().await;
        let Some(span) = self.guard.time_to_write() else {
            return WriteOutcome::Failed;
        };
        let result = match timeout(span, self.call(write)).await {
            Ok(result) => result.map_err(WriteError::Api),
            Err(_) => Err(WriteError::TimedOut(span)),
        };
        let outcome = match outcome(write, &result) {
            // The API server fails, not the write.
            WriteOutcome::Failed if self.health.is_down() => WriteOutcome::Unavailable,
            outcome => outcome,
        };
        self.metrics.write(kind(write), &outcome);
        match (&result, &outcome) {
            (Err(error), WriteOutcome::Failed | WriteOutcome::Refused) => {
                let object = write.object().map(|id| id.to_string()).unwrap_or_default();
                self.refusals
                    .refused(kind(write), error.code(), &object, &error.shown());
            }
            (Ok(_), _) => self.refusals.succeeded(),
            _ => {}
        }
        outcome
    }

    async fn call(&self, write: &Write) -> kube::Result<Option<u64>> {
        match write {
            Write::Create { name, key, owner } => {
                self.create(&key.namespace, name, &key.service_account, owner.as_ref())
                    .await
            }
            Write::Status {
                object, uid, status, ..
            } => self.write_status(object, uid, status).await,
            Write::Own { object, uid, owner } => {
                self.merge(
                    object,
                    json!({"uid": uid, "ownerReferences": [owner_reference(owner)]}),
                )
                .await
            }
            Write::Release { object, uid } => {
                let metadata =
                    json!({"uid": uid, "labels": {AUTOMATIC_LABEL: null}, "ownerReferences": null});
                self.merge(object, metadata).await
            }
            Write::Delete { object, uid } => self.delete(object, uid).await,
            Write::Cluster { status } => self.write_cluster(status).await,
        }
    }

    fn audits(&self, namespace: &str) -> Api<WrittenAudit> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn create(
        &self,
        namespace: &str,
        name: &str,
        account: &str,
        owner: Option<&AuditOwner>,
    ) -> kube::Result<Option<u64>> {
        let mut body = json!({
            "apiVersion": API_VERSION,
            "kind": "IrsaAudit",
            "metadata": {"name": name, "namespace": namespace, "labels": {AUTOMATIC_LABEL: "true"}},
            "spec": {"serviceAccountName": account},
        });
        if let (Some(owner), Some(metadata)) =
            (owner, body.get_mut("metadata").and_then(Value::as_object_mut))
        {
            metadata.insert("ownerReferences".to_owned(), json!([owner_reference(owner)]));
        }
        let audit: IrsaAudit = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let api: Api<IrsaAudit> = Api::namespaced(self.client.clone(), namespace);
        api.create(&params, &audit).await.map(|created| version(&created))
    }

    /// Puts a status in the place of the whole one, whoever owns parts of it, of exactly the object that its UID names: what holds of
    /// an object says nothing of another one of the same name. Server-side apply does neither: it leaves the conditions of others in
    /// place, and the strategy of a status drops the UID before anybody compares it.
    async fn write_status(
        &self,
        object: &NamespacedName,
        uid: &str,
        status: &PackedStatus,
    ) -> kube::Result<Option<u64>> {
        let body = json!([
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status.status()},
        ]);
        let patch = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.audits(&object.namespace)
            .patch_status(&object.name, &params, &Patch::<()>::Json(patch))
            .await
            .map(|written| version(&written))
    }

    /// Changes metadata of exactly the object that its UID names: the API server refuses to change a UID.
    async fn merge(&self, object: &NamespacedName, metadata: Value) -> kube::Result<Option<u64>> {
        let patch = json!({"metadata": metadata});
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.audits(&object.namespace)
            .patch(&object.name, &params, &Patch::Merge(&patch))
            .await
            .map(|written| version(&written))
    }

    async fn delete(&self, object: &NamespacedName, uid: &str) -> kube::Result<Option<u64>> {
        let preconditions = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        };
        let params = DeleteParams {
            preconditions: Some(preconditions),
            ..DeleteParams::default()
        };
        self.audits(&object.namespace)
            .delete(&object.name, &params)
            .await
            .map(|_| None)
    }

    async fn write_cluster(&self, status: &ClusterIrsaAuditStatus) -> kube::Result<Option<u64>> {
        let api: Api<ClusterIrsaAudit> = Api::all(self.client.clone());
        let body = json!({"apiVersion": API_VERSION, "kind": "ClusterIrsaAudit", "status": status});
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&body);
        match api.patch_status(CLUSTER_AUDIT_NAME, &params, &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let bare = json!({"apiVersion": API_VERSION, "kind": "ClusterIrsaAudit", "metadata": {"name": CLUSTER_AUDIT_NAME}, "spec": {}});
                api.patch(CLUSTER_AUDIT_NAME, &params, &Patch::Apply(&bare))
                    .await?;
                api.patch_status(CLUSTER_AUDIT_NAME, &params, &patch)
                    .await
                    .map(|written| version(&written))
            }
            result => result.map(|written| version(&written)),
        }
    }

    /// Tells people of a changed verdict; a lost Event is no reason to fail.
    async fn announce(&self, object: &NamespacedName, uid: &str, news: &announce::Announcement) {
        let Some(span) = self.guard.time_to_write() else {
            return;
        };
        let (event, reference) = (announce::event(news), announce::reference(object, uid));
        let error = match timeout(span, self.recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => WriteError::Api(error),
            Err(_) => WriteError::TimedOut(span),
        };
        let error = audit_core::text::reveal(&error.to_string());
        tracing::debug!(namespace = object.namespace.as_str(), name = object.name.as_str(), %error, "event not published");
    }
}

fn owner_reference(owner: &AuditOwner) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": owner.name.as_str(), "uid": owner.uid.as_str()})
}

/// The resource version as a number, which the API server's versions are, in rising order.
fn version<K: kube::Resource>(object: &K) -> Option<u64> {
    object.resource_version().and_then(|version| version.parse().ok())
}

/// The name of a kind of write, as a metric's label.
fn kind(write: &Write) -> &'static str {
    match write {
        Write::Create { .. } => "create",
        Write::Status { .. } => "status",
        Write::Own { .. } => "own",
        Write::Release { .. } => "release",
        Write::Delete { .. } => "delete",
        Write::Cluster { .. } => "cluster",
    }
}

fn outcome(write: &Write, result: &Result<Option<u64>, WriteError>) -> WriteOutcome {
    match (write, result) {
        (_, Ok(resource_version)) => WriteOutcome::Done {
            resource_version: *resource_version,
        },
        // It is there, which is all that was wanted; the watch will show it.
        (Write::Create { .. }, Err(WriteError::Api(kube::Error::Api(status))))
            if status.is_already_exists() =>
        {
            WriteOutcome::Done {
                resource_version: None,
            }
        }
        (_, Err(WriteError::Api(kube::Error::Api(status)))) if status.is_not_found() => WriteOutcome::Gone,
        (write, Err(WriteError::Api(kube::Error::Api(status)))) if is_of_another(write, status) => {
            WriteOutcome::Gone
        }
        (Write::Create { .. }, Err(error)) if is_refusal(error.code()) => WriteOutcome::Refused,
        (_, Err(error)) if error.is_of_the_api_server() => WriteOutcome::Unavailable,
        (_, Err(_)) => WriteOutcome::Failed,
    }
}

/// Whether an answer means that another object has the name by now, so that its UID is not the one that the write names.
///
/// A JSON patch whose `test` fails gets 422 without causes, where an object that is not valid gets 422 with each field that is not. A merge
/// patch that would change the UID gets 422 with the UID as the field. A deletion gets 409.
fn is_of_another(write: &Write, status: &Status) -> bool {
    let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
    match write {
        Write::Status { .. } => status.code == 422 && causes.is_empty(),
        Write::Own { .. } | Write::Release { .. } => {
            status.code == 422 && causes.iter().any(|cause| cause.field == "metadata.uid")
        }
        Write::Delete { .. } => status.is_conflict(),
        Write::Create { .. } | Write::Cluster { .. } => false,
    }
}

/// Whether an answer means that the same request would be refused again: a missing right, a quota, a webhook or a policy.
fn is_refusal(code: u16) -> bool {
    matches!(code, 400 | 403 | 413 | 422)
}

#[cfg(test)]
#[path = "../../tests/unit/operator/publish.rs"]
mod tests;
