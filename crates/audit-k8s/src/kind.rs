//! The kinds that are watched.

use std::fmt;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1 ServiceAccount`.
    ServiceAccount,
    /// `v1 Pod`.
    Pod,
    /// `v1 Namespace`, for its labels.
    Namespace,
    /// `irsa-audit.dev/v1alpha1 IrsaAudit`.
    IrsaAudit,
    /// `irsa-audit.dev/v1alpha1 IrsaAuditPolicy`.
    IrsaAuditPolicy,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::ServiceAccount,
        Self::Pod,
        Self::Namespace,
        Self::IrsaAudit,
        Self::IrsaAuditPolicy,
    ];

    /// The kind as manifests spell it, which is also its metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Pod => "Pod",
            Self::Namespace => "Namespace",
            Self::IrsaAudit => "IrsaAudit",
            Self::IrsaAuditPolicy => "IrsaAuditPolicy",
        }
    }

    /// Whether a `CustomResourceDefinition` of irsa-audit defines it.
    pub(crate) fn is_custom(self) -> bool {
        matches!(self, Self::IrsaAudit | Self::IrsaAuditPolicy)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
