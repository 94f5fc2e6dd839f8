//! What is seen of workloads beside their pods. A cluster is not asked for workloads; files may hold them.

use std::collections::HashMap;

use super::Cluster;
use crate::model::{Held, Pod, Workload};

/// Workloads by namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct Workloads(HashMap<String, HashMap<Workload, WorkloadFacts>>);

/// What a workload's object says that its pods do not show.
#[derive(Debug, Clone, Default)]
pub struct WorkloadFacts {
    /// What keeps it from replacing its pods.
    pub held: Option<Held>,
    /// The controller that owns it, and writes its pod template over what others change there.
    pub managed_by: Option<Workload>,
    /// Its pod template: what new pods begin with. It may have changed since the running pods were created.
    pub template: Option<Pod>,
    /// How many pods its status counts that no file holds; 0 where that does not show.
    pub ungiven_pods: u64,
    /// How many of the pods that its status counts the files hold, where they do not hold all.
    pub given_pods: u64,
}

impl Cluster {
    /// What is seen of a workload; absent where only its pods are.
    #[must_use]
    pub fn workload(&self, namespace: &str, workload: &Workload) -> Option<&WorkloadFacts> {
        self.workloads.0.get(namespace)?.get(workload)
    }

    /// Takes note of what keeps a workload from replacing its pods.
    pub fn put_held(&mut self, namespace: &str, workload: Workload, held: Held) {
        self.facts(namespace, workload).held = Some(held);
    }

    /// Takes note of the controller that owns a workload.
    pub fn put_manager(&mut self, namespace: &str, workload: Workload, manager: Workload) {
        self.facts(namespace, workload).managed_by = Some(manager);
    }

    /// Takes note of the template of a workload that has pods.
    pub fn put_template(&mut self, template: Pod) {
        let (namespace, workload) = (template.namespace.clone(), Workload::clone(&template.workload));
        self.facts(&namespace, workload).template = Some(template);
    }

    /// Takes note of how many pods the status of a workload counts that no file holds, and how many of them files do hold.
    pub fn put_ungiven_pods(&mut self, namespace: &str, workload: Workload, ungiven: u64, given: u64) {
        let facts = self.facts(namespace, workload);
        if ungiven > facts.ungiven_pods {
            (facts.ungiven_pods, facts.given_pods) = (ungiven, given);
        }
    }

    fn facts(&mut self, namespace: &str, workload: Workload) -> &mut WorkloadFacts {
        let all = self.workloads.0.entry(namespace.to_owned()).or_default();
        all.entry(workload).or_default()
    }

    /// What keeps a workload from replacing its pods.
    #[must_use]
    pub fn held(&self, namespace: &str, workload: &Workload) -> Option<Held> {
        self.workload(namespace, workload)?.held
    }

    /// The template of a pod's workload.
    #[must_use]
    pub fn template_of(&self, pod: &Pod) -> Option<&Pod> {
        self.workload(&pod.namespace, &pod.workload)?.template.as_ref()
    }
}
