//! # IRSA915 `ConsumerKindUnseen`
//!
//! ## What it means
//! The API server serves a kind of another project whose objects use ServiceAccounts, such as a `SecretStore` or an `Issuer`, but
//! irsa-audit could not list its objects: it has no permission, or the API server did not answer. The finding is reported once for the
//! cluster.
//!
//! ## Why it is unknown
//! The controller of such an object may request the token of a ServiceAccount, or the object may name its role. The ServiceAccount then
//! needs no annotation, and its pods need no injected credentials. Until irsa-audit can list the objects, a missing annotation (IRSA101,
//! IRSA103) and missing credentials (IRSA401) that they could explain are *unknown* instead of *broken*, and an automatic `IrsaAudit` that
//! they could require is not deleted. All other findings stay the same.
//!
//! ## In logs
//! The operator logs `may not be listed` with the kind. Nothing else fails.
//!
//! ## Example
//! ```yaml
//! # Values of the chart: the operator may not list SecretStores.
//! rbac:
//!   consumers:
//!     secretstores.external-secrets.io: false
//! ```
//!
//! ## Fix
//! Set the kind to `true` in the chart's value `rbac.consumers`. Without the chart, allow `list` and `watch` of the kind in the
//! operator's ClusterRole, as `deploy/operator.yaml` does. The operator sees the change within ten minutes.
//!
//! ## Verify
//! `kubectl auth can-i list secretstores.external-secrets.io --all-namespaces --as system:serviceaccount:NAMESPACE:NAME` says
//! `yes` for the operator's ServiceAccount, and the finding is gone from `kubectl describe clusterirsaaudit cluster`.
//!
//! ## References
//! - [Using RBAC authorization](https://kubernetes.io/docs/reference/access-authn-authz/rbac/)
//! - [Custom resources](https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/custom-resources/)

use jiff::Timestamp;

use super::unseen_kinds::{kinds_shown, resources};
use crate::check::{Check, Rule};
use crate::config::Config;
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::UnseenKind;
use crate::snapshot::Snapshot;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA915",
    reason: "ConsumerKindUnseen",
    severity: Severity::Unknown,
    link: Link::ServiceAccount,
    title: "objects that use ServiceAccounts cannot be listed",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Cluster(of_cluster)],
};

fn of_cluster(snapshot: &Snapshot, _: &Config, _: Timestamp) -> Vec<Finding> {
    let kinds: Vec<&UnseenKind> = snapshot.cluster.unseen_kinds().iter().collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "irsa-audit could not list {}, so a missing annotation or missing credentials that such an object could explain are unknown \
         instead of broken",
        kinds_shown(&kinds)
    );
    let fix = Fix::manual(format!(
        "allow irsa-audit to `list` and `watch` {} in all namespaces; in the chart, with the value `rbac.consumers`",
        resources(&kinds)
    ));
    vec![Finding::new(&ENTRY, message).fix(fix)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Bound, audit_cluster, is_bound};
    use crate::model::{BindingKey, Explains};
    use crate::snapshot::Origin;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const EVERY: [Explains; 4] = [
        Explains::RequestsForTheirRole,
        Explains::Requests,
        Explains::RequestsOfMountingPods,
        Explains::Launches,
    ];

    /// A kind `Store` that explains this could not be listed.
    fn unseen(mut world: World, explains: Explains) -> World {
        world.snapshot.cluster.set_unseen_kinds(vec![UnseenKind {
            group: "example.com".to_owned(),
            kind: "Store".to_owned(),
            resource: "stores".to_owned(),
            explains,
        }]);
        world
    }

    #[test]
    fn it_is_told_once_and_what_is_healthy_stays_so() {
        let codes = |world: &World| -> Vec<(String, Severity)> {
            let report = audit_cluster(&world.snapshot, &world.config, world.now);
            let all = report.findings.iter();
            all.map(|finding| (finding.message.clone(), finding.severity))
                .collect()
        };
        assert!(codes(&World::healthy()).is_empty());
        for explains in EVERY {
            let world = unseen(World::healthy(), explains);
            let told = codes(&world);
            assert!(
                matches!(told.as_slice(), [(message, Severity::Unknown)] if message.contains("kind `Store`")),
                "{told:?}"
            );
            assert_healthy(&world.audit());
            assert_healthy(&unseen(World::healthy().without_pods(), explains).audit());
        }
    }

    /// The verdict on a world, where such a kind could not be listed.
    fn verdicts(world: impl Fn() -> World) -> [Verdict; 4] {
        EVERY.map(|explains| unseen(world(), explains).audit().verdict)
    }

    #[test]
    fn pods_without_credentials_are_not_broken_where_a_controller_may_request_the_token() {
        use Verdict::{Broken, Unknown};
        let bare_pod = || World::healthy().container(bare("app"));
        assert_eq!(verdicts(bare_pod), [Unknown, Unknown, Broken, Broken]);
        let mounting = || bare_pod().pod(|pod| pod.secret_provider_classes = ["db".to_owned()].into());
        assert_eq!(verdicts(mounting), [Unknown, Unknown, Unknown, Broken]);
        let report = unseen(bare_pod(), Explains::Requests).audit();
        let finding = &report.findings[0];
        assert_eq!(
            (finding.entry.code, finding.severity),
            ("IRSA401", Severity::Unknown)
        );
        assert!(
            finding.message.contains("could not list objects of kind `Store`"),
            "{}",
            finding.message
        );
        let fix = &finding.fix.as_ref().unwrap().first.text;
        assert!(
            fix.contains("`stores.example.com`") && !fix.contains("rollout"),
            "{fix}"
        );
    }

    #[test]
    fn a_class_that_files_do_not_hold_may_explain_the_pods_that_mount_it() {
        let mut world = World::healthy()
            .container(bare("app"))
            .pod(|pod| pod.secret_provider_classes = ["db".to_owned()].into());
        assert_eq!(
            world.audit().verdict,
            Verdict::Broken,
            "where it is seen that there is none"
        );
        world.snapshot.origin = Origin::Files;
        let report = world.audit();
        assert_eq!(
            (report.verdict, report.reason),
            (Verdict::Unknown, "CredentialsNotInjected")
        );
        assert!(
            report
                .message
                .contains("SecretProviderClass `db`, which was not given"),
            "{}",
            report.message
        );
    }

    #[test]
    fn a_missing_annotation_is_not_broken_where_an_object_may_name_the_role() {
        use Verdict::{AtRisk, Broken, Unknown};
        let bare_account = || World::healthy().without_annotation().container(bare("app"));
        let expected = || bare_account().request(|_| ()).expect_role(ROLE);
        assert_eq!(verdicts(expected), [Unknown, Broken, Broken, Broken]);
        let trusted = || bare_account().trusted_by("cart");
        assert_eq!(verdicts(trusted), [Unknown, AtRisk, AtRisk, AtRisk]);
        // Pods that carry a role need it, whatever else there is.
        let carrying = || World::healthy().without_annotation();
        assert_eq!(verdicts(carrying), [AtRisk; 4]);
        // What was seen to ask for the annotation is proof enough.
        let requested = || bare_account().requested_by("SecretStore");
        assert_eq!(verdicts(requested), [Broken; 4]);
    }

    #[test]
    fn so_is_one_that_is_misplaced_where_a_controller_may_read_it() {
        use Verdict::{Broken, Unknown};
        let misspelled = || {
            let world = World::healthy().without_annotation();
            let world = world.annotate("eks.amazonaws.com/role_arn", Some(ROLE));
            world.container(bare("app"))
        };
        assert_eq!(verdicts(misspelled), [Unknown, Broken, Broken, Broken]);
        // Controllers read this key, whatever the webhook reads.
        let of_another_webhook = || {
            let world = World::healthy().container(bare("app"));
            world.config(|config| config.annotation_prefix = "example.com".to_owned())
        };
        let audited = verdicts(of_another_webhook);
        assert_eq!(audited, [Unknown, Unknown, Broken, Broken]);
    }

    #[test]
    fn nothing_is_suggested_and_no_automatic_audit_is_deleted() {
        let unannotated = || World::healthy().without_annotation().without_pods();
        let bound = |world: &World| is_bound(&world.snapshot, &world.config, &world.key, world.now);
        assert_eq!(bound(&unannotated()), Bound::No);
        for explains in EVERY {
            assert_eq!(bound(&unseen(unannotated(), explains)), Bound::CannotTell);
        }
        let suggested = || {
            let mut world = World::healthy().without_pods().service_account("shop", "default");
            let namesake = BindingKey::new("shop", "default");
            world
                .snapshot
                .cluster
                .put_pod(pod(&namesake, "cart", bare("app")));
            world
        };
        assert_eq!(codes(&suggested().audit()), ["IRSA403"]);
        assert_healthy(&unseen(suggested(), Explains::Launches).audit());
    }
}
