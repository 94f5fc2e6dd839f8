//! Ways to a role besides the webhook, and what is wrong on them.

use audit_api::irsa_audit::VerdictName;
use serde_json::{Value, json};

use super::{APP, Fix, Scenario, exactly, key, trusting};
use crate::world::SECOND_AUDIENCE;
use crate::{objects, trust};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        own(),
        requested_without_annotation(),
        requested_in_the_wrong_namespace(),
        requested_by_an_account_that_is_missing(),
        requested_with_a_role_of_its_own(),
        launched_by_a_cron_job(),
        launched_by_a_workflow(),
        static_keys_alone(),
        pod_identity(),
        node(),
    ]
}

/// A pod that brings role and token itself, for an audience of its own.
fn own() -> Scenario {
    let namespace = "own-token";
    let condition = json!({"StringEquals": {
        key("sub"): trust::subject("default", APP),
        key("aud"): SECOND_AUDIENCE,
    }});
    let role = trusting(namespace, &condition);
    let mut pod = objects::pod(namespace, APP, "x2v7k", APP, None);
    let token = json!({"serviceAccountToken": {"audience": SECOND_AUDIENCE, "path": "token"}});
    put(
        &mut pod,
        "/spec",
        "volumes",
        json!([{"name": "aws", "projected": {"sources": [token]}}]),
    );
    let app = "/spec/containers/0";
    put(
        &mut pod,
        app,
        "volumeMounts",
        json!([{"name": "aws", "mountPath": "/var/run/aws"}]),
    );
    let env = json!([
        {"name": "AWS_ROLE_ARN", "value": role.arn()},
        {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/aws/token"},
    ]);
    put(&mut pod, app, "env", env);
    let title = "the chart mounts the token itself, as it does on GKE";
    Scenario::bound(namespace, title, role)
        .with_objects(vec![objects::bare_service_account(namespace, APP), pod])
        .broken("IRSA204", "SubjectNamespaceMismatch")
        .fixed_by(Fix::AWS)
        .by("Own")
}

fn requested_without_annotation() -> Scenario {
    let namespace = "store-without-role";
    let role = trusting(namespace, &exactly(namespace, APP));
    let title = "could not get provider client: an IAM role must be associated with service account";
    Scenario::bound(namespace, title, role)
        .with_objects(vec![
            objects::bare_service_account(namespace, APP),
            store(namespace),
        ])
        .broken("IRSA101", "RoleAnnotationMissing")
        .by("Requested")
}

fn requested_in_the_wrong_namespace() -> Scenario {
    let namespace = "flux-source";
    let role = trusting(namespace, &exactly("flux-system", APP));
    let account = objects::service_account(namespace, APP, &role.arn());
    let spec = json!({"provider": "aws", "serviceAccountName": APP, "url": "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x"});
    let source = object("source.toolkit.fluxcd.io/v1", "GitRepository", namespace, &spec);
    Scenario::bound(namespace, "the source is not ready since it moved", role)
        .with_objects(vec![account, source])
        .broken("IRSA204", "SubjectNamespaceMismatch")
        .fixed_by(Fix::AWS)
        .by("Requested")
}

fn requested_by_an_account_that_is_missing() -> Scenario {
    let namespace = "issuer-without-account";
    let role = trusting(namespace, &exactly(namespace, APP));
    let issuer = issuer(namespace, &role.arn());
    Scenario::bound(namespace, "serviceaccounts \"app\" not found", role)
        .with_objects(vec![issuer])
        .broken("IRSA106", "ServiceAccountMissing")
        .fixed_by(Fix::KUBECTL)
        .by("Requested")
}

/// No annotation, and pods without credentials: both are as they should be.
fn requested_with_a_role_of_its_own() -> Scenario {
    let namespace = "issuer-with-role";
    let role = trusting(namespace, &exactly(namespace, APP));
    let objects = vec![
        objects::bare_service_account(namespace, APP),
        objects::pod(namespace, APP, "x2v7k", APP, None),
        issuer(namespace, &role.arn()),
    ];
    Scenario::bound(namespace, "all is well, without any annotation", role)
        .with_objects(objects)
        .by("Requested")
}

fn launched_by_a_cron_job() -> Scenario {
    let namespace = "nightly";
    let role = trusting(namespace, &exactly("default", APP));
    let account = objects::service_account(namespace, APP, &role.arn());
    let containers = json!([{"name": "app", "image": "registry.example/app:1"}]);
    let pod = json!({"serviceAccountName": APP, "restartPolicy": "Never", "containers": containers});
    let spec = json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}});
    let cron_job = object("batch/v1", "CronJob", namespace, &spec);
    Scenario::bound(namespace, "the backup failed at three in the morning", role)
        .with_objects(vec![account, cron_job])
        .broken("IRSA204", "SubjectNamespaceMismatch")
        .fixed_by(Fix::AWS)
        .by("Launched")
}

fn launched_by_a_workflow() -> Scenario {
    let namespace = "workflows";
    let role = trusting(namespace, &exactly(namespace, "argo"));
    let account = objects::service_account(namespace, APP, &role.arn());
    let spec = json!({"serviceAccountName": APP, "entrypoint": "main"});
    let template = object("argoproj.io/v1", "WorkflowTemplate", namespace, &spec);
    Scenario::bound(namespace, "the step that uploads artifacts is refused", role)
        .with_objects(vec![account, template])
        .broken("IRSA205", "SubjectServiceAccountMismatch")
        .fixed_by(Fix::AWS)
        .by("Launched")
}

/// Somebody expects a role, and the pods have keys.
fn static_keys_alone() -> Scenario {
    let namespace = "keys-alone";
    let mut pod = objects::pod(namespace, APP, "x2v7k", APP, None);
    let env = json!([{"name": "AWS_ACCESS_KEY_ID", "value": "AKIAIOSFODNN7EXAMPLE"}]);
    put(&mut pod, "/spec/containers/0", "env", env);
    expecting(namespace, "the calls come from an IAM user, still", pod)
        .broken("IRSA101", "RoleAnnotationMissing")
        .fixed_by(Fix::Kubectl(VerdictName::Broken, "CredentialsNotInjected"))
        .by("Static")
}

fn node() -> Scenario {
    let namespace = "node-role";
    let pod = objects::pod(namespace, APP, "x2v7k", APP, None);
    expecting(namespace, "the calls come from the node's role", pod)
        .broken("IRSA101", "RoleAnnotationMissing")
        .fixed_by(Fix::Kubectl(VerdictName::Broken, "CredentialsNotInjected"))
        .by("Node")
}

/// A pod of a ServiceAccount without an annotation, for which a role is expected.
fn expecting(namespace: &'static str, title: &'static str, pod: Value) -> Scenario {
    let role = trusting(namespace, &exactly(namespace, APP));
    let expected = json!({"serviceAccountName": APP, "expect": {"roleArn": role.arn()}});
    let objects = vec![
        objects::bare_service_account(namespace, APP),
        objects::deployment(namespace, APP, APP),
        objects::audit(namespace, APP, &expected),
        pod,
    ];
    Scenario::bound(namespace, title, role).with_objects(objects)
}

/// As the agent's webhook leaves a pod.
fn pod_identity() -> Scenario {
    const FOLDER: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount";
    let namespace = "pod-identity";
    let mut pod = objects::pod(namespace, APP, "x2v7k", APP, None);
    let token = json!({"serviceAccountToken": {"audience": "pods.eks.amazonaws.com", "path": "eks-pod-identity-token"}});
    let volume = json!({"name": "eks-pod-identity-token", "projected": {"sources": [token]}});
    put(&mut pod, "/spec", "volumes", json!([volume]));
    let app = "/spec/containers/0";
    let mount = json!({"name": "eks-pod-identity-token", "mountPath": FOLDER, "readOnly": true});
    put(&mut pod, app, "volumeMounts", json!([mount]));
    let env = json!([
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"},
        {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": format!("{FOLDER}/eks-pod-identity-token")},
    ]);
    put(&mut pod, app, "env", env);
    let mut scenario = Scenario::annotated(namespace, "we moved to EKS Pod Identity", "")
        .with_objects(vec![objects::bare_service_account(namespace, APP), pod])
        .unknown("IRSA912", "PodIdentityNotAudited")
        .by("PodIdentity");
    scenario.roles.clear();
    scenario
}

/// A store of external-secrets that uses the ServiceAccount.
fn store(namespace: &str) -> Value {
    let reference = json!({"serviceAccountRef": {"name": APP}});
    let aws = json!({"service": "SecretsManager", "region": "eu-west-1", "auth": {"jwt": reference}});
    object(
        "external-secrets.io/v1",
        "SecretStore",
        namespace,
        &json!({"provider": {"aws": aws}}),
    )
}

/// An issuer of cert-manager that uses the ServiceAccount with a role.
fn issuer(namespace: &str, role_arn: &str) -> Value {
    let reference = json!({"serviceAccountRef": {"name": APP, "audiences": [trust::AUDIENCE]}});
    let route53 = json!({"region": "eu-west-1", "role": role_arn, "auth": {"kubernetes": reference}});
    let solvers = json!([{"dns01": {"route53": route53}}]);
    let spec = json!({"acme": {"server": "https://acme.example.com", "solvers": solvers}});
    object("cert-manager.io/v1", "Issuer", namespace, &spec)
}

fn object(api_version: &str, kind: &str, namespace: &str, spec: &Value) -> Value {
    let metadata = json!({"namespace": namespace, "name": "aws"});
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
}

/// Sets a field of what is at a place.
fn put(object: &mut Value, place: &str, field: &str, value: Value) {
    if let Some(fields) = object.pointer_mut(place).and_then(Value::as_object_mut) {
        fields.insert(field.to_owned(), value);
    }
}
