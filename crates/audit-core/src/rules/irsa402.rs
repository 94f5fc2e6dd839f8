//! # IRSA402 `PodRoleStale`
//!
//! ## What it means
//! A pod carries another role than the annotation says. *Broken* where that role is proven to refuse the pod, else a
//! *risk*.
//!
//! ## Why it matters
//! The webhook writes role and token into a pod once, when it is created; a changed annotation reaches only new pods. Old
//! ones go on with the old role as long as that works for them, with its permissions in place of the new one's.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity` in old pods only; or nothing at all.
//!
//! ## Example
//! ```console
//! $ kubectl exec deploy/cart -- env | grep AWS_ROLE_ARN
//! AWS_ROLE_ARN=arn:aws:iam::111122223333:role/old-cart
//! $ kubectl get serviceaccount cart -o yaml | grep role-arn
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//! ```
//!
//! ## Fix
//! `kubectl rollout restart`. Where one container of a pod has the annotation's role and another does not, or where the
//! token is in no volume of the webhook's, the pod's template sets the variables itself: take them out there, for the
//! webhook leaves both alone if either is set.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows the annotation's role.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use super::pods::{differing, other_roles, refused, some_of, stale, workloads};
use crate::chain::{Annotation, Chain};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::text::quote_list;
use crate::webhook::Difference;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA402",
    reason: "PodRoleStale",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "pods carry another role than the annotation says",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let Annotation::Role(annotated) = &chain.annotation else {
        return None;
    };
    let annotated = annotated.to_string();
    let pods = stale(chain);
    if pods.is_empty() {
        return None;
    }
    let carried = || pods.iter().flat_map(|pod| other_roles(pod, &annotated));
    let refused = !refused(chain, carried()).is_empty();
    let mut roles: Vec<&str> = carried().map(|(_, role)| role).collect();
    roles.sort_unstable();
    roles.dedup();
    let (restart, names) = workloads(&pods);
    let message = format!(
        "{} {}, and the annotation says `{annotated}`; to restart: {names}",
        some_of(pods.len(), chain.pods.len(), "carries", "carry"),
        quote_list(&roles, 3)
    );
    // The webhook gives all containers of a pod the same role, and its token: what differs within a pod, or comes without
    // that token, its template says.
    let preset = pods
        .iter()
        .any(|pod| pod.role_arns().contains(&annotated.as_str()))
        || differing(chain, preset_role)
            .iter()
            .any(|told| !told.pod.is_template());
    let fix = if preset {
        let by_hand = || {
            Fix::manual(format!(
                "take `AWS_ROLE_ARN` out of the containers' `env` in the pod templates of {names}"
            ))
        };
        let variables = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"];
        Some(fix::unset_env(&chain.key.namespace, &restart, &variables).unwrap_or_else(by_hand))
    } else {
        fix::restart(&chain.key.namespace, &restart)
    };
    Some(
        Finding::new(&ENTRY, message)
            .severity(if refused { Severity::Broken } else { Severity::Risk })
            .fix(fix),
    )
}

/// A role that no restart takes away.
fn preset_role(difference: Difference<'_>) -> Option<()> {
    matches!(difference, Difference::OtherRole { preset: true, .. }).then_some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::model::{Container, RoleLookup, Workload};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA402", Severity::Risk, Link::Pods, Verdict::AtRisk);
    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA402", Severity::Broken, Link::Pods, Verdict::Broken);

    /// The pod was created when the annotation named another role.
    fn stale_pod() -> World {
        World::healthy().container(injected("app", OLD_ROLE))
    }

    fn with_old_trust(subject: &str) -> World {
        stale_pod().any_role(
            "old-cart",
            role(OLD_ROLE, &trust(&condition(subject)).to_string()),
        )
    }

    #[test]
    fn an_old_role_that_still_works_is_a_risk() {
        let report = stale_pod().good_role(OLD_ROLE).audit();
        let finding = the_one(&report, RISK);
        assert_eq!(
            finding.fix.as_ref().unwrap().text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        assert_eq!((report.pods.stale, report.pods.missing), (1, 0));
    }

    #[test]
    fn an_old_role_that_refuses_is_broken() {
        the_one(
            &with_old_trust("system:serviceaccount:shop:orders").audit(),
            BROKEN,
        );
        the_one(
            &stale_pod().any_role("old-cart", RoleLookup::Absent).audit(),
            BROKEN,
        );
        the_one(
            &World::healthy().container(injected("app", "arn:x")).audit(),
            BROKEN,
        );
    }

    #[test]
    fn an_old_role_of_which_nothing_is_known_is_a_risk() {
        the_one(&stale_pod().audit(), RISK);
        let elsewhere = "arn:aws:iam::444455556666:role/cart";
        the_one(
            &World::healthy().container(injected("app", elsewhere)).audit(),
            RISK,
        );
        let mut conditions = condition(SUBJECT);
        conditions["IpAddress"]["aws:SourceIp"] = json!("10.0.0.0/8");
        let hanging = stale_pod().any_role("old-cart", role(OLD_ROLE, &trust(&conditions).to_string()));
        the_one(&hanging.audit(), RISK);
    }

    #[test]
    fn the_token_that_the_pod_has_is_what_counts() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!("mesh");
        let old = Container {
            tokens: vec![token("mesh")],
            ..injected("app", OLD_ROLE)
        };
        let world = World::healthy().client_ids(&[AUDIENCE, "mesh"]).container(old);
        let report = world
            .any_role("old-cart", role(OLD_ROLE, &trust(&conditions).to_string()))
            .audit();
        the_one(&report, RISK);
    }

    #[test]
    fn a_token_of_which_nothing_is_known_proves_nothing() {
        let elsewhere = Container {
            token_file: Some("/elsewhere/token".to_owned()),
            ..injected("app", OLD_ROLE)
        };
        let world = with_old_trust("system:serviceaccount:shop:orders").container(elsewhere);
        the_one(&world.audit(), RISK);
        the_one(&world.any_role("old-cart", RoleLookup::Absent).audit(), BROKEN);
    }

    #[test]
    fn a_role_without_a_token_is_the_applications_own_affair() {
        let own = Container {
            role_arn: Some(OLD_ROLE.to_owned()),
            ..bare("sidecar")
        };
        assert_healthy(&World::healthy().pod(|pod| pod.containers.push(own)).audit());
    }

    #[test]
    fn a_role_that_comes_from_the_template_is_not_restarted_away() {
        let report = World::healthy()
            .good_role(OLD_ROLE)
            .pod(|pod| pod.containers.push(injected("b", OLD_ROLE)))
            .audit();
        let fix = the_one(&report, RISK).fix.as_ref().unwrap();
        let command =
            "kubectl set env --namespace shop deployment/cart AWS_ROLE_ARN- AWS_WEB_IDENTITY_TOKEN_FILE-";
        assert_eq!(fix.text, command);
        let own = World::healthy().good_role(OLD_ROLE).pod(|pod| {
            pod.containers = vec![injected("app", OLD_ROLE)];
            pod.containers[0].tokens[0].by_webhook = false;
        });
        assert_eq!(the_one(&own.audit(), RISK).fix.as_ref().unwrap().text, command);
        let job = Workload {
            kind: "Job".into(),
            name: "once".into(),
        };
        let report = own.pod(|pod| pod.workload = job).audit();
        assert_eq!(the_one(&report, RISK).fix.as_ref().unwrap().kind, FixKind::Manual);
    }

    #[test]
    fn the_evidence_on_the_old_role_ends_too() {
        let world = stale_pod().good_role(OLD_ROLE).later(60);
        let now = world.now;
        let world = world.account(|account| {
            account
                .provider
                .succeed(account.provider.latest().unwrap().clone(), now);
        });
        assert_eq!(
            world.audit().valid_until,
            Some(now.saturating_add(jiff::SignedDuration::from_secs(3540)).unwrap())
        );
    }
}
