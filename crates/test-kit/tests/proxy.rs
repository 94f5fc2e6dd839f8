//! The proxy passes calls on, and makes the faults that it is told to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, Instant};

use futures::{AsyncBufReadExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use test_kit::{Calls, ControlPlane, Proxy, ProxyFault};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);

async fn client(proxy: &Proxy) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(&proxy.kubeconfig("admin")).unwrap();
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

fn namespace(name: &str) -> Namespace {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

#[tokio::test]
async fn each_fault_does_what_it_says_and_the_calls_are_counted() {
    let plane = ControlPlane::start().await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let client = client(&proxy).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let get = async || namespaces.get("default").await;
    assert!(get().await.is_ok());
    let call = proxy.calls().pop().unwrap();
    assert_eq!(
        (call.path.as_str(), call.is_watch),
        ("/api/v1/namespaces/default", false)
    );
    assert_eq!(call.answered.unwrap().0, 200);

    proxy.set([ProxyFault::answer(429, Some(7)).only(Calls::To("/namespaces"))]);
    let request = http::Request::get("/api/v1/namespaces/default")
        .body(kube::client::Body::empty())
        .unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    assert!(proxy.calls().pop().unwrap().answered.is_none());

    proxy.set([ProxyFault::garbage()]);
    assert!(matches!(get().await, Err(kube::Error::SerdeError(_))));
    proxy.set([ProxyFault::refuse()]);
    assert!(get().await.is_err());

    proxy.set([ProxyFault::lose().only(Calls::Writes)]);
    let made = namespaces
        .create(&PostParams::default(), &namespace("lost"))
        .await;
    assert!(made.is_err(), "{made:?}");
    assert!(namespaces.get("lost").await.is_ok(), "it was carried out");

    proxy.set([ProxyFault::delay(Duration::from_millis(300))]);
    let begun = Instant::now();
    assert!(get().await.is_ok() && begun.elapsed() >= Duration::from_millis(300));

    // Given up by the client, these are carried out all the same.
    let give_up = async |name: &str| {
        let (params, made) = (PostParams::default(), namespace(name));
        let made = timeout(Duration::from_millis(300), namespaces.create(&params, &made)).await;
        assert!(made.is_err(), "{made:?}");
    };
    proxy.set([ProxyFault::delay(Duration::from_millis(600))]);
    give_up("late").await;
    assert_eq!(proxy.under_way(), 1);
    proxy.set([ProxyFault::mute().only(Calls::Writes)]);
    give_up("unanswered").await;
    let arrive = async {
        while proxy.under_way() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, arrive).await.unwrap();
    for name in ["late", "unanswered"] {
        assert!(namespaces.get(name).await.is_ok(), "{name}");
    }

    proxy.set([ProxyFault::refuse().one_in(2)]);
    let mut refused = 0;
    for _ in 0..10 {
        refused += usize::from(get().await.is_err());
    }
    assert_eq!(refused, 5);

    proxy.set([ProxyFault::freeze()]);
    let frozen = tokio::spawn({
        let namespaces = namespaces.clone();
        async move { namespaces.get("default").await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!frozen.is_finished());
    proxy.clear();
    assert!(timeout(SOON, frozen).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn running_watches_are_frozen_and_cut() {
    let plane = ControlPlane::start().await.unwrap();
    let proxy = Proxy::start(&plane).await.unwrap();
    let client = client(&proxy).await;
    let namespaces: Api<Namespace> = Api::all(plane.client().await.unwrap());
    let request = http::Request::get("/api/v1/namespaces?watch=true&resourceVersion=0")
        .body(Vec::new())
        .unwrap();
    let mut lines = client.request_stream(request).await.unwrap().lines();
    assert!(lines.next().await.unwrap().is_ok());

    proxy.set([ProxyFault::freeze().only(Calls::Watches)]);
    namespaces
        .create(&PostParams::default(), &namespace("later"))
        .await
        .unwrap();
    let mut seen = async || {
        while let Some(line) = lines.next().await {
            if line.is_ok_and(|line| line.contains("later")) {
                return true;
            }
        }
        false
    };
    assert!(timeout(Duration::from_millis(500), seen()).await.is_err());
    proxy.clear();
    assert!(timeout(SOON, seen()).await.unwrap());
    proxy.cut();
    assert!(!timeout(SOON, seen()).await.unwrap(), "it has ended");
}

#[tokio::test]
async fn a_control_plane_keeps_its_objects_when_its_servers_are_killed() {
    let mut plane = ControlPlane::start().await.unwrap();
    let client = plane.client().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces
        .create(&PostParams::default(), &namespace("kept"))
        .await
        .unwrap();
    plane.restart_api_server().await.unwrap();
    assert!(namespaces.get("kept").await.is_ok());
    plane.restart_etcd().await.unwrap();
    assert!(namespaces.get("kept").await.is_ok());
}
