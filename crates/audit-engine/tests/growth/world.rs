//! The objects of a cluster, as its watches show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit_core::model::rbac::{ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text};
use audit_core::model::{
    AuditRequest, BindingKey, Container, KubernetesExpectation, Pod, ServiceAccount, TokenMount, Workload,
};
use audit_k8s::{AuditObject, Kind, Observation, WatchChange, prune};
use serde_json::json;

use super::iam::{Iam, arn};

/// A cluster with an account, and single changes of it.
#[derive(Default)]
pub struct World {
    pub observations: Vec<Observation>,
    pub iam: Iam,
    /// What one thing is called, and what the engine hears of it.
    pub changes: Vec<(&'static str, Change)>,
}

/// What the engine hears.
pub enum Change {
    /// Of a watch.
    Seen(Box<Observation>),
    /// Of AWS: this role was read.
    Read(String),
}

impl World {
    /// A ServiceAccount that is annotated with a role of the home account, or with none.
    pub fn account(&mut self, namespace: &str, name: &str, role: Option<&str>) {
        let role = role.map(arn);
        self.account_of(namespace, name, role.as_deref(), "s");
    }

    /// A ServiceAccount with a UID, annotated with an ARN.
    pub fn account_of(&mut self, namespace: &str, name: &str, role: Option<&str>, uid: &str) {
        let account = account(namespace, name, role, uid);
        self.observations.push(account);
    }

    /// A pod with injected credentials, where it has a role.
    pub fn pod(
        &mut self,
        namespace: &str,
        name: &str,
        service_account: &str,
        workload: &str,
        role: Option<&str>,
    ) {
        let pod = pod(namespace, name, service_account, workload, role);
        self.observations.push(seen(pod));
    }

    /// A Role, or without a namespace a ClusterRole, of one rule.
    pub fn role(&mut self, namespace: &str, name: &str, rule: PolicyRule) {
        self.observations.push(role(namespace, name, rule));
    }

    /// A RoleBinding, or without a namespace a ClusterRoleBinding, to the role of that id.
    pub fn binding(&mut self, namespace: &str, name: &str, role: ObjectId, subject: Subject) {
        self.observations.push(binding(namespace, name, role, subject));
    }

    /// A declared `IrsaAudit` of a ServiceAccount.
    pub fn audit(&mut self, namespace: &str, service_account: &str, request: AuditRequest) {
        let object = audit(namespace, service_account, request);
        self.observations.push(object);
    }
}

pub fn account(namespace: &str, name: &str, role: Option<&str>, uid: &str) -> Observation {
    let annotation = role.map(|role| ("eks.amazonaws.com/role-arn".to_owned(), role.to_owned()));
    Observation::ServiceAccount(WatchChange::Applied(ServiceAccount {
        key: BindingKey::new(namespace, name),
        uid: uid.to_owned(),
        created: None,
        annotations: annotation.into_iter().collect(),
        automount_off: false,
    }))
}

pub fn seen(pod: Pod) -> Observation {
    Observation::Pod(WatchChange::Applied(pod))
}

pub fn pod(namespace: &str, name: &str, service_account: &str, workload: &str, role: Option<&str>) -> Pod {
    let value = json!({
        "metadata": {"namespace": namespace, "name": name, "uid": name},
        "spec": {"serviceAccountName": service_account, "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let mut pod = prune::pod(value, "eks.amazonaws.com").unwrap();
    pod.workload = Arc::new(Workload {
        kind: "Deployment".into(),
        name: workload.into(),
    });
    if let Some(role) = role {
        pod.containers = vec![injected(&arn(role), "sts.amazonaws.com")].into();
    }
    pod
}

/// A container as the webhook leaves it.
pub fn injected(role_arn: &str, audience: &str) -> Container {
    let folder = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
    Container {
        name: "app".to_owned(),
        role_arn: Some(role_arn.to_owned()),
        token_file: Some(format!("{folder}/token")),
        tokens: vec![TokenMount {
            path: folder.to_owned(),
            audience: Some(audience.to_owned()),
            file: "token".to_owned(),
            by_webhook: true,
            sub_path: false,
        }],
        ..Container::default()
    }
}

pub fn role(namespace: &str, name: &str, rule: PolicyRule) -> Observation {
    let kind = if namespace.is_empty() {
        Kind::ClusterRole
    } else {
        Kind::Role
    };
    let object = RbacRole {
        id: ObjectId::new(namespace, name),
        rules: [rule].into(),
        labels: BTreeMap::new(),
        aggregates: [].into(),
        has_more: false,
    };
    Observation::Role(kind, WatchChange::Applied(object))
}

pub fn binding(namespace: &str, name: &str, role: ObjectId, subject: Subject) -> Observation {
    let kind = if namespace.is_empty() {
        Kind::ClusterRoleBinding
    } else {
        Kind::RoleBinding
    };
    let binding = RoleBinding {
        id: ObjectId::new(namespace, name),
        role,
        subjects: [subject].into(),
        has_more: false,
    };
    Observation::RoleBinding(kind, WatchChange::Applied(binding))
}

pub fn audit(namespace: &str, service_account: &str, request: AuditRequest) -> Observation {
    let value = json!({
        "metadata": {"namespace": namespace, "name": service_account, "uid": service_account, "generation": 1, "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"serviceAccountName": service_account},
    });
    let mut object: Box<AuditObject> = prune::audit(value).unwrap();
    object.request = Arc::new(AuditRequest {
        name: object.request.name.clone(),
        created: object.request.created,
        service_account: service_account.to_owned(),
        declared: true,
        ..request
    });
    Observation::Audit(WatchChange::Applied(object))
}

/// A rule of RBAC.
pub fn rule(verbs: &[&str], resources: &[&str], names: &[&str]) -> PolicyRule {
    let texts = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect();
    PolicyRule {
        verbs: texts(verbs),
        api_groups: texts(&[""]),
        resources: texts(resources),
        resource_names: texts(names),
    }
}

/// One verb on one resource of a namespace is expected.
pub fn expects(verb: &str, resource: &str, namespace: &str) -> AuditRequest {
    AuditRequest {
        kubernetes: vec![KubernetesExpectation {
            verbs: vec![verb.to_owned()],
            api_group: String::new(),
            resource: resource.to_owned(),
            subresource: None,
            resource_names: Vec::new(),
            namespace: Some(namespace.to_owned()),
        }],
        ..AuditRequest::default()
    }
}

pub fn service_account(namespace: &str, name: &str) -> Subject {
    Subject::ServiceAccount(ObjectId::new(namespace, name))
}

pub fn user(name: String) -> Subject {
    Subject::User(Arc::from(name))
}
