//! Why something is denied: of all grants, the one that misses least.
//!
//! Every denied request has exactly one cause, the first of these that there is evidence for:
//!
//! 1. [`DenialCause::Scope`]: nothing less than the whole cluster was asked for, and a RoleBinding grants it in one namespace;
//! 2. [`DenialCause::Namespace`]: a RoleBinding grants it in another namespace;
//! 3. [`DenialCause::Subject`]: a binding in force would grant it, and its subject nearly names the ServiceAccount;
//! 4. [`DenialCause::RoleMissing`]: a binding in force refers to a role that does not exist;
//! 5. [`DenialCause::Verb`], [`DenialCause::Group`], [`DenialCause::Resource`]: a rule in force misses one of these. The rule that misses
//!    least counts, and of two that miss as much the one whose cause stands first;
//! 6. [`DenialCause::NoBinding`]: nothing in force that names the ServiceAccount, or its namespace's, has any rule.
//!
//! The first three grant all that was asked for, but for one word elsewhere; so they come before rules that grant
//! something else.

use crate::evaluate::HeldBindings;
use crate::identity::Identity;
use crate::matching::{covers, has_group, has_name, has_verb};
use crate::objects::{ObjectId, PolicyRule, RoleBinding, Subject};
use crate::request::AccessRequest;
use crate::similar::are_similar;

/// The most subjects of one scope that are looked at: a name such as `app` may stand in every namespace.
const MOST_NEAR: usize = 64;

/// Why a request is denied, in the order in which causes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenialCause {
    /// Granted in one namespace, and wanted in none or in all.
    Scope,
    /// Granted in another namespace.
    Namespace,
    /// Granted to somebody of nearly the same name.
    Subject,
    /// The role that a binding refers to does not exist.
    RoleMissing,
    /// Another verb is granted.
    Verb,
    /// The resource is granted under another API group.
    Group,
    /// Another resource, subresource or name is granted.
    Resource,
    /// Nothing is granted.
    NoBinding,
}

/// The grant that misses a request least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearestGrant<'a> {
    /// What it misses.
    pub cause: DenialCause,
    /// The binding, if there is one.
    pub binding: Option<&'a RoleBinding>,
    /// Its subject, where that is what it misses.
    pub subject: Option<&'a Subject>,
    /// The rule of its role, where that is what misses something.
    pub rule: Option<&'a PolicyRule>,
}

impl<'a> NearestGrant<'a> {
    fn of(cause: DenialCause, binding: &'a RoleBinding) -> Self {
        Self {
            cause,
            binding: Some(binding),
            subject: None,
            rule: None,
        }
    }
}

/// Looks for the grant that misses a denied request least. `exists` tells whether there is such a ServiceAccount.
#[must_use]
pub fn nearest<'a>(
    held: &HeldBindings<'a>,
    identity: &Identity,
    request: &AccessRequest<'_>,
    exists: &dyn Fn(&ObjectId) -> bool,
) -> NearestGrant<'a> {
    elsewhere(held, request)
        .or_else(|| to_another(held, identity, request, exists))
        .or_else(|| without_role(held, request))
        .or_else(|| misses_least(held, request))
        .unwrap_or(NearestGrant {
            cause: DenialCause::NoBinding,
            binding: None,
            subject: None,
            rule: None,
        })
}

/// A RoleBinding that grants it, in a namespace that is not the one.
fn elsewhere<'a>(held: &HeldBindings<'a>, request: &AccessRequest<'_>) -> Option<NearestGrant<'a>> {
    let cause = if request.namespace.is_none_or(str::is_empty) {
        DenialCause::Scope
    } else {
        DenialCause::Namespace
    };
    let mut bindings = held.own_in_namespaces();
    let granting = bindings.find(|binding| held.may_allow(&binding.role, request))?;
    Some(NearestGrant::of(cause, granting))
}

/// A binding that would grant it, to a subject that nearly names the ServiceAccount.
fn to_another<'a>(
    held: &HeldBindings<'a>,
    identity: &Identity,
    request: &AccessRequest<'_>,
    exists: &dyn Fn(&ObjectId) -> bool,
) -> Option<NearestGrant<'a>> {
    let (rbac, account) = (held.rbac(), identity.account());
    for scope in ["", request.namespace.unwrap_or_default()] {
        let subjects = rbac.subjects_near(scope, account).take(MOST_NEAR);
        for subject in subjects
            .filter(|subject| !identity.is_meant_by(subject) && nearly_names(subject, account, exists))
        {
            let bindings = rbac.bindings_of(subject).map(|all| all.of_scope(scope));
            let mut bindings = bindings.into_iter().flatten();
            if let Some(binding) = bindings.find(|binding| held.may_allow(&binding.role, request)) {
                return Some(NearestGrant {
                    subject: Some(subject),
                    ..NearestGrant::of(DenialCause::Subject, binding)
                });
            }
        }
    }
    None
}

/// Whether a subject was probably meant to name a ServiceAccount and does not.
///
/// The same name in another namespace; a user or a group of its name, with or without its namespace; or nearly its name
/// in its namespace, where no ServiceAccount of that name exists.
#[must_use]
pub fn nearly_names(subject: &Subject, account: &ObjectId, exists: &dyn Fn(&ObjectId) -> bool) -> bool {
    match subject {
        Subject::ServiceAccount(id) if id.namespace != account.namespace => id.name == account.name,
        Subject::ServiceAccount(id) => are_similar(&id.name, &account.name) && !exists(id),
        Subject::User(name) | Subject::Group(name) => {
            let name = name.trim().to_ascii_lowercase().replace('/', ":");
            let own = name
                .strip_prefix("system:serviceaccount:")
                .or_else(|| name.strip_prefix("system:serviceaccounts:"))
                .unwrap_or(&name);
            let account_name = account.name.to_ascii_lowercase();
            own == account_name || own == format!("{}:{account_name}", account.namespace)
        }
    }
}

/// A binding in force whose role is not there.
fn without_role<'a>(held: &HeldBindings<'a>, request: &AccessRequest<'_>) -> Option<NearestGrant<'a>> {
    let in_force = held.in_force(request.namespace);
    let mut own = in_force.bindings.iter().filter(|(_, singled_out)| *singled_out);
    own.find(|(binding, _)| held.spend(1) && held.rbac().role(&binding.role).is_none())
        .map(|(binding, _)| NearestGrant::of(DenialCause::RoleMissing, binding))
}

/// The rule in force that misses least.
fn misses_least<'a>(held: &HeldBindings<'a>, request: &AccessRequest<'_>) -> Option<NearestGrant<'a>> {
    let mut best: Option<((u8, DenialCause), NearestGrant<'a>)> = None;
    for &(binding, singled_out) in &held.in_force(request.namespace).bindings {
        if !held.spend(1 + held.rbac().words(&binding.role)) {
            break;
        }
        for rule in held.rbac().rules_of(&binding.role) {
            let Some((weight, cause)) = misses(rule, request, held) else {
                continue;
            };
            // What everybody has got says nothing about this one, unless it is about the same thing.
            if weight >= OTHER_RESOURCE && !singled_out {
                continue;
            }
            if best.as_ref().is_none_or(|(rank, _)| (weight, cause) < *rank) {
                let nearest = NearestGrant {
                    rule: Some(rule),
                    ..NearestGrant::of(cause, binding)
                };
                best = Some(((weight, cause), nearest));
            }
        }
    }
    best.map(|(_, nearest)| nearest)
}

/// What it weighs that a rule is about another resource altogether: more than all else together.
const OTHER_RESOURCE: u8 = 8;

/// How much a rule misses, and what; nothing for one that is about no resources.
fn misses(
    rule: &PolicyRule,
    request: &AccessRequest<'_>,
    held: &HeldBindings<'_>,
) -> Option<(u8, DenialCause)> {
    if rule.resources.is_empty() {
        return None;
    }
    let verb = !has_verb(rule, request.verb);
    let group = !has_group(rule, request.api_group);
    // Everything in another group is not the same resource in another group.
    let covered = rule
        .resources
        .iter()
        .any(|resource| covers(resource, request) && !(group && **resource == *"*"));
    let bases = || {
        let resources = rule.resources.iter();
        resources.map(|resource| resource.split_once('/').map_or(&**resource, |(base, _)| base))
    };
    // Letters are compared in pairs, which takes much longer than to tell that two words are not the same.
    let may_be = |base: &str| {
        let is_as_long = base.len().abs_diff(request.resource.len()) <= 2;
        is_as_long && held.spend(base.len() * base.len() / 8) && are_similar(base, request.resource)
    };
    let resource = if covered && has_name(rule, request.name) {
        0
    } else if covered || bases().any(|base| base == request.resource) {
        1
    } else if bases().any(may_be) {
        2
    } else {
        OTHER_RESOURCE
    };
    let cause = match (resource, group) {
        (1.., _) => DenialCause::Resource,
        (0, true) => DenialCause::Group,
        (0, false) => DenialCause::Verb,
    };
    Some((resource + u8::from(verb) + u8::from(group), cause))
}
