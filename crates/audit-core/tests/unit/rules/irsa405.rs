use super::*;
use crate::fix::FixKind;
use crate::model::{MountedFile, PodPhase, Rarities, SetBy, VolumeKind, WebIdentityProfile};
use crate::paths::CredentialPath;
use crate::testing::*;
use crate::verdict::Verdict;

const BROKEN: (&str, Severity, Link, Verdict) = ("IRSA405", Severity::Broken, Link::Pods, Verdict::Broken);
const RISK: (&str, Severity, Link, Verdict) = ("IRSA405", Severity::Risk, Link::Pods, Verdict::AtRisk);

fn at(file: &str, place: TokenPlace) -> Container {
    Container {
        token_file: Some(file.to_owned()),
        rarities: Some(Box::new(Rarities {
            token_place: Some(place),
            ..Rarities::default()
        })),
        ..injected("app", ROLE)
    }
}

#[test]
fn a_file_that_nothing_mounts_in_the_only_container_is_broken() {
    let report = World::healthy()
        .container(at("/tmp/token", TokenPlace::Nowhere))
        .audit();
    let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
    let command = "kubectl set env --namespace shop deployment/cart --containers app AWS_ROLE_ARN- \
                   AWS_WEB_IDENTITY_TOKEN_FILE-";
    assert_eq!(fix.first.text, command);
}

#[test]
fn another_way_to_credentials_makes_it_a_risk() {
    let nowhere = || at("/tmp/token", TokenPlace::Nowhere);
    let beside = World::healthy().pod(|pod| {
        pod.containers.push(Container {
            name: "b".to_owned(),
            ..nowhere()
        });
    });
    let report = beside.audit();
    let fix = the_one(&report, RISK).fix.as_ref().unwrap();
    assert!(fix.first.text.contains("--containers b "), "{}", fix.first.text);
    the_one(
        &World::healthy()
            .container(Container {
                opaque_env: true,
                ..nowhere()
            })
            .audit(),
        RISK,
    );
    let mut keys = nowhere();
    keys.rarities.as_mut().unwrap().access_key = Some(SetBy::Env);
    assert_eq!(World::healthy().container(keys).audit().verdict, Verdict::AtRisk);
}

#[test]
fn what_presets_every_variable_will_get_no_mount() {
    let preset = Container {
        tokens: Vec::new(),
        sets_all: true,
        ..at(&format!("{TOKEN_FOLDER}/token"), TokenPlace::Nowhere)
    };
    let report = World::healthy()
        .container(preset)
        .pod(|pod| pod.phase = PodPhase::Template)
        .audit();
    let finding = the_one(&report, RISK);
    assert!(finding.message.contains("mounts no token"), "{}", finding.message);
    assert!(
        finding
            .fix
            .as_ref()
            .unwrap()
            .first
            .text
            .contains("--containers app AWS_ROLE_ARN- ")
    );
}

#[test]
fn a_linux_path_in_a_windows_pod_is_a_risk() {
    let world = World::healthy().pod(|pod| pod.os = Os::OtherwiseWindows);
    let report = world.audit();
    let fix = the_one(&report, RISK).fix.as_ref().unwrap();
    assert!(
        fix.first
            .text
            .contains(r#""nodeSelector":{"kubernetes.io/os":"windows"}"#),
        "{}",
        fix.first.text
    );
    let selecting = |file: &str| {
        let container = Container {
            token_file: Some(file.to_owned()),
            ..injected("app", ROLE)
        };
        World::healthy()
            .container(container)
            .pod(|pod| pod.os = Os::SelectedWindows)
    };
    let report = selecting(r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token").audit();
    assert_healthy(&report);
    let report = selecting(&format!("{TOKEN_FOLDER}/token")).audit();
    let fix = the_one(&report, RISK).fix.as_ref().unwrap();
    assert_eq!(
        fix.first.text,
        "kubectl rollout restart --namespace shop deployment/cart"
    );
}

#[test]
fn a_volume_over_the_token_is_a_risk() {
    let file = format!("{TOKEN_FOLDER}/token");
    let report = World::healthy()
        .container(at(&file, TokenPlace::Hidden(file.clone())))
        .audit();
    assert_eq!(
        the_one(&report, RISK).fix.as_ref().unwrap().first.kind,
        FixKind::Manual
    );
}

/// A container that sets both variables, and that nothing gives a token.
fn left_alone(name: &str) -> Container {
    Container {
        name: name.to_owned(),
        tokens: Vec::new(),
        sets_all: true,
        ..at("/nowhere/token", TokenPlace::Nowhere)
    }
}

#[test]
fn a_sidecar_that_the_webhook_left_alone_is_a_risk_beside_a_container_that_works() {
    for init in [false, true] {
        let beside = World::healthy().pod(|pod| {
            pod.containers.insert(
                0,
                Container {
                    init,
                    ..left_alone("side")
                },
            );
        });
        let report = beside.audit();
        let finding = the_one(&report, RISK);
        assert!(
            finding.message.contains("container `side`"),
            "{}",
            finding.message
        );
        assert!(finding.message.contains("mounts no token"), "{}", finding.message);
        let fix = finding.fix.as_ref().unwrap();
        assert!(
            fix.first.text.contains("--containers side AWS_ROLE_ARN- "),
            "{}",
            fix.first.text
        );
    }
}

#[test]
fn without_an_annotation_a_pod_has_to_mount_its_token_itself() {
    let alone = World::healthy().without_annotation().container(left_alone("app"));
    let report = alone.audit();
    let finding = the_one(&report, BROKEN);
    assert_eq!(finding.fix.as_ref().unwrap().first.kind, FixKind::Manual);
    let beside = World::healthy()
        .without_annotation()
        .container(own(AUDIENCE, ROLE))
        .pod(|pod| pod.containers.push(left_alone("side")));
    let report = beside.audit();
    assert!(the_one(&report, RISK).message.contains("container `side`"));
    let waiting = Container {
        sets_all: false,
        token_file: Some(format!("{TOKEN_FOLDER}/token")),
        ..left_alone("app")
    };
    let report = World::healthy().without_annotation().container(waiting).audit();
    let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
    assert!(fix.whole().ends_with(&format!(
        "role-arn={ROLE} && kubectl rollout restart --namespace shop deployment/cart"
    )));
    let template = World::healthy()
        .without_annotation()
        .container(left_alone("app"))
        .pod(|pod| pod.phase = PodPhase::Template);
    the_one(&template.audit(), RISK);
}

#[test]
fn a_folder_in_place_of_the_file_of_the_only_container_is_broken() {
    let file = format!("{TOKEN_FOLDER}/token");
    let report = World::healthy()
        .container(at(&file, TokenPlace::Folder(file.clone())))
        .audit();
    assert_eq!(
        the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
        FixKind::Manual
    );
}

#[test]
fn a_variable_beside_the_containers_own_token_is_led_to_it() {
    for place in [
        TokenPlace::Nowhere,
        TokenPlace::Folder("/var/run/secrets/own".to_owned()),
    ] {
        let wrong = Container {
            token_file: Some("/var/run/secrets/own/tokn".to_owned()),
            rarities: Some(Box::new(Rarities {
                token_place: Some(place),
                ..Rarities::default()
            })),
            ..own(AUDIENCE, ROLE)
        };
        for world in [World::healthy(), World::healthy().without_annotation()] {
            let report = world.container(wrong.clone()).audit();
            assert_eq!(report.facts.path, Some(CredentialPath::Own));
            let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
            let command = "kubectl set env --namespace shop deployment/cart --containers app \
                           AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/own/token";
            assert_eq!(fix.first.text, command);
        }
    }
}

#[test]
fn what_the_template_has_put_right_takes_a_restart() {
    let mut wrong = at("/tmp/token", TokenPlace::Nowhere);
    wrong.rarities.as_mut().unwrap().in_template = Some(Box::new(bare("app")));
    let report = World::healthy().container(wrong).audit();
    let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
    assert_eq!(
        fix.first.text,
        "kubectl rollout restart --namespace shop deployment/cart"
    );
}

#[test]
fn a_template_is_known_by_what_it_presets() {
    let hides = |container: Container| Container {
        role_arn: None,
        token_file: None,
        tokens: Vec::new(),
        ..container
    };
    let as_template = |container: Container| {
        World::healthy()
            .container(container)
            .pod(|pod| pod.phase = PodPhase::Template)
            .audit()
    };
    the_one(
        &as_template(hides(at("", TokenPlace::Hidden(TOKEN_FOLDER.to_owned())))),
        RISK,
    );
    the_one(&as_template(at("/tmp/token", TokenPlace::Nowhere)), RISK);
    assert_healthy(&as_template(at(
        &format!("{TOKEN_FOLDER}/token"),
        TokenPlace::Nowhere,
    )));
}

#[test]
fn without_credentials_that_is_the_finding() {
    let container = Container {
        tokens: Vec::new(),
        ..at("/tmp/token", TokenPlace::Nowhere)
    };
    assert_eq!(codes(&World::healthy().container(container).audit()), ["IRSA401"]);
}

/// The fix of a world's only pod, whose template has this container.
fn with_template(container: &Container, template: Container, os: Os) -> crate::fix::Fix {
    let mut container = container.clone();
    container.rarities.get_or_insert_default().in_template = Some(Box::new(template.clone()));
    let mut world = World::healthy().container(container).pod(|pod| pod.os = os);
    let running = world.snapshot.cluster.binding(&world.key).unwrap().pods()[0].clone();
    world
        .snapshot
        .cluster
        .put_template(changed(Pod::clone(&running), |pod| {
            pod.containers = vec![template].into();
            pod.phase = PodPhase::Template;
        }));
    let report = world.audit();
    finding_of(&report, "IRSA405").fix.clone().unwrap()
}

/// A container of a template in which nothing but the place of the webhook's token shows.
fn covered(place: TokenPlace) -> Container {
    Container {
        rarities: Some(Box::new(Rarities {
            token_place: Some(place),
            ..Rarities::default()
        })),
        ..bare("app")
    }
}

const RESTART: &str = "kubectl rollout restart --namespace shop deployment/cart";

#[test]
fn a_restart_is_the_fix_only_where_the_template_has_lost_the_cause() {
    let file = format!("{TOKEN_FOLDER}/token");
    for place in [TokenPlace::Hidden(file.clone()), TokenPlace::Folder(file.clone())] {
        let pod = at(&file, place.clone());
        let fix = with_template(&pod, covered(place.clone()), Os::Unset);
        assert!(!fix.script().contains(RESTART), "{place:?}: {}", fix.script());
        let fix = with_template(&pod, bare("app"), Os::Unset);
        assert_eq!(fix.script(), RESTART, "{place:?}");
    }
    let still = with_template(&injected("app", ROLE), bare("app"), Os::OtherwiseWindows);
    assert!(still.script().contains("nodeSelector"), "{}", still.script());
}

#[test]
fn a_profile_is_led_to_the_token_in_its_file() {
    let of_profile = |tokens: Vec<TokenMount>| Container {
        tokens,
        rarities: Some(Box::new(Rarities {
            token_place: Some(TokenPlace::Nowhere),
            config_file: Some(MountedFile {
                path: "/etc/aws/config".to_owned(),
                volume: VolumeKind::ConfigMap("aws-of-cart".to_owned()),
                key: "config".to_owned(),
            }),
            configured: Some(Configured::WebIdentity(WebIdentityProfile {
                role: ROLE.to_owned(),
                token_file: "/var/run/tok/token".to_owned(),
                then: Vec::new(),
            })),
            ..Rarities::default()
        })),
        ..bare("app")
    };
    for tokens in [own(AUDIENCE, ROLE).tokens, Vec::new()] {
        let report = World::healthy()
            .without_annotation()
            .container(of_profile(tokens))
            .audit();
        let fix = finding_of(&report, "IRSA405").fix.clone().unwrap();
        let first = &fix.first;
        assert_eq!(first.kind, FixKind::Manual);
        assert!(first.text.contains("`aws-of-cart`"), "{}", first.text);
        assert!(!fix.script().contains("AWS_WEB_IDENTITY_TOKEN_FILE"), "{fix:?}");
    }
}
