//! Pods that did not get what the ServiceAccount says.

use serde_json::json;

use super::{APP, Fix, Scenario, exactly, injected, key, trusting};
use crate::world::SECOND_AUDIENCE;
use crate::{aws, objects, trust};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        not_injected(),
        stale_and_gone(),
        stale_and_working(),
        other_account(),
        other_account_without_pods(),
        other_audience(),
    ]
}

fn not_injected() -> Scenario {
    let namespace = "not-injected";
    let title = "NoCredentialProviders: the pod is older than the annotation";
    Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)))
        .with_pod(objects::pod(namespace, APP, "x2v7k", APP, None))
        .broken("IRSA401", "CredentialsNotInjected")
        .fixed_by(Fix::Rollout)
}

fn stale_and_gone() -> Scenario {
    let namespace = "stale-pods";
    let title = "I changed the annotation to the new role, nothing happened";
    let old = aws::arn(aws::HOME, "/", "stale-pods-before");
    Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)))
        .with_pod(injected(namespace, "x2v7k", &old))
        .broken("IRSA402", "PodRoleStale")
        .fixed_by(Fix::Rollout)
}

fn stale_and_working() -> Scenario {
    let namespace = "half-rolled-out";
    let title = "half of the pods write to the old bucket";
    let mut scenario = Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)));
    let old = trusting("half-rolled-out-before", &exactly(namespace, APP));
    scenario.objects.push(injected(namespace, "q8w5n", &old.arn()));
    scenario.roles.push(old);
    scenario.at_risk("IRSA402", "PodRoleStale").fixed_by(Fix::Rollout)
}

fn other_account() -> Scenario {
    let namespace = "runs-as-default";
    let title = "I annotated the ServiceAccount, the pods do not care";
    let role = trusting(namespace, &exactly(namespace, APP));
    let workloads = json!([{"kind": "Deployment", "name": APP}]);
    let expected = json!({"serviceAccountName": APP, "expect": {"workloads": workloads}});
    let objects = vec![
        objects::audit(namespace, APP, &expected),
        objects::service_account(namespace, APP, &role.arn()),
        objects::deployment(namespace, APP, "default"),
        objects::pod(namespace, APP, "x2v7k", "default", None),
    ];
    Scenario::bound(namespace, title, role)
        .with_objects(objects)
        .broken("IRSA403", "PodUsesOtherServiceAccount")
        .fixed_by(Fix::Rollout)
}

/// As which ServiceAccount it would run, only its template says.
fn other_account_without_pods() -> Scenario {
    let namespace = "scaled-to-zero";
    let title = "it gets no credentials whenever we scale it up";
    let role = trusting(namespace, &exactly(namespace, APP));
    let workloads = json!([{"kind": "Deployment", "name": APP}]);
    let expected = json!({"serviceAccountName": APP, "expect": {"workloads": workloads}});
    let mut deployment = objects::deployment(namespace, APP, "default");
    if let Some(spec) = deployment
        .get_mut("spec")
        .and_then(serde_json::Value::as_object_mut)
    {
        spec.insert("replicas".to_owned(), json!(0));
    }
    let objects = vec![
        objects::audit(namespace, APP, &expected),
        objects::service_account(namespace, APP, &role.arn()),
        deployment,
    ];
    Scenario::bound(namespace, title, role)
        .with_objects(objects)
        .broken("IRSA403", "PodUsesOtherServiceAccount")
        .fixed_by(Fix::KUBECTL)
}

fn other_audience() -> Scenario {
    let namespace = "old-audience";
    let title = "we moved the service to its own audience, the old pods fail";
    let condition = json!({"StringEquals": {
        key("sub"): trust::subject(namespace, APP),
        key("aud"): SECOND_AUDIENCE,
    }});
    let role = trusting(namespace, &condition);
    let objects = vec![
        objects::service_account_for(namespace, APP, &role.arn(), SECOND_AUDIENCE),
        objects::deployment(namespace, APP, APP),
        injected(namespace, "x2v7k", &role.arn()),
    ];
    Scenario::bound(namespace, title, role)
        .with_objects(objects)
        .broken("IRSA404", "TokenAudienceMismatch")
        .fixed_by(Fix::Rollout)
}
