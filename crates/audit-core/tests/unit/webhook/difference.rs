use std::sync::LazyLock;

use super::*;
use crate::model::{BindingKey, PodPhase, TokenMount};
use crate::snapshot::Cluster;
use crate::testing::*;

fn injection() -> Injection<'static> {
    Injection {
        role: ROLE.to_owned(),
        audience: AUDIENCE,
        regional_sts: None,
        prefix: PREFIX,
        cluster: &NOTHING_SEEN,
        ways: crate::paths::Ways::default(),
    }
}

static NOTHING_SEEN: LazyLock<Cluster> = LazyLock::new(Cluster::default);

fn pod_of(containers: Vec<Container>) -> Pod {
    changed(
        pod(&BindingKey::new("shop", "cart"), "cart", bare("app")),
        |pod| {
            pod.containers = containers.into();
        },
    )
}

fn template(pod: Pod) -> Pod {
    Pod {
        phase: PodPhase::Template,
        ..pod
    }
}

/// The differences of a pod, with the containers' names.
fn found(pod: &Pod) -> Vec<(&str, InjectionDifference<'_>)> {
    let all = injection().differences(pod);
    all.into_iter()
        .map(|(container, difference)| (container.name.as_str(), difference))
        .collect()
}

fn skipping(names: &str, containers: Vec<Container>) -> Pod {
    changed(pod_of(containers), |pod| {
        pod.annotations = [(format!("{PREFIX}/skip-containers"), names.to_owned())]
            .into_iter()
            .collect();
    })
}

fn role_only() -> Container {
    Container {
        token_file: None,
        ..injected("app", ROLE)
    }
}

fn placed(place: TokenPlace) -> Container {
    Container {
        rarities: Some(Box::new(crate::model::Rarities {
            token_place: Some(place),
            ..Default::default()
        })),
        ..injected("app", ROLE)
    }
}

#[test]
fn what_the_webhook_left_differs_in_nothing() {
    assert_eq!(
        found(&pod_of(vec![injected("app", ROLE), injected("sidecar", ROLE)])),
        []
    );
    let opaque = Container {
        role_arn: None,
        token_file: None,
        opaque_env: true,
        ..injected("app", ROLE)
    };
    assert_eq!(found(&pod_of(vec![opaque])), [], "nobody can tell");
}

#[test]
fn why_a_container_has_nothing_is_told() {
    let lack = |pod: &Pod| match found(pod)[..] {
        [("app", InjectionDifference::Lacks(lack))] => Some(lack),
        _ => None,
    };
    let bare_pod = || pod_of(vec![bare("app")]);
    let mut labelled = bare_pod();
    opted_out(&mut labelled);
    let emptied = Container {
        names_variable: true,
        ..bare("app")
    };
    assert_eq!(lack(&bare_pod()), Some(Lack::NotSeen));
    assert_eq!(lack(&labelled), Some(Lack::NotSelected));
    assert_eq!(
        lack(&skipping("other,app", vec![bare("app")])),
        Some(Lack::Skipped)
    );
    assert_eq!(
        lack(&skipping("other, app", vec![bare("app")])),
        Some(Lack::NotSeen)
    );
    assert_eq!(lack(&pod_of(vec![role_only()])), Some(Lack::Preset));
    assert_eq!(lack(&pod_of(vec![emptied])), Some(Lack::Preset));
    let sets_all = Container {
        sets_all: true,
        tokens: Vec::new(),
        ..injected("app", ROLE)
    };
    assert_eq!(lack(&pod_of(vec![sets_all])), Some(Lack::LeftAlone));
    assert_eq!(
        lack(&pod_of(vec![with_pod_identity("app")])),
        Some(Lack::PodIdentity)
    );
}

#[test]
fn a_template_lacks_only_what_its_pods_will() {
    let lacks = |pod: Pod| !found(&template(pod)).is_empty();
    assert!(!lacks(pod_of(vec![bare("app")])));
    assert!(lacks(pod_of(vec![role_only()])));
    assert!(lacks(skipping("app", vec![bare("app")])));
    let both = Container {
        tokens: Vec::new(),
        ..placed(TokenPlace::Nowhere)
    };
    assert!(
        !lacks(pod_of(vec![both.clone()])),
        "the webhook mounts the token there"
    );
    let left_alone = Container {
        sets_all: true,
        ..both.clone()
    };
    assert!(lacks(pod_of(vec![left_alone])), "it mounts nothing there");
    let elsewhere = Container {
        token_file: Some("/tmp/token".to_owned()),
        ..both
    };
    assert!(lacks(pod_of(vec![elsewhere])));
}

#[test]
fn another_role_or_audience_is_the_webhooks_or_the_templates() {
    let own = |container: Container| Container {
        tokens: vec![TokenMount {
            by_webhook: false,
            ..container.tokens[0].clone()
        }],
        ..container
    };
    let aimed = Container {
        tokens: vec![token("vault")],
        ..injected("app", ROLE)
    };
    for preset in [false, true] {
        let change = |container| if preset { own(container) } else { container };
        assert_eq!(
            found(&pod_of(vec![change(injected("app", OLD_ROLE))])),
            [(
                "app",
                InjectionDifference::OtherRole {
                    role: OLD_ROLE,
                    preset
                }
            )]
        );
        assert_eq!(
            found(&pod_of(vec![change(aimed.clone())])),
            [(
                "app",
                InjectionDifference::OtherAudience {
                    audience: "vault",
                    preset
                }
            )]
        );
    }
}

#[test]
fn a_token_that_cannot_be_read_or_grows_old_is_told() {
    let hidden = TokenPlace::Hidden("/x".to_owned());
    for place in [TokenPlace::Nowhere, TokenPlace::Elsewhere, hidden] {
        assert_eq!(
            found(&pod_of(vec![placed(place.clone())])),
            [("app", InjectionDifference::Unreadable(&place))]
        );
    }
    let copied = pod_of(vec![placed(TokenPlace::CopiedBy("copy".to_owned()))]);
    assert_eq!(
        found(&copied),
        [("app", InjectionDifference::NotRefreshed(Frozen::CopiedBy("copy")))]
    );
    let mut by_sub_path = injected("app", ROLE);
    by_sub_path.tokens[0].sub_path = true;
    assert_eq!(
        found(&pod_of(vec![by_sub_path])),
        [("app", InjectionDifference::NotRefreshed(Frozen::SubPath))]
    );
}

#[test]
fn windows_pods_get_windows_paths_by_their_node_selector_alone() {
    let on = |os, container| changed(pod_of(vec![container]), |pod| pod.os = os);
    let windows_path = Container {
        token_file: Some(r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token".to_owned()),
        ..injected("app", ROLE)
    };
    let linux_path = [("app", InjectionDifference::LinuxPath)];
    assert_eq!(
        found(&on(Os::OtherwiseWindows, injected("app", ROLE))),
        linux_path
    );
    assert_eq!(
        found(&template(on(Os::OtherwiseWindows, bare("app")))),
        linux_path
    );
    assert_eq!(found(&on(Os::OtherwiseWindows, windows_path)), []);
    assert_eq!(
        found(&on(Os::SelectedWindows, injected("app", ROLE))),
        linux_path,
        "preset, or from before the webhook knew Windows"
    );
    assert_eq!(found(&template(on(Os::SelectedWindows, bare("app")))), []);
    assert_eq!(found(&on(Os::Unset, injected("app", ROLE))), []);
}
