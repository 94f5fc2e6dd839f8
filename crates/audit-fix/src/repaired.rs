//! What a fix does, as data: how the binding is once it was carried out.
//!
//! The audit goes on with a repaired binding to see what else stands in the way (`audit_core::audit`).

use std::sync::Arc;

/// One thing that a fix changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repaired {
    /// The ServiceAccount exists, and an annotation names a role.
    RoleAnnotation {
        /// The annotation's whole key.
        key: String,
        /// The role's ARN.
        arn: String,
    },
    /// The webhook's ConfigMap names this role for the ServiceAccount.
    ConfigMapRole(String),
    /// The containers that bring the audited role themselves bring this one.
    OwnRole(String),
    /// The containers whose variable leads to no token file find it at this path.
    OwnTokenFile(String),
    /// The ServiceAccount exists.
    ServiceAccount,
    /// The ServiceAccount asks for tokens with this audience; without one, for the webhook's own.
    Audience(Option<String>),
    /// The annotation's role exists, and lets the ServiceAccount in.
    Role,
    /// The role has this trust policy.
    TrustPolicy(Arc<str>),
    /// The role's account has a provider for the cluster's issuer that accepts this audience.
    ProviderAccepts(String),
    /// Running pods are created again.
    Pods,
    /// They are created again from templates that leave the two variables to the webhook, and do not keep it away.
    Templates,
}
