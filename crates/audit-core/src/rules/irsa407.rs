//! # IRSA407 `ContainerSkipped`
//!
//! ## What it means
//! A pod has its credentials, and one of its containers does not: the pod's annotation `skip-containers` names it, or the
//! container sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` itself, so that the webhook set neither there. Of a
//! workload without pods: its new pods will be so, or its label keeps them from the webhook altogether.
//!
//! Pods in which no container has credentials are IRSA401.
//!
//! ## Why it matters
//! That may well be wanted: a sidecar needs no role. If the container calls AWS, it does so with other credentials, or
//! none.
//!
//! ## In logs
//! Nothing; or `Unable to locate credentials` in this container only.
//!
//! ## Example
//! ```yaml
//! metadata:
//!   annotations:
//!     eks.amazonaws.com/skip-containers: "app"   # meant for the sidecar
//! ```
//!
//! ## Fix
//! If the container calls AWS: take its name out of the annotation, or the variable out of its `env`.
//!
//! ## Verify
//! `kubectl exec … -c app -- env` in a new pod shows both variables, or the container needs neither.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)

use super::pods::{containers_shown, differing, pods_of, workloads};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::webhook::{Difference, Lack};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA407",
    reason: "ContainerSkipped",
    severity: Severity::Notice,
    link: Link::Pods,
    title: "a container is left without the credentials of its pod",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let mut told = differing(chain, skipped);
    // A container that came into the pod after the webhook was preset by nobody: it lacks the token's mount as well.
    told.retain(|one| {
        one.what != Lack::Preset
            || one.pod.is_template()
            || one.container.tokens.iter().any(|token| token.by_webhook)
    });
    let first = told.first()?;
    let (_, names) = workloads(&pods_of(&told));
    let prefix = &chain.config.annotation_prefix;
    let (why, step) = match first.what {
        Lack::Skipped => (
            format!("is named in `{prefix}/skip-containers`"),
            "take its name out of the annotation",
        ),
        Lack::OptedOut => (
            format!("is kept from the webhook by `{prefix}/skip-pod-identity-webhook`"),
            "take the label out",
        ),
        _ => (
            "sets one of `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` itself".to_owned(),
            "take the variable out",
        ),
    };
    let message = format!(
        "{} {why}, and gets no credentials from the webhook",
        containers_shown(&told)
    );
    let fix = Fix::manual(format!("if it calls AWS, {step} in the pod templates of {names}"));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

fn skipped(difference: Difference<'_>) -> Option<Lack> {
    match difference {
        Difference::Lacks(lack @ (Lack::Skipped | Lack::Preset | Lack::OptedOut)) => Some(lack),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Container, Pod, PodPhase};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) =
        ("IRSA407", Severity::Notice, Link::Pods, Verdict::Working);

    fn skip(names: &'static str) -> impl Fn(&mut Pod) {
        move |pod| {
            pod.annotations
                .insert(format!("{PREFIX}/skip-containers"), names.to_owned());
        }
    }

    fn half_preset() -> Container {
        Container {
            token_file: None,
            ..injected("b", ROLE)
        }
    }

    #[test]
    fn a_skipped_or_preset_container_beside_others_is_a_notice() {
        let with = |container| World::healthy().pod(|pod| pod.containers.push(container));
        the_one(&with(bare("b")).pod(skip("a,b")).audit(), NOTICE);
        the_one(&with(half_preset()).audit(), NOTICE);
    }

    #[test]
    fn what_is_named_and_has_credentials_was_not_skipped() {
        assert_healthy(&World::healthy().pod(skip("app,other")).audit());
    }

    #[test]
    fn a_container_that_came_after_the_webhook_was_not_skipped() {
        let late = Container {
            tokens: Vec::new(),
            ..half_preset()
        };
        assert_healthy(&World::healthy().pod(|pod| pod.containers.push(late)).audit());
    }

    #[test]
    fn without_any_credentials_that_is_the_finding() {
        let world = World::healthy().container(bare("app")).pod(skip("app"));
        assert_eq!(codes(&world.audit()), ["IRSA401"]);
        assert_eq!(
            codes(&World::healthy().container(half_preset()).audit()),
            ["IRSA401"]
        );
    }

    #[test]
    fn a_template_tells_what_its_pods_will_lack() {
        let template = |container, change: &dyn Fn(&mut Pod)| {
            let world = World::healthy()
                .container(container)
                .pod(|pod| pod.phase = PodPhase::Template);
            world.pod(change).audit()
        };
        the_one(&template(bare("app"), &skip("app")), NOTICE);
        the_one(&template(bare("app"), &|pod| pod.webhook_opt_out = true), NOTICE);
        the_one(
            &template(
                Container {
                    tokens: Vec::new(),
                    ..half_preset()
                },
                &|_| (),
            ),
            NOTICE,
        );
        assert_healthy(&template(
            Container {
                tokens: Vec::new(),
                ..injected("app", ROLE)
            },
            &|_| (),
        ));
    }
}
