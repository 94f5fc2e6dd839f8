//! The least role and binding that allow something.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::Identity;
use crate::objects::{ObjectId, PolicyRule, RbacRole, RoleBinding, Subject, Text};
use crate::request::AccessRequest;
use crate::store::Rbac;

/// What the names of proposed roles and bindings end in, or have before a number.
pub const ENDING: &str = "-expected";

/// A role, and the binding that gives it to one ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastGrant {
    /// The role.
    pub role: RbacRole,
    /// The binding, of the same name.
    pub binding: RoleBinding,
}

/// The least roles and bindings, one of each for every scope, that allow a ServiceAccount exactly these requests. Their
/// names are not in use.
///
/// They are evaluated by themselves before they are returned, which proves them: what RBAC adds, nothing takes away.
/// `None` if a request is still denied, which no request is known to be.
#[must_use]
pub fn grants(rbac: &Rbac, identity: &Identity, requests: &[AccessRequest<'_>]) -> Option<Vec<LeastGrant>> {
    let mut scopes: BTreeMap<&str, Vec<&AccessRequest<'_>>> = BTreeMap::new();
    for request in requests {
        scopes
            .entry(request.namespace.unwrap_or_default())
            .or_default()
            .push(request);
    }
    let grants: Vec<LeastGrant> = scopes
        .iter()
        .map(|(namespace, requests)| grant(rbac, identity.account(), namespace, requests))
        .collect();
    let mut alone = Rbac::default();
    for grant in &grants {
        alone.put_role(grant.role.clone());
        alone.put_binding(&grant.binding);
    }
    requests
        .iter()
        .all(|request| alone.grant(identity, request).is_some())
        .then_some(grants)
}

fn grant(rbac: &Rbac, account: &ObjectId, namespace: &str, requests: &[&AccessRequest<'_>]) -> LeastGrant {
    let id = unused_name(rbac, account, namespace);
    LeastGrant {
        role: RbacRole {
            id: id.clone(),
            rules: rules(requests).into(),
            labels: BTreeMap::new(),
            aggregates: Box::default(),
            has_more: false,
        },
        binding: RoleBinding {
            id: id.clone(),
            role: id,
            subjects: [Subject::ServiceAccount(account.clone())].into(),
            has_more: false,
        },
    }
}

/// `<ServiceAccount>-expected`, with the namespace before it outside of that, and a number where that is taken.
fn unused_name(rbac: &Rbac, account: &ObjectId, namespace: &str) -> ObjectId {
    let mut name = if *namespace == *account.namespace {
        format!("{}{ENDING}", account.name)
    } else {
        format!("{}-{}{ENDING}", account.namespace, account.name)
    };
    let is_used = |name: &str| {
        let id = ObjectId::new(namespace, name);
        rbac.role(&id).is_some() || rbac.binding(&id).is_some()
    };
    let stem = name.clone();
    for number in 2_u32.. {
        if !is_used(&name) {
            break;
        }
        name = format!("{stem}-{number}");
    }
    ObjectId::new(namespace, name)
}

/// Words, sorted, each once.
type Words<'a> = BTreeSet<&'a str>;

/// The fewest rules that allow requests and nothing else: resources with the same verbs and names share one.
fn rules(requests: &[&AccessRequest<'_>]) -> Vec<PolicyRule> {
    let mut names: BTreeMap<(&str, String, &str), Words<'_>> = BTreeMap::new();
    for request in requests {
        names
            .entry((request.api_group, request.path(), request.verb))
            .or_default()
            .insert(request.name);
    }
    let mut verbs: BTreeMap<(&str, String, Words<'_>), Words<'_>> = BTreeMap::new();
    for ((group, path, verb), mut names) in names {
        // A request without a name needs a rule without any, which allows it for all of them.
        if names.contains("") {
            names.clear();
        }
        verbs.entry((group, path, names)).or_default().insert(verb);
    }
    let mut resources: BTreeMap<(&str, Words<'_>, Words<'_>), BTreeSet<String>> = BTreeMap::new();
    for ((group, path, names), verbs) in verbs {
        resources.entry((group, names, verbs)).or_default().insert(path);
    }
    let list = |words: Words<'_>| words.into_iter().map(Text::from).collect();
    resources
        .into_iter()
        .map(|((group, names, verbs), paths)| PolicyRule {
            verbs: list(verbs),
            api_groups: [Text::from(group)].into(),
            resources: paths.into_iter().map(Text::from).collect(),
            resource_names: list(names),
        })
        .collect()
}

/// The least of the ClusterRoles that every cluster has for people, if one allows all requests.
#[must_use]
pub fn built_in(rbac: &Rbac, requests: &[AccessRequest<'_>]) -> Option<&'static str> {
    ["view", "edit", "admin"].into_iter().find(|name| {
        let role = ObjectId::new("", *name);
        !requests.is_empty() && requests.iter().all(|request| rbac.role_allows(&role, request))
    })
}
