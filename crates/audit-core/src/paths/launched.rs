//! # `Launched`
//!
//! An object of another project starts pods as the ServiceAccount, some time: a `SparkApplication`, an Argo `Workflow`, a set
//! of runners. As `Webhook`, but that no pods have to be there.
//!
//! Known by the kinds in the table of `audit-k8s`, and by the templates of workloads that keep no pods running, such as a
//! `CronJob`.

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, Taker, Way};
use crate::model::{Container, Pod, Use};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Launched,
    claim,
    rest,
};

/// The kinds whose pods are meant to be there all the time.
const STANDING: [&str; 8] = [
    "DaemonSet",
    "Deployment",
    "DeploymentConfig",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
    "StatefulSet",
];

fn claim<'a>(sight: &PathInput<'a>, pod: &'a Pod, _: &'a Container) -> Option<Claim<'a>> {
    let launches = pod.is_template() && !STANDING.contains(&pod.workload.kind.as_str());
    (launches && sight.asked.role.is_some()).then_some(Claim::of(PathRole::Asked))
}

fn rest<'a>(sight: &PathInput<'a>, ways: &mut Vec<Way<'a>>) {
    let consumers = sight.snapshot.cluster.consumers(sight.key);
    let launching = consumers.filter(|consumer| consumer.how == Use::Launches);
    let role = if sight.asked.role.is_some() {
        PathRole::Asked
    } else {
        PathRole::None
    };
    ways.extend(launching.map(|consumer| Way {
        path: CredentialPath::Launched,
        taker: Taker::Object(consumer),
        role,
        audience: None,
        then: &[],
    }));
}
