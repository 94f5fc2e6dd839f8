//! What manifests do not hold, although they count as a whole cluster.

use serde_json::json;

use crate::kubernetes::tests::CHART;
use crate::testing::*;
use crate::{Loaded, Options};

/// Loads a cluster with a pod, and a text of this name that was found in a directory.
fn beside(name: &str, text: &[u8]) -> Loaded {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "uid": "1"},
        "spec": {"serviceAccountName": "other", "containers": [{"name": "a"}]}, "status": {"phase": "Running"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop", "uid": "2",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"}}});
    let other = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other", "namespace": "shop", "uid": "3"}});
    let found = crate::Source {
        named: false,
        ..crate::Source::new(name, text)
    };
    let named = [pod, account, other].map(|object| crate::Source::new("k", object.to_string()));
    crate::load(named.into_iter().chain([found]), [], &options())
}

#[test]
fn a_directory_may_hold_other_things() {
    for text in ["replicas: 2\n", "{\"RoleDetailList\": []}", "# a comment\n"] {
        let loaded = beside("d/values.yaml", text.as_bytes());
        assert_eq!(problems(&loaded).len(), 1, "{text}");
        assert!(
            !loaded.has_errors() && problems(&loaded)[0].starts_with("d/values.yaml"),
            "{text}"
        );
        assert_eq!(
            codes(&loaded),
            [("shop/cart".to_owned(), vec!["IRSA903"])],
            "{text}"
        );
    }
    // Its name says what it should hold.
    for text in ["replicas: 2\n", "# a comment\n"] {
        let loaded = beside("d/pods.yaml", text.as_bytes());
        assert_eq!(codes(&loaded)[0].1, ["IRSA903", "IRSA918"], "{text}");
    }
}

#[test]
fn what_a_file_that_cannot_be_read_may_have_held_is_unknown() {
    for text in [
        &b""[..],
        b"\n",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
        b"k8s\0\n\x0c",
        b"NAME   READY   STATUS\np      1/1     Running\n",
        b"Error from server (Forbidden): pods is forbidden\n",
        b"Unable to connect to the server: EOF\n",
        b"{\"kind\": \"Status\", \"apiVersion\": \"v1\", \"status\": \"Failure\", \"message\": \"no\"}",
        b"{\"kind\": \"Table\", \"apiVersion\": \"meta.k8s.io/v1\", \"rows\": []}",
        b"{\"kind\": \"PartialObjectMetadataList\", \"apiVersion\": \"meta.k8s.io/v1\", \"items\": []}",
    ] {
        for (name, expected) in [
            ("d/pods.yaml", vec!["IRSA903", "IRSA918"]),
            ("d/x.yaml", vec!["IRSA903", "IRSA918"]),
            ("d/secrets.yaml", vec!["IRSA903"]),
        ] {
            let loaded = beside(name, text);
            assert_eq!(problems(&loaded).len(), 1, "{text:?}: {:?}", problems(&loaded));
            assert!(!loaded.has_errors(), "{text:?}");
            assert_eq!(
                codes(&loaded),
                [("shop/cart".to_owned(), expected)],
                "{name}: {text:?}"
            );
        }
    }
}

#[test]
fn a_namespace_with_pods_and_without_its_default_account_was_not_listed() {
    let account = |namespace: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace, "uid": namespace}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pay-1", "namespace": "pay", "uid": "p"},
        "spec": {"serviceAccountName": "pay", "containers": [{"name": "app", "env": [
            {"name": "AWS_ROLE_ARN", "value": "arn:aws:iam::111122223333:role/pay"},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"}]}]},
        "status": {"phase": "Running"}});
    for (given, code) in [(vec!["shop"], "IRSA907"), (vec!["shop", "pay"], "IRSA106")] {
        let texts = given.iter().map(|namespace| account(namespace).to_string());
        let texts: Vec<String> = texts.chain([pod.to_string()]).collect();
        let loaded = beside("d/list.json", texts.join("\n").as_bytes());
        let (_, codes) = codes(&loaded)
            .into_iter()
            .find(|(key, _)| key == "pay/pay")
            .unwrap();
        assert!(codes.contains(&code), "{given:?}: {codes:?}");
    }
}

#[test]
fn a_page_that_is_missing_may_hold_the_pods() {
    let page = |name: &str, goes_on: &str| {
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": goes_on, "remainingItemCount": 1}, "items": [
            {"metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": {"serviceAccountName": "other", "containers": []},
             "status": {"phase": "Running"}}]})
        .to_string()
    };
    let last = || page("b", "").replace(",\"remainingItemCount\":1", "");
    let codes_of = |text: &str| {
        let loaded = beside("d/list.json", text.as_bytes());
        (codes(&loaded)[0].1.clone(), problems(&loaded).len())
    };
    assert_eq!(codes_of(&page("a", "token")), (vec!["IRSA903", "IRSA918"], 1));
    assert_eq!(
        codes_of(&format!("{}\n{}", page("a", "token"), last())),
        (vec!["IRSA903"], 0)
    );
}

#[test]
fn a_status_that_counts_pods_shows_that_they_are_missing() {
    let deployment = |ready: u64| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop", "uid": "9"},
            "spec": {"template": {"spec": {"serviceAccountName": "cart", "containers": [{"name": "a"}]}}},
            "status": {"replicas": ready, "readyReplicas": ready}})
        .to_string()
    };
    let codes_with = |texts: &[&str]| {
        codes(&beside("d/list.json", texts.join("\n").as_bytes()))[0]
            .1
            .clone()
    };
    assert_eq!(codes_with(&[&deployment(0)]), ["IRSA903"]);
    assert_eq!(codes_with(&[&deployment(3)]), ["IRSA903", "IRSA918"]);
    let owned = |owner: &str, kind: &str| json!([{"kind": kind, "name": owner, "controller": true}]);
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "cart-1", "namespace": "shop", "uid": "8",
        "ownerReferences": owned("cart", "Deployment")}, "spec": {"replicas": 3, "template": {"spec":
        {"serviceAccountName": "cart", "containers": [{"name": "a"}]}}}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart-1-a", "namespace": "shop", "uid": "7",
        "ownerReferences": owned("cart-1", "ReplicaSet")}, "spec": {"serviceAccountName": "cart", "containers": [{"name": "a"}]},
        "status": {"phase": "Running"}});
    let (set, pod) = (set.to_string(), pod.to_string());
    let leaving = pod.replace("cart-1-a", "cart-1-b").replace(
        "\"uid\":\"7\"",
        "\"uid\":\"6\",\"deletionTimestamp\":\"2026-06-01T00:00:00Z\"",
    );
    for (texts, is_told) in [
        (vec![deployment(3), set.clone(), pod.clone()], true),
        (vec![deployment(3), pod.clone()], true),
        (vec![deployment(1), set, pod.clone()], false),
        (vec![deployment(1), pod.clone()], false),
        // One that goes away may still be counted.
        (vec![deployment(2), pod, leaving], false),
    ] {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let told = codes_with(&texts);
        assert_eq!(told.contains(&"IRSA918"), is_told, "{told:?}");
    }
}

#[test]
fn a_dump_without_any_pod_was_made_without_asking_for_them() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "cart", "namespace": "shop", "uid": "2",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/cart"}}});
    let loaded = load_texts(&[&account.to_string()], &[], &options());
    assert_eq!(codes(&loaded)[0].1, ["IRSA903", "IRSA918"]);
    assert!(
        problems(&loaded)[0].contains("hold no pods"),
        "{:?}",
        problems(&loaded)
    );
    // Workloads are no pods, whatever their status counts.
    for (kind, spec) in [
        (
            "Deployment",
            json!({"template": {"spec": {"containers": [{"name": "a"}]}}}),
        ),
        (
            "CronJob",
            json!({"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}}),
        ),
    ] {
        let workload = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "dns", "namespace": "kube-system", "uid": "4"},
            "spec": spec, "status": {"replicas": 2, "readyReplicas": 2}});
        let loaded = load_texts(&[&account.to_string(), &workload.to_string()], &[], &options());
        assert_eq!(codes(&loaded)[0].1, ["IRSA903", "IRSA918"], "{kind}");
    }
    let partial = Options {
        partial: true,
        ..options()
    };
    assert_eq!(
        codes(&good(&[&account.to_string()], &[], &partial))[0].1,
        ["IRSA903"]
    );
}

#[test]
fn an_assumed_namespace_is_told_where_nobody_said_which() {
    let assumed = Options {
        namespace_is_assumed: true,
        ..options()
    };
    let loaded = load_texts(&[CHART], &[], &assumed);
    assert!(
        problems(&loaded)[0].contains("--namespace"),
        "{:?}",
        problems(&loaded)
    );
    assert!(codes(&loaded)[0].1.contains(&"IRSA919"), "{:?}", codes(&loaded));
    let told = codes(&good(&[CHART], &[], &options()));
    assert!(!told[0].1.contains(&"IRSA919"), "{told:?}");
}
