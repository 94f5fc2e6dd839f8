//! # IRSA403 `PodUsesOtherServiceAccount`
//!
//! ## What it means
//! A workload that the `IrsaAudit` expects to run as this ServiceAccount (`expect.workloads`) runs as `default` or as
//! another one. During a rollout, pods of both may run: then nothing is said.
//!
//! ## Why it breaks
//! The webhook and the token go by the pod's ServiceAccount. The annotation on this one is of no use to a pod that runs
//! as another; `serviceAccountName` is missing from the pod template, or stands at the wrong level of it.
//!
//! ## In logs
//! `Unable to locate credentials`, errors that name the node's role, or
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```yaml
//! kind: Deployment
//! spec:
//!   serviceAccountName: cart   # at the wrong level: ignored
//!   template:
//!     spec:
//!       containers: []
//! ```
//!
//! ## Fix
//! Set `spec.template.spec.serviceAccountName`, in whatever creates the workload as well.
//!
//! ## Verify
//! `kubectl get pods -o custom-columns=NAME:.metadata.name,SA:.spec.serviceAccountName` shows the ServiceAccount.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [Configure service accounts for pods](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)

use crate::chain::Chain;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::model::{Pod, Workload, WorkloadRef};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA403",
    reason: "PodUsesOtherServiceAccount",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "a workload runs as another ServiceAccount than is expected",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let request = chain.request.filter(|_| chain.service_account.is_some())?;
    let (workload, other) = request.workloads.iter().find_map(|workload| elsewhere(chain, workload))?;
    let message = format!(
        "{}/{} runs as ServiceAccount `{}`, and IrsaAudit `{}` expects `{}`",
        quote(&workload.kind),
        quote(&workload.name),
        quote(other),
        quote(&request.name),
        quote(&chain.key.service_account)
    );
    let workload = Workload { kind: workload.kind.clone(), name: workload.name.clone() };
    Some(Finding::new(&ENTRY, message).fix(fix::run_as(chain.key, &workload)))
}

/// The workload, with the ServiceAccount as which it runs, if all its pods run as another than the binding's.
fn elsewhere<'a>(chain: &Chain<'a>, workload: &'a WorkloadRef) -> Option<(&'a WorkloadRef, &'a str)> {
    let belongs = |pod: &Pod| {
        pod.is_active() && pod.workload.kind == workload.kind && pod.workload.name == workload.name
    };
    if chain.pods.iter().chain(&chain.templates).any(|pod| belongs(pod)) {
        return None;
    }
    let pod = chain.snapshot.cluster.pods_in(&chain.key.namespace).find(|pod| belongs(pod))?;
    Some((workload, pod.service_account.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKey, PodPhase};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA403", Severity::Broken, Link::Pods, Verdict::Broken);

    fn expecting(name: &str) -> World {
        let workload = WorkloadRef { kind: "Deployment".to_owned(), name: name.to_owned() };
        World::healthy().request(|request| request.workloads.push(workload))
    }

    fn running_as(mut world: World, namespace: &str, service_account: &str) -> World {
        world.snapshot.cluster.put_pod(pod(&BindingKey::new(namespace, service_account), "web", bare("app")));
        world
    }

    #[test]
    fn an_expected_workload_that_runs_as_another_is_broken() {
        let report = running_as(expecting("web"), "shop", "default").audit();
        let finding = the_one(&report, BROKEN);
        assert!(finding.message.contains("`default`"), "{}", finding.message);
        assert_eq!(
            finding.fix.as_ref().unwrap().text,
            "kubectl set serviceaccount --namespace shop deployment/web cart"
        );
    }

    #[test]
    fn a_workload_that_nobody_expects_may_run_as_it_likes() {
        assert_healthy(&running_as(expecting("cart"), "shop", "default").audit());
        assert_healthy(&running_as(World::healthy(), "shop", "default").audit());
    }

    #[test]
    fn a_workload_without_pods_or_of_another_namespace_is_no_failure() {
        assert_healthy(&expecting("web").audit());
        assert_healthy(&running_as(expecting("web"), "staging", "default").audit());
    }

    #[test]
    fn a_template_counts_as_a_workload() {
        let template = |world: World| world.pod(|pod| pod.phase = PodPhase::Template);
        assert_healthy(&template(expecting("cart")).audit());
        let mut world = expecting("web");
        let elsewhere = pod(&BindingKey::new("shop", "default"), "web", bare("app"));
        world.snapshot.cluster.put_pod(Pod { phase: PodPhase::Template, ..elsewhere });
        the_one(&world.audit(), BROKEN);
    }

    #[test]
    fn during_a_rollout_nothing_is_said() {
        let world = running_as(expecting("web"), "shop", "default").another_pod("web", injected("app", ROLE));
        assert_eq!(world.snapshot.cluster.pods_in("shop").count(), 2);
        assert_healthy(&world.audit());
    }

    #[test]
    fn a_pod_elsewhere_concerns_who_expects_it() {
        let mut world = expecting("web");
        let other = pod(&BindingKey::new("shop", "default"), "web", bare("app"));
        let changed = world.snapshot.cluster.put_pod(other);
        assert!(changed.contains(&world.key), "{changed:?}");
    }
}
