//! Pods that have something in common, sorted: those that can still ask for credentials first, then by ServiceAccount and name.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::model::Pod;

/// The most that are kept in one piece, which is the least memory: most workloads have few pods.
const FEW: usize = 16;

/// The pods, which are of one namespace.
#[derive(Debug, Clone)]
pub(super) struct PodSet(Pods);

#[derive(Debug, Clone)]
enum Pods {
    Few(SmallVec<[Arc<Pod>; 2]>),
    Many(BTreeSet<Filed>),
}

#[derive(Debug, Clone)]
struct Filed(Arc<Pod>);

fn order(one: &Pod, other: &Pod) -> Ordering {
    let by = |pod: &Pod| !pod.is_active();
    by(one)
        .cmp(&by(other))
        .then_with(|| one.service_account.cmp(&other.service_account))
        .then_with(|| one.name.cmp(&other.name))
}

impl Ord for Filed {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Filed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Filed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Filed {}

impl Default for PodSet {
    fn default() -> Self {
        Self(Pods::Few(SmallVec::new()))
    }
}

impl PodSet {
    /// A single pod.
    pub(super) fn of(pod: &Arc<Pod>) -> Self {
        let mut pods = Self::default();
        pods.insert(pod);
        pods
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    pub(super) fn first(&self) -> Option<&Pod> {
        match &self.0 {
            Pods::Few(pods) => pods.first().map(|pod| &**pod),
            Pods::Many(pods) => pods.first().map(|pod| &*pod.0),
        }
    }

    /// Those that can still ask for credentials.
    pub(super) fn active(&self) -> impl Iterator<Item = &Pod> {
        let (few, many) = match &self.0 {
            Pods::Few(pods) => (Some(pods), None),
            Pods::Many(pods) => (None, Some(pods)),
        };
        let many = many.into_iter().flatten().map(|pod| &pod.0);
        let all = few.into_iter().flatten().chain(many).map(|pod| &**pod);
        all.take_while(|pod| pod.is_active())
    }

    pub(super) fn insert(&mut self, pod: &Arc<Pod>) {
        match &mut self.0 {
            Pods::Few(pods) if pods.len() == FEW => {
                let mut many: BTreeSet<Filed> = pods.drain(..).map(Filed).collect();
                many.insert(Filed(Arc::clone(pod)));
                self.0 = Pods::Many(many);
            }
            Pods::Few(pods) => {
                if let Err(place) = pods.binary_search_by(|other| order(other, pod)) {
                    pods.insert(place, Arc::clone(pod));
                }
            }
            Pods::Many(pods) => {
                pods.insert(Filed(Arc::clone(pod)));
            }
        }
    }

    /// Takes a pod away, as it was when it was filed.
    pub(super) fn remove(&mut self, pod: &Arc<Pod>) {
        match &mut self.0 {
            Pods::Few(pods) => {
                if let Ok(place) = pods.binary_search_by(|other| order(other, pod)) {
                    pods.remove(place);
                }
            }
            Pods::Many(pods) => {
                pods.remove(&Filed(Arc::clone(pod)));
            }
        }
    }
}
