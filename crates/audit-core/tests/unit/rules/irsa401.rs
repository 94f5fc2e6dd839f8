use super::*;
use crate::fix::FixKind;
use crate::model::{
    Consumer, ConsumerObject, LabelRequirement, LabelSelector, PodPhase, Registration, RequestedAudience,
    RequirementOperator, Use, Used, Workload,
};
use crate::testing::*;
use crate::verdict::Verdict;

const BROKEN: (&str, Severity, Link, Verdict) = ("IRSA401", Severity::Broken, Link::Pods, Verdict::Broken);

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
    let report = World::healthy()
        .pod(|pod| pod.containers.push(bare("sidecar")))
        .audit();
    assert_eq!(
        (report.verdict, codes(&report)),
        (Verdict::Working, vec!["IRSA407"])
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
            ..Pod::clone(&pod)
        };
        if !labelled {
            template.labels = crate::model::Labels::default();
        }
        let (namespace, workload) = (template.namespace.clone(), Workload::clone(&template.workload));
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

/// A `SecretProviderClass` named `aws` for which the driver requests the token, and which no pod mounts yet.
fn with_class(mut world: World) -> World {
    let object = ConsumerObject {
        group: "secrets-store.csi.x-k8s.io".to_owned(),
        kind: "SecretProviderClass".to_owned(),
        namespace: "shop".to_owned(),
        name: "aws".to_owned(),
    };
    let consumer = Consumer {
        object: object.clone().into(),
        used: Used::OfMountingPods,
        how: Use::Requests {
            audience: RequestedAudience::Annotated,
            role: None,
            then: Vec::new(),
        },
        is_certain: true,
    };
    world.snapshot.cluster.put_consumer(object, vec![consumer]);
    world
}

fn mounting(pod: &mut Pod) {
    pod.secret_provider_classes = ["aws".to_owned()].into();
}

#[test]
fn a_mounted_class_explains_the_pods_that_mount_it_and_no_others() {
    let world = || with_class(World::healthy().container(bare("app")).pod(mounting));
    assert_healthy(&world().audit());
    let report = world().another_pod("worker", bare("app")).audit();
    let finding = the_one(&report, BROKEN);
    assert!(
        finding
            .fix
            .as_ref()
            .unwrap()
            .first
            .text
            .ends_with("deployment/worker")
    );
    assert_eq!((report.pods.total, report.pods.missing), (2, 1));
    the_one(
        &with_class(World::healthy().container(bare("app"))).audit(),
        BROKEN,
    );
}

#[test]
fn another_requester_makes_it_unknown_where_no_pod_was_injected() {
    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA401", Severity::Unknown, Link::Pods, Verdict::Unknown);
    let bare_pod = || {
        World::healthy()
            .container(bare("app"))
            .requested_by("SecretStore")
    };
    let report = bare_pod().audit();
    assert_eq!(
        the_one(&report, UNKNOWN).fix.as_ref().unwrap().first.kind,
        FixKind::Manual
    );
    let of_another_role = World::healthy()
        .container(bare("app"))
        .requested("SecretStore", RequestedAudience::Annotated, Some(OLD_ROLE))
        .good_role(OLD_ROLE);
    assert!(codes(&of_another_role.audit()).contains(&"IRSA401"));
    let beside_mounting = with_class(bare_pod().pod(mounting));
    assert_healthy(&beside_mounting.clone().audit());
    the_one(
        &beside_mounting.another_pod("worker", bare("app")).audit(),
        UNKNOWN,
    );
}

#[test]
fn a_requester_explains_nothing_beside_pods_that_were_injected() {
    let world = World::healthy()
        .another_pod("worker", bare("app"))
        .requested_by("SecretStore");
    let report = world.audit();
    the_one(&report, BROKEN);
    assert_eq!(report.pods.missing, 1);
}

#[test]
fn a_requester_without_pods_or_with_pods_that_opt_out_is_healthy() {
    let requested = |world: World| world.requested_by("SecretStore");
    assert_healthy(&requested(World::healthy().without_pods()).audit());
    assert_healthy(&requested(World::healthy()).audit());
    let bare_pod = || World::healthy().container(bare("app"));
    assert_healthy(&requested(bare_pod().pod(opted_out)).audit());
    let skipping = |pod: &mut Pod| {
        pod.annotations
            .insert(format!("{PREFIX}/skip-containers"), "app".to_owned());
    };
    assert_healthy(&requested(bare_pod().pod(skipping)).audit());
}

#[test]
fn without_a_webhook_the_annotation_is_the_requesters() {
    let mut world = World::healthy()
        .container(bare("app"))
        .requested_by("SecretStore");
    world.snapshot.cluster.set_webhook(Some(false));
    assert_healthy(&world.audit());
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
        assert_eq!(
            finding(&world.pod(|pod| pod.workload = job.into())).1,
            FixKind::Manual
        );
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
        message.contains("requires label `irsa` to be `enabled`, but the pods have no such label"),
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
            pod.containers = containers.into();
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
        .pod(|pod| pod.workload = job.into())
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

#[test]
fn an_object_that_is_not_read_to_its_end_may_have_the_token_requested() {
    let at = |namespace| {
        World::healthy()
            .container(bare("app"))
            .beside_a_cut_object(namespace)
            .audit()
    };
    assert_eq!(at("shop").verdict, Verdict::Unknown);
    assert_eq!(at("elsewhere").verdict, Verdict::Broken);
}
