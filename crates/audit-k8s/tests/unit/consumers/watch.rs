use audit_core::model::BindingKey;
use audit_core::snapshot::Cluster;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver};

use super::*;
use crate::Index;
use crate::consumers::tests::server::Server;

const STORE: (&str, &str, &str) = ("external-secrets.io", "SecretStore", "secretstores");
const ISSUER: (&str, &str, &str) = ("cert-manager.io", "Issuer", "issuers");

fn store() -> Value {
    json!({
        "metadata": {"name": "aws", "namespace": "shop", "resourceVersion": "1", "managedFields": [{"manager": "helm"}]},
        "spec": {"provider": {"aws": {"auth": {"jwt": {"serviceAccountRef": {"name": "cart"}}}}}},
    })
}

/// What the watches make of a server.
struct Seen {
    index: Index,
    cluster: Cluster,
    observations: Receiver<Observation>,
    listed: oneshot::Receiver<()>,
    /// How often it was said which kinds are unseen.
    told: usize,
    _watches: JoinSet<()>,
}

impl Seen {
    fn of(server: &Server) -> Self {
        let (sender, observations) = mpsc::channel(64);
        let (done, listed) = oneshot::channel();
        let mut watches = JoinSet::new();
        let health = ApiHealth::new();
        let client = health.client(server.client());
        watches.spawn(observe(client, health, sender, done));
        Self {
            index: Index::new(),
            cluster: Cluster::default(),
            observations,
            listed,
            told: 0,
            _watches: watches,
        }
    }

    /// Takes in all that is said within a time. Paused time runs only while everything waits.
    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(observation) = tokio::time::timeout_at(end, self.observations.recv()).await {
            let observation = observation.unwrap();
            self.told += usize::from(matches!(observation, Observation::UnseenConsumers(_)));
            self.index.apply(&mut self.cluster, observation);
        }
    }

    fn unseen(&self) -> Vec<&str> {
        let kinds = self.cluster.unseen_kinds();
        kinds.iter().map(|kind| kind.kind.as_str()).collect()
    }

    fn has_store(&self) -> bool {
        let key = BindingKey::new("shop", "cart");
        self.cluster.consumers(&key).next().is_some()
    }
}

/// As after etcd was restored from a backup: the place where the watch was does not exist any more, and what was there is gone.
#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_go_on_lists_anew() {
    let server = Server::default();
    server.install(STORE, 200, vec![store()]);
    let mut seen = Seen::of(&server);
    seen.pass(ASKED_EVERY).await;
    assert!(seen.has_store());
    server.install(STORE, 200, Vec::new());
    server.refuse_watches();
    seen.pass(ASKED_EVERY).await;
    assert!(!seen.has_store());
}

/// The values of a Helm release are any JSON.
#[tokio::test(start_paused = true)]
async fn objects_of_any_depth_are_read() {
    let server = Server::default();
    let mut deep = store();
    let mut values = json!(1);
    for _ in 0..300 {
        values = json!([values]);
    }
    deep["spec"]["values"] = values;
    server.install(STORE, 200, vec![deep]);
    let mut seen = Seen::of(&server);
    seen.pass(ASKED_EVERY).await;
    assert!(seen.has_store() && seen.unseen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_watched_from_when_it_is_installed_until_it_is_removed() {
    let server = Server::default();
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    assert!(seen.listed.try_recv().is_ok() && seen.unseen().is_empty() && !seen.has_store());
    server.install(STORE, 200, vec![store()]);
    seen.pass(ASKED_EVERY).await;
    assert!(seen.has_store());
    server.remove(STORE);
    seen.pass(ASKED_EVERY).await;
    assert!(!seen.has_store(), "what it explained is gone with it");
    server.install(STORE, 200, vec![store()]);
    seen.pass(ASKED_EVERY).await;
    assert!(seen.has_store());
    assert_eq!(seen.told, 0, "nothing was ever unseen");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_may_not_be_listed_is_unseen_and_seldom_asked_for() {
    let server = Server::default();
    server.install(STORE, 403, Vec::new());
    server.install(ISSUER, 200, Vec::new());
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    assert!(seen.listed.try_recv().is_ok(), "nothing waits for it");
    assert_eq!(seen.unseen(), ["SecretStore"]);
    seen.pass(Duration::from_hours(1)).await;
    let asked = server.asked("/secretstores");
    assert!((6..=7).contains(&asked), "asked {asked} times in an hour");
    assert!(server.asked("/apis") <= 62, "one small answer a minute");
    assert_eq!(seen.told, 1);
    // The right is granted.
    server.install(STORE, 200, vec![store()]);
    seen.pass(REFUSED_FOR + ASKED_EVERY).await;
    assert!(seen.unseen().is_empty() && seen.has_store());
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_withdrawn_leaves_what_was_seen() {
    let server = Server::default();
    server.install(STORE, 200, vec![store()]);
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    assert!(seen.has_store() && seen.unseen().is_empty());
    drop(seen);
    // The watch of a fresh start is refused.
    server.install(STORE, 403, Vec::new());
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    assert!(!seen.has_store() && seen.unseen() == ["SecretStore"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_refused_for_moments_stays_seen() {
    let server = Server::default();
    server.install(STORE, 200, vec![store()]);
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    // Its watch ends, and the API server that has just started has not read its roles.
    server.install(STORE, 403, Vec::new());
    server.cut();
    seen.pass(Duration::from_secs(5)).await;
    server.install(STORE, 200, vec![store()]);
    seen.pass(2 * ASKED_EVERY).await;
    assert!(seen.has_store());
    assert_eq!(seen.told, 0, "it was never unseen");
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_fails_is_unseen_until_it_is_listed() {
    let server = Server::default();
    server.install(STORE, 500, Vec::new());
    let mut seen = Seen::of(&server);
    seen.pass(Duration::from_secs(1)).await;
    assert!(seen.listed.try_recv().is_ok(), "nothing waits for it");
    assert_eq!(seen.unseen(), ["SecretStore"]);
    server.install(STORE, 200, vec![store()]);
    seen.pass(ASKED_EVERY).await;
    assert!(seen.unseen().is_empty() && seen.has_store());
}

#[tokio::test(start_paused = true)]
async fn where_the_server_does_not_say_what_it_has_every_kind_is_unseen() {
    let server = Server::default();
    server.install(STORE, 200, vec![store()]);
    for (status, patience) in [
        (403, Duration::from_secs(1)),
        (503, PATIENCE + Duration::from_secs(1)),
    ] {
        server.fail(Some(status));
        let mut seen = Seen::of(&server);
        seen.pass(patience).await;
        assert!(seen.listed.try_recv().is_ok(), "{status}");
        assert_eq!(seen.unseen().len(), kinds().count(), "{status}");
        server.fail(None);
        seen.pass(ASKED_EVERY).await;
        assert!(seen.unseen().is_empty() && seen.has_store(), "{status}");
        // What was known stands.
        server.fail(Some(status));
        seen.pass(Duration::from_mins(10)).await;
        assert!(seen.unseen().is_empty() && seen.has_store(), "{status}");
    }
}

#[test]
fn of_an_object_only_names_spec_and_status_are_decoded() {
    let seen: crate::consumers::seen::Seen = serde_json::from_value(store()).unwrap();
    assert_eq!(
        seen.value,
        json!({"metadata": {"name": "aws", "namespace": "shop"}, "spec": store()["spec"], "status": null})
    );
}
