//! Every kind, listed once: for an audit that does not stay.

use audit_core::model::webhook::CONFIG_MAP;
use kube::api::ListParams;
use kube::core::Status;
use kube::{Client, Resource as _};
use thiserror::Error;

use crate::audit_object::AuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers;
use crate::kind::Kind;
use crate::namespace_object::NamespaceObject;
use crate::observation::{Observation, ObservedObject, WatchChange};
use crate::pages::{Page, Pages};
use crate::policy_object::PolicyObject;
use crate::prune::{
    ClusterRoleBindingWire, ClusterRoleWire, PodWire, RoleBindingWire, RoleWire, ServiceAccountWire, Wire,
};
use crate::trouble;
use crate::watch::Scope;
use crate::watched::Watched;
use crate::webhook_object::WebhookObject;

/// A kind could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot list {kind}: {message}")]
pub struct ListFailed {
    /// The kind.
    pub kind: Kind,
    /// What failed, for a person; safe to show.
    pub message: String,
}

/// An audit that is made once says nothing about repairs, and keeps no object.
const NOT_LISTED: [Kind; 5] = [
    Kind::ClusterIrsaAudit,
    Kind::IrsaApproval,
    Kind::TrustPolicyChange,
    Kind::ValidatingAdmissionPolicy,
    Kind::ValidatingAdmissionPolicyBinding,
];

/// Lists what [`observe`](crate::observe) watches, in all namespaces or in one, as the beginning of its watches would tell it.
/// Custom resources that are not installed are none.
///
/// # Errors
/// [`ListFailed`] for the first kind that cannot be listed: what was not seen must not count as absent. Kinds that may be out of
/// reach are observed as such.
pub async fn list(
    client: &Client,
    scope: &Scope,
    namespace: Option<&str>,
) -> Result<Vec<Observation>, ListFailed> {
    let mut observations = Vec::new();
    let prefix = scope.prefix.as_str();
    let its_name = ListParams::default().fields(&format!("metadata.name={CONFIG_MAP}"));
    let its_namespace = Some(scope.webhook_namespace.as_str());
    if_possible::<ConfigMapObject>(client, prefix, its_namespace, its_name, &mut observations).await;
    if_possible::<WebhookObject>(client, prefix, None, ListParams::default(), &mut observations).await;
    all::<ServiceAccountWire>(client, prefix, namespace, &mut observations).await?;
    observations.append(&mut consumers::list(client, namespace).await);
    all::<PodWire>(client, prefix, namespace, &mut observations).await?;
    all::<Box<AuditObject>>(client, prefix, namespace, &mut observations).await?;
    all::<Box<PolicyObject>>(client, prefix, None, &mut observations).await?;
    all::<NamespaceObject>(client, prefix, None, &mut observations).await?;
    // An expectation may be about another namespace.
    observations.append(&mut list_permissions(client, prefix).await);
    observations.extend(NOT_LISTED.map(Observation::NotWatched));
    Ok(observations)
}

/// Lists roles and their bindings alone, in all namespaces. Kinds that are out of reach are observed as such.
pub async fn list_permissions(client: &Client, prefix: &str) -> Vec<Observation> {
    let mut observations = Vec::new();
    let every = ListParams::default;
    if_possible::<RoleWire>(client, prefix, None, every(), &mut observations).await;
    if_possible::<ClusterRoleWire>(client, prefix, None, every(), &mut observations).await;
    if_possible::<RoleBindingWire>(client, prefix, None, every(), &mut observations).await;
    if_possible::<ClusterRoleBindingWire>(client, prefix, None, every(), &mut observations).await;
    observations
}

/// All objects of a kind that may be out of reach.
async fn if_possible<W: Wire<Plain: ObservedObject>>(
    client: &Client,
    prefix: &str,
    namespace: Option<&str>,
    params: ListParams,
    observations: &mut Vec<Observation>,
) {
    let mut listed = Vec::new();
    match pages::<W>(client, prefix, namespace, params, &mut listed).await {
        Ok(()) => observations.append(&mut listed),
        Err(ListFailed { kind, message }) => observations.push(Observation::WatchFailed { kind, message }),
    }
}

/// All objects of a kind.
async fn all<W: Wire<Plain: ObservedObject>>(
    client: &Client,
    prefix: &str,
    namespace: Option<&str>,
    observations: &mut Vec<Observation>,
) -> Result<(), ListFailed> {
    pages::<W>(client, prefix, namespace, ListParams::default(), observations).await
}

/// The objects of a kind that parameters leave, page by page.
async fn pages<W: Wire<Plain: ObservedObject>>(
    client: &Client,
    prefix: &str,
    namespace: Option<&str>,
    params: ListParams,
    observations: &mut Vec<Observation>,
) -> Result<(), ListFailed> {
    let failed = |error: &kube::Error| ListFailed {
        kind: W::KIND,
        message: trouble::explain_list(W::KIND, error),
    };
    observations.push(W::Plain::observation(W::KIND, WatchChange::Init));
    let path = W::Resource::url_path(&(), namespace);
    let mut pages = Pages::new(client.clone(), &path, params);
    loop {
        let page: Page<Watched<W>> = match pages.next().await {
            Ok(page) => page,
            Err(error) if W::KIND.is_custom() && is_not_found(&error) => break,
            Err(error) => return Err(failed(&error)),
        };
        let is_last = page.is_last();
        observations.extend(page.items.into_iter().map(|object| match object.object {
            Ok(object) => W::Plain::observation(W::KIND, WatchChange::Listed(object.for_prefix(prefix))),
            Err(undecodable) => Observation::Skipped(undecodable),
        }));
        if is_last {
            break;
        }
    }
    observations.push(W::Plain::observation(W::KIND, WatchChange::InitDone));
    Ok(())
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(**status, Status { code: trouble::NOT_FOUND, .. }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use audit_core::model::BindingKey;
    use audit_core::snapshot::Cluster;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;
    use crate::Index;

    /// An API server that answers paths, with their parameters, and says 404 to others.
    fn server(answers: Vec<(&str, u16, Value)>) -> (Client, Arc<Mutex<Vec<String>>>) {
        let answers: BTreeMap<String, (u16, Value)> = answers
            .into_iter()
            .map(|(path, code, body)| (path.to_owned(), (code, body)))
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let path = request.uri().to_string();
            log.lock().unwrap().push(path.clone());
            let status = |code: u16| json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no"});
            let (code, body) = answers.get(&path).cloned().unwrap_or((404, json!(null)));
            let body = if code == 200 { body } else { status(code) };
            async move {
                let response = Response::builder()
                    .status(code)
                    .body(Body::from(body.to_string().into_bytes()));
                response.map_err(std::io::Error::other)
            }
        });
        (Client::new(service, "default"), asked)
    }

    fn page(names: &[&str], next: Option<&str>) -> Value {
        let items = names
            .iter()
            .map(|name| json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": []}}));
        json!({"apiVersion": "v1", "kind": "List", "metadata": {"continue": next.unwrap_or_default()}, "items": items.collect::<Vec<_>>()})
    }

    const LIMIT: &str = "&limit=100";

    async fn listed(
        answers: Vec<(&str, u16, Value)>,
        namespace: Option<&str>,
    ) -> Result<(Index, Cluster), ListFailed> {
        let (client, _) = server(answers);
        let (mut index, mut cluster) = (Index::new(), Cluster::default());
        for observation in list(&client, &scope(), namespace).await? {
            index.apply(&mut cluster, observation);
        }
        Ok((index, cluster))
    }

    fn scope() -> Scope {
        Scope {
            prefix: "eks.amazonaws.com".to_owned(),
            webhook_namespace: "kops".to_owned(),
        }
    }

    #[tokio::test]
    async fn of_config_maps_only_the_webhooks_is_asked_for_and_may_be_out_of_reach() {
        let paths = paths("");
        let (client, asked) = server(core(&paths));
        let observations = list(&client, &scope(), Some("shop")).await;
        assert!(observations.is_err(), "these answers are for all namespaces");
        let asked = asked.lock().unwrap().clone();
        let maps: Vec<_> = asked.iter().filter(|path| path.contains("configmaps")).collect();
        assert!(
            matches!(maps.as_slice(), [one] if one.starts_with("/api/v1/namespaces/kops/configmaps?")
                && one.contains("fieldSelector=metadata.name%3Dpod-identity-webhook")),
            "{asked:?}"
        );
        let (index, cluster) = listed(core(&paths), None).await.unwrap();
        assert!(index.is_synced() && cluster.webhook_entries_unseen() && cluster.has_webhook().is_none());
    }

    fn core(paths: &[String; 4]) -> Vec<(&str, u16, Value)> {
        let [accounts, second, pods, namespaces] = paths;
        vec![
            (accounts, 200, page(&["cart"], Some("more"))),
            (second, 200, page(&["orders"], None)),
            (pods, 200, page(&["cart-1"], None)),
            (namespaces, 200, page(&["shop"], None)),
        ]
    }

    fn paths(of: &str) -> [String; 4] {
        [
            format!("/api/v1{of}/serviceaccounts?{LIMIT}"),
            // The objects of the page before are small.
            format!("/api/v1{of}/serviceaccounts?&limit=4000&continue=more"),
            format!("/api/v1{of}/pods?{LIMIT}"),
            format!("/api/v1/namespaces?{LIMIT}"),
        ]
    }

    #[tokio::test]
    async fn every_kind_is_listed_to_the_last_page() {
        for (of, namespace) in [("", None), ("/namespaces/shop", Some("shop"))] {
            let paths = paths(of);
            let (index, cluster) = listed(core(&paths), namespace).await.unwrap();
            assert!(index.is_synced(), "{:?}", index.unsynced().collect::<Vec<_>>());
            for name in ["cart", "orders"] {
                let binding = cluster.binding(&BindingKey::new("shop", name)).unwrap();
                assert!(binding.service_account().is_some(), "{name}");
            }
            assert_eq!(cluster.pods_in("shop").count(), 1);
        }
    }

    #[tokio::test]
    async fn permissions_may_be_out_of_reach() {
        let paths = paths("");
        let path = |resource: &str| format!("/apis/rbac.authorization.k8s.io/v1/{resource}?{LIMIT}");
        let resources = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"].map(path);
        for code in [200, 403] {
            let mut answers = core(&paths);
            answers.extend(
                resources
                    .iter()
                    .map(|path| (path.as_str(), code, page(&[], None))),
            );
            let (index, _) = listed(answers, None).await.unwrap();
            assert!(index.is_synced(), "{:?}", index.unsynced().collect::<Vec<_>>());
            assert_eq!(index.failed(Kind::ClusterRole), u64::from(code != 200));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_listed_does_not_count_as_absent() {
        let paths = paths("");
        for (index, kind) in [
            (0, Kind::ServiceAccount),
            (1, Kind::ServiceAccount),
            (2, Kind::Pod),
        ] {
            let mut answers = core(&paths);
            answers[index].1 = 403;
            let failed = listed(answers, None).await.unwrap_err();
            assert!(failed.kind == kind && failed.message.contains("list"), "{failed}");
        }
        let mut answers = core(&paths);
        let audits = format!("/apis/irsa-audit.dev/v1alpha1/irsaaudits?{LIMIT}");
        answers.push((&audits, 403, json!(null)));
        assert_eq!(listed(answers, None).await.unwrap_err().kind, Kind::IrsaAudit);
    }
}
