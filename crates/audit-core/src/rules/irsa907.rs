//! # IRSA907 `ServiceAccountNotGiven`
//!
//! ## What it means
//! An `IrsaAudit`, a pod or a workload's pod template names a ServiceAccount that is in none of the files, but the files are not
//! the whole cluster: `--partial` is set, a file that could contain it is empty or cannot be read, a page of a list is missing, no
//! object has a `uid`, so the files are manifests and not the objects of a cluster, or they contain the `default` of some namespaces and no
//! ServiceAccount at all of this one, although pods run in it. The operator never reports this finding.
//!
//! ## Why it is unknown
//! The ServiceAccount may exist in the cluster, with or without the annotation.
//!
//! ## In logs
//! Nothing: only this finding reports it.
//!
//! ## Example
//! ```console
//! $ helm template chart | irsa-audit audit --partial --kubernetes - --aws account.json
//! ```
//! where the chart does not create the ServiceAccount that its Deployment names.
//!
//! ## Fix
//! Give the manifest of the ServiceAccount as well, or the output of `kubectl get serviceaccounts --all-namespaces -o yaml`. If the
//! files are the whole cluster, remove `--partial`: its absence is then IRSA106.
//!
//! ## Verify
//! The finding is gone.
//!
//! ## References
//! - [Configure service accounts for pods](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)

use super::ungiven::reasons;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::GapKind;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA907",
    reason: "ServiceAccountNotGiven",
    severity: Severity::Unknown,
    link: Link::ServiceAccount,
    title: "the ServiceAccount is in none of the files",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (cluster, namespace) = (&chain.snapshot.cluster, &chain.key.namespace);
    if chain.service_account.is_some() || !cluster.may_lack_accounts_of(namespace) {
        return None;
    }
    let (why, fix) = match reasons(chain, GapKind::ServiceAccounts) {
        Some(reasons) => (
            reasons,
            "give the output of `kubectl get serviceaccounts --all-namespaces -o yaml` as well",
        ),
        None if !cluster.lists_namespace(namespace) => (
            "the files contain no ServiceAccount of its namespace, not even `default`, which every namespace has".to_owned(),
            "give the output of `kubectl get serviceaccounts --all-namespaces -o yaml`",
        ),
        None => (
            "the files are not the whole cluster".to_owned(),
            "give its manifest to `--kubernetes` as well, or remove `--partial` if the files are the whole cluster",
        ),
    };
    let message = format!(
        "no file contains ServiceAccount `{}`, but it may exist: {why}",
        quote(&chain.key.to_string())
    );
    let fix = Fix::manual(fix);
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::audit;
    use crate::model::{BindingKey, PodPhase};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) = (
        "IRSA907",
        Severity::Unknown,
        Link::ServiceAccount,
        Verdict::Unknown,
    );

    /// A workload of a chart, and no ServiceAccount.
    fn named_by_a_template() -> World {
        World::healthy()
            .without_service_account()
            .pod(|pod| pod.phase = PodPhase::Template)
    }

    #[test]
    fn what_a_part_of_a_cluster_does_not_hold_is_unknown() {
        the_one(&named_by_a_template().partial().audit(), UNKNOWN);
        the_one(
            &World::healthy().without_service_account().partial().audit(),
            UNKNOWN,
        );
        let asked = World::healthy()
            .without_service_account()
            .without_pods()
            .request(|_| ())
            .expect_role(ROLE);
        the_one(&asked.partial().audit(), UNKNOWN);
        assert_healthy(&World::healthy().partial().audit());
    }

    #[test]
    fn a_namespace_without_even_its_default_was_not_listed() {
        let gone = ("IRSA106", Severity::Broken, Link::ServiceAccount, Verdict::Broken);
        let world = || World::healthy().without_service_account();
        let shown = |world: World| {
            let mut world = world;
            world.snapshot.cluster.set_shows_defaults();
            world.audit()
        };
        the_one(&shown(world().service_account("staging", "default")), UNKNOWN);
        the_one(&shown(world().service_account("shop", "default")), gone);
        the_one(&world().service_account("staging", "default").audit(), gone);
    }

    #[test]
    fn what_a_file_that_cannot_be_read_may_have_held_is_unknown() {
        let mut world = named_by_a_template().read_from_files();
        the_one(
            &world.audit(),
            ("IRSA106", Severity::Broken, Link::ServiceAccount, Verdict::Broken),
        );
        world
            .snapshot
            .cluster
            .put_gap(GapKind::ServiceAccounts, "`sa.yaml` is empty".to_owned());
        let report = world.audit();
        assert!(the_one(&report, UNKNOWN).message.contains("`sa.yaml` is empty"));
    }

    #[test]
    fn it_is_audited_wherever_a_workload_names_it() {
        let audited = |world: &World| {
            let report = audit(&world.snapshot, &world.config, world.now);
            report
                .bindings
                .iter()
                .map(|binding| binding.reason)
                .collect::<Vec<_>>()
        };
        assert_eq!(audited(&named_by_a_template()), ["ServiceAccountMissing"]);
        assert_eq!(
            audited(&named_by_a_template().partial()),
            ["ServiceAccountNotGiven"]
        );
        let mut as_default = World::healthy().without_service_account().without_pods();
        let template = pod(&BindingKey::new("shop", "default"), "web", bare("app"));
        as_default.snapshot.cluster.put_pod(crate::model::Pod {
            phase: PodPhase::Template,
            ..template
        });
        assert_eq!(
            audited(&as_default.partial()),
            [""; 0],
            "every namespace has it, and few annotate it"
        );
    }
}
