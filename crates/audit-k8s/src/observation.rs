//! What the watches say.

use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::{Pod, ServiceAccount};

use crate::audit_object::AuditObject;
use crate::cluster_audit_object::ClusterAuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers::{ConsumerKind, ReadObject};
use crate::kind::Kind;
use crate::namespace_object::NamespaceObject;
use crate::policy_object::PolicyObject;
use crate::remediation::{AdmissionBindingObject, AdmissionPolicyObject, ApprovalObject, ChangeObject};
use crate::webhook_object::WebhookObject;
use crate::wire::Undecodable;

/// One step of a watch.
///
/// A watch begins, and begins anew whenever it has lost its place, with `Init`, one `Listed` for each object that
/// exists, and `InitDone`. Only then does whatever was not listed count as gone; a listing that breaks off and is
/// followed by another `Init` says nothing about what is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchChange<T> {
    /// A listing of all objects begins.
    Init,
    /// An object of the listing.
    Listed(T),
    /// The listing is complete.
    InitDone,
    /// An object was created or changed.
    Applied(T),
    /// An object was deleted.
    Deleted {
        /// Its namespace; empty for cluster-scoped kinds.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl<T> WatchChange<T> {
    /// The same step about an object in another form.
    #[must_use]
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> WatchChange<U> {
        match self {
            Self::Init => WatchChange::Init,
            Self::Listed(object) => WatchChange::Listed(form(object)),
            Self::InitDone => WatchChange::InitDone,
            Self::Applied(object) => WatchChange::Applied(form(object)),
            Self::Deleted { namespace, name } => WatchChange::Deleted { namespace, name },
        }
    }
}

/// What a watch saw, or why it did not.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// Of ServiceAccounts.
    ServiceAccount(WatchChange<ServiceAccount>),
    /// Of pods.
    Pod(WatchChange<Pod>),
    /// Of namespaces.
    Namespace(WatchChange<NamespaceObject>),
    /// Of Roles, or of ClusterRoles.
    Role(Kind, WatchChange<RbacRole>),
    /// Of RoleBindings, or of ClusterRoleBindings.
    RoleBinding(Kind, WatchChange<RoleBinding>),
    /// Of `MutatingWebhookConfiguration` objects.
    Webhook(WatchChange<WebhookObject>),
    /// Of the webhook's ConfigMap.
    ConfigMap(WatchChange<ConfigMapObject>),
    /// Of a kind of another project whose objects use ServiceAccounts.
    Consumer(&'static ConsumerKind, WatchChange<ReadObject>),
    /// The kinds of other projects that may have objects and could not be listed: all of them, each time.
    UnseenConsumers(Vec<&'static ConsumerKind>),
    /// Of `IrsaAudit`s.
    Audit(WatchChange<Box<AuditObject>>),
    /// Of the `ClusterIrsaAudit`.
    ClusterAudit(WatchChange<ClusterAuditObject>),
    /// Of `IrsaAuditPolicy` objects.
    Policy(WatchChange<Box<PolicyObject>>),
    /// Of `IrsaApproval`s.
    Approval(WatchChange<Box<ApprovalObject>>),
    /// Of `TrustPolicyChange`s.
    Change(WatchChange<Box<ChangeObject>>),
    /// Of the admission policy that makes approvals true.
    AdmissionPolicy(WatchChange<AdmissionPolicyObject>),
    /// Of its binding.
    AdmissionBinding(WatchChange<AdmissionBindingObject>),
    /// A kind that this program does not look at: it is not awaited.
    NotWatched(Kind),
    /// An object that exists and could not be read.
    Skipped(Undecodable),
    /// A list or watch call failed; it is tried again, with backoff, for as long as it takes.
    WatchFailed {
        /// The kind that was to be listed or watched.
        kind: Kind,
        /// What failed, for a person; safe to show.
        message: String,
    },
}

/// Plain data that a watch observes.
pub(crate) trait ObservedObject: Sized {
    /// Wraps a step of a watch of `kind`.
    fn observation(kind: Kind, change: WatchChange<Self>) -> Observation;
}

impl ObservedObject for ServiceAccount {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::ServiceAccount(change)
    }
}

impl ObservedObject for Pod {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Pod(change)
    }
}

impl ObservedObject for NamespaceObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Namespace(change)
    }
}

impl ObservedObject for WebhookObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Webhook(change)
    }
}

impl ObservedObject for ConfigMapObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::ConfigMap(change)
    }
}

impl ObservedObject for Box<AuditObject> {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Audit(change)
    }
}

impl ObservedObject for ClusterAuditObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::ClusterAudit(change)
    }
}

impl ObservedObject for Box<PolicyObject> {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Policy(change)
    }
}

impl ObservedObject for Box<ApprovalObject> {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Approval(change)
    }
}

impl ObservedObject for Box<ChangeObject> {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Change(change)
    }
}

impl ObservedObject for AdmissionPolicyObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::AdmissionPolicy(change)
    }
}

impl ObservedObject for AdmissionBindingObject {
    fn observation(_: Kind, change: WatchChange<Self>) -> Observation {
        Observation::AdmissionBinding(change)
    }
}

impl ObservedObject for RbacRole {
    fn observation(kind: Kind, change: WatchChange<Self>) -> Observation {
        Observation::Role(kind, change)
    }
}

impl ObservedObject for RoleBinding {
    fn observation(kind: Kind, change: WatchChange<Self>) -> Observation {
        Observation::RoleBinding(kind, change)
    }
}
