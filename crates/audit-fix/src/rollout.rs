//! What keeps a workload from replacing its pods.

/// How a workload goes about a new template, where that is not at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// A Deployment with [`spec.paused`](https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pausing-and-resuming-a-deployment):
    /// `kubectl rollout restart` refuses it.
    Paused,
    /// A `StatefulSet` or `DaemonSet` with `updateStrategy.type: OnDelete`: pods that exist stay until someone deletes them.
    OnDelete,
    /// A `StatefulSet` with `updateStrategy.rollingUpdate.partition`: pods with a lower ordinal stay.
    Partition(u32),
}

impl Held {
    /// Why a restart is not enough: words that follow the workload's name.
    #[must_use]
    pub fn no_restart(self) -> String {
        format!("{}, so a restart does not replace its pods", self.words())
    }

    /// Why a restart does not replace every pod.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Paused => "is paused".to_owned(),
            Self::OnDelete => "has the update strategy OnDelete".to_owned(),
            Self::Partition(partition) => {
                format!("rolls out only to pods with ordinal {partition} and above")
            }
        }
    }
}
