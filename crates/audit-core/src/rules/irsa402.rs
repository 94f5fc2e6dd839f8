//! # IRSA402 `PodRoleStale`
//!
//! ## What it means
//! A pod has a different role from the one in the annotation. If the pod template sets the role itself, the pod has a different role from
//! the one that the template sets now. The finding is *broken* if the pod's role is proven to refuse the pod, else a
//! *risk*. It is a *notice* if the pod template gives the container this role, and the role is proven to admit the container.
//!
//! The webhook gives all containers of a pod the same role, and its own token. A container that differs from the others in
//! its pod, or has its own token, got its role from the pod template: such pods are not stale, and a restart changes
//! nothing.
//!
//! ## Why it matters
//! The webhook writes role and token into a pod once, when it is created. A changed annotation reaches only new pods. Old
//! pods keep the old role and its permissions, as long as that role admits them.
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
//! Run `kubectl rollout restart`, unless the annotation's role does not exist: then mend that first, or new pods lose what old ones have.
//! If the template sets a role that refuses the container: let that role's trust policy admit
//! the ServiceAccount if the role is intended, or remove both variables from that container's `env` if it is not.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows the annotation's role.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use std::collections::BTreeSet;

use iam_policy::RoleArn;

use super::pods::{other_roles, outdated, refused, some_of, stale, with_own_roles, workloads};
use super::{irsa201, repair, rollout};
use crate::chain::{Chain, NamedRole, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{Fix, FixKind};
use crate::model::{Container, Pod};
use crate::text::{quote, quote_list, reveal};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA402",
    reason: "PodRoleStale",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "pods have a different role from the annotation",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    if let Some(finding) = older_than_template(chain) {
        return Some(finding);
    }
    let NamedRole::Role(annotated) = &chain.named_role else {
        return None;
    };
    let annotated = annotated.as_str();
    let pods = stale(chain);
    if pods.is_empty() {
        return on_purpose(chain, annotated);
    }
    let carried = || pods.iter().flat_map(|pod| carried_roles(chain, pod, annotated));
    let refused = !refused(chain, carried()).is_empty();
    let (_, names) = workloads(&pods);
    let message = format!(
        "{} role {}, but {} is `{annotated}`: pods of {names} keep their role until they are recreated",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote_list(&distinct(carried()), 3),
        repair::where_it_stands(chain, "role-arn")
    );
    let severity = if refused { Severity::Broken } else { Severity::Risk };
    Some(
        Finding::new(&ENTRY, message)
            .severity(severity)
            .fix(after_the_role(chain, rollout::restart(chain, &pods))),
    )
}

/// A restart gives pods the annotation's role. Where that does not exist and no command mends it, a person has to do so first: until then the
/// old pods may be the only ones that work.
fn after_the_role(chain: &Chain<'_>, restart: Option<Fix>) -> Option<Fix> {
    let is_by_hand = |absent: &Finding| {
        let fix = absent.fix.as_ref();
        fix.is_none_or(|fix| fix.first.kind == FixKind::Manual)
    };
    let Some(absent) = irsa201::check(chain).filter(is_by_hand) else {
        return restart;
    };
    let first = Fix::manual(format!(
        "do not restart the pods before {} is mended: new pods get a role that does not exist",
        absent.entry.code
    ));
    restart.map(|restart| first.and_then(restart))
}

/// The template sets the role itself, and to a different one from its pods.
fn older_than_template(chain: &Chain<'_>) -> Option<Finding> {
    let told = outdated(chain);
    let first = told.first()?;
    let pods = stale(chain);
    let (_, names) = workloads(&pods);
    let carried = || {
        told.iter()
            .filter_map(|one| Some((one.container, one.container.role_arn.as_deref()?)))
    };
    let message = format!(
        "{} role {} in container `{}`, but the pod template says `{}`: pods of {names} keep their role until they are recreated",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote_list(&distinct(carried()), 3),
        quote(&first.container.name),
        quote(first.what)
    );
    let severity = if refused(chain, carried()).is_empty() {
        Severity::Risk
    } else {
        Severity::Broken
    };
    Some(
        Finding::new(&ENTRY, message)
            .severity(severity)
            .fix(rollout::catch_up(chain, &pods)),
    )
}

/// The containers that would assume another role than `annotated`, and that do not bring their own token for it: the path of
/// those is another.
fn carried_roles<'a>(
    chain: &Chain<'_>,
    pod: &'a Pod,
    annotated: &str,
) -> impl Iterator<Item = (&'a Container, &'a str)> {
    other_roles(pod, annotated).filter(|(container, _)| !chain.ways.is_elsewhere(pod, container))
}

/// A role that the pod template sets is intended, unless it refuses the container.
fn on_purpose(chain: &Chain<'_>, annotated: &str) -> Option<Finding> {
    let pods = with_own_roles(chain);
    let carried = || {
        pods.iter()
            .flat_map(|pod| carried_roles(chain, pod, annotated).map(move |found| (*pod, found)))
    };
    let (first, (container, _)) = carried().next()?;
    let refused = refused(chain, carried().map(|(_, found)| found));
    let place = format!(
        "container `{}` of `{}`",
        quote(&container.name),
        quote(&first.workload.to_string())
    );
    let roles = quote_list(&distinct(carried().map(|(_, found)| found)), 3);
    let message = format!(
        "{place} sets role {roles} itself, but {} is `{annotated}`",
        repair::where_it_stands(chain, "role-arn")
    );
    if refused.is_empty() {
        let tokens = carried().map(|(_, (container, role))| (role, container.token_audience()));
        let tokens: BTreeSet<_> = tokens.collect();
        let passes = tokens
            .into_iter()
            .all(|(role, audience)| is_given(chain, role, audience));
        if passes {
            return Some(Finding::new(&ENTRY, message).severity(Severity::Notice));
        }
        let message =
            format!("{message}; whether role {roles} admits the container's token cannot be determined");
        let fix = Fix::manual(format!(
            "check that role {roles} is intended, and that its trust policy admits `{}`",
            reveal(&chain.subject)
        ));
        return Some(Finding::new(&ENTRY, message).severity(Severity::Risk).fix(fix));
    }
    let roles: Vec<&str> = refused.into_iter().collect();
    let roles = quote_list(&roles, 3);
    let fix = Fix::manual(format!(
        "if role {roles} is intended, let its trust policy admit `{}`; if it is not, remove `AWS_ROLE_ARN` and \
         `AWS_WEB_IDENTITY_TOKEN_FILE` from the `env` of only that container",
        reveal(&chain.subject)
    ));
    let message = format!("{message}; role {roles} refuses the container's token");
    Some(Finding::new(&ENTRY, message).severity(Severity::Broken).fix(fix))
}

/// Whether a role is seen to be given for a container's own token.
fn is_given(chain: &Chain<'_>, role: &str, audience: Option<&str>) -> bool {
    let audience = audience.unwrap_or_default();
    RoleArn::parse(role).is_ok_and(|arn| chain.for_role(arn, audience).outcome() == RoleOutcome::Passes)
}

/// The roles, each once.
fn distinct<'a>(carried: impl Iterator<Item = (&'a Container, &'a str)>) -> Vec<&'a str> {
    let roles: BTreeSet<&str> = carried.map(|(_, role)| role).collect();
    roles.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Rarities, RoleLookup};
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
            finding.fix.as_ref().unwrap().first.text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        assert_eq!((report.pods.stale, report.pods.missing), (1, 0));
    }

    #[test]
    fn no_command_moves_pods_to_a_role_that_does_not_exist() {
        let restart = |world: World| {
            let report = world.audit();
            let stale = report
                .findings
                .iter()
                .find(|f| f.entry.code == "IRSA402")
                .unwrap();
            stale.fix.as_ref().unwrap().script()
        };
        let script = restart(stale_pod().good_role(OLD_ROLE).role(RoleLookup::Absent));
        assert!(script.lines().all(|line| line.starts_with('#')), "{script}");
        assert!(script.contains("kubectl rollout restart"), "{script}");
        // A command puts the name right.
        let misspelt = stale_pod()
            .good_role(OLD_ROLE)
            .annotation("arn:aws:iam::111122223333:role/CART");
        let script = restart(misspelt.any_role("CART", RoleLookup::Absent));
        assert!(script.starts_with("kubectl rollout restart"), "{script}");
    }

    #[test]
    fn what_the_template_says_by_now_is_what_a_new_pod_has() {
        let templated = |template: Container, carried: Container| {
            let rarities = Rarities {
                in_template: Some(Box::new(template)),
                ..Rarities::default()
            };
            let container = Container {
                rarities: Some(Box::new(rarities)),
                ..carried
            };
            World::healthy().good_role(OLD_ROLE).container(container)
        };
        // The variables are in the template: each new pod has this role, and the annotation is no part of it.
        let preset = Container {
            tokens: Vec::new(),
            ..injected("app", OLD_ROLE)
        };
        let report = templated(preset.clone(), injected("app", OLD_ROLE)).audit();
        assert!(!codes(&report).contains(&"IRSA402"), "{}", shown(&report));
        assert_eq!(report.facts.path, Some(crate::paths::CredentialPath::Own));
        // They are no longer there.
        the_one(&templated(bare("app"), injected("app", OLD_ROLE)).audit(), RISK);
        the_one(&templated(bare("app"), own(AUDIENCE, OLD_ROLE)).audit(), RISK);
        // The template brings another role by now: no role is edited that only the old pod has.
        let report = templated(own(AUDIENCE, ROLE), own(AUDIENCE, OLD_ROLE))
            .without_annotation()
            .audit();
        let finding = the_one(&report, RISK);
        assert!(
            finding.message.contains("the pod template says"),
            "{}",
            finding.message
        );
        assert_eq!(report.pods.stale, 1);
        let refusing = templated(own(AUDIENCE, ROLE), own(AUDIENCE, OLD_ROLE)).without_annotation();
        let report = refusing.any_role("old-cart", RoleLookup::Absent).audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert_eq!(
            fix.first.text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
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
    fn a_role_that_comes_from_the_template_is_there_on_purpose() {
        let notice = ("IRSA402", Severity::Notice, Link::Pods, Verdict::Working);
        let beside = || World::healthy().pod(|pod| pod.containers.push(injected("side", OLD_ROLE)));
        let report = beside().good_role(OLD_ROLE).audit();
        assert!(the_one(&report, notice).fix.is_none());
        assert_eq!(report.pods.stale, 0);
        let own = World::healthy().good_role(OLD_ROLE).pod(|pod| {
            pod.containers = vec![injected("app", OLD_ROLE)].into();
            pod.containers[0].tokens[0].by_webhook = false;
        });
        assert_eq!(
            codes(&own.audit()),
            ["IRSA914"],
            "what it brings itself is its own role, whose policies nobody has read"
        );
        the_one(&beside().audit(), RISK);
        let report = beside().any_role("old-cart", RoleLookup::Absent).audit();
        let finding = the_one(&report, BROKEN);
        assert!(
            finding.message.contains("container `side`"),
            "{}",
            finding.message
        );
        assert_eq!(finding.fix.as_ref().unwrap().first.kind, FixKind::Manual);
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
