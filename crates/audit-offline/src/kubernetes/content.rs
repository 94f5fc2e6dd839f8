//! What is in an object, by kind. Nothing of it depends on other objects.

use std::sync::Arc;

use audit_api::DEFAULT_POLICY_NAME;
use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::webhook::CONFIG_MAP;
use audit_core::model::{
    AuditRequest, BindingKey, EnvSource, Held, Pod, Registration, ServiceAccount, Workload,
};
use audit_k8s::consumers::{self, ConsumerKind, ReadObject};
use audit_k8s::{ConfigMapObject, NamespaceObject, Undecodable, prune};

use super::manifest::Manifest;
use super::variables::Keys;
use super::{owner, template, webhook};
use crate::Options;

/// What is in an object.
#[derive(Debug)]
pub(super) enum Content {
    Namespace(NamespaceObject),
    ServiceAccount(ServiceAccount),
    /// A pod of a cluster.
    Pod(Box<Pod>),
    /// A pod's manifest, as the pod that it stands for.
    Template(Pod),
    Secret(Keys),
    ConfigMap(Keys),
    /// The ConfigMap of the pod identity webhook.
    WebhookConfigMap(Keys, Result<ConfigMapObject, Undecodable>),
    /// A `MutatingWebhookConfiguration`: where it leads pods to the pod identity webhook.
    Webhook(Vec<Registration>),
    Role(RbacRole),
    RoleBinding(RoleBinding),
    Request(Arc<AuditRequest>),
    /// The `default` policy.
    Policy(Box<audit_api::IrsaAuditPolicySpec>),
    /// An object that uses ServiceAccounts. One that has a whole pod template is a workload as well.
    Consumer {
        /// The kind, with its group.
        kind: String,
        read: Option<ReadObject>,
        workload: Option<Box<Templated>>,
    },
    Workload(Box<Templated>),
    /// Nothing that an audit reads.
    Nothing,
}

impl Content {
    /// The ServiceAccount that it is, or as which it runs.
    pub(super) fn service_account(&self) -> Option<BindingKey> {
        match self {
            Self::ServiceAccount(account) => Some(account.key.clone()),
            Self::Pod(pod) => Some(pod.binding_key()),
            Self::Template(pod) => Some(pod.binding_key()),
            Self::Workload(templated)
            | Self::Consumer {
                workload: Some(templated),
                ..
            } => Some(templated.pod.as_ref()?.as_ref().ok()?.binding_key()),
            _ => None,
        }
    }
}

/// An object with a pod template.
#[derive(Debug)]
pub(super) struct Templated {
    /// The audience that it gives the pod identity webhook, if it is its workload.
    pub(super) webhook_audience: Option<String>,
    /// What keeps it from replacing its pods.
    pub(super) held: Option<Held>,
    /// What controls it.
    pub(super) controller: Option<Workload>,
    /// How many pods its status counts.
    pub(super) pods: u64,
    /// Its template as the pod that it stands for; absent where no pods will come of it.
    pub(super) pod: Option<Result<Pod, Undecodable>>,
}

/// Reads what is in an object, and whether its kind is in namespaces. An object of such a kind gets its namespace.
pub(super) fn of(object: &mut Manifest, options: &Options) -> (Result<Content, Undecodable>, bool) {
    let prefix = options.annotation_prefix.as_str();
    let namespace = options.namespace.as_str();
    let settled = |object: &mut Manifest| object.settle(namespace);
    let content = match (object.group.as_str(), object.kind.as_str()) {
        ("", "Namespace") => {
            return (
                prune::namespace(object.value.take()).map(Content::Namespace),
                false,
            );
        }
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            let webhook = prune::webhook(object.value.take());
            return (
                webhook.map(|webhook| Content::Webhook(webhook.registrations)),
                false,
            );
        }
        ("rbac.authorization.k8s.io", "ClusterRole") => {
            return (prune::cluster_role(object.value.take()).map(Content::Role), false);
        }
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            let binding = prune::cluster_role_binding(object.value.take());
            return (binding.map(Content::RoleBinding), false);
        }
        ("irsa-audit.dev", "IrsaAuditPolicy") if object.name == DEFAULT_POLICY_NAME => {
            let policy = prune::policy(object.value.take());
            return (policy.map(|policy| Content::Policy(Box::new(policy.spec))), false);
        }
        ("", "ServiceAccount") => {
            settled(object);
            prune::service_account(object.value.take(), prefix).map(Content::ServiceAccount)
        }
        ("", "Pod") => {
            settled(object);
            let is_live = template::is_live(object);
            let workload = owner::workload(object);
            prune::pod(object.value.take(), prefix).map(|pod| {
                if is_live {
                    Content::Pod(Box::new(pod))
                } else {
                    Content::Template(template::standing_for(pod, workload))
                }
            })
        }
        ("", "Secret") => {
            settled(object);
            Ok(Content::Secret(Keys::of(EnvSource::Secret, &object.value)))
        }
        ("", "ConfigMap") => {
            settled(object);
            let keys = Keys::of(EnvSource::ConfigMap, &object.value);
            let is_webhooks = object.name == CONFIG_MAP && object.namespace == options.webhook_namespace;
            Ok(if is_webhooks {
                Content::WebhookConfigMap(keys, prune::config_map(object.value.take()))
            } else {
                Content::ConfigMap(keys)
            })
        }
        ("rbac.authorization.k8s.io", "Role") => {
            settled(object);
            prune::role(object.value.take()).map(Content::Role)
        }
        ("rbac.authorization.k8s.io", "RoleBinding") => {
            settled(object);
            prune::role_binding(object.value.take()).map(Content::RoleBinding)
        }
        ("rbac.authorization.k8s.io", _) => return (Ok(Content::Nothing), false),
        ("irsa-audit.dev", "IrsaAudit") => {
            settled(object);
            prune::audit(object.value.take()).map(|audit| Content::Request(audit.request))
        }
        (group, kind) => {
            if let Some(kind) = consumers::kind(group, kind) {
                return (Ok(consumer(kind, object, options)), kind.namespaced);
            }
            let workload = templated(object, options);
            let is_given = workload.is_some();
            let content = workload.map_or(Content::Nothing, Content::Workload);
            return (Ok(content), is_given);
        }
    };
    (content, true)
}

fn consumer(kind: &ConsumerKind, object: &mut Manifest, options: &Options) -> Content {
    if kind.namespaced {
        object.settle(&options.namespace);
    }
    Content::Consumer {
        kind: format!("{}.{}", kind.kind, kind.group),
        read: consumers::read(kind, &object.value),
        workload: kind.namespaced.then(|| templated(object, options)).flatten(),
    }
}

/// An object with its pod template, if it has one.
fn templated(object: &mut Manifest, options: &Options) -> Option<Box<Templated>> {
    let template = template::of(object)?.clone();
    object.settle(&options.namespace);
    let pod = || template::pod(object, &template, &object.namespace, &options.annotation_prefix);
    Some(Box::new(Templated {
        webhook_audience: webhook::audience(&object.name, &template),
        held: template::held(object),
        pods: template::counted(object),
        controller: owner::controller(&object.value),
        pod: (!template::is_spent(object)).then(pod),
    }))
}
