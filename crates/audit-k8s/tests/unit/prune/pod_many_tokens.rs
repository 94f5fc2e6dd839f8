//! Containers that mount more tokens than are kept.

use super::*;

/// A pod of so many containers that mount one volume of 200 tokens at 200 places each, the webhook's volume, and `/own`, where the last
/// token of the volume is the token file.
fn with_many_tokens(containers: usize) -> Pod {
    let source = |path: String| json!({ "serviceAccountToken": { "audience": "a", "path": path } });
    let sources: Vec<_> = (0..200).map(|n| source(format!("t{n}"))).collect();
    let mut mounts: Vec<_> = (0..200)
        .map(|n| json!({ "name": "many", "mountPath": format!("/m{n}") }))
        .collect();
    mounts.push(json!({ "name": "one", "mountPath": "/own" }));
    mounts.push(json!({ "name": "aws-iam-token", "mountPath": "/webhook" }));
    let container = |n: usize| {
        json!({ "name": format!("c{n}"), "volumeMounts": mounts, "env": [
            { "name": "AWS_ROLE_ARN", "value": ROLE },
            { "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/own/token" },
        ] })
    };
    let containers: Vec<_> = (0..containers).map(container).collect();
    let volume =
        |name: &str, sources: Vec<Value>| json!({ "name": name, "projected": { "sources": sources } });
    pruned(
        json!({ "metadata": { "namespace": "shop", "name": "p", "uid": "u" }, "spec": {
            "containers": containers, "volumes": [
                volume("many", sources), volume("one", vec![source("token".to_owned())]),
                volume("aws-iam-token", vec![source("token".to_owned())]),
            ] } }),
    )
}

#[test]
fn of_many_tokens_those_are_kept_that_count() {
    for (containers, most) in [(1, 64), (4, 64), (100, 2)] {
        for container in &*with_many_tokens(containers).containers {
            assert_eq!(
                (container.tokens.len(), container.unkept().is_some()),
                (most, true)
            );
            assert_eq!(container.token().map(|token| token.path.as_str()), Some("/own"));
            assert!(container.tokens.iter().any(|token| token.by_webhook));
        }
    }
    assert!(pruned(irsa_pod()).containers[0].unkept().is_none());
}
