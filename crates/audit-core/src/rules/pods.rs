//! Which pods lack credentials, and which carry others than a new pod would get.

use crate::chain::{Annotation, Chain};
use crate::model::{Container, Pod, Workload};

/// Pods of an annotated ServiceAccount in which no container has, or may have, what web identity needs.
///
/// Pods that EKS Pod Identity has given credentials of its own do not need it.
#[must_use]
pub fn missing<'a>(chain: &Chain<'a>) -> Vec<&'a Pod> {
    if matches!(chain.annotation, Annotation::Missing) {
        return Vec::new();
    }
    let lacks =
        |pod: &&Pod| !pod.uses_pod_identity() && !pod.containers.iter().any(Container::may_have_web_identity);
    chain.pods.iter().copied().filter(lacks).collect()
}

/// Pods in which a container would assume another role than the annotation's.
///
/// A role without a token is no credential: applications use `AWS_ROLE_ARN` for ends of their own.
#[must_use]
pub fn stale<'a>(chain: &Chain<'a>) -> Vec<&'a Pod> {
    let Annotation::Role(annotated) = &chain.annotation else {
        return Vec::new();
    };
    let annotated = annotated.to_string();
    let differs = |pod: &&Pod| !pod.relies_on_pod_identity() && other_roles(pod, &annotated).next().is_some();
    chain.pods.iter().copied().filter(differs).collect()
}

/// The containers that would assume another role than `annotated`, with that role.
pub fn other_roles<'a>(pod: &'a Pod, annotated: &str) -> impl Iterator<Item = (&'a Container, &'a str)> {
    pod.containers
        .iter()
        .filter(|container| container.may_have_web_identity())
        .filter_map(|container| Some((container, container.role_arn.as_deref()?)))
        .filter(move |(_, role)| *role != annotated)
}

/// The workloads of pods, sorted, without repetition, and text that names some of them.
#[must_use]
pub fn workloads(pods: &[&Pod]) -> (Vec<Workload>, String) {
    let mut workloads: Vec<_> = pods.iter().map(|pod| pod.workload.clone()).collect();
    workloads.sort();
    workloads.dedup();
    let names: Vec<String> = workloads
        .iter()
        .map(|w| format!("{}/{}", w.kind, w.name))
        .collect();
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
