//! OIDC providers that are not registered, or not for this audience.

use serde_json::json;

use super::{APP, Fix, Scenario, key, trusting};
use crate::aws::{self, Role};
use crate::world::ISSUER;
use crate::{objects, trust};

/// An audience that no provider knows.
const AUDIENCE: &str = "vault.example";

pub(super) fn all() -> Vec<Scenario> {
    vec![not_registered(), near_miss(), audience_not_registered()]
}

fn not_registered() -> Scenario {
    let namespace = "other-account";
    let condition = super::exactly(namespace, APP);
    let trust = trust::web_identity(&trust::provider_arn(aws::OTHER, ISSUER), &condition);
    let role = Role {
        account: aws::OTHER,
        ..Role::new(namespace, trust)
    };
    Scenario::bound(
        namespace,
        "InvalidIdentityToken: No OpenIDConnect provider found in your account",
        role,
    )
    .broken("IRSA301", "ProviderNotRegistered")
    .fixed_by(Fix::AWS)
}

fn near_miss() -> Scenario {
    let namespace = "provider-url";
    let condition = super::exactly(namespace, APP);
    let trust = trust::web_identity(&trust::provider_arn(aws::NEAR, ISSUER), &condition);
    let role = Role {
        account: aws::NEAR,
        ..Role::new(namespace, trust)
    };
    Scenario::bound(
        namespace,
        "No OpenIDConnect provider found in your account, and we see it in the console",
        role,
    )
    .broken("IRSA302", "ProviderUrlMismatch")
    .fixed_by(Fix::AWS)
}

fn audience_not_registered() -> Scenario {
    let namespace = "audience-unknown";
    let condition =
        json!({"StringEquals": {key("sub"): trust::subject(namespace, APP), key("aud"): AUDIENCE}});
    let role = trusting(namespace, &condition);
    let account = objects::service_account_for(namespace, APP, &role.arn(), AUDIENCE);
    Scenario::bound(namespace, "InvalidIdentityToken: Incorrect token audience", role)
        .with_objects(vec![account])
        .broken("IRSA303", "AudienceNotRegistered")
        .fixed_by(Fix::AWS)
}
