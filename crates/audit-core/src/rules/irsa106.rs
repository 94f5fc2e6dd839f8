//! # IRSA106 `ServiceAccountMissing`
//!
//! ## What it means
//! An `IrsaAudit`, a running pod, a workload's pod template, or an object whose controller uses ServiceAccounts (a `SecretStore`, a
//! `SparkApplication`) names a ServiceAccount that does not exist in the namespace.
//!
//! ## Why it breaks
//! The API server rejects pods that name it, and the owner of the pods keeps trying to create them. Pods from before
//! its deletion keep running until their token expires, and cannot get a new one.
//!
//! ## In logs
//! In Events of the `ReplicaSet` or Job: `error looking up service account NS/NAME: serviceaccount "NAME" not found`. In
//! the kubelet's of old pods: `MountVolume.SetUp failed … serviceaccounts "NAME" not found`.
//!
//! ## Example
//! ```yaml
//! kind: Deployment
//! spec:
//!   template:
//!     spec:
//!       serviceAccountName: cart   # kubectl get serviceaccount cart: not found
//! ```
//!
//! ## Fix
//! Create the ServiceAccount with its annotation, or change the workload to name an existing one.
//!
//! ## Verify
//! `kubectl get serviceaccount NAME --namespace NS` finds it, and the workload's pods are created.
//!
//! ## References
//! - [Configure service accounts for pods](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)
//! - [Service accounts](https://kubernetes.io/docs/concepts/security/service-accounts/)

use super::repair;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix, Repaired};
use crate::model::Used;
use crate::paths::Taker;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA106",
    reason: "ServiceAccountMissing",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the ServiceAccount does not exist",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    // Among objects that are not the whole cluster, its absence proves nothing: IRSA907.
    if chain.service_account.is_some() || chain.snapshot.cluster.may_lack_accounts_of(&chain.key.namespace) {
        return None;
    }
    let named_by = match (chain.request, chain.pods.first(), chain.templates.first()) {
        (Some(request), ..) if !request.from_command && (request.declared || request.expects_role()) => {
            format!("IrsaAudit `{}` names it", quote(&request.name))
        }
        (_, Some(pod), _) => format!("pod `{}` runs as it and cannot get a new token", quote(&pod.name)),
        (_, _, Some(template)) => {
            let workload = &template.workload;
            format!(
                "the pod template of {}/{} names it, so the API server rejects its pods",
                quote(&workload.kind),
                quote(&workload.name)
            )
        }
        (Some(request), ..) if request.from_command => "you asked about its permissions".to_owned(),
        _ => {
            let mut consumers = chain.snapshot.cluster.consumers(chain.key);
            let consumer = consumers.find(|consumer| consumer.is_certain)?;
            let object = Taker::Object(consumer).shown();
            if let Used::WithController { name, .. } = &consumer.used {
                return Some(without_namespace(&object, name));
            }
            format!("{object} names it")
        }
    };
    let fix = match chain.request.and_then(|request| request.role_arn.as_deref()) {
        Some(arn) if iam_policy::RoleArn::parse(arn).is_ok() => repair::create_annotated(chain, arn),
        _ => fix::create_service_account(chain.key).repairs(Repaired::ServiceAccount),
    };
    let message = format!(
        "ServiceAccount `{}` does not exist, but {named_by}",
        quote(&chain.key.to_string())
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// No ServiceAccount has the name, in any namespace. The object does not say which namespace it belongs to, so nothing is
/// repaired, and no role opened, for a guess.
fn without_namespace(object: &str, name: &str) -> Finding {
    let name = quote(name);
    let message = format!(
        "{object} names ServiceAccount `{name}`, but no namespace has one; it must be in the namespace of the object's controller"
    );
    let fix = Fix::manual(format!(
        "create ServiceAccount `{name}` in the namespace where the controller of {object} runs"
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PodPhase;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA106", Severity::Broken, Link::ServiceAccount, Verdict::Broken);

    #[test]
    fn a_pod_or_a_declared_audit_shows_that_it_is_missing() {
        let gone = || World::healthy().without_service_account();
        the_one(&gone().audit(), BROKEN);
        the_one(&gone().without_pods().request(|_| ()).audit(), BROKEN);
        the_one(
            &gone().without_pods().request(|_| ()).expect_role(ROLE).audit(),
            BROKEN,
        );
    }

    #[test]
    fn a_workload_without_pods_shows_it_too() {
        let report = World::healthy()
            .without_service_account()
            .pod(|pod| pod.phase = PodPhase::Template)
            .audit();
        assert!(
            the_one(&report, BROKEN)
                .message
                .contains("template of Deployment/cart"),
            "{}",
            report.message
        );
    }

    #[test]
    fn an_audit_that_the_operator_left_behind_shows_nothing() {
        let report = World::healthy()
            .without_service_account()
            .without_pods()
            .request(|r| r.declared = false)
            .audit();
        assert_healthy(&report);
    }

    #[test]
    fn pods_that_go_away_do_not_miss_it() {
        assert_healthy(
            &World::healthy()
                .without_service_account()
                .pod(|pod| pod.terminating = true)
                .audit(),
        );
    }

    #[test]
    fn no_aws_link_is_reached() {
        let report = World::healthy()
            .without_service_account()
            .without_pods()
            .request(|_| ())
            .audit();
        assert_eq!(
            state(&report, Link::ServiceAccount),
            LinkState::Broken("ServiceAccountMissing")
        );
        assert_eq!(state(&report, Link::Role), LinkState::NotReached);
    }

    #[test]
    fn the_fix_creates_it_with_its_annotation() {
        let world = World::healthy().without_service_account().expect_role(ROLE);
        let report = world.audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().script(),
            format!(
                "kubectl create serviceaccount cart --namespace shop && kubectl annotate serviceaccount cart --namespace \
                 shop --overwrite eks.amazonaws.com/role-arn={ROLE}"
            )
        );
        assert_healthy(&world.service_account("shop", "cart").annotation(ROLE).audit());
    }
}
