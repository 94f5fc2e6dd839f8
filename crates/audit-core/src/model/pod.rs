//! A pod, reduced to what rules read.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

pub use audit_fix::Workload;
use jiff::Timestamp;
use litemap::LiteMap;

use super::container::Container;
use super::containers::Containers;
use super::{Annotations, BindingKey, Name};

/// `status.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodPhase {
    /// Accepted, not yet running.
    Pending,
    /// At least one container runs, or is starting.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, at least one badly.
    Failed,
    /// The node does not answer.
    Unknown,
    /// No pod: the pod template of a workload, which stands for pods where there are none. Only files hold such; a
    /// cluster's own pods are always there to see.
    Template,
}

/// The labels by which people name what a pod belongs to.
pub const NAME_LABELS: [&str; 5] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app",
    "k8s-app",
    "name",
];

/// The labels of a pod, shared by the pods that have the same. There are few, of which a map of a tree takes five times the memory.
pub type Labels = Arc<LiteMap<String, String>>;

/// The labels that each pod, or each Job, has with a value of its own. They are not kept: labels are shared, and no webhook
/// selects pods by these.
pub const UNKEPT_LABELS: [&str; 7] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "controller-uid",
];

/// How many labels of a pod are kept. A pod with so many may have more, so that what it seems to lack, it may have.
pub const MAX_LABELS: usize = 128;

/// The operating system that a pod asks for. The webhook writes Windows paths only where a `nodeSelector` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Os {
    /// Linux, or nothing that shows.
    #[default]
    Unset,
    /// Windows, by `nodeSelector`.
    SelectedWindows,
    /// Windows, by `spec.os` or an affinity: the webhook takes it for Linux.
    OtherwiseWindows,
}

/// How a pod comes by a token for the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ApiToken {
    /// The pod does not say: its ServiceAccount decides.
    #[default]
    Unset,
    /// `automountServiceAccountToken: true`.
    Mounted,
    /// `automountServiceAccountToken: false`, and no volume brings one.
    Off,
    /// The pod does not rely on it: a volume of its own is mounted that brings a token, or may.
    Own,
}

/// A pod, without everything that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Name.
    pub name: Box<str>,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// The condition `Ready` is True.
    pub ready: bool,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// What owns it, in memory once for the pods that it owns.
    pub workload: Arc<Workload>,
    /// What it has in common with others.
    pub common: Arc<PodCommon>,
}

/// What the pods of one workload have in common, in memory once for those that share it. A pod reads as it, and whoever changes
/// that of one pod changes no other's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodCommon {
    /// Namespace.
    pub namespace: Name,
    /// `spec.serviceAccountName`, `default` where empty. Empty for the mirror pod of a static pod, which has none.
    pub service_account: Name,
    /// Its labels, [`MAX_LABELS`] at most and without [`UNKEPT_LABELS`]: by them webhooks select pods.
    pub labels: Labels,
    /// The operating system that it asks for.
    pub os: Os,
    /// How it comes by a token for the Kubernetes API.
    pub api_token: ApiToken,
    /// The annotations that could matter to IRSA, as of ServiceAccounts: see
    /// [`ServiceAccount::keeps_annotation`](super::ServiceAccount::keeps_annotation).
    pub annotations: Annotations,
    /// What the usual labels call it, where that is not the workload's name: see [`NAME_LABELS`].
    pub also_named: Box<[String]>,
    /// The `SecretProviderClass` objects that volumes of the pod name: the driver of the secrets-store CSI mounts what they
    /// list, and asks for credentials as the pod's ServiceAccount.
    pub secret_provider_classes: Box<[String]>,
    /// Containers and init containers; ephemeral ones are never injected, and not kept.
    pub containers: Containers,
}

impl Deref for Pod {
    type Target = PodCommon;

    fn deref(&self) -> &PodCommon {
        &self.common
    }
}

impl DerefMut for Pod {
    fn deref_mut(&mut self) -> &mut PodCommon {
        Arc::make_mut(&mut self.common)
    }
}

impl Pod {
    /// Whether this is a workload's template, and no pod: it shows what the workload names, and nothing of what was
    /// injected.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.phase == PodPhase::Template
    }

    /// Whether the pod can still ask for credentials: neither finished nor going away. Holds for a template, whose pods
    /// will.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !self.terminating && !matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// The annotation `<prefix>/<name>`.
    #[must_use]
    pub fn annotation(&self, prefix: &str, name: &str) -> Option<&str> {
        super::service_account::annotation(&self.annotations, prefix, name)
    }

    /// The ServiceAccount that the pod runs as.
    #[must_use]
    pub fn binding_key(&self) -> BindingKey {
        BindingKey::new(self.namespace.clone(), self.service_account.clone())
    }

    /// The roles that its containers would assume, without repetition.
    #[must_use]
    pub fn role_arns(&self) -> Vec<&str> {
        let mut arns: Vec<&str> = self
            .containers
            .iter()
            .filter_map(|c| c.role_arn.as_deref())
            .collect();
        arns.sort_unstable();
        arns.dedup();
        arns
    }

    /// Whether EKS Pod Identity gave the pod its credentials.
    #[must_use]
    pub fn uses_pod_identity(&self) -> bool {
        self.containers.iter().any(|c| c.pod_identity)
    }

    /// Whether the pod's only credentials are those of EKS Pod Identity. Where web identity was injected as well, the
    /// SDKs ask for that first.
    #[must_use]
    pub fn relies_on_pod_identity(&self) -> bool {
        self.uses_pod_identity() && !self.carries_role()
    }

    /// Whether a container has a role in it with what is needed to assume it by web identity.
    #[must_use]
    pub fn carries_role(&self) -> bool {
        self.containers.iter().any(Container::has_web_identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ROLE, bare, injected, pod, with_pod_identity};

    #[test]
    fn a_pod_relies_on_pod_identity_unless_it_has_web_identity_too() {
        let key = BindingKey::new("shop", "cart");
        let with = |containers: Vec<Container>| {
            let mut pod = pod(&key, "app", bare("app"));
            pod.containers = containers.into();
            pod
        };
        assert!(with(vec![with_pod_identity("a"), bare("b")]).relies_on_pod_identity());
        assert!(!with(vec![with_pod_identity("a"), injected("b", ROLE)]).relies_on_pod_identity());
        assert!(!with(vec![bare("b")]).relies_on_pod_identity());
    }
}
