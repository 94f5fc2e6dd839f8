//! What is wrong with the ServiceAccount itself.

use audit_api::irsa_audit::VerdictName;
use serde_json::{Value, json};

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::{aws, objects};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        annotation_missing(),
        annotation_missing_unasked(),
        arn_malformed(),
        annotation_misplaced(),
        annotation_on_pods(),
        audience_annotation(),
        token_expiration(),
        missing(),
        unexpected(),
    ]
}

fn annotation_missing() -> Scenario {
    let namespace = "no-annotation";
    let role = trusting(namespace, &exactly(namespace, APP));
    let expected = json!({"serviceAccountName": APP, "expect": {"roleArn": role.arn()}});
    let title = "AccessDenied, and the error names the node's role instead of ours";
    Scenario::bound(namespace, title, role)
        .with_objects(vec![
            objects::bare_service_account(namespace, APP),
            objects::audit(namespace, APP, &expected),
        ])
        .broken("IRSA101", "RoleAnnotationMissing")
        .fixed_by(Fix::KUBECTL)
}

fn annotation_missing_unasked() -> Scenario {
    let namespace = "not-annotated-yet";
    let title = "the role is there and trusts us, the pods still have no credentials";
    Scenario::bound(namespace, title, trusting(namespace, &exactly(namespace, APP)))
        .with_objects(vec![
            objects::bare_service_account(namespace, APP),
            objects::pod(namespace, APP, "m4x2c", APP, None),
        ])
        .at_risk("IRSA101", "RoleAnnotationMissing")
}

fn arn_malformed() -> Scenario {
    // The number of an account that began with a zero until a template took it for a number.
    let annotation = "arn:aws:iam::12345678901:role/arn-malformed";
    Scenario::annotated(
        "arn-malformed",
        "ValidationError: Request ARN is invalid",
        annotation,
    )
    .broken("IRSA102", "RoleArnMalformed")
}

fn annotation_misplaced() -> Scenario {
    let namespace = "annotation-misspelt";
    let role = trusting(namespace, &exactly(namespace, APP));
    let annotations = json!({"eks.amazonaws.com/role_arn": role.arn()});
    let title = "the annotation is there, and the pods get nothing";
    Scenario::bound(namespace, title, role)
        .with_objects(vec![objects::annotated(namespace, APP, &annotations)])
        .broken("IRSA103", "AnnotationMisplaced")
        .fixed_by(Fix::KUBECTL)
}

fn annotation_on_pods() -> Scenario {
    let namespace = "annotation-on-pods";
    let role = trusting(namespace, &exactly(namespace, APP));
    let mut pod = objects::pod(namespace, APP, "k9d4w", APP, None);
    if let Some(metadata) = pod.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = json!({"eks.amazonaws.com/role-arn": role.arn()});
        metadata.insert("annotations".to_owned(), annotations);
    }
    let objects = vec![
        objects::bare_service_account(namespace, APP),
        objects::deployment(namespace, APP, APP),
        pod,
    ];
    let title = "I annotated the pods with the role, like we did for kiam";
    Scenario::bound(namespace, title, role)
        .with_objects(objects)
        .broken("IRSA103", "AnnotationMisplaced")
        // Nothing here creates the pods anew.
        .fixed_by(Fix::Kubectl(VerdictName::Broken, "CredentialsNotInjected"))
}

fn audience_annotation() -> Scenario {
    let namespace = "audience-annotation";
    let role = trusting(namespace, &exactly(namespace, APP));
    let account = objects::service_account_for(namespace, APP, &role.arn(), "vault.example");
    Scenario::bound(
        namespace,
        "InvalidIdentityToken: Incorrect token audience, and the provider is right",
        role,
    )
    .with_objects(vec![account])
    .broken("IRSA104", "AudienceAnnotationMismatch")
    .fixed_by(Fix::KUBECTL)
}

fn token_expiration() -> Scenario {
    let namespace = "token-expiration";
    let role = trusting(namespace, &exactly(namespace, APP));
    let annotations = json!({
        "eks.amazonaws.com/role-arn": role.arn(), "eks.amazonaws.com/token-expiration": "1h",
    });
    let mut scenario = Scenario::bound(
        namespace,
        "we asked for tokens of an hour, they live for a day",
        role,
    );
    if let Some(account) = scenario.objects.first_mut() {
        *account = objects::annotated(namespace, APP, &annotations);
    }
    scenario.notice("IRSA105")
}

fn unexpected() -> Scenario {
    let namespace = "unexpected-role";
    let role = trusting(namespace, &exactly(namespace, APP));
    let expected = json!({"serviceAccountName": APP, "expect": {"roleArn": role.arn()}});
    let staging = aws::arn(aws::HOME, "/", "unexpected-role-staging");
    Scenario::bound(namespace, "we read from the bucket of staging", role)
        .with_objects(vec![
            objects::audit(namespace, APP, &expected),
            objects::service_account(namespace, APP, &staging),
        ])
        .broken("IRSA107", "RoleUnexpected")
        // Nor is there a role of that name in this account.
        .besides(&["IRSA201"])
        .fixed_by(Fix::KUBECTL)
}

fn missing() -> Scenario {
    let namespace = "no-serviceaccount";
    let role = trusting(namespace, &exactly(namespace, APP));
    let expected =
        json!({"serviceAccountName": APP, "expect": {"roleArn": aws::arn(aws::HOME, "/", namespace)}});
    Scenario::bound(
        namespace,
        "the Deployment makes no pods: serviceaccount not found",
        role,
    )
    .with_objects(vec![objects::audit(namespace, APP, &expected)])
    .broken("IRSA106", "ServiceAccountMissing")
    .fixed_by(Fix::KUBECTL)
}
