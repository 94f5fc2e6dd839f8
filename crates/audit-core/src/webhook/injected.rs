//! The pods of a binding, told apart by what the webhook did to them.

use super::{Injection, InjectionDifference};
use crate::model::{Container, Pod};
use crate::paths::BarePod;

/// The pods of a binding, told apart. Made once for a chain: ten rules look at it, and of a healthy binding there is nothing to
/// tell.
#[derive(Debug)]
pub struct InjectedPods<'a> {
    /// What the webhook injects.
    pub injection: Injection<'a>,
    /// Running pods in which no container has, or may have, what web identity needs. Pods that EKS Pod Identity has given
    /// credentials of its own do not need it, nor do those that mount what a controller requests the ServiceAccount's token for.
    pub missing: Vec<&'a Pod>,
    /// How the containers of the other pods, and of templates, differ from what they would get now. What relies on EKS Pod
    /// Identity does not count.
    pub differences: Vec<(&'a Pod, &'a Container, InjectionDifference<'a>)>,
    /// The containers of the same pods and templates that have web identity, or may.
    pub equipped: Vec<(&'a Pod, &'a Container)>,
}

impl<'a> InjectedPods<'a> {
    /// Tells running pods and templates apart.
    #[must_use]
    pub fn new(injection: Injection<'a>, pods: &[&'a Pod], templates: &[&'a Pod]) -> Self {
        let (mut missing, mut differences) = (Vec::new(), Vec::new());
        let mut equipped = Vec::with_capacity(pods.len());
        for pod in pods.iter().chain(templates).copied() {
            let lacks = |container: &Container| injection.lack(pod, container).is_some();
            if !pod.is_template() && !pod.uses_pod_identity() && pod.containers.iter().all(lacks) {
                if injection.ways.of_bare(pod) != BarePod::Explained {
                    missing.push(pod);
                }
            } else if !pod.relies_on_pod_identity() {
                let found = injection.differences(pod).into_iter();
                differences.extend(found.map(|(container, difference)| (pod, container, difference)));
                let containers = pod.containers.iter().filter(|container| !lacks(container));
                equipped.extend(containers.map(|container| (pod, container)));
            }
        }
        Self {
            injection,
            missing,
            differences,
            equipped,
        }
    }
}
