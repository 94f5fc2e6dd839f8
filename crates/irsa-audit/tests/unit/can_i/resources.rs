use super::super::question::{CanIQuestion, read};
use super::super::testing::args;
use super::*;

/// Group, resource, subresource and namespace of what is asked.
type Asked = (String, String, Option<String>, Option<String>);

fn resolved(kinds: &ApiKinds, words: &[&str]) -> Result<Asked, ResourceError> {
    let Ok(CanIQuestion::Kubernetes(asked)) = read(&args(words)) else {
        panic!("{words:?}")
    };
    let found = kinds.resolve(&asked)?;
    Ok((
        found.api_group,
        found.resource,
        found.subresource,
        found.namespace,
    ))
}

fn built_in(words: &[&str]) -> Result<Asked, ResourceError> {
    resolved(&ApiKinds::built_in(), words)
}

/// What an API server with one more resource says.
fn of_server() -> ApiKinds {
    let mut kinds = ApiKinds::built_in();
    kinds.kinds.push(ApiKind {
        group: "example.com".into(),
        plural: "widgets".into(),
        singular: "widget".into(),
        short_names: vec!["wi".into()],
        is_namespaced: false,
        subresources: Vec::new(),
    });
    kinds.are_all = true;
    kinds
}

#[test]
fn every_name_that_kubectl_takes_is_the_same_question() {
    for (words, group, resource) in [
        (
            &["po", "pod", "pods", "Pod", "pods/v1", "pods.v1"][..],
            "",
            "pods",
        ),
        (
            &[
                "deploy",
                "deployment",
                "deployments",
                "Deployment",
                "deploy.apps",
                "deployments.apps",
                "deployments.apps/v1",
                "deployments.v1.apps",
            ],
            "apps",
            "deployments",
        ),
        (&["svc", "service"], "", "services"),
        (&["cm"], "", "configmaps"),
        (&["sa"], "", "serviceaccounts"),
        (&["ev", "events"], "", "events"),
        (&["ing"], "networking.k8s.io", "ingresses"),
        (&["ep"], "", "endpoints"),
    ] {
        for word in words {
            let found = built_in(&["get", word]).unwrap();
            let shop = Some("shop".to_owned());
            assert_eq!(
                found,
                (group.to_owned(), resource.to_owned(), None, shop),
                "{word}"
            );
        }
    }
}

#[test]
fn subresources_and_scopes_are_those_of_the_resource() {
    let log = built_in(&["get", "po/log"]).unwrap();
    assert_eq!((log.1.as_str(), log.2.as_deref()), ("pods", Some("log")));
    assert_eq!(
        built_in(&["get", "deploy.apps/v1", "--subresource", "scale"])
            .unwrap()
            .2
            .as_deref(),
        Some("scale")
    );
    assert_eq!(built_in(&["get", "clusterrole"]).unwrap().3, None);
    assert_eq!(
        built_in(&["get", "nodes/metrics"]).unwrap().2.as_deref(),
        Some("metrics")
    );
    assert!(matches!(
        built_in(&["get", "pods/cart-1"]),
        Err(ResourceError::NoSubresource { .. })
    ));
}

#[test]
fn what_no_rule_could_be_about_is_refused_with_what_is_known() {
    for (words, suggestion) in [
        (&["get", "deploymnts"][..], "deployments.apps"),
        (&["get", "pdo"], "pods"),
        (&["get", "pods.apps"], "deployments.apps"),
        (&["get", "widgets"], "widgets.example.com"),
    ] {
        let error = built_in(words).unwrap_err();
        assert!(
            matches!(&error, ResourceError::Unknown { alike, .. } if alike.contains(suggestion)),
            "{error}"
        );
    }
}

#[test]
fn of_other_groups_files_say_nothing_and_a_server_all() {
    let plural = built_in(&["get", "gizmos.example.com"]).unwrap();
    assert_eq!((plural.0.as_str(), plural.1.as_str()), ("example.com", "gizmos"));
    let server = of_server();
    for word in ["wi", "widget", "widgets.example.com"] {
        let found = resolved(&server, &["get", word]).unwrap();
        assert_eq!(
            found,
            ("example.com".to_owned(), "widgets".to_owned(), None, None),
            "{word}"
        );
    }
    resolved(&server, &["get", "gizmos.example.com"]).unwrap_err();
    resolved(&server, &["get", "things.example.org"]).unwrap_err();
}

#[test]
fn wildcards_and_what_no_server_lists_may_be_asked() {
    assert_eq!(built_in(&["get", "*"]).unwrap().1, "*");
    let users = built_in(&["impersonate", "users"]).unwrap();
    assert_eq!((users.0.as_str(), users.1.as_str(), users.3), ("", "users", None));
    assert_eq!(
        built_in(&["approve", "signers"]).unwrap().0,
        "certificates.k8s.io"
    );
}
