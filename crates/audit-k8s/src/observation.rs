//! What the watches say.

use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::{Pod, ServiceAccount};

use crate::audit_object::AuditObject;
use crate::config_map_object::ConfigMapObject;
use crate::consumers::{ConsumerKind, ReadObject};
use crate::kind::Kind;
use crate::namespace_object::NamespaceObject;
use crate::policy_object::PolicyObject;
use crate::webhook_object::WebhookObject;
use crate::wire::Undecodable;

/// One step of a watch.
///
/// A watch begins, and begins anew whenever it has lost its place, with `Init`, one `Listed` for each object that
/// exists, and `InitDone`. Only then does whatever was not listed count as gone; a listing that breaks off and is
/// followed by another `Init` says nothing about what is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
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

impl<T> Change<T> {
    /// The same step about an object in another form.
    #[must_use]
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Init => Change::Init,
            Self::Listed(object) => Change::Listed(form(object)),
            Self::InitDone => Change::InitDone,
            Self::Applied(object) => Change::Applied(form(object)),
            Self::Deleted { namespace, name } => Change::Deleted { namespace, name },
        }
    }
}

/// What a watch saw, or why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Of ServiceAccounts.
    ServiceAccount(Change<ServiceAccount>),
    /// Of pods.
    Pod(Change<Pod>),
    /// Of namespaces.
    Namespace(Change<NamespaceObject>),
    /// Of Roles, or of ClusterRoles.
    Role(Kind, Change<RbacRole>),
    /// Of RoleBindings, or of ClusterRoleBindings.
    RoleBinding(Kind, Change<RoleBinding>),
    /// Of `MutatingWebhookConfiguration` objects.
    Webhook(Change<WebhookObject>),
    /// Of the webhook's ConfigMap.
    ConfigMap(Change<ConfigMapObject>),
    /// Of a kind of another project whose objects use ServiceAccounts.
    Consumer(&'static ConsumerKind, Change<ReadObject>),
    /// Of `IrsaAudit`s.
    Audit(Change<Box<AuditObject>>),
    /// Of `IrsaAuditPolicy` objects.
    Policy(Change<Box<PolicyObject>>),
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
pub(crate) trait Observed: Sized {
    /// Wraps a step of a watch of `kind`.
    fn observation(kind: Kind, change: Change<Self>) -> Observation;
}

impl Observed for ServiceAccount {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::ServiceAccount(change)
    }
}

impl Observed for Pod {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::Pod(change)
    }
}

impl Observed for NamespaceObject {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::Namespace(change)
    }
}

impl Observed for WebhookObject {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::Webhook(change)
    }
}

impl Observed for ConfigMapObject {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::ConfigMap(change)
    }
}

impl Observed for Box<AuditObject> {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::Audit(change)
    }
}

impl Observed for Box<PolicyObject> {
    fn observation(_: Kind, change: Change<Self>) -> Observation {
        Observation::Policy(change)
    }
}

impl Observed for RbacRole {
    fn observation(kind: Kind, change: Change<Self>) -> Observation {
        Observation::Role(kind, change)
    }
}

impl Observed for RoleBinding {
    fn observation(kind: Kind, change: Change<Self>) -> Observation {
        Observation::RoleBinding(kind, change)
    }
}
