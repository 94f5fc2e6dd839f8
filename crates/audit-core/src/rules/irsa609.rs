//! # IRSA609 `ApiTokenNotMounted`
//!
//! ## What it means
//! The ServiceAccount is expected to have permissions in Kubernetes (`spec.expect.kubernetes`), but its pods get no token for the
//! Kubernetes API: `automountServiceAccountToken` is `false`, on the pod or, if the pod does not set it, on the
//! ServiceAccount, and no volume of the pod has such a token.
//!
//! The token for AWS is a different token, and is not affected.
//!
//! ## Why it matters
//! Without a token, a client in the pod has no identity for the API server, so it cannot use the permissions of the ServiceAccount.
//! It may have credentials that irsa-audit cannot see, such as a kubeconfig in a Secret. Therefore the finding is a *risk*,
//! never *broken*.
//!
//! ## In logs
//! `open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory`, or
//! `unable to load in-cluster configuration`.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   name: controller
//! automountServiceAccountToken: false
//! ```
//!
//! ## Fix
//! Set `automountServiceAccountToken: true` in the pod template, which overrides the ServiceAccount, or mount a projected
//! token. If the workload does not call the API, remove the expectation.
//!
//! ## Verify
//! `kubectl exec … -- ls /var/run/secrets/kubernetes.io/serviceaccount` in a new pod shows `token`.
//!
//! ## References
//! - [Opt out of API credential automounting](https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/)
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)

use super::pods::workloads;
use super::rollout;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::model::{ApiToken, AuditRequest, Pod};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA609",
    reason: "ApiTokenNotMounted",
    severity: Severity::Risk,
    link: Link::Rbac,
    title: "pods have no token for the Kubernetes API",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if !chain.request.is_some_and(AuditRequest::expects_kubernetes) {
        return None;
    }
    let account_is_off = chain.service_account.is_some_and(|account| account.automount_off);
    let lacks = |pod: &&Pod| match pod.api_token {
        ApiToken::Off => true,
        ApiToken::Unset => account_is_off,
        ApiToken::Mounted | ApiToken::Own => false,
    };
    let all = || chain.pods.iter().chain(&chain.templates).copied();
    let pods: Vec<&Pod> = all().filter(lacks).collect();
    let first = pods.first()?;
    let (_, names) = workloads(&pods);
    let place = match first.api_token {
        ApiToken::Off => format!("`{}`", quote(&first.workload.to_string())),
        _ => format!("ServiceAccount `{}`", quote(&chain.key.to_string())),
    };
    let message = format!(
        "pods of {names} are expected to use the Kubernetes API, but get no token for it: `automountServiceAccountToken` of {place} is \
         `false`, and no volume has such a token"
    );
    let fix = rollout::edited(
        chain,
        &pods,
        |_, template| lacks(&template),
        |due| fix::automount_token(&chain.key.namespace, &workloads(due).0),
        |due| {
            let (_, names) = workloads(due);
            format!(
                "if these workloads call the Kubernetes API, set `automountServiceAccountToken: true` in the pod templates of {names}"
            )
        },
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA609", Severity::Risk, Link::Rbac, Verdict::AtRisk);

    /// Permissions are expected, and granted.
    fn expecting() -> World {
        World::healthy()
            .granting("shop", "r", "get core pods")
            .bound_itself("shop", "r")
            .expect_kubernetes()
    }

    fn automount_off(mut world: World) -> World {
        let binding = world.snapshot.cluster.binding(&world.key).unwrap();
        let account = binding.service_account().unwrap().clone();
        let account = crate::model::ServiceAccount {
            automount_off: true,
            ..account
        };
        world.snapshot.cluster.put_service_account(account);
        world
    }

    #[test]
    fn pods_without_a_token_are_a_risk() {
        let report = expecting().pod(|pod| pod.api_token = ApiToken::Off).audit();
        let fix = the_one(&report, RISK).fix.as_ref().unwrap();
        assert!(
            fix.first.kind == FixKind::Kubectl
                && fix.first.text.contains(r#""automountServiceAccountToken":true"#),
            "{}",
            fix.first.text
        );
        let report = automount_off(expecting()).audit();
        assert!(
            the_one(&report, RISK)
                .message
                .contains("of ServiceAccount `shop/cart`")
        );
    }

    #[test]
    fn the_pod_counts_before_the_service_account() {
        for api_token in [ApiToken::Mounted, ApiToken::Own] {
            let report = automount_off(expecting())
                .pod(|pod| pod.api_token = api_token)
                .audit();
            assert_eq!(codes(&report), [""; 0]);
        }
    }

    #[test]
    fn without_expectations_nobody_misses_it() {
        assert_healthy(&automount_off(World::healthy()).audit());
        assert_eq!(codes(&automount_off(expecting()).without_pods().audit()), [""; 0]);
    }
}
