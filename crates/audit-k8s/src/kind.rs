//! The kinds that are watched.

use std::fmt;

use audit_core::rbac;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1 ServiceAccount`.
    ServiceAccount,
    /// `v1 Pod`.
    Pod,
    /// `v1 Namespace`, for its labels.
    Namespace,
    /// `rbac.authorization.k8s.io/v1 Role`.
    Role,
    /// `rbac.authorization.k8s.io/v1 ClusterRole`.
    ClusterRole,
    /// `rbac.authorization.k8s.io/v1 RoleBinding`.
    RoleBinding,
    /// `rbac.authorization.k8s.io/v1 ClusterRoleBinding`.
    ClusterRoleBinding,
    /// `admissionregistration.k8s.io/v1 MutatingWebhookConfiguration`, for whether the pod identity webhook is there.
    MutatingWebhookConfiguration,
    /// `v1 ConfigMap`: the webhook's, and no other.
    ConfigMap,
    /// `irsa-audit.dev/v1alpha1 IrsaAudit`.
    IrsaAudit,
    /// `irsa-audit.dev/v1alpha1 ClusterIrsaAudit`: the one there is.
    ClusterIrsaAudit,
    /// `irsa-audit.dev/v1alpha1 IrsaAuditPolicy`.
    IrsaAuditPolicy,
    /// `irsa-audit.dev/v1alpha1 IrsaApproval`.
    IrsaApproval,
    /// `irsa-audit.dev/v1alpha1 TrustPolicyChange`.
    TrustPolicyChange,
    /// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy`: the one that makes approvals true, and no other.
    ValidatingAdmissionPolicy,
    /// `admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding`: its binding, and no other.
    ValidatingAdmissionPolicyBinding,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 16] = [
        Self::ServiceAccount,
        Self::Pod,
        Self::Namespace,
        Self::Role,
        Self::ClusterRole,
        Self::RoleBinding,
        Self::ClusterRoleBinding,
        Self::MutatingWebhookConfiguration,
        Self::ConfigMap,
        Self::IrsaAudit,
        Self::ClusterIrsaAudit,
        Self::IrsaAuditPolicy,
        Self::IrsaApproval,
        Self::TrustPolicyChange,
        Self::ValidatingAdmissionPolicy,
        Self::ValidatingAdmissionPolicyBinding,
    ];

    /// The kind as manifests spell it, which is also its metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Pod => "Pod",
            Self::Namespace => "Namespace",
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::RoleBinding => "RoleBinding",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
            Self::ConfigMap => "ConfigMap",
            Self::IrsaAudit => "IrsaAudit",
            Self::ClusterIrsaAudit => "ClusterIrsaAudit",
            Self::IrsaAuditPolicy => "IrsaAuditPolicy",
            Self::IrsaApproval => "IrsaApproval",
            Self::TrustPolicyChange => "TrustPolicyChange",
            Self::ValidatingAdmissionPolicy => "ValidatingAdmissionPolicy",
            Self::ValidatingAdmissionPolicyBinding => "ValidatingAdmissionPolicyBinding",
        }
    }

    /// Whether nothing can be told without it. What is not essential may be out of the operator's reach, as after an upgrade
    /// without the new rights, and the rest is audited all the same.
    pub(crate) fn is_essential(self) -> bool {
        matches!(
            self,
            Self::ServiceAccount | Self::Pod | Self::Namespace | Self::IrsaAudit | Self::IrsaAuditPolicy
        )
    }

    /// The kind of role or binding that it is, if it is one.
    #[must_use]
    pub fn of_rbac(self) -> Option<rbac::RbacKind> {
        match self {
            Self::Role => Some(rbac::RbacKind::Role),
            Self::ClusterRole => Some(rbac::RbacKind::ClusterRole),
            Self::RoleBinding => Some(rbac::RbacKind::RoleBinding),
            Self::ClusterRoleBinding => Some(rbac::RbacKind::ClusterRoleBinding),
            _ => None,
        }
    }

    /// Whether a `CustomResourceDefinition` of irsa-audit defines it.
    pub(crate) fn is_custom(self) -> bool {
        matches!(
            self,
            Self::IrsaAudit
                | Self::ClusterIrsaAudit
                | Self::IrsaAuditPolicy
                | Self::IrsaApproval
                | Self::TrustPolicyChange
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
