//! Roles and bindings in few words: what tests are made of.

use std::collections::BTreeMap;

use rbac::{ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text};

fn words(list: &str) -> Box<[Text]> {
    list.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| Text::from(if word == "core" { "" } else { word }))
        .collect()
}

/// `verbs groups resources [names]`, each a list with commas; the core group is `core`.
pub fn rule(text: &str) -> PolicyRule {
    let mut parts = text.split(' ');
    let mut next = || words(parts.next().unwrap_or_default());
    PolicyRule {
        verbs: next(),
        api_groups: next(),
        resources: next(),
        resource_names: next(),
    }
}

pub fn role(namespace: &str, name: &str, rules: &[&str]) -> RbacRole {
    RbacRole {
        id: ObjectId::new(namespace, name),
        rules: rules.iter().map(|text| rule(text)).collect(),
        labels: BTreeMap::new(),
        aggregates: Box::default(),
        has_more: false,
    }
}

/// A binding to a role; of the same namespace, or with `/` before its name to a ClusterRole.
pub fn binding(namespace: &str, name: &str, role: &str, subjects: &[Subject]) -> RoleBinding {
    let role = match role.strip_prefix('/') {
        Some(cluster_role) => ObjectId::new("", cluster_role),
        None => ObjectId::new(namespace, role),
    };
    RoleBinding {
        id: ObjectId::new(namespace, name),
        role,
        subjects: subjects.into(),
        has_more: false,
    }
}

pub fn account(namespace: &str, name: &str) -> Subject {
    Subject::ServiceAccount(ObjectId::new(namespace, name))
}
