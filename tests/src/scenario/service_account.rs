//! What is wrong with the ServiceAccount itself.

use serde_json::json;

use super::{APP, Fix, Scenario, exactly, trusting};
use crate::{aws, objects};

pub(super) fn all() -> Vec<Scenario> {
    vec![
        annotation_missing(),
        annotation_missing_unasked(),
        arn_malformed(),
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
