//! The control plane behaves as a cluster's would, as far as the project relies on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, ServiceAccount};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use test_kit::{ControlPlane, ControlPlaneError, DEFAULT_ISSUER, Options, ProcessError};
use tokio::sync::OnceCell;

/// As tests of other crates share one: never dropped, and gone with the test process.
async fn shared() -> &'static ControlPlane {
    static PLANE: OnceCell<ControlPlane> = OnceCell::const_new();
    PLANE.get_or_try_init(ControlPlane::start).await.unwrap()
}

async fn client(kubeconfig: Kubeconfig) -> Client {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// The client of a new ServiceAccount in `default`, by its token.
async fn service_account(plane: &ControlPlane, name: &str) -> Client {
    let accounts: Api<ServiceAccount> = Api::namespaced(plane.client().await.unwrap(), "default");
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let account = ServiceAccount {
        metadata,
        ..ServiceAccount::default()
    };
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let token = plane.service_account_token("default", name, None).await.unwrap();
    client(Kubeconfig::from_yaml(&plane.kubeconfig(&token)).unwrap()).await
}

async fn discovery(client: &Client) -> kube::Result<Value> {
    client
        .request(
            http::Request::get("/.well-known/openid-configuration")
                .body(Vec::new())
                .unwrap(),
        )
        .await
}

fn code<T>(result: kube::Result<T>) -> Option<u16> {
    match result {
        Err(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[tokio::test]
async fn the_kubeconfig_file_is_the_administrators() {
    let client = client(Kubeconfig::read_from(shared().await.kubeconfig_path()).unwrap()).await;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.get("default").await.unwrap();
    namespaces.get("kube-system").await.unwrap();
}

#[tokio::test]
async fn a_token_request_shows_issuer_and_audience() {
    let plane = shared().await;
    service_account(plane, "subject").await;
    let token = plane
        .service_account_token("default", "subject", Some("sts.amazonaws.com"))
        .await
        .unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], DEFAULT_ISSUER);
    assert_eq!(claims["aud"], json!(["sts.amazonaws.com"]));
    assert_eq!(claims["sub"], "system:serviceaccount:default:subject");
}

#[tokio::test]
async fn a_token_for_an_unknown_service_account_is_refused() {
    let error = shared()
        .await
        .service_account_token("default", "nobody", None)
        .await
        .unwrap_err();
    assert!(matches!(error, ControlPlaneError::Kube(kube::Error::Api(status)) if status.code == 404));
}

#[tokio::test]
async fn every_service_account_may_read_the_discovery_document() {
    let client = service_account(shared().await, "reader").await;
    assert_eq!(discovery(&client).await.unwrap()["issuer"], DEFAULT_ISSUER);
}

#[tokio::test]
async fn rbac_is_in_force() {
    let client = service_account(shared().await, "nosy").await;
    let secrets: Api<Secret> = Api::namespaced(client, "default");
    assert_eq!(code(secrets.list(&ListParams::default()).await), Some(403));
}

#[tokio::test]
async fn unknown_tokens_are_refused() {
    let client = client(Kubeconfig::from_yaml(&shared().await.kubeconfig("forged\": x")).unwrap()).await;
    assert_eq!(code(discovery(&client).await), Some(401));
}

#[tokio::test]
async fn a_pod_needs_no_service_account() {
    let pods: Api<Pod> = Api::namespaced(shared().await.client().await.unwrap(), "default");
    let spec = json!({"containers": [{"name": "app", "image": "app"}], "serviceAccountName": "not-there"});
    let pod = serde_json::from_value(json!({"metadata": {"name": "pod"}, "spec": spec})).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
}

#[tokio::test]
async fn two_at_once_know_nothing_of_each_other() {
    let other = "https://oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let options = Options {
        issuer: other.to_owned(),
        ..Options::default()
    };
    // Spawned, as a test may do: this needs a future that can move between threads.
    let second = tokio::spawn(async move { ControlPlane::start_with(&options).await });
    let first = shared().await;
    let second = second.await.unwrap().unwrap();
    assert_ne!(first.server_url(), second.server_url());
    assert_eq!(second.issuer(), other);
    assert_eq!(
        discovery(&second.client().await.unwrap()).await.unwrap()["issuer"],
        other
    );
    assert_eq!(
        discovery(&first.client().await.unwrap()).await.unwrap()["issuer"],
        DEFAULT_ISSUER
    );

    service_account(&second, "only-here").await;
    let accounts: Api<ServiceAccount> = Api::namespaced(first.client().await.unwrap(), "default");
    assert!(accounts.get_opt("only-here").await.unwrap().is_none());
}

#[tokio::test]
async fn a_failed_start_shows_the_servers_last_words() {
    let options = Options {
        api_server_flags: vec!["--no-such-flag".to_owned()],
        ..Options::default()
    };
    let error = ControlPlane::start_with(&options).await.unwrap_err();
    assert!(
        matches!(&error, ControlPlaneError::Process(ProcessError::Ended { name, tail, .. })
            if name == "kube-apiserver" && tail.contains("--no-such-flag")),
        "{error}"
    );
}
