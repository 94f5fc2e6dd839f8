//! # IRSA407 `ContainerSkipped`
//!
//! ## What it means
//! A pod has its credentials, but one of its containers does not: the pod's annotation `skip-containers` names the container, or the
//! container sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` itself, so the webhook sets neither there. Or nothing in the pod says
//! why: then the container was probably added after the webhook had looked at the pod, as admission webhooks for sidecars do.
//!
//! The finding also reports a pod whose template sets `AWS_ROLE_ARN` to a different role from the ServiceAccount's, and leaves the token to
//! the webhook: irsa-audit audits that role, and the role of the annotation is not used there.
//!
//! For a workload without pods, the finding is about its future pods. It is a *risk* if none of their containers will get credentials, for
//! example because no registration of the webhook selects them. It is *unknown* if that depends on something that irsa-audit did not see
//! or does not evaluate.
//!
//! Pods in which no container has credentials are IRSA401.
//!
//! ## Why it matters
//! This may be intended: a sidecar needs no role. If the container calls AWS, it uses other credentials, or
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
//! If the container calls AWS: remove its name from the annotation and keep the other names, or remove the variable from its
//! `env`, or make the webhook select the pods.
//!
//! ## Verify
//! `kubectl exec … -c app -- env` in a new pod shows both variables, or the container needs neither.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)

use super::pods::{ToldContainer, containers_shown, differing, workloads};
use super::{repair, rollout, selection, skipped};
use crate::chain::{Chain, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::{Container, Pod};
use crate::text::quote;
use crate::webhook::{InjectedPods, Injection, InjectionDifference, Lack, Selection};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA407",
    reason: "ContainerSkipped",
    severity: Severity::Notice,
    link: Link::Pods,
    title: "a container does not get the credentials of its pod",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let Some(InjectedPods { injection, .. }) = chain.injected_pods() else {
        return in_place_of_the_webhooks(chain);
    };
    let mut told = differing(chain, lacking);
    // A container that came into the pod after the webhook was preset by nobody: it lacks the token's mount as well.
    told.retain(|one| {
        let is_preset = matches!(one.what, Lack::Preset | Lack::LeftAlone);
        !is_preset || one.pod.is_template() || one.container.tokens.iter().any(|token| token.by_webhook)
    });
    // What has other ways to credentials may be left out on purpose.
    let nothing_left = |pod: &Pod| {
        pod.containers.iter().all(|container| {
            injection.lack(pod, container).is_some() && !container.may_have_other_credentials()
        })
    };
    told.retain(|one| one.what != Lack::NotSelected || nothing_left(one.pod));
    // Pods without any credentials are IRSA401's. Whoever brings credentials of its own does not miss these.
    told.retain(|one| {
        let is_beside = || one.pod.containers.iter().any(Container::may_have_web_identity);
        one.what != Lack::NotSeen || is_beside() && !one.container.may_have_other_credentials()
    });
    if told.iter().any(|one| one.what != Lack::NotSeen) {
        told.retain(|one| one.what != Lack::NotSeen);
    }
    let Some(first) = told.first() else {
        return in_doubt(chain, injection);
    };
    let of_the_same: Vec<&Pod> = told
        .iter()
        .filter(|one| one.what == first.what)
        .map(|one| one.pod)
        .collect();
    let (why, fix) = explained(chain, injection, first, &of_the_same);
    let message = format!(
        "{} {why}, so it gets no credentials from the webhook",
        containers_shown(&told)
    );
    let is_left_with_nothing = told
        .iter()
        .any(|one| one.pod.is_template() && nothing_left(one.pod));
    let severity = if is_left_with_nothing {
        Severity::Risk
    } else {
        Severity::Notice
    };
    Some(Finding::new(&ENTRY, message).severity(severity).fix(fix))
}

/// The audited role is the pod template's, in place of the one that the webhook would inject.
fn in_place_of_the_webhooks(chain: &Chain<'_>) -> Option<Finding> {
    // Where the role fails, that is the finding.
    let fails = chain
        .aws
        .as_ref()
        .is_some_and(|aws| aws.outcome() == RoleOutcome::Fails);
    let other = repair::overridden(chain).filter(|_| !fails)?;
    let message = format!(
        "{} sets `AWS_ROLE_ARN` in its pod template, so the webhook sets neither variable, and role `{}` is not used there",
        other.containers, other.role
    );
    let check = format!("continue only if role `{}` is the intended one", other.role);
    Some(Finding::new(&ENTRY, message).fix(Fix::manual(check).then(Some(other.fix))))
}

/// Why the first container gets nothing, and what to do about all pods like it.
fn explained(
    chain: &Chain<'_>,
    injection: &Injection<'_>,
    first: &ToldContainer<'_, Lack>,
    pods: &[&Pod],
) -> (String, Option<Fix>) {
    let namespace = &chain.key.namespace;
    let container = quote(&first.container.name);
    let lacks = |_: &Pod, template: &Pod| {
        let mut same = template
            .containers
            .iter()
            .filter(|one| one.name == first.container.name);
        same.any(|one| injection.lack(template, one).is_some())
    };
    match (first.what, injection.selection(first.pod)) {
        (Lack::NotSelected, Selection::LeftOut(why)) => {
            let reason = selection::reason(&why, namespace);
            let fix = rollout::edited(
                chain,
                pods,
                lacks,
                |due| selection::command(&why, namespace, due),
                |due| selection::by_hand(&why, namespace, &workloads(due).1),
            );
            (format!("is not injected, because {reason}"), fix)
        }
        (Lack::Skipped, _) => {
            let key = skipped::key(chain);
            let why = format!("is named in annotation `{key}`");
            let step = |due: &[&Pod]| {
                let (_, names) = workloads(due);
                format!(
                    "if container `{container}` calls AWS, remove it from the annotation `{key}` in the pod templates of {names}, and keep \
                     the other names"
                )
            };
            (why, rollout::edited(chain, pods, lacks, |_| None, step))
        }
        (Lack::NotSeen, _) => {
            let why = "has neither `AWS_ROLE_ARN` nor a token, although other containers of its pod do: it was probably added to the pod \
                       after the webhook had looked at it"
                .to_owned();
            let step = format!(
                "if container `{container}` calls AWS, recreate the pod. If that does not help, add the container to the pod template instead \
                 of letting another admission webhook add it"
            );
            (why, Some(Fix::manual(step)))
        }
        _ => {
            let why = "sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` itself".to_owned();
            let step = |due: &[&Pod]| {
                let (_, names) = workloads(due);
                format!(
                    "if container `{container}` calls AWS, remove the variable from it in the pod templates of {names}"
                )
            };
            (why, rollout::edited(chain, pods, lacks, |_| None, step))
        }
    }
}

/// Of workloads without pods: whether the webhook will see their pods does not show.
fn in_doubt(chain: &Chain<'_>, injection: &Injection<'_>) -> Option<Finding> {
    let needs = |pod: &Pod| {
        pod.containers
            .iter()
            .any(|container| !container.names_web_identity() && !container.may_have_other_credentials())
    };
    let (pod, doubt) =
        chain
            .templates
            .iter()
            .filter(|pod| needs(pod))
            .find_map(|pod| match injection.selection(pod) {
                Selection::Unknown(doubt) => Some((*pod, doubt)),
                _ => None,
            })?;
    let (_, names) = workloads(&[pod]);
    let message = format!(
        "whether pods of {names} will get credentials cannot be determined: {}",
        selection::doubt(&doubt, &chain.key.namespace)
    );
    let fix = Fix::manual(format!("check that the webhook selects the pods of {names}"));
    Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix))
}

fn lacking(difference: InjectionDifference<'_>) -> Option<Lack> {
    match difference {
        InjectionDifference::Lacks(
            lack @ (Lack::Skipped | Lack::Preset | Lack::LeftAlone | Lack::NotSelected | Lack::NotSeen),
        ) => Some(lack),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PodPhase, Registration};
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
    fn a_bare_container_beside_injected_ones_is_a_notice_that_names_it() {
        let report = World::healthy()
            .pod(|pod| pod.containers.push(bare("agent")))
            .audit();
        assert!(the_one(&report, NOTICE).message.contains("`agent`"));
        assert_eq!(
            codes(&World::healthy().container(bare("app")).audit()),
            ["IRSA401"]
        );
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

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA407", Severity::Risk, Link::Pods, Verdict::AtRisk);

    fn template(container: Container, change: &dyn Fn(&mut Pod)) -> World {
        let world = World::healthy()
            .container(container)
            .pod(|pod| pod.phase = PodPhase::Template);
        world.pod(change)
    }

    #[test]
    fn a_template_tells_what_its_pods_will_lack() {
        the_one(&template(bare("app"), &skip("app")).audit(), RISK);
        the_one(&template(bare("app"), &opted_out).audit(), RISK);
        the_one(
            &template(
                Container {
                    tokens: Vec::new(),
                    ..half_preset()
                },
                &|_| (),
            )
            .audit(),
            RISK,
        );
        let beside = |pod: &mut Pod| {
            skip("b")(pod);
            pod.containers.push(bare("b"));
        };
        the_one(&template(bare("app"), &beside).audit(), NOTICE);
        assert_healthy(
            &template(
                Container {
                    tokens: Vec::new(),
                    ..injected("app", ROLE)
                },
                &|_| (),
            )
            .audit(),
        );
    }

    #[test]
    fn a_template_that_may_not_be_selected_is_unknown() {
        let mut world = template(bare("app"), &|_| ());
        assert_healthy(&world.audit());
        let conditional = Registration {
            has_conditions: true,
            ..Registration::usual()
        };
        world.snapshot.cluster.set_registrations(Some(vec![conditional]));
        the_one(
            &world.audit(),
            ("IRSA407", Severity::Unknown, Link::Pods, Verdict::Unknown),
        );
        assert_healthy(&world.container(injected("app", ROLE)).audit());
    }
}
