//! Roles that can be assumed and may do nothing.

use serde_json::json;

use super::{APP, Scenario, exactly, trusting};
use crate::aws::Role;
use crate::objects;

pub(super) fn all() -> Vec<Scenario> {
    let powerless = |namespace: &str| Role {
        permissions: false,
        ..trusting(namespace, &exactly(namespace, APP))
    };
    let mut expected = Scenario::bound(
        "no-permissions",
        "the pod is who it should be, and S3 still says AccessDenied",
        powerless("no-permissions"),
    );
    let spec = json!({"serviceAccountName": APP, "expect": {"aws": [{"actions": ["s3:GetObject"]}]}});
    expected
        .objects
        .insert(0, objects::audit("no-permissions", APP, &spec));
    let unasked = Scenario::bound(
        "no-policies",
        "the role has no policies, is that right?",
        powerless("no-policies"),
    );
    vec![
        expected.broken("IRSA501", "NoPoliciesAttached"),
        unasked.at_risk("IRSA501", "NoPoliciesAttached"),
    ]
}
