//! Bindings that work, and one that works too widely.

use audit_api::irsa_audit::VerdictName;
use serde_json::json;

use super::{APP, Scenario, exactly, key, provider, trusting};
use crate::aws::Role;
use crate::trust;

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario::bound(
            "eksctl",
            "all is well, by `eksctl create iamserviceaccount`",
            eksctl(),
        ),
        Scenario::bound(
            "terraform",
            "all is well, by Terraform's module for IRSA roles",
            terraform(),
        ),
        Scenario::bound(
            "string-like",
            "we trust every ServiceAccount of the namespace",
            string_like(),
        )
        .says(VerdictName::AtRisk, "IRSA216", "SubjectTooBroad"),
    ]
}

fn eksctl() -> Role {
    trusting("eksctl", &exactly("eksctl", APP))
}

/// Lists even of one, a Sid, and another ServiceAccount beside.
fn terraform() -> Role {
    let subjects = [
        trust::subject("terraform", APP),
        trust::subject("terraform", "worker"),
    ];
    let statement = json!({
        "Sid": "explicitTrust",
        "Effect": "Allow",
        "Principal": {"Federated": [provider()]},
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {"StringEquals": {key("sub"): subjects, key("aud"): [trust::AUDIENCE]}},
    });
    Role::new("terraform", trust::document(&[statement]))
}

fn string_like() -> Role {
    let condition = json!({
        "StringLike": {key("sub"): trust::subject("string-like", "*")},
        "StringEquals": {key("aud"): trust::AUDIENCE},
    });
    trusting("string-like", &condition)
}
