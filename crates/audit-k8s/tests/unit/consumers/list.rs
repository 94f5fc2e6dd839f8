use audit_core::model::BindingKey;
use audit_core::snapshot::Cluster;
use serde_json::json;

use super::*;
use crate::Index;
use crate::consumers::tests::server::Server;

const STORE: (&str, &str, &str) = ("external-secrets.io", "SecretStore", "secretstores");
const BUCKET: (&str, &str, &str) = ("source.toolkit.fluxcd.io", "Bucket", "buckets");

async fn listed(server: &Server, namespace: Option<&str>) -> Cluster {
    let (mut index, mut cluster) = (Index::new(), Cluster::default());
    for observation in list(&server.client(), namespace).await {
        index.apply(&mut cluster, observation);
    }
    cluster
}

#[tokio::test]
async fn what_may_not_be_listed_is_unseen_and_the_rest_is_seen() {
    let server = Server::default();
    let bucket = json!({"metadata": {"name": "b", "namespace": "shop"}, "spec": {"provider": "aws", "serviceAccountName": "cart"}});
    server.install(BUCKET, 200, vec![bucket]);
    server.install(STORE, 403, Vec::new());
    for namespace in [None, Some("shop")] {
        let cluster = listed(&server, namespace).await;
        assert!(
            cluster
                .consumers(&BindingKey::new("shop", "cart"))
                .next()
                .is_some()
        );
        assert!(matches!(cluster.unseen_kinds(), [one] if one.kind == "SecretStore"));
    }
    assert_eq!(server.asked("/namespaces/shop/buckets"), 1);
    server.remove(STORE);
    assert!(listed(&server, None).await.unseen_kinds().is_empty());
}

#[tokio::test]
async fn where_the_server_does_not_say_what_it_has_every_kind_is_unseen() {
    let server = Server::default();
    server.fail(Some(503));
    assert_eq!(listed(&server, None).await.unseen_kinds().len(), kinds().count());
}
