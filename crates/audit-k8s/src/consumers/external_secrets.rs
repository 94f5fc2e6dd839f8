//! external-secrets: stores and generators of provider `aws` whose `auth.jwt` names a ServiceAccount.
//!
//! The controller reads the annotation `eks.amazonaws.com/role-arn` of the ServiceAccount, and fails without it; the audience
//! is that of the annotation `eks.amazonaws.com/audience`, else `sts.amazonaws.com`, and those of `audiences` besides. The
//! `additionalRoles` of the provider and then its `role` are assumed next. Without `auth.jwt` it uses the controller's own credentials, and the
//! ServiceAccount is that of the controller's pods.
//!
//! A `ClusterSecretStore` or `ClusterGenerator` that names no namespace takes the ServiceAccount of the namespace from which it is used.
//!
//! Source: <https://external-secrets.io/latest/provider/aws-access/>, and `credsFromServiceAccount` of the provider.

use audit_core::model::service_account::DEFAULT_AUDIENCE;
use audit_core::model::{BindingKey, Explains, NextRole, RequestedAudience, Use, Used};
use serde_json::Value;

use super::usage::{ConsumerKind, Object, Usage, items, text};

const STORE: &[&str] = &[
    "/spec/provider/aws/role",
    "/spec/provider/aws/externalID",
    "/spec/provider/aws/additionalRoles",
    "/spec/provider/aws/sessionTags",
    "/spec/provider/aws/auth/jwt/serviceAccountRef/name",
    "/spec/provider/aws/auth/jwt/serviceAccountRef/namespace",
    "/spec/provider/aws/auth/jwt/serviceAccountRef/audiences",
    "/spec/provider/vault/auth/iam/role",
    "/spec/provider/vault/auth/iam/externalID",
    "/spec/provider/vault/auth/iam/additionalRoles",
    "/spec/provider/vault/auth/iam/sessionTags",
    "/spec/provider/vault/auth/iam/jwt/serviceAccountRef/name",
    "/spec/provider/vault/auth/iam/jwt/serviceAccountRef/namespace",
    "/spec/provider/vault/auth/iam/jwt/serviceAccountRef/audiences",
];

const GENERATOR: &[&str] = &[
    "/spec/role",
    "/spec/externalID",
    "/spec/additionalRoles",
    "/spec/sessionTags",
    "/spec/auth/jwt/serviceAccountRef/name",
    "/spec/auth/jwt/serviceAccountRef/namespace",
    "/spec/auth/jwt/serviceAccountRef/audiences",
];

const CLUSTER_GENERATOR: &[&str] = &[
    "/spec/generator/ecrAuthorizationTokenSpec/role",
    "/spec/generator/ecrAuthorizationTokenSpec/externalID",
    "/spec/generator/ecrAuthorizationTokenSpec/additionalRoles",
    "/spec/generator/ecrAuthorizationTokenSpec/sessionTags",
    "/spec/generator/ecrAuthorizationTokenSpec/auth/jwt/serviceAccountRef/name",
    "/spec/generator/ecrAuthorizationTokenSpec/auth/jwt/serviceAccountRef/namespace",
    "/spec/generator/ecrAuthorizationTokenSpec/auth/jwt/serviceAccountRef/audiences",
    "/spec/generator/stsSessionTokenSpec/role",
    "/spec/generator/stsSessionTokenSpec/externalID",
    "/spec/generator/stsSessionTokenSpec/additionalRoles",
    "/spec/generator/stsSessionTokenSpec/sessionTags",
    "/spec/generator/stsSessionTokenSpec/auth/jwt/serviceAccountRef/name",
    "/spec/generator/stsSessionTokenSpec/auth/jwt/serviceAccountRef/namespace",
    "/spec/generator/stsSessionTokenSpec/auth/jwt/serviceAccountRef/audiences",
];

pub(super) const KINDS: &[ConsumerKind] = &[
    ConsumerKind {
        group: "external-secrets.io",
        kind: "SecretStore",
        plural: "secretstores",
        namespaced: true,
        explains: Explains::Requests,
        reads: STORE,
        read: store,
    },
    ConsumerKind {
        group: "external-secrets.io",
        kind: "ClusterSecretStore",
        plural: "clustersecretstores",
        namespaced: false,
        explains: Explains::Requests,
        reads: STORE,
        read: store,
    },
    ConsumerKind {
        group: "generators.external-secrets.io",
        kind: "ECRAuthorizationToken",
        plural: "ecrauthorizationtokens",
        namespaced: true,
        explains: Explains::Requests,
        reads: GENERATOR,
        read: generator,
    },
    ConsumerKind {
        group: "generators.external-secrets.io",
        kind: "STSSessionToken",
        plural: "stssessiontokens",
        namespaced: true,
        explains: Explains::Requests,
        reads: GENERATOR,
        read: generator,
    },
    ConsumerKind {
        group: "generators.external-secrets.io",
        kind: "ClusterGenerator",
        plural: "clustergenerators",
        namespaced: false,
        explains: Explains::Requests,
        reads: CLUSTER_GENERATOR,
        read: cluster_generator,
    },
];

fn store(object: &Object<'_>) -> Vec<Usage> {
    let aws = requested(object, "/spec/provider/aws", "/auth/jwt/serviceAccountRef");
    // Vault, with AWS as the identity by which it is entered.
    let mut vault = requested(object, "/spec/provider/vault/auth/iam", "/jwt/serviceAccountRef");
    if let Some(Use::Requests { then, .. }) = vault.as_mut().map(|usage| &mut usage.how) {
        // A bare name may be that of a role of Vault's.
        then.retain(|next| next.role.starts_with("arn:"));
    }
    aws.into_iter().chain(vault).collect()
}

fn generator(object: &Object<'_>) -> Vec<Usage> {
    requested(object, "/spec", "/auth/jwt/serviceAccountRef")
        .into_iter()
        .collect()
}

/// The generators of AWS that a `ClusterGenerator` may hold, each under its own name.
fn cluster_generator(object: &Object<'_>) -> Vec<Usage> {
    let kinds = ["ecrAuthorizationTokenSpec", "stsSessionTokenSpec"];
    let specs = kinds.map(|kind| format!("/spec/generator/{kind}"));
    let usages = specs
        .iter()
        .map(|spec| requested(object, spec, "/auth/jwt/serviceAccountRef"));
    usages.flatten().collect()
}

/// The roles that the provider assumes one after the other: `additionalRoles`, then `role`, which alone has `externalID` and
/// `sessionTags`.
fn assumed_next(provider: &Value) -> Vec<NextRole> {
    let additional = items(provider, "/additionalRoles").iter();
    let additional = additional.filter_map(Value::as_str).map(NextRole::new);
    let (role, external_id) = (text(provider, "/role"), text(provider, "/externalID"));
    let last = (!role.is_empty()).then(|| NextRole {
        external_id: (!external_id.is_empty()).then(|| external_id.to_owned()),
        has_tags: !items(provider, "/sessionTags").is_empty(),
        ..NextRole::new(role)
    });
    additional.chain(last).collect()
}

fn requested(object: &Object<'_>, provider: &str, reference: &str) -> Option<Usage> {
    let provider = object.value.pointer(provider)?;
    let reference = provider.pointer(reference)?;
    let (name, namespace) = (text(reference, "/name"), text(reference, "/namespace"));
    let used = match (object.namespace, namespace) {
        _ if name.is_empty() => return None,
        ("", "") => Used::InAnyNamespace(name.to_owned()),
        // That of a store in a namespace is ignored.
        ("", namespace) | (namespace, _) => Used::Named(BindingKey::new(namespace, name)),
    };
    let others = items(reference, "/audiences")
        .iter()
        .filter_map(|one| one.as_str());
    let audience = if others.clone().all(|audience| audience == DEFAULT_AUDIENCE) {
        RequestedAudience::Annotated
    } else {
        RequestedAudience::Several
    };
    let then = assumed_next(provider);
    let is_certain = matches!(used, Used::Named(_));
    let how = Use::Requests {
        audience,
        role: None,
        then,
    };
    Some(Usage {
        used,
        how,
        is_certain,
    })
}
