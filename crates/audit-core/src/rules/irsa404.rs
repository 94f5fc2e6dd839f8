//! # IRSA404 `TokenAudienceMismatch`
//!
//! ## What it means
//! A pod's token has a different audience from the one that its ServiceAccount requests, and the OIDC provider or the trust policy refuses
//! it.
//!
//! A token without an audience gets the API server's default audience, which irsa-audit cannot see: the finding is then *unknown*.
//!
//! ## Why it breaks
//! The webhook writes the audience into a pod once, when it is created. A changed annotation reaches only new pods. Or
//! the pod template mounts its own token.
//!
//! ## In logs
//! `InvalidIdentityToken: Incorrect token audience`, or
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```yaml
//! volumes:
//!   - name: aws-iam-token
//!     projected:
//!       sources:
//!         - serviceAccountToken: {audience: vault, path: token}   # the ServiceAccount requests sts.amazonaws.com
//! ```
//!
//! ## Fix
//! Run `kubectl rollout restart`. If the pod template mounts its own token, set the audience in that volume.
//!
//! ## Verify
//! The projected volume of a new pod has the ServiceAccount's audience.
//!
//! ## References
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)

use super::pods::{differing, some_of, workloads};
use super::rollout;
use crate::chain::{Chain, NamedRole, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::{Container, Pod};
use crate::text::{quote, quote_list};
use crate::webhook::InjectionDifference;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA404",
    reason: "TokenAudienceMismatch",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "pods have a token with a different audience from the one that their ServiceAccount requests",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let pods: Vec<&Pod> = chain
        .pods
        .iter()
        .copied()
        .filter(|pod| refused_audiences(chain, pod).next().is_some())
        .collect();
    if pods.is_empty() {
        return unseen(chain);
    }
    let mut audiences: Vec<&str> = pods
        .iter()
        .flat_map(|pod| refused_audiences(chain, pod))
        .collect();
    audiences.sort_unstable();
    audiences.dedup();
    let (_, names) = workloads(&pods);
    let message = format!(
        "{} a token for audience {}, which STS refuses, but the ServiceAccount requests `{}`: {names}",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote_list(&audiences, 3),
        quote(chain.audience)
    );
    let preset = differing(chain, preset_audience);
    let fix = if preset.iter().any(|told| audiences.contains(&told.what)) {
        let step = "set the token's audience to that of the ServiceAccount, or leave the token to the webhook, in the pod templates of";
        Some(Fix::manual(format!("{step} {names}")))
    } else {
        rollout::restart(chain, &pods)
    };
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// Tokens without an audience get the API server's default audience, which irsa-audit cannot see.
fn unseen(chain: &Chain<'_>) -> Option<Finding> {
    let NamedRole::Role(arn) = &chain.named_role else {
        return None;
    };
    if !chain.is_webhooks() || chain.audience.is_empty() {
        return None;
    }
    let annotated = arn.as_str();
    let has = |pod: &Pod, container: &Container| {
        container.has_web_identity()
            && !chain.ways.is_elsewhere(pod, container)
            && container.role_arn.as_deref() == Some(annotated)
            && container.token().is_some_and(|token| token.audience.is_none())
    };
    let pods: Vec<&Pod> = chain
        .pods
        .iter()
        .copied()
        .filter(|pod| pod.containers.iter().any(|container| has(pod, container)))
        .collect();
    if pods.is_empty() || chain.for_role(arn.clone(), chain.audience).outcome() == RoleOutcome::Fails {
        return None;
    }
    let (_, names) = workloads(&pods);
    let message = format!(
        "{} a token without an audience: it gets the API server's default audience, which irsa-audit cannot see, but the \
         ServiceAccount requests `{}`",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote(chain.audience)
    );
    let step = "set the token's audience to that of the ServiceAccount, or leave the token to the webhook, in the pod templates of";
    let fix = Fix::manual(format!("{step} {names}"));
    Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix))
}

/// The audience of a token that no restart takes away.
fn preset_audience(difference: InjectionDifference<'_>) -> Option<&str> {
    match difference {
        InjectionDifference::OtherAudience {
            audience,
            preset: true,
        } => Some(audience),
        _ => None,
    }
}

/// The audiences, other than the ServiceAccount's, with which containers ask for the annotation's role in vain. Pods with
/// another role are IRSA402's.
fn refused_audiences<'a>(chain: &Chain<'a>, pod: &'a Pod) -> impl Iterator<Item = &'a str> {
    let annotated = match &chain.named_role {
        NamedRole::Role(arn) if chain.is_webhooks() && !chain.audience.is_empty() => Some(arn),
        _ => None,
    };
    let containers = pod
        .containers
        .iter()
        .filter(|c| c.has_web_identity() && !chain.ways.is_elsewhere(pod, c));
    containers.filter_map(move |container: &Container| {
        let arn = annotated?;
        let audience = container
            .token_audience()
            .filter(|audience| *audience != chain.audience)?;
        let refused = || chain.for_role(arn.clone(), audience).outcome() == RoleOutcome::Fails;
        // What refuses every audience is not the audience's fault.
        let because_of_it = || chain.for_role(arn.clone(), chain.audience).outcome() != RoleOutcome::Fails;
        (container.role_arn.as_deref() == Some(arn.as_str()) && refused() && because_of_it())
            .then_some(audience)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA404", Severity::Broken, Link::Pods, Verdict::Broken);

    /// The pod was created when the annotation asked for another audience.
    fn with_old_token(audience: &str) -> World {
        World::healthy().container(Container {
            tokens: vec![token(audience)],
            ..injected("app", ROLE)
        })
    }

    #[test]
    fn an_old_audience_that_is_refused_is_broken() {
        let report = with_old_token("vault").audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert_eq!(
            fix.first.text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        the_one(
            &with_old_token("vault").client_ids(&[AUDIENCE, "vault"]).audit(),
            BROKEN,
        );
    }

    #[test]
    fn a_token_without_an_audience_has_one_that_nobody_sees() {
        let mut silent = token(AUDIENCE);
        silent.audience = None;
        let world = World::healthy().container(Container {
            tokens: vec![silent],
            ..injected("app", ROLE)
        });
        the_one(
            &world.audit(),
            ("IRSA404", Severity::Unknown, Link::Pods, Verdict::Unknown),
        );
        assert_eq!(
            codes(&world.without_provider().audit()),
            ["IRSA301"],
            "what refuses every token is told first"
        );
    }

    #[test]
    fn a_token_that_the_template_brings_is_not_restarted_away() {
        let world = with_old_token("vault").pod(|pod| pod.containers[0].tokens[0].by_webhook = false);
        assert_eq!(
            codes(&world.audit()),
            ["IRSA104"],
            "it is the pod's own, and no annotation asks for it"
        );
    }

    #[test]
    fn an_old_audience_that_still_works_is_fine() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!([AUDIENCE, "vault"]);
        assert_healthy(
            &with_old_token("vault")
                .client_ids(&[AUDIENCE, "vault"])
                .condition(&conditions)
                .audit(),
        );
    }

    #[test]
    fn other_tokens_beside_the_webhooks_do_not_matter() {
        let mut other = token("vault");
        other.path = "/var/run/secrets/vault".to_owned();
        assert_healthy(
            &World::healthy()
                .pod(|pod| pod.containers[0].tokens.insert(0, other))
                .audit(),
        );
    }

    #[test]
    fn what_refuses_every_token_is_not_the_tokens_fault() {
        assert_eq!(
            codes(&with_old_token("vault").without_provider().audit()),
            ["IRSA301"]
        );
    }
}
