//! # IRSA401 `CredentialsNotInjected`
//!
//! ## What it means
//! A pod of an annotated ServiceAccount runs, and none of its containers has `AWS_ROLE_ARN`,
//! `AWS_WEB_IDENTITY_TOKEN_FILE` and the mounted token. Containers whose environment comes from elsewhere (`envFrom`,
//! `valueFrom`) get the benefit of the doubt if a token is mounted. Pods that another credential path explains are not
//! counted: their own token, EKS Pod Identity, a controller that requests the ServiceAccount's token. Where irsa-audit could not list
//! objects for which a controller may do that, it is *unknown* (IRSA915).
//!
//! ## Why it breaks
//! The pod identity webhook changes pods only when they are created, and its failure is ignored. The finding names the
//! reason where it shows:
//! - no registration of the webhook selects the pod, by its labels or by those of its namespace: a restart changes nothing.
//!   EKS leaves out pods with the label `eks.amazonaws.com/skip-pod-identity-webhook`;
//! - an annotation told it to skip the container;
//! - every container presets one of the two variables, so that it set neither; one that presets a Region and
//!   `AWS_STS_REGIONAL_ENDPOINTS` as well does not even get the token's mount;
//! - no webhook is registered;
//! - the pod is older than the ServiceAccount, or was created within ten seconds of it, when the webhook may not have heard
//!   of it yet.
//!
//! When an annotation came, nothing in the cluster tells: otherwise the pod is older than the annotation, or the webhook
//! failed.
//!
//! ## In logs
//! `Unable to locate credentials`, `NoCredentialProviders`, or errors that name the node's role.
//!
//! ## Example
//! ```console
//! $ kubectl exec deploy/cart -- env | grep AWS_
//! $ kubectl get serviceaccount cart -o yaml | grep role-arn
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//! ```
//!
//! ## Fix
//! `kubectl rollout restart`; or take the label, the container's name in the annotation, or the preset variables out of the pod
//! template; or have the registration changed, where its owner left the namespace out by mistake; or install the webhook
//! first. Of a `CronJob` the next run is right by itself; a Job must be recreated. Where files hold the workload, its pod template counts: what
//! was changed there already needs only new pods, and what a controller such as an operator writes is changed in that controller's object.
//!
//! ## Verify
//! `kubectl exec … -- env` in a new pod shows both variables.
//!
//! ## References
//! - [Configure pods to use a Kubernetes service account](https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use std::collections::BTreeSet;

use super::pods::{is_mended, missing, some_of, workloads};
use super::uninjected::{Why, first_left_out};
use super::{rollout, selection, skipped, unseen_kinds};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{Container, Pod};
use crate::text::quote;
use crate::webhook::Injection;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA401",
    reason: "CredentialsNotInjected",
    severity: Severity::Broken,
    link: Link::Pods,
    title: "pods run without injected credentials",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let injection = &chain.injected_pods()?.injection;
    let pods = missing(chain);
    let first = pods.first()?;
    let (_, names) = workloads(pods);
    let reasons = Why::of_all(chain, injection, pods);
    let why: Vec<String> = reasons
        .iter()
        .map(|why| why.words(chain, injection, pods))
        .collect();
    let is_past = |pods: &[&Pod]| {
        Why::of_all(chain, injection, pods)
            .iter()
            .all(|why| why.is_past())
    };
    let (past, rest): (Vec<&Pod>, Vec<&Pod>) = pods.iter().copied().partition(|pod| is_past(&[*pod]));
    let mended: Vec<&Pod> = rest
        .iter()
        .copied()
        .filter(|pod| is_mended(chain, injection, pod))
        .collect();
    let note = if mended.is_empty() {
        String::new()
    } else {
        let (_, names) = workloads(&mended);
        format!(". The pod template of {names} was changed since: new pods of it get credentials")
    };
    let message = format!(
        "{} no injected credentials, such as `{}` of {names}: {}{note}",
        some_of(pods.len(), chain.pods.len(), "has", "have"),
        quote(&first.name),
        why.join("; or ")
    );
    if let Some(unseen) = unseen_kinds::of_missing_credentials(chain) {
        let message = format!("{message}{}", unseen.note);
        return Some(
            Finding::new(&ENTRY, message)
                .severity(Severity::Unknown)
                .fix(unseen.fix),
        );
    }
    let edited = rollout::edited(
        chain,
        &rest,
        |pod, _| !is_mended(chain, injection, pod),
        |due| command(chain, injection, due),
        |due| by_hand(chain, injection, due),
    );
    let fix = [edited, rollout::restart(chain, &past)];
    Some(Finding::new(&ENTRY, message).fix(fix.into_iter().flatten().reduce(Fix::and_then)))
}

/// What a person changes so that new pods get credentials.
fn by_hand(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> String {
    let reasons = Why::of_all(chain, injection, pods);
    let (_, names) = workloads(pods);
    match only(&reasons) {
        Some(Why::NotSelected) => first_left_out(injection, pods).map_or_else(String::new, |why| {
            selection::by_hand(&why, &chain.key.namespace, &names)
        }),
        Some(Why::Skipped) => skipped::by_hand(chain, pods),
        _ => {
            let steps: Vec<String> = reasons.iter().map(|why| why.step(injection)).collect();
            format!("{}, of {names}", steps.join("; "))
        }
    }
}

/// The one reason, if there is one only.
fn only(reasons: &BTreeSet<Why>) -> Option<Why> {
    reasons.first().copied().filter(|_| reasons.len() == 1)
}

/// The command that edits the templates of pods, where one reason is all there is.
fn command(chain: &Chain<'_>, injection: &Injection<'_>, pods: &[&Pod]) -> Option<Fix> {
    let namespace = &chain.key.namespace;
    match only(&Why::of_all(chain, injection, pods))? {
        Why::NotSelected => {
            let why = first_left_out(injection, pods)?;
            selection::command(&why, namespace, pods)
        }
        Why::Skipped => skipped::command(chain, pods),
        Why::Preset | Why::LeftAlone => {
            let presets = |container: &&Container| container.names_web_identity();
            let containers = pods.iter().flat_map(|pod| {
                let presetting = pod.containers.iter().filter(presets);
                presetting.map(|container| (&pod.workload, container.name.as_str()))
            });
            fix::unset_env(
                namespace,
                containers,
                &["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"],
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::model::{
        LabelRequirement, LabelSelector, PodPhase, Registration, RequirementOperator, Workload,
    };
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA401", Severity::Broken, Link::Pods, Verdict::Broken);

    #[test]
    fn a_pod_without_credentials_is_broken_and_restarted() {
        let report = World::healthy().container(bare("app")).audit();
        let finding = the_one(&report, BROKEN);
        assert_eq!(
            finding.fix.as_ref().unwrap().first.text,
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        assert_eq!(
            (report.pods.total, report.pods.missing, report.pods.stale),
            (1, 1, 0)
        );
        assert_eq!(
            report.pods.workloads,
            [Workload {
                kind: "Deployment".into(),
                name: "cart".into()
            }]
        );
    }

    #[test]
    fn one_pod_of_several_is_enough() {
        let report = World::healthy().another_pod("worker", bare("app")).audit();
        assert!(
            the_one(&report, BROKEN).message.starts_with("1 of 2 pods has"),
            "{}",
            report.message
        );
    }

    #[test]
    fn one_container_with_credentials_is_enough() {
        assert_healthy(
            &World::healthy()
                .pod(|pod| pod.containers.push(bare("sidecar")))
                .audit(),
        );
    }

    #[test]
    fn no_pods_and_pods_that_are_done_are_no_failure() {
        assert_healthy(&World::healthy().without_pods().audit());
        for phase in [PodPhase::Succeeded, PodPhase::Failed, PodPhase::Template] {
            assert_healthy(
                &World::healthy()
                    .container(bare("app"))
                    .pod(|pod| pod.phase = phase)
                    .audit(),
            );
        }
        assert_healthy(
            &World::healthy()
                .container(bare("app"))
                .pod(|pod| pod.terminating = true)
                .audit(),
        );
    }

    #[test]
    fn what_comes_from_elsewhere_may_be_there_if_the_token_is() {
        let opaque = Container {
            opaque_env: true,
            ..bare("app")
        };
        let with_token = Container {
            tokens: vec![token(AUDIENCE)],
            ..opaque.clone()
        };
        assert_healthy(&World::healthy().container(with_token).audit());
        the_one(&World::healthy().container(opaque).audit(), BROKEN);
    }

    #[test]
    fn outside_of_eks_a_webhook_is_there_only_if_something_shows_it() {
        let fix = |world: World| world.audit().findings[0].fix.clone().unwrap();
        let mut world = World::healthy().container(bare("app"));
        assert_eq!(fix(world.clone()).first.kind, FixKind::Kubectl);
        let url = crate::model::IssuerUrl::parse("https://container.googleapis.com/v1/projects/p").unwrap();
        world.snapshot.issuer.as_mut().unwrap().url = url;
        world.config.token_audience = Some(AUDIENCE.to_owned());
        let only_401 = |world: &World| {
            let report = world.audit();
            let found = report
                .findings
                .iter()
                .find(|finding| finding.entry.code == "IRSA401");
            found.and_then(|finding| finding.fix.clone()).unwrap()
        };
        assert!(
            only_401(&world).first.text.contains("install it"),
            "{}",
            only_401(&world).first.text
        );
        world.snapshot.cluster.set_webhook(Some(true));
        assert_eq!(only_401(&world).first.kind, FixKind::Kubectl);
    }

    #[test]
    fn what_is_gone_from_the_template_is_not_taken_out_of_it_again() {
        let world = |labelled: bool, paused: bool| {
            let mut world = World::healthy().container(bare("app")).pod(opted_out);
            let pod = world.snapshot.cluster.binding(&world.key).unwrap().pods()[0].clone();
            let mut template = Pod {
                phase: PodPhase::Template,
                ..pod
            };
            if !labelled {
                template.labels = crate::model::Labels::default();
            }
            let (namespace, workload) = (template.namespace.clone(), template.workload.clone());
            world.snapshot.cluster.put_template(template);
            if paused {
                world
                    .snapshot
                    .cluster
                    .put_held(&namespace, workload, crate::fix::Held::Paused);
            }
            let report = world.audit();
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.text.clone()
        };
        assert!(world(true, false).starts_with("kubectl patch"));
        assert_eq!(
            world(false, false),
            "kubectl rollout restart --namespace shop deployment/cart"
        );
        assert_eq!(
            world(false, true),
            "kubectl rollout resume --namespace shop deployment/cart"
        );
    }

    #[test]
    fn pods_of_pod_identity_have_credentials_of_their_own() {
        assert_eq!(
            codes(&World::healthy().container(with_pod_identity("app")).audit()),
            ["IRSA912"]
        );
        let mixed = World::healthy().another_pod("worker", with_pod_identity("app"));
        assert_eq!(codes(&mixed.audit()), ["IRSA912"]);
    }

    #[track_caller]
    fn finding(world: &World) -> (String, FixKind, String) {
        let report = world.audit();
        let finding = the_one(&report, BROKEN);
        let fix = finding.fix.as_ref().unwrap();
        (finding.message.clone(), fix.first.kind, fix.first.text.clone())
    }

    #[test]
    fn what_the_template_says_is_named_and_taken_out() {
        let skipping = |pod: &mut Pod| {
            pod.annotations
                .insert(format!("{PREFIX}/skip-containers"), "app".to_owned());
        };
        let preset = |container| World::healthy().container(container);
        for (world, word, command) in [
            (
                World::healthy().container(bare("app")).pod(opted_out),
                "label",
                r#""labels":{"eks.amazonaws.com/skip-pod-identity-webhook":null}"#,
            ),
            (
                World::healthy().container(bare("app")).pod(skipping),
                "skip",
                r#""annotations":{"eks.amazonaws.com/skip-containers":null}"#,
            ),
            (
                preset(Container {
                    token_file: None,
                    ..injected("app", ROLE)
                }),
                "sets `AWS_ROLE_ARN`",
                "AWS_ROLE_ARN-",
            ),
            (
                preset(Container {
                    role_arn: None,
                    ..injected("app", ROLE)
                }),
                "sets `AWS_ROLE_ARN`",
                "AWS_ROLE_ARN-",
            ),
            (
                preset(Container {
                    names_variable: true,
                    ..bare("app")
                }),
                "sets `AWS_ROLE_ARN`",
                "AWS_ROLE_ARN-",
            ),
        ] {
            let (message, kind, text) = finding(&world);
            assert!(
                message.contains(word) && text.contains(command),
                "{message}: {text}"
            );
            assert_eq!(kind, FixKind::Kubectl);
            let job = Workload {
                kind: "Job".into(),
                name: "once".into(),
            };
            assert_eq!(finding(&world.pod(|pod| pod.workload = job)).1, FixKind::Manual);
        }
    }

    #[test]
    fn several_reasons_are_steps_for_a_person() {
        let preset = Container {
            token_file: None,
            ..injected("app", ROLE)
        };
        let (message, kind, text) = finding(
            &World::healthy()
                .container(preset)
                .pod(|pod| pod.containers.push(bare("b"))),
        );
        assert!(
            message.contains("itself") && message.contains("older than the annotation"),
            "{message}"
        );
        assert!(
            kind == FixKind::Manual && text.contains("recreate the pods"),
            "{text}"
        );
    }

    /// A pod without credentials, where the webhook is registered so.
    fn seen_by(registration: Registration) -> World {
        let mut world = World::healthy().container(bare("app"));
        world.snapshot.cluster.set_registrations(Some(vec![registration]));
        world
    }

    fn selector(key: &str, operator: RequirementOperator, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        LabelSelector(vec![LabelRequirement {
            key: key.to_owned(),
            operator,
            values,
        }])
    }

    #[test]
    fn a_namespace_that_no_registration_selects_is_not_restarted() {
        let namespaces = selector(
            "kubernetes.io/metadata.name",
            RequirementOperator::NotIn,
            &["shop"],
        );
        let (message, kind, text) = finding(&seen_by(Registration {
            namespaces,
            ..Registration::usual()
        }));
        assert!(
            message.contains("does not select")
                && message.contains("none of `shop`, but namespace `shop` has `shop`"),
            "{message}"
        );
        assert!(
            kind == FixKind::Manual && !text.contains("rollout restart"),
            "{text}"
        );
    }

    #[test]
    fn a_label_by_which_pods_opt_in_is_added() {
        let pods = selector("irsa", RequirementOperator::In, &["enabled"]);
        let (message, kind, text) = finding(&seen_by(Registration {
            pods,
            ..Registration::usual()
        }));
        assert!(
            message.contains("wants label `irsa` to be `enabled`, but they have no such label"),
            "{message}"
        );
        assert!(
            kind == FixKind::Kubectl && text.contains(r#""labels":{"irsa":"enabled"}"#),
            "{text}"
        );
    }

    #[test]
    fn conditions_that_are_not_evaluated_are_named() {
        let (message, kind, text) = finding(&seen_by(Registration {
            has_conditions: true,
            ..Registration::usual()
        }));
        assert!(message.contains("`matchConditions`"), "{message}");
        assert!(
            kind == FixKind::Manual && !text.contains("rollout restart"),
            "{text}"
        );
    }

    #[test]
    fn the_other_names_of_a_list_stay_in_it() {
        let skipping = |names: &str, containers: &[&str]| {
            let containers: Vec<Container> = containers.iter().map(|name| bare(name)).collect();
            World::healthy().pod(|pod| {
                pod.annotations
                    .insert(format!("{PREFIX}/skip-containers"), names.to_owned());
                pod.containers = containers;
            })
        };
        let (_, kind, text) = finding(&skipping("app,istio-proxy", &["app", "istio-proxy"]));
        assert!(
            kind == FixKind::Kubectl
                && text.contains(r#""op":"replace""#)
                && text.contains(r#""value":"istio-proxy""#),
            "{text}"
        );
        let (_, kind, text) = finding(&skipping("a,b", &["a", "b"]));
        assert!(
            kind == FixKind::Manual && text.contains("`a,b`"),
            "either may be meant: {text}"
        );
    }

    #[test]
    fn what_presets_all_variables_has_no_mount_and_loses_only_two_of_them() {
        let preset = Container {
            tokens: Vec::new(),
            sets_all: true,
            ..injected("app", ROLE)
        };
        let (message, _, text) = finding(&World::healthy().container(preset));
        assert!(message.contains("mounts no token"), "{message}");
        assert!(
            text.ends_with("--containers app AWS_ROLE_ARN- AWS_WEB_IDENTITY_TOKEN_FILE-"),
            "{text}"
        );
    }

    #[test]
    fn without_a_webhook_a_restart_is_not_enough() {
        let mut world = World::healthy().container(bare("app"));
        world.snapshot.cluster.set_webhook(Some(false));
        let (message, kind, text) = finding(&world);
        assert!(message.contains("no pod identity webhook"), "{message}");
        assert!(kind == FixKind::Manual && text.starts_with("install"), "{text}");
        world.snapshot.cluster.set_webhook(Some(true));
        assert_eq!(finding(&world).1, FixKind::Kubectl);
    }

    #[test]
    fn ages_tell_only_of_the_service_account() {
        let told = |account: i64, pod_created: i64| {
            let at = |second| Some(jiff::Timestamp::from_second(1_700_000_000 + second).unwrap());
            let mut world = World::healthy()
                .container(bare("app"))
                .pod(|pod| pod.created = at(pod_created));
            let binding = world.snapshot.cluster.binding(&world.key).unwrap();
            let known = binding.service_account().unwrap().clone();
            world
                .snapshot
                .cluster
                .put_service_account(crate::model::ServiceAccount {
                    created: at(account),
                    ..known
                });
            let (message, kind, _) = finding(&world);
            assert_eq!(kind, FixKind::Kubectl);
            message
        };
        assert!(told(100, 0).contains("older than the ServiceAccount"));
        assert!(told(0, 1).contains("within seconds of the ServiceAccount"));
        assert!(told(0, 11).contains("older than the annotation, or"));
    }

    #[test]
    fn what_cannot_be_restarted_gives_a_step() {
        let job = Workload {
            kind: "Job".into(),
            name: "once".into(),
        };
        let report = World::healthy()
            .container(bare("app"))
            .pod(|pod| pod.workload = job)
            .audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }

    #[test]
    fn it_is_found_whatever_aws_says() {
        let report = World::healthy().container(bare("app")).without_account().audit();
        assert_eq!(
            (report.verdict, report.reason),
            (Verdict::Broken, "CredentialsNotInjected")
        );
    }
}
