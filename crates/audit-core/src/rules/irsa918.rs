//! # IRSA918 `PodsNotGiven`
//!
//! ## What it means
//! Pods run as the ServiceAccount, or may run as it, but no file contains them. Either the status of a workload counts pods that are in
//! none of the files; where these are at most two, and no more than the files contain, it is only a notice, because a workload may have
//! been scaled while its cluster was dumped. Or something shows that pods are missing: a file that could contain them is empty or cannot be read, a page of a list
//! is missing, or a cluster's objects were given without any pod. irsa-audit audits the pods that were given. The operator never reports
//! this finding.
//!
//! ## Why it is unknown
//! Only running pods show whether the webhook injected the role and the token (IRSA401), and whether they have a role from before a change
//! (IRSA402). All other links are audited.
//!
//! ## In logs
//! Nothing: only an audit of files reports this.
//!
//! ## Example
//! ```console
//! $ kubectl get pods --all-namespaces -o yaml > dump/pods.yaml
//! Unable to connect to the server: net/http: TLS handshake timeout
//! $ irsa-audit audit --kubernetes dump --aws account
//! ```
//!
//! ## Fix
//! Run `kubectl get pods --all-namespaces -o yaml` again, check that it succeeds, and audit its output with the other files.
//!
//! ## Verify
//! The finding is gone.
//!
//! ## References
//! - [kubectl get](https://kubernetes.io/docs/reference/kubectl/generated/kubectl_get/)
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)

use super::ungiven::reasons;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::{GapKind, Origin};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA918",
    reason: "PodsNotGiven",
    severity: Severity::Unknown,
    link: Link::Pods,
    title: "pods of the ServiceAccount are in none of the files",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if chain.snapshot.origin == Origin::Live || !chain.aws_applies() {
        return None;
    }
    let (message, severity) = match counted(chain) {
        Some((message, Severity::Notice)) => match unseen(chain) {
            Some(unseen) => (unseen, ENTRY.severity),
            None => (message, Severity::Notice),
        },
        Some(told) => told,
        None => (unseen(chain)?, ENTRY.severity),
    };
    let fix = Fix::manual("give the output of `kubectl get pods --all-namespaces -o yaml` as well");
    Some(Finding::new(&ENTRY, message).severity(severity).fix(fix))
}

/// The most pods by which the status of a workload may differ from the pods only because both were not read at the same moment.
const LAG: u64 = 2;

/// That the status of a workload counts pods that were not given, and how much that matters.
fn counted(chain: &Chain<'_>) -> Option<(String, Severity)> {
    let cluster = &chain.snapshot.cluster;
    let workloads = chain.templates.iter().chain(&chain.pods);
    let missing = workloads.filter_map(|pod| {
        let facts = cluster.workload(&pod.namespace, &pod.workload)?;
        let (ungiven, given) = (facts.ungiven_pods, facts.given_pods);
        let may_lag = ungiven <= LAG && ungiven <= given;
        (ungiven > 0).then_some((may_lag, &pod.workload, ungiven, given))
    });
    let (may_lag, workload, ungiven, given) = missing.min_by_key(|(may_lag, ..)| *may_lag)?;
    let counts = ungiven + given;
    let pods = if counts == 1 { "pod" } else { "pods" };
    let seen = match given {
        0 => "no file contains any of them, so whether they have credentials is unknown".to_owned(),
        _ => format!("the files contain {given} of them, so whether the others have credentials is unknown"),
    };
    let message = format!(
        "the status of `{}` counts {counts} {pods}, but {seen}",
        quote(&workload.to_string())
    );
    let severity = if may_lag { Severity::Notice } else { ENTRY.severity };
    Some((message, severity))
}

/// That pods may be missing: all of them, or others than those that were seen.
fn unseen(chain: &Chain<'_>) -> Option<String> {
    let why = reasons(chain, GapKind::Pods)?;
    let key = quote(&chain.key.to_string());
    Some(if chain.pods.is_empty() {
        format!("no file contains a pod of ServiceAccount `{key}`, but there may be some: {why}")
    } else {
        format!("there may be more pods of ServiceAccount `{key}` than the files contain: {why}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit;
    use crate::model::PodPhase;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA918", Severity::Unknown, Link::Pods, Verdict::Unknown);

    fn with_gap(world: World) -> World {
        let mut world = world.read_from_files();
        world
            .snapshot
            .cluster
            .put_gap(GapKind::Pods, "`pods.yaml` is empty".to_owned());
        world
    }

    #[test]
    fn a_service_account_whose_pods_may_be_missing_is_not_said_to_work() {
        let report = with_gap(World::healthy().without_pods()).audit();
        assert!(the_one(&report, UNKNOWN).message.contains("`pods.yaml` is empty"));
        assert_healthy(&World::healthy().without_pods().read_from_files().audit());
    }

    #[test]
    fn one_that_a_role_trusts_is_not_left_out() {
        let trusted = || {
            World::healthy()
                .without_annotation()
                .without_pods()
                .trusted_by("cart")
        };
        let bindings = |world: &World| audit(&world.snapshot, &world.config, world.now).bindings.len();
        assert_eq!(bindings(&trusted().read_from_files()), 0, "nothing runs as it");
        let world = with_gap(trusted());
        assert_eq!((bindings(&world), world.audit().verdict), (1, Verdict::Unknown));
    }

    #[test]
    fn pods_that_were_given_say_nothing_of_the_others() {
        assert!(
            the_one(&with_gap(World::healthy()).audit(), UNKNOWN)
                .message
                .contains("more pods")
        );
        let report = with_gap(World::healthy().container(bare("app"))).audit();
        assert_eq!(report.verdict, Verdict::Broken);
    }

    #[test]
    fn what_is_broken_without_pods_stays_broken() {
        let report = with_gap(World::healthy().without_pods().without_provider()).audit();
        assert_eq!(report.verdict, Verdict::Broken);
    }

    #[test]
    fn a_workload_whose_status_counts_pods_has_some() {
        let template = || {
            World::healthy()
                .pod(|pod| pod.phase = PodPhase::Template)
                .read_from_files()
        };
        let mut world = template();
        let workload = world.snapshot.cluster.binding(&world.key).unwrap().pods()[0]
            .workload
            .clone();
        assert_ne!(world.audit().verdict, Verdict::Unknown);
        world
            .snapshot
            .cluster
            .put_ungiven_pods("shop", workload.as_ref().clone(), 3, 0);
        let report = world.audit();
        assert_eq!((report.verdict, report.reason), (Verdict::Unknown, ENTRY.reason));
    }

    #[test]
    fn where_most_pods_of_a_workload_are_missing_it_is_not_said_to_work() {
        for (ungiven, given, expected) in [
            (2, 1, Some(Severity::Unknown)),
            (40, 60, Some(Severity::Unknown)),
            // What a status may be behind, or ahead.
            (1, 1, Some(Severity::Notice)),
            (2, 8, Some(Severity::Notice)),
            (0, 3, None),
        ] {
            let mut world = World::healthy().read_from_files();
            let workload = world.snapshot.cluster.binding(&world.key).unwrap().pods()[0]
                .workload
                .clone();
            world
                .snapshot
                .cluster
                .put_ungiven_pods("shop", workload.as_ref().clone(), ungiven, given);
            let report = world.audit();
            let found = report
                .findings
                .iter()
                .find(|finding| finding.entry.code == ENTRY.code);
            assert_eq!(
                found.map(|finding| finding.severity),
                expected,
                "{ungiven} {given}"
            );
            let is_unknown = expected == Some(Severity::Unknown);
            assert_eq!(
                report.verdict == Verdict::Unknown,
                is_unknown,
                "{ungiven} {given}"
            );
        }
    }
}
