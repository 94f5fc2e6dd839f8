//! Asks the API server for workloads by name: as which ServiceAccount they run.

use std::time::Duration;

use audit_core::model::LookedUp;
use audit_engine::Lookup;
use audit_k8s::WorkloadKind;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Ending;
use super::pace::QuestionPace;

/// The longest that an answer may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Carries out lookups, at a bounded rate. How many are under way at once is decided by who starts them.
pub struct Workloads {
    client: Client,
    pace: QuestionPace,
    tasks: JoinSet<()>,
    done: mpsc::UnboundedSender<(Lookup, LookedUp)>,
}

impl Workloads {
    /// One that asks by this client, and where it tells what came of each lookup.
    #[must_use]
    pub fn new(client: &Client) -> (Self, mpsc::UnboundedReceiver<(Lookup, LookedUp)>) {
        let (done, outcomes) = mpsc::unbounded_channel();
        let workloads = Self {
            client: client.clone(),
            pace: QuestionPace::new(),
            tasks: JoinSet::new(),
            done,
        };
        (workloads, outcomes)
    }

    /// Starts a lookup. Its outcome is told in any case, even if it panics.
    pub fn start(&mut self, lookup: Lookup) {
        while self.tasks.try_join_next().is_some() {}
        let (client, pace) = (self.client.clone(), self.pace.clone());
        let mut ending = Ending::new(lookup, LookedUp::Unreadable, self.done.clone());
        self.tasks.spawn(async move {
            if let Some((lookup, outcome)) = ending.get() {
                pace.turn().await;
                *outcome = look_up(client, lookup).await;
            }
        });
    }
}

async fn look_up(client: Client, lookup: &Lookup) -> LookedUp {
    let Some(kind) = WorkloadKind::named(&lookup.workload.kind) else {
        return LookedUp::Unreadable;
    };
    let resource = ApiResource {
        group: kind.group.to_owned(),
        version: "v1".to_owned(),
        api_version: format!("{}/v1", kind.group),
        kind: kind.kind.to_owned(),
        plural: kind.plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client, &lookup.key.namespace, &resource);
    match timeout(LONGEST, api.get_opt(&lookup.workload.name)).await {
        Ok(Ok(Some(object))) => kind.runs_as(&object.data).unwrap_or(LookedUp::Unreadable),
        Ok(Ok(None)) => LookedUp::Absent,
        Ok(Err(error)) => {
            let error = audit_core::text::reveal(&error.to_string());
            tracing::debug!(workload = %lookup.workload.name, %error, "an expected workload cannot be looked up");
            LookedUp::Unreadable
        }
        Err(_) => LookedUp::Unreadable,
    }
}
