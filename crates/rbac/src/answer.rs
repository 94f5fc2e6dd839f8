//! What expectations come to, and what to ask the API server about them.

use std::collections::{BTreeMap, HashSet};

use crate::evaluate::HeldBindings;
use crate::identity::Identity;
use crate::nearest::{NearestGrant, nearest};
use crate::objects::{ObjectId, RoleBinding};
use crate::request::{AccessRequest, KubernetesExpectation, requests};
use crate::review::{self, Evaluated, ReviewQuestion, Reviewed, Ruling};
use crate::store::{Rbac, RbacKind};

/// The most requests of one expectation for which the cause is looked for: they differ in verb and name only.
const MOST_EXPLAINED: usize = 32;

/// What requests came to; of several, the heaviest counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PermissionDecision {
    /// All requests are allowed.
    Allowed,
    /// The API server says of some the opposite of what the roles say.
    Disputed,
    /// Nothing that was seen allows some, and not everything was seen.
    Unseen(Unseen),
    /// Some are denied.
    Denied,
}

/// A request on which the roles and the API server disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute<'a> {
    /// The request.
    pub request: AccessRequest<'a>,
    /// The binding by which the roles allow it, if they do.
    pub grant: Option<&'a RoleBinding>,
    /// What the API server says.
    pub ruling: Ruling,
}

/// What an expectation came to.
#[derive(Debug, Clone)]
pub struct PermissionAnswer<'a> {
    /// What was expected.
    pub expectation: &'a KubernetesExpectation,
    /// Whether it is met.
    pub decision: PermissionDecision,
    /// Each request of the expectation with what roles and bindings say of it, before any review.
    pub evaluated: Vec<(AccessRequest<'a>, Evaluated)>,
    /// The requests that are proven to be denied.
    pub denied: Vec<AccessRequest<'a>>,
    /// Those on which the API server disagrees; they are not among the denied ones.
    pub disputed: Vec<Dispute<'a>>,
    /// Of the denied ones, the grant that misses least; where denial is proven.
    pub nearest: Option<NearestGrant<'a>>,
}

/// What has not been seen, so that the absence of a grant proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// Some objects of these kinds: they have not been listed.
    Unlisted(Vec<RbacKind>),
    /// Whatever the files do not hold, which are not the whole cluster.
    BeyondFiles,
    /// All objects of these kinds: the files hold none, and every cluster has some.
    NotInFiles(Vec<RbacKind>),
    /// The rules of a ClusterRole that every cluster has and no file holds.
    BuiltIn {
        /// The ClusterRole.
        role: ObjectId,
        /// A binding in force that refers to it.
        binding: ObjectId,
    },
    /// The rules of a role beyond those that are kept, or all of them where roles before it have as many as are weighed.
    LongRole {
        /// The role.
        role: ObjectId,
        /// A binding in force that refers to it.
        binding: ObjectId,
    },
    /// The subjects of this binding beyond those that are kept.
    LongBinding(ObjectId),
}

/// Where roles and bindings come from, and with that, what it means that one is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// A cluster that is watched: all is there of a kind that has been listed.
    Watched,
    /// Files that hold a cluster, except for the ClusterRoles that every API server makes for itself. A kind of which they hold
    /// no object at all was not put into them: every API server makes objects of all four for itself.
    ClusterFiles,
    /// Files that hold a part of a cluster, such as a chart.
    PartialFiles,
}

/// What has been seen of a cluster's RBAC.
#[derive(Debug, Clone, Copy)]
pub struct RbacSight<'a> {
    /// The roles and bindings.
    pub rbac: &'a Rbac,
    /// Where they come from.
    pub extent: Extent,
}

impl<'a> RbacSight<'a> {
    /// Why the absence of a grant proves nothing; `None` where it proves that there is none.
    #[must_use]
    pub fn missing(self) -> Option<Unseen> {
        match self.extent {
            Extent::PartialFiles => Some(Unseen::BeyondFiles),
            Extent::ClusterFiles => None,
            Extent::Watched => {
                let kinds: Vec<RbacKind> = self.rbac.unlisted().collect();
                (!kinds.is_empty()).then_some(Unseen::Unlisted(kinds))
            }
        }
    }

    /// A binding in force to a ClusterRole that every cluster has, and that no file holds: nothing is known of its rules.
    fn of_built_in(self, held: &HeldBindings<'a>, namespace: Option<&str>) -> Option<&'a RoleBinding> {
        if self.extent == Extent::Watched {
            return None;
        }
        let in_force = held.in_force(namespace);
        let mut bindings = in_force.bindings.iter().map(|(binding, _)| *binding);
        bindings.find(|binding| is_built_in(&binding.role) && self.rbac.role(&binding.role).is_none())
    }

    /// What may hold a grant of a request in a namespace, and is too large to be kept whole.
    fn beyond_limit(self, held: &HeldBindings<'a>, namespace: Option<&str>) -> Option<Unseen> {
        let in_force = held.in_force(namespace);
        let mut bindings = in_force.bindings.iter().map(|(binding, _)| *binding);
        let cut = bindings.find(|binding| self.rbac.is_cut(&binding.role));
        if let Some(binding) = cut.or(in_force.beyond) {
            return Some(Unseen::LongRole {
                role: binding.role.clone(),
                binding: binding.id.clone(),
            });
        }
        let mut scopes = [Some(""), namespace].into_iter().flatten();
        let binding = scopes.find_map(|scope| self.rbac.cut_bindings(scope).next())?;
        Some(Unseen::LongBinding(binding.id.clone()))
    }

    /// The kinds of which files hold nothing, and that may hold a grant of a request in a namespace: bindings that reach there, and
    /// the roles to which bindings in force refer.
    fn not_in_files(self, held: &HeldBindings<'a>, namespace: Option<&str>) -> Vec<RbacKind> {
        if self.extent != Extent::ClusterFiles {
            return Vec::new();
        }
        let is_namespaced = namespace.is_some_and(|namespace| !namespace.is_empty());
        let refers_to = |is_cluster_wide: bool| {
            let in_force = held.in_force(namespace);
            let mut roles = in_force.bindings.iter().map(|(binding, _)| &binding.role);
            roles.any(|role| role.is_cluster_wide() == is_cluster_wide)
        };
        let matters = |kind: &RbacKind| match kind {
            RbacKind::ClusterRoleBinding => true,
            RbacKind::RoleBinding => is_namespaced,
            RbacKind::ClusterRole => refers_to(true),
            RbacKind::Role => refers_to(false),
        };
        let absent = RbacKind::ALL.into_iter().filter(|kind| !self.rbac.has_any(*kind));
        absent.filter(matters).collect()
    }

    /// What it means that nothing which a caller holds allows a request in a namespace.
    #[must_use]
    pub fn without_grant(self, held: &HeldBindings<'a>, namespace: Option<&str>) -> PermissionDecision {
        let not_in_files = self.not_in_files(held, namespace);
        if let Some(missing) = self.missing() {
            PermissionDecision::Unseen(missing)
        } else if !not_in_files.is_empty() {
            PermissionDecision::Unseen(Unseen::NotInFiles(not_in_files))
        } else if let Some(binding) = self.of_built_in(held, namespace) {
            PermissionDecision::Unseen(Unseen::BuiltIn {
                role: binding.role.clone(),
                binding: binding.id.clone(),
            })
        } else if let Some(unseen) = self.beyond_limit(held, namespace) {
            PermissionDecision::Unseen(unseen)
        } else {
            PermissionDecision::Denied
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

/// What the expectations of a ServiceAccount come to, with what the API server itself says of them. `exists` tells whether there
/// is a ServiceAccount of that namespace and name.
#[must_use]
pub fn answers<'a>(
    sight: RbacSight<'a>,
    identity: &Identity,
    expectations: &'a [KubernetesExpectation],
    reviews: &[Reviewed],
    exists: &dyn Fn(&ObjectId) -> bool,
) -> Vec<PermissionAnswer<'a>> {
    let held = HeldBindings::by(sight.rbac, identity);
    let of = |expectation: &'a KubernetesExpectation| {
        let mut answer = PermissionAnswer {
            expectation,
            decision: PermissionDecision::Allowed,
            evaluated: Vec::new(),
            denied: Vec::new(),
            disputed: Vec::new(),
            nearest: None,
        };
        // Expectations differ in scope only where they are about single Namespaces.
        let mut unseen: BTreeMap<Option<&str>, PermissionDecision> = BTreeMap::new();
        for request in requests(expectation) {
            let grant = held.grant(&request);
            let decision = match grant {
                Some(_) => PermissionDecision::Allowed,
                None => unseen
                    .entry(request.namespace)
                    .or_insert_with(|| sight.without_grant(&held, request.namespace))
                    .clone(),
            };
            let evaluated = evaluated(&decision);
            answer.evaluated.push((request, evaluated));
            let decision = match review::ruling(reviews, &request, evaluated) {
                Some(ruling) if evaluated.is_contradicted_by(ruling) => {
                    answer.disputed.push(Dispute {
                        request,
                        grant,
                        ruling,
                    });
                    PermissionDecision::Disputed
                }
                Some(Ruling::Allowed) => PermissionDecision::Allowed,
                _ => decision,
            };
            if decision == PermissionDecision::Denied {
                answer.denied.push(request);
            }
            answer.decision = answer.decision.max(decision);
        }
        if answer.decision == PermissionDecision::Denied {
            answer.nearest = answer
                .denied
                .iter()
                .take(MOST_EXPLAINED)
                .map(|request| nearest(&held, identity, request, exists))
                .min_by_key(|nearest| nearest.cause);
        }
        answer
    };
    expectations.iter().map(of).collect()
}

/// What a decision says of its request, for the API server to confirm or to contradict.
fn evaluated(decision: &PermissionDecision) -> Evaluated {
    match decision {
        PermissionDecision::Allowed => Evaluated::Granted,
        PermissionDecision::Denied => Evaluated::Denied,
        PermissionDecision::Unseen(_) | PermissionDecision::Disputed => Evaluated::Unseen,
    }
}

/// What to ask the API server of all that is expected of a ServiceAccount, each request once; of more than `most` those that are
/// evaluated as denied, which make a verdict *broken*, before all others.
#[must_use]
pub fn questions(answers: &[PermissionAnswer<'_>], most: usize) -> Vec<ReviewQuestion> {
    let mut seen = HashSet::new();
    let evaluated = answers.iter().flat_map(|answer| &answer.evaluated).copied();
    let mut distinct: Vec<(AccessRequest<'_>, Evaluated)> =
        evaluated.filter(|(request, _)| seen.insert(*request)).collect();
    distinct.sort_by_key(|(_, evaluated)| *evaluated);
    distinct.truncate(most);
    let question = |(request, evaluated): (AccessRequest<'_>, Evaluated)| ReviewQuestion {
        request: request.into(),
        evaluated,
    };
    distinct.into_iter().map(question).collect()
}
