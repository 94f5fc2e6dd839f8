//! What findings about expected Kubernetes permissions have in common.

use crate::chain::Chain;
use crate::finding::{Entry, Finding};
use crate::fix::{self, Fix};
use crate::model::BindingKey;
use crate::model::rbac::{PolicyRule, RoleBinding};
use crate::rbac::request::is_cluster_scoped;
use crate::rbac::{AccessRequest, DenialCause, NearestGrant, PermissionAnswer, Rbac, least};
use crate::text::{quote, quote_list};

/// How many words of a list a message shows.
const SHOWN: usize = 4;

/// The finding for all expectations that are not met for one cause.
#[must_use]
pub fn finding(chain: &Chain<'_>, entry: &'static Entry, cause: DenialCause) -> Option<Finding> {
    let mut unmet = chain.permissions.iter().filter_map(|answer| {
        let nearest = answer.nearest.as_ref().filter(|nearest| nearest.cause == cause)?;
        Some((answer, nearest))
    });
    let (answer, nearest) = unmet.next()?;
    let more = match unmet.count() {
        0 => String::new(),
        1 => "; one more expected permission is denied for the same reason".to_owned(),
        others => format!("; {others} more expected permissions are denied for the same reason"),
    };
    let rbac = chain.snapshot.cluster.rbac();
    let message = format!(
        "ServiceAccount `{}` {}{more}",
        quote(&chain.key.to_string()),
        explain(rbac, answer, nearest)
    );
    Some(Finding::new(entry, message).fix(proposed(chain)))
}

/// What is denied, and why: the nearest grant, and what it lacks. It follows the subject.
#[must_use]
pub fn explain(rbac: &Rbac, answer: &PermissionAnswer<'_>, nearest: &NearestGrant<'_>) -> String {
    format!(
        "may not {}: {}{}",
        asked(&answer.denied),
        why(answer, nearest),
        ready_made(rbac, answer)
    )
}

/// The least that gives everything that is expected and denied: a command for what is in the ServiceAccount's own namespace, and a
/// proposal to others for the rest.
fn proposed(chain: &Chain<'_>) -> Fix {
    let denied: Vec<AccessRequest<'_>> = chain
        .permissions
        .iter()
        .flat_map(|answer| &answer.denied)
        .copied()
        .collect();
    let Some(grants) = least::grants(chain.snapshot.cluster.rbac(), &chain.key.into(), &denied) else {
        return unreachable_grant();
    };
    let is_own = |grant: &least::LeastGrant| *grant.binding.id.namespace == *chain.key.namespace;
    let (own, others): (Vec<_>, Vec<_>) = grants.into_iter().partition(is_own);
    let asked_by = chain.request.map_or_else(String::new, |request| {
        format!(
            "IrsaAudit `{}` in namespace `{}`",
            quote(&request.name),
            quote(&chain.key.namespace)
        )
    });
    let proposal = (!others.is_empty()).then(|| fix::rbac::propose(chain.key, &others, &asked_by));
    match (own.is_empty(), proposal) {
        (true, Some(proposal)) => proposal,
        (_, proposal) => fix::rbac::apply(chain.key, &own).then(proposal),
    }
}

fn unreachable_grant() -> Fix {
    Fix::manual("no role can allow this request: correct its verbs, resource or names")
}

/// The least that gives everything that is expected and denied, whatever the cause: one command, once. For those who ask for
/// themselves, and decide.
#[must_use]
pub fn repair(rbac: &Rbac, key: &BindingKey, answers: &[PermissionAnswer<'_>]) -> Fix {
    let denied: Vec<AccessRequest<'_>> = answers
        .iter()
        .flat_map(|answer| &answer.denied)
        .copied()
        .collect();
    match least::grants(rbac, &key.into(), &denied) {
        Some(grants) => fix::rbac::apply(key, &grants),
        None => unreachable_grant(),
    }
}

/// The built-in ClusterRole that would do, where one would.
fn ready_made(rbac: &Rbac, answer: &PermissionAnswer<'_>) -> String {
    let role = least::built_in(rbac, &answer.denied);
    role.map_or_else(String::new, |name| {
        format!("; ClusterRole `{name}` grants it, and much more")
    })
}

/// What requests of one expectation ask for.
#[must_use]
pub fn asked(requests: &[AccessRequest<'_>]) -> String {
    let Some(first) = requests.first() else {
        return String::new();
    };
    let verbs = distinct(requests.iter().map(|request| request.verb));
    let names = distinct(
        requests
            .iter()
            .map(|request| request.name)
            .filter(|name| !name.is_empty()),
    );
    let of_names = if names.is_empty() {
        String::new()
    } else {
        format!(" {}", quote_list(&names, SHOWN))
    };
    let place = match first.namespace {
        Some(namespace) => format!(" in namespace `{}`", quote(namespace)),
        None if is_cluster_scoped(first.api_group, first.resource) => String::new(),
        None => " in all namespaces".to_owned(),
    };
    format!(
        "{} {}{of_names}{place}",
        quote_list(&verbs, SHOWN),
        resource(first)
    )
}

fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for word in words {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    distinct
}

fn resource(request: &AccessRequest<'_>) -> String {
    let path = quote(&request.path());
    if request.api_group.is_empty() {
        format!("`{path}`")
    } else {
        format!("`{path}` of `{}`", quote(request.api_group))
    }
}

/// The nearest grant, and what it misses.
fn why(answer: &PermissionAnswer<'_>, nearest: &NearestGrant<'_>) -> String {
    let (Some(binding), Some(request)) = (nearest.binding, answer.denied.first()) else {
        return "no binding that is in force there and grants anything names it or its groups".to_owned();
    };
    let by = named(binding);
    match nearest.cause {
        DenialCause::NoBinding => String::new(),
        DenialCause::Namespace => format!(
            "{by} grants it only in namespace `{}`",
            quote(&binding.id.namespace)
        ),
        DenialCause::Scope if is_cluster_scoped(request.api_group, request.resource) => format!(
            "{by} grants it, but {} is cluster-scoped, and a RoleBinding grants only what is in its own namespace: a \
             ClusterRoleBinding is needed",
            resource(request)
        ),
        DenialCause::Scope => format!(
            "{by} grants it only in its own namespace, as every RoleBinding does, even to a ClusterRole: a ClusterRoleBinding is \
             needed, unless only one namespace is intended"
        ),
        DenialCause::Subject => {
            let subject = nearest.subject.map_or_else(String::new, |subject| {
                format!("{} `{}`", subject.kind(), quote(&subject.name()))
            });
            format!("{by} grants it to {subject} instead")
        }
        DenialCause::RoleMissing => format!("{by} refers to {}, which does not exist", role(binding)),
        DenialCause::Verb => format!(
            "{} grants only {} there ({by})",
            role(binding),
            words(nearest.rule, |rule| &rule.verbs)
        ),
        DenialCause::Group => {
            format!(
                "{} grants it in API group {} instead ({by})",
                role(binding),
                words(nearest.rule, |rule| &rule.api_groups)
            )
        }
        DenialCause::Resource => {
            let names = nearest.rule.is_some_and(|rule| {
                !rule.resource_names.is_empty() && rule.resources.iter().any(|own| **own == *request.path())
            });
            let only = if names {
                words(nearest.rule, |rule| &rule.resource_names)
            } else {
                String::new()
            };
            let resources = words(nearest.rule, |rule| &rule.resources);
            let of = if names {
                format!("{resources} named {only}")
            } else {
                resources
            };
            let hint = match request.verb {
                "create" | "deletecollection" if names => ": a name cannot restrict this verb",
                _ => "",
            };
            format!("{} grants only {of} ({by}){hint}", role(binding))
        }
    }
}

fn words(rule: Option<&PolicyRule>, list: impl Fn(&PolicyRule) -> &[crate::model::rbac::Text]) -> String {
    let words: Vec<&str> = rule
        .map(|rule| list(rule).iter().map(|word| &**word).collect())
        .unwrap_or_default();
    match words[..] {
        [""] => "`\"\"` (the core group)".to_owned(),
        _ => quote_list(&words, SHOWN),
    }
}

/// A binding by its kind and name.
#[must_use]
pub fn named(binding: &RoleBinding) -> String {
    format!("{} `{}`", binding.kind(), quote(&binding.id.to_string()))
}

/// The role of a binding by its kind and name.
#[must_use]
pub fn role(binding: &RoleBinding) -> String {
    format!("{} `{}`", binding.role_kind(), quote(&binding.role.to_string()))
}
