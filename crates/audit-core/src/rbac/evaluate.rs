//! Who is allowed what, and by which binding.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::identity::Identity;
use super::nearest::{Nearest, nearest};
use super::request::{Request, requests};
use super::review::{self, Evaluated, Ruling};
use super::store::Rbac;
use crate::model::rbac::{ObjectId, RoleBinding, Rule, Subject, Text};
use crate::model::{BindingKey, KubernetesExpectation};
use crate::snapshot::{Origin, Snapshot};

/// The most requests of one expectation for which the cause is looked for: they differ in verb and name only.
const MOST_EXPLAINED: usize = 32;

/// Whether a rule allows a request.
#[must_use]
pub fn allows(rule: &Rule, request: &Request<'_>) -> bool {
    has_verb(rule, request.verb)
        && has_group(rule, request.api_group)
        && rule.resources.iter().any(|resource| covers(resource, request))
        && has_name(rule, request.name)
}

pub(super) fn has_verb(rule: &Rule, verb: &str) -> bool {
    has_or_all(&rule.verbs, verb)
}

pub(super) fn has_group(rule: &Rule, group: &str) -> bool {
    has_or_all(&rule.api_groups, group)
}

pub(super) fn has_name(rule: &Rule, name: &str) -> bool {
    rule.resource_names.is_empty() || rule.resource_names.iter().any(|own| **own == *name)
}

fn has_or_all(words: &[Text], word: &str) -> bool {
    words.iter().any(|own| **own == *word || **own == *"*")
}

/// Whether the resource of a rule covers that of a request.
pub(super) fn covers(resource: &str, request: &Request<'_>) -> bool {
    if resource == "*" {
        return true;
    }
    if request.subresource.is_empty() {
        return resource == request.resource;
    }
    // As in `pods/log` and `*/scale`; a resource with two slashes would be compared whole, and so it is here.
    resource
        .strip_suffix(request.subresource)
        .and_then(|rest| rest.strip_suffix('/'))
        .is_some_and(|base| base == request.resource || base == "*")
}

/// The bindings that mean one caller, looked up once.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    rbac: &'a Rbac,
    /// By subject, from the ServiceAccount itself to everybody.
    lists: Vec<(&'a [Arc<RoleBinding>], bool)>,
}

impl<'a> Held<'a> {
    /// What a caller holds.
    #[must_use]
    pub fn by(rbac: &'a Rbac, identity: &Identity) -> Self {
        let subjects = identity.subjects().iter();
        let lists = subjects.map(|subject| (rbac.bindings_of(subject), identity.is_singled_out_by(subject)));
        Self {
            rbac,
            lists: lists.collect(),
        }
    }

    /// The roles and bindings.
    #[must_use]
    pub fn rbac(&self) -> &'a Rbac {
        self.rbac
    }

    /// All bindings by which the caller is singled out, wherever they are in force.
    pub fn own(&self) -> impl Iterator<Item = &'a RoleBinding> {
        let own = self.lists.iter().filter(|(_, singled_out)| *singled_out);
        own.flat_map(|(bindings, _)| bindings.iter()).map(AsRef::as_ref)
    }

    /// The bindings that are in force for requests in a namespace, or with `None` for those in none; and whether each
    /// singles the caller out.
    pub fn in_force<'n>(
        &self,
        namespace: Option<&'n str>,
    ) -> impl Iterator<Item = (&'a RoleBinding, bool)> + use<'_, 'a, 'n> {
        let scopes = [Some(""), namespace.filter(|namespace| !namespace.is_empty())];
        scopes.into_iter().flatten().flat_map(move |scope| {
            let of_scope = move |(bindings, singled_out): &(&'a [Arc<RoleBinding>], bool)| {
                let singled_out = *singled_out;
                of_scope(bindings, scope)
                    .iter()
                    .map(move |binding| (&**binding, singled_out))
            };
            self.lists.iter().flat_map(of_scope)
        })
    }

    /// The binding by which a request is allowed.
    #[must_use]
    pub fn grant(&self, request: &Request<'_>) -> Option<&'a RoleBinding> {
        let mut bindings = self.in_force(request.namespace).map(|(binding, _)| binding);
        bindings.find(|binding| self.rbac.role_allows(&binding.role, request))
    }
}

/// Of sorted bindings, those of one namespace; with an empty one, those of the whole cluster.
fn of_scope<'a>(bindings: &'a [Arc<RoleBinding>], namespace: &str) -> &'a [Arc<RoleBinding>] {
    let start = bindings.partition_point(|binding| &*binding.id.namespace < namespace);
    let end = bindings.partition_point(|binding| &*binding.id.namespace <= namespace);
    bindings.get(start..end).unwrap_or_default()
}

impl Rbac {
    /// The bindings of a subject in one namespace; with an empty one, of the whole cluster.
    #[must_use]
    pub fn bindings_in(&self, subject: &Subject, namespace: &str) -> &[Arc<RoleBinding>] {
        of_scope(self.bindings_of(subject), namespace)
    }

    /// The binding by which a caller is allowed a request.
    #[must_use]
    pub fn grant(&self, identity: &Identity, request: &Request<'_>) -> Option<&RoleBinding> {
        Held::by(self, identity).grant(request)
    }

    /// Whether the rules of a role, if it is there, allow a request.
    #[must_use]
    pub fn role_allows(&self, role: &ObjectId, request: &Request<'_>) -> bool {
        match self.role(role) {
            None => false,
            Some(role) if role.aggregates.is_empty() => role.rules.iter().any(|rule| allows(rule, request)),
            Some(role) => self
                .rules_of(&role.id)
                .into_iter()
                .any(|rule| allows(rule, request)),
        }
    }
}

/// What requests came to; of several, the heaviest counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// All requests are allowed.
    Allowed,
    /// The API server says of some the opposite of what the roles say.
    Disputed,
    /// Nothing that was seen allows some, and not everything was seen: what is missing, for a person.
    Unseen(String),
    /// Some are denied.
    Denied,
}

/// A request on which the roles and the API server disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute<'a> {
    /// The request.
    pub request: Request<'a>,
    /// The binding by which the roles allow it, if they do.
    pub grant: Option<&'a RoleBinding>,
    /// What the API server says.
    pub ruling: Ruling,
}

/// What an expectation came to.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// What was expected.
    pub expectation: &'a KubernetesExpectation,
    /// Whether it is met.
    pub decision: Decision,
    /// The requests that are proven to be denied.
    pub denied: Vec<Request<'a>>,
    /// Those on which the API server disagrees; they are not among the denied ones.
    pub disputed: Vec<Dispute<'a>>,
    /// Of the denied ones, the grant that misses least; where denial is proven.
    pub nearest: Option<Nearest<'a>>,
}

/// What has been seen of a cluster's RBAC.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    snapshot: &'a Snapshot,
}

impl<'a> Sight<'a> {
    /// What a snapshot has of it.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot }
    }

    /// The roles and bindings.
    #[must_use]
    pub fn rbac(self) -> &'a Rbac {
        self.snapshot.cluster.rbac()
    }

    /// Why the absence of a grant proves nothing; `None` where it proves that there is none.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        match self.snapshot.origin {
            Origin::Files => self.snapshot.cluster.is_partial().then(|| {
                "the files are not the whole cluster, and roles and bindings may be missing".to_owned()
            }),
            Origin::Live => {
                let kinds: Vec<&str> = self.rbac().unlisted().map(super::Kind::resource).collect();
                (!kinds.is_empty())
                    .then(|| format!("the operator has not been able to list {}", kinds.join(", ")))
            }
        }
    }

    /// A binding in force to a ClusterRole that every cluster has, and that no file holds: nothing is known of its rules.
    fn of_built_in(self, held: &Held<'a>, namespace: Option<&str>) -> Option<&'a RoleBinding> {
        if self.snapshot.origin == Origin::Live {
            return None;
        }
        let mut bindings = held.in_force(namespace).map(|(binding, _)| binding);
        bindings.find(|binding| is_built_in(&binding.role) && self.rbac().role(&binding.role).is_none())
    }

    /// What it means that nothing which a caller holds allows a request in a namespace.
    #[must_use]
    pub fn without_grant(self, held: &Held<'a>, namespace: Option<&str>) -> Decision {
        if let Some(missing) = self.missing() {
            Decision::Unseen(missing)
        } else if let Some(binding) = self.of_built_in(held, namespace) {
            Decision::Unseen(format!(
                "no file holds ClusterRole `{}`, to which {} `{}` refers",
                crate::text::quote(&binding.role.name),
                binding.kind(),
                crate::text::quote(&binding.id.to_string())
            ))
        } else {
            Decision::Denied
        }
    }
}

/// Whether a ClusterRole is one of those that every API server makes for itself, or EKS.
fn is_built_in(role: &ObjectId) -> bool {
    let name = &*role.name;
    role.is_cluster_wide()
        && (matches!(name, "cluster-admin" | "admin" | "edit" | "view")
            || name.starts_with("system:")
            || name.starts_with("eks:"))
}

/// What the expectations of a ServiceAccount come to.
#[must_use]
pub fn answers<'a>(
    snapshot: &'a Snapshot,
    key: &BindingKey,
    expectations: &'a [KubernetesExpectation],
) -> Vec<Answer<'a>> {
    if expectations.is_empty() {
        return Vec::new();
    }
    let identity = Identity::of(key);
    let sight = Sight::of(snapshot);
    let held = Held::by(sight.rbac(), &identity);
    let reviews = snapshot.reviews.of(key);
    let of = |expectation: &'a KubernetesExpectation| {
        let mut answer = Answer {
            expectation,
            decision: Decision::Allowed,
            denied: Vec::new(),
            disputed: Vec::new(),
            nearest: None,
        };
        // Expectations differ in scope only where they are about single Namespaces.
        let mut unseen: BTreeMap<Option<&str>, Decision> = BTreeMap::new();
        for request in requests(expectation) {
            let grant = held.grant(&request);
            let decision = match grant {
                Some(_) => Decision::Allowed,
                None => unseen
                    .entry(request.namespace)
                    .or_insert_with(|| sight.without_grant(&held, request.namespace))
                    .clone(),
            };
            let evaluated = Evaluated::of(&decision);
            let decision = match review::ruling(reviews, &request, evaluated) {
                Some(ruling) if evaluated.is_contradicted_by(ruling) => {
                    answer.disputed.push(Dispute {
                        request,
                        grant,
                        ruling,
                    });
                    Decision::Disputed
                }
                Some(Ruling::Allowed) => Decision::Allowed,
                _ => decision,
            };
            if decision == Decision::Denied {
                answer.denied.push(request);
            }
            answer.decision = answer.decision.max(decision);
        }
        if answer.decision == Decision::Denied {
            let exists = |key: &BindingKey| {
                let binding = snapshot.cluster.binding(key);
                binding.is_some_and(|binding| binding.service_account().is_some())
            };
            answer.nearest = answer
                .denied
                .iter()
                .take(MOST_EXPLAINED)
                .map(|request| nearest(&held, &identity, key, request, &exists))
                .min_by_key(|nearest| nearest.cause);
        }
        answer
    };
    expectations.iter().map(of).collect()
}
