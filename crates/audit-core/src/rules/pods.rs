//! Which pods lack credentials, and which carry others than a new pod would get.

use std::collections::BTreeSet;

use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::chain::{Chain, NamedRole, RoleOutcome};
use crate::config::Config;
use crate::model::{BindingKey, Container, Pod, Workload};
use crate::paths::{BarePod, CredentialPath, PathRole, Taker, Ways};
use crate::snapshot::{AskedIn, Binding, Snapshot};
use crate::text::quote;
use crate::webhook::{Injection, InjectionDifference, Lack};

/// Pods of an annotated ServiceAccount in which no container has, or may have, what web identity needs, but for those that mount what
/// a controller requests the token for.
#[must_use]
pub fn missing<'c, 'a>(chain: &'c Chain<'a>) -> &'c [&'a Pod] {
    let injected = chain.injected_pods();
    injected.map_or(&[][..], |injected| &injected.missing)
}

/// Whether what kept a pod from being injected is gone from its workload's template, so that a new pod gets credentials.
#[must_use]
pub fn is_mended(chain: &Chain<'_>, injection: &Injection<'_>, pod: &Pod) -> bool {
    let Some(template) = chain.snapshot.cluster.template_of(pod) else {
        return false;
    };
    let is_blocked = |container: &&Container| {
        let lack = injection.lack(pod, container);
        lack.is_some_and(|lack| !matches!(lack, Lack::NotSeen | Lack::PodIdentity))
    };
    let blocked: BTreeSet<&str> = pod
        .containers
        .iter()
        .filter(is_blocked)
        .map(|container| container.name.as_str())
        .collect();
    let passes = |container: &Container| injection.lack(template, container).is_none();
    let mut of_template = template.containers.iter();
    !blocked.is_empty()
        && of_template.clone().any(passes)
        && of_template.all(|container| passes(container) || !blocked.contains(container.name.as_str()))
}

/// Whether no container of a pod has, or may have, what web identity needs, and EKS Pod Identity gave it nothing either.
#[must_use]
pub fn lacks_credentials(pod: &Pod) -> bool {
    !pod.uses_pod_identity() && !pod.containers.iter().any(Container::may_have_web_identity)
}

/// Pods in which a container would assume another role than a new pod's, because they are older than the annotation, or than
/// their template.
///
/// A role without a token is not a credential: applications use `AWS_ROLE_ARN` for their own purposes.
#[must_use]
pub fn stale<'a>(chain: &Chain<'a>) -> Vec<&'a Pod> {
    let mut older: Vec<&Pod> = outdated(chain).iter().map(|one| one.pod).collect();
    older.dedup_by(|one, other| std::ptr::eq(*one, *other));
    older.extend(differing_in_role(chain, |pod, container, annotated| {
        !has_own_role(pod, container, annotated)
    }));
    older
}

/// The containers of running pods that bring a role of their own, whose templates name another one by now: a new pod has that. With
/// the template's role.
#[must_use]
pub fn outdated<'a>(chain: &Chain<'a>) -> Vec<ToldContainer<'a, &'a str>> {
    if chain.source != AskedIn::Pod {
        return Vec::new();
    }
    let pods = chain.pods.iter().copied();
    let containers = pods.flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)));
    let told = containers.filter_map(|(pod, container)| {
        let what = container.in_template()?.role_arn.as_deref()?;
        let is_older = container.has_web_identity() && container.role_arn.as_deref() != Some(what);
        (is_older && chain.ways.is_elsewhere(pod, container)).then_some(ToldContainer {
            pod,
            container,
            what,
        })
    });
    told.collect()
}

/// Pods in which a container has another role than the annotation's in its own right: its template says so, and new pods
/// will have it again.
#[must_use]
pub fn with_own_roles<'a>(chain: &Chain<'a>) -> Vec<&'a Pod> {
    differing_in_role(chain, has_own_role)
}

fn differing_in_role<'a>(chain: &Chain<'a>, pick: impl Fn(&Pod, &Container, &str) -> bool) -> Vec<&'a Pod> {
    let NamedRole::Role(annotated) = &chain.named_role else {
        return Vec::new();
    };
    if !chain.is_webhooks() {
        return Vec::new();
    }
    let annotated = annotated.as_str();
    let differs = |pod: &&Pod| {
        let mut others = other_roles(pod, annotated);
        !pod.relies_on_pod_identity()
            && others.any(|(container, _)| {
                !chain.ways.is_elsewhere(pod, container) && pick(pod, container, annotated)
            })
    };
    chain.pods.iter().copied().filter(differs).collect()
}

/// Whether a container that would assume another role than `annotated` was given it by its template. The webhook gives all
/// containers of a pod the same role, and its own token: what differs within a pod, or has another token, is the template's, where
/// that itself was not seen.
#[must_use]
pub fn has_own_role(pod: &Pod, container: &Container, annotated: &str) -> bool {
    let has_annotated = |other: &Container| other.role_arn.as_deref() == Some(annotated);
    container.presets_role().unwrap_or_else(|| {
        pod.containers.iter().any(has_annotated) || !container.tokens.iter().any(|token| token.by_webhook)
    })
}

/// The containers that would assume another role than `annotated`, with that role.
pub fn other_roles<'a>(pod: &'a Pod, annotated: &str) -> impl Iterator<Item = (&'a Container, &'a str)> {
    pod.containers
        .iter()
        .filter(|container| container.may_have_web_identity())
        .filter_map(|container| Some((container, container.role_arn.as_deref()?)))
        .filter(move |(_, role)| *role != annotated)
}

/// Of the roles that containers would assume, those that are proven to refuse the containers' own tokens.
#[must_use]
pub fn refused<'a>(
    chain: &Chain<'_>,
    carried: impl Iterator<Item = (&'a Container, &'a str)>,
) -> BTreeSet<&'a str> {
    let asked: BTreeSet<_> = carried
        .filter(|(container, role)| container.has_web_identity() && chain.carried_roles().follows(role))
        .map(|(container, role)| (role, container.token_audience()))
        .collect();
    let keeps_out = |role: &str, audience: Option<&str>| {
        // A token whose audience is not told proves nothing but that a role which is not there fails.
        let audience = audience.unwrap_or_default();
        RoleArn::parse(role).map_or(true, |arn| {
            chain.for_role(arn, audience).outcome() == RoleOutcome::Fails
        })
    };
    let refused = asked
        .into_iter()
        .filter(|(role, audience)| keeps_out(role, *audience));
    refused.map(|(role, _)| role).collect()
}

/// A container about which there is something to tell, and what.
#[derive(Debug, Clone, Copy)]
pub struct ToldContainer<'a, T> {
    /// Its pod, or template.
    pub pod: &'a Pod,
    /// The container.
    pub container: &'a Container,
    /// What.
    pub what: T,
}

/// The differences that `pick` wants, of pods and of templates. Pods without any credentials are IRSA401's, those with
/// credentials of EKS Pod Identity nobody's.
pub fn differing<'a, T>(
    chain: &Chain<'a>,
    pick: impl Fn(InjectionDifference<'a>) -> Option<T>,
) -> Vec<ToldContainer<'a, T>> {
    let all = chain
        .injected_pods()
        .into_iter()
        .flat_map(|injected| &injected.differences);
    let told = all.filter_map(|&(pod, container, difference)| {
        pick(difference).map(|what| ToldContainer { pod, container, what })
    });
    told.collect()
}

/// The containers with web identity of which `pick` has something to tell, of pods and of templates.
pub fn among_containers<'a, T>(
    chain: &Chain<'a>,
    pick: impl Fn(&'a Container) -> Option<T>,
) -> Vec<ToldContainer<'a, T>> {
    let all = chain
        .injected_pods()
        .into_iter()
        .flat_map(|injected| &injected.equipped);
    let told = all
        .filter_map(|&(pod, container)| pick(container).map(|what| ToldContainer { pod, container, what }));
    told.collect()
}

/// The same, with the containers that bring a role of their own.
pub fn among_all_with_role<'a, T>(
    chain: &Chain<'a>,
    pick: impl Fn(&'a Container) -> Option<T>,
) -> Vec<ToldContainer<'a, T>> {
    let mut told = among_containers(chain, &pick);
    for way in chain.ways.by(CredentialPath::Own) {
        if let (Taker::Container(pod, container), PathRole::Named(_)) = (way.taker, way.role) {
            let is_told = told
                .iter()
                .any(|one| std::ptr::eq(one.pod, pod) && std::ptr::eq(one.container, container));
            let what = if is_told { None } else { pick(container) };
            told.extend(what.map(|what| ToldContainer { pod, container, what }));
        }
    }
    told
}

/// The beginning of a sentence about containers: "container `app` of `Deployment/web`", and how many others.
#[must_use]
pub fn containers_shown<T>(told: &[ToldContainer<'_, T>]) -> String {
    let all: BTreeSet<(&Workload, &str)> = told
        .iter()
        .map(|one| (&*one.pod.workload, one.container.name.as_str()))
        .collect();
    let mut names = all.iter();
    let Some((workload, container)) = names.next() else {
        return String::new();
    };
    let first = format!(
        "container `{}` of `{}`",
        quote(container),
        quote(&workload.to_string())
    );
    match names.len() {
        0 => first,
        others => format!("{first} and {others} more"),
    }
}

/// The containers of which something is told, by their workloads: what a command names.
pub fn named<'t, T>(told: &'t [ToldContainer<'_, T>]) -> impl Iterator<Item = (&'t Workload, &'t str)> {
    told.iter()
        .map(|one| (&*one.pod.workload, one.container.name.as_str()))
}

/// The pods of which something is told.
#[must_use]
pub fn pods_of<'a, T>(told: &[ToldContainer<'a, T>]) -> Vec<&'a Pod> {
    told.iter().map(|one| one.pod).collect()
}

/// The workloads of pods, sorted, without repetition, and text that names some of them.
#[must_use]
pub fn workloads(pods: &[&Pod]) -> (Vec<Workload>, String) {
    let mut workloads: Vec<_> = pods.iter().map(|pod| Workload::clone(&pod.workload)).collect();
    workloads.sort();
    workloads.dedup();
    let names: Vec<String> = workloads.iter().map(Workload::to_string).collect();
    let shown = crate::text::quote_list(&names, 3);
    (workloads, shown)
}

/// "1 of 3 pods has", "2 of 3 pods have": the beginning of a sentence about some of a binding's pods.
#[must_use]
pub fn some_of(some: usize, all: usize, singular: &str, plural: &str) -> String {
    format!(
        "{some} of {all} {} {}",
        if all == 1 { "pod" } else { "pods" },
        if some == 1 { singular } else { plural }
    )
}

/// Whether a ServiceAccount asks for a role, and a running pod of it got nothing.
pub(crate) fn lacks_injection(
    snapshot: &Snapshot,
    config: &Config,
    key: &BindingKey,
    now: Timestamp,
) -> bool {
    let asks = || {
        snapshot
            .cluster
            .asked(key, &config.annotation_prefix)
            .role
            .is_some()
    };
    let pods = snapshot.cluster.binding(key).map_or(&[][..], Binding::pods);
    let lacking = |pod: &&Pod| pod.is_active() && !pod.is_template() && lacks_credentials(pod);
    let lacking: Vec<&Pod> = pods.iter().map(|pod| &**pod).filter(lacking).collect();
    if config.excludes(key) || lacking.is_empty() || !asks() {
        return false;
    }
    let ways = Ways::find(snapshot, config, now, key);
    lacking.into_iter().any(|pod| {
        let mut containers = pod.containers.iter();
        !containers.any(|container| ways.is_elsewhere(pod, container))
            && ways.of_bare(pod) == BarePod::Unexplained
    })
}
