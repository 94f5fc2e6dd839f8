//! # IRSA406 `StaticCredentialsShadow`
//!
//! ## What it means
//! A container that has web identity (from the webhook, or from its own variables and token), or will get it, also has other
//! credentials that SDKs may use first: it sets `AWS_ACCESS_KEY_ID` or `AWS_PROFILE`, or a volume contains the file of
//! `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`.
//!
//! The finding is a *notice* if `AWS_PROFILE` comes with a mounted file of profiles (`AWS_CONFIG_FILE`, `~/.aws/config`): a profile that
//! has the pod's role as its source, or names token file and role itself, is a documented way to a role in a different account, and
//! is intended to be used first.
//!
//! ## Why it matters
//! The SDK then never assumes the role, even if every link is correct. The calls have a different identity, often with keys
//! that do not expire and are not rotated. Which credentials are used first depends on the SDK:
//!
//! | SDK | order of its default chain |
//! |---|---|
//! | Java 2, Go 2, PHP 3, Python and the AWS CLI | keys in the environment, web identity, shared files; Python and the AWS CLI take a profile with `role_arn` before web identity |
//! | JavaScript 3 | keys in the environment unless `AWS_PROFILE` is set, shared files, web identity |
//! | C++, Rust | keys in the environment, shared files, web identity |
//! | .NET 3 | web identity, shared files, keys in the environment |
//!
//! In a cluster, irsa-audit knows only what `env` and volumes show: it does not read Secrets and ConfigMaps, so `envFrom` alone
//! proves nothing. In files, the keys of the given Secrets and ConfigMaps count. An empty value counts as absent, as for
//! the SDKs, and so does a key that is `optional`.
//!
//! ## In logs
//! `InvalidClientTokenId` and `SignatureDoesNotMatch` where the keys are no longer valid, `The config profile (x) could not
//! be found`, or `AccessDenied` that names an IAM user.
//!
//! ## Example
//! ```yaml
//! env:
//!   - name: AWS_ACCESS_KEY_ID
//!     valueFrom: {secretKeyRef: {name: s3, key: id}}
//! ```
//!
//! ## Fix
//! Remove the variables, or the volume, from that container in the pod template. If a mounted file of profiles explains
//! `AWS_PROFILE`, keep it. Before the change reaches the pods, a paused workload must be resumed, and pods with the update strategy
//! `OnDelete` must be deleted. If the template no longer has the variables, a restart is enough.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` names the role.
//!
//! ## References
//! - [Standardized credential providers](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)
//! - [Chain of the SDK for JavaScript 3](https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-aws-sdk-credential-provider-node/)
//! - [Chain of the SDK for Rust](https://docs.aws.amazon.com/sdk-for-rust/latest/dg/credproviders.html)
//! - [Chain of the SDK for C++](https://docs.aws.amazon.com/sdk-for-cpp/v1/developer-guide/credproviders.html)
//! - [Chain of the SDK for Java 2](https://docs.aws.amazon.com/sdk-for-java/latest/developer-guide/credentials-chain.html)
//! - [Chain of the SDK for PHP 3](https://docs.aws.amazon.com/sdk-for-php/v3/developer-guide/guide_credentials_default_chain.html)
//! - [Chain of the SDK for .NET 3](https://docs.aws.amazon.com/sdk-for-net/v3/developer-guide/creds-assign.html)
//! - [Cross-account roles with IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)
//! - [The AWS CLI's configuration and precedence](https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-configure.html)

use super::pods::{
    ToldContainer, among_all_with_role, among_containers, containers_shown, named, pods_of, workloads,
};
use super::rollout;
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{Configured, Container, EnvSource, MountedFile, SetBy, VolumeKind};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA406",
    reason: "StaticCredentialsShadow",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "a container has credentials that SDKs use before web identity",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const PROFILE: &str = "AWS_PROFILE";

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    if !matches!(chain.named_role, NamedRole::Role(_)) {
        return None;
    }
    let keys = among_all_with_role(chain, Container::access_key);
    if !keys.is_empty() {
        let what =
            "which every SDK except the one for .NET uses before web identity, so the role is not used";
        return Some(finding(chain, &keys, Container::access_key, &KEYS, what));
    }
    let files = among_all_with_role(chain, |container| {
        let is_profile = matches!(
            container.configured(),
            Some(Configured::WebIdentity(_) | Configured::Nowhere | Configured::Absent(_))
        );
        container.credentials_file().filter(|_| !is_profile)
    });
    if !files.is_empty() {
        return Some(of_files(chain, &files));
    }
    let profiles = among_all_with_role(chain, unexplained_profile);
    if !profiles.is_empty() {
        let what = "which some SDKs use before web identity, so the role may not be used";
        return Some(finding(chain, &profiles, unexplained_profile, &[PROFILE], what));
    }
    let absent = among_all_with_role(chain, |container| match container.configured() {
        Some(Configured::Absent(name)) => Some((name.as_str(), container.config_file()?)),
        _ => None,
    });
    if !absent.is_empty() {
        return Some(of_absent(&absent));
    }
    let explained = among_containers(chain, |container| match container.configured() {
        Some(Configured::Nowhere) => None,
        Some(Configured::WebIdentity(_)) => container.config_file(),
        _ => container.profile().and(container.config_file()),
    });
    (!explained.is_empty()).then(|| of_profiles(&explained))
}

/// What sets a profile for which no file is mounted.
fn unexplained_profile(container: &Container) -> Option<&SetBy> {
    container.profile().filter(|_| container.config_file().is_none())
}

/// Of variables, of which `set_by` says what sets the first.
fn finding(
    chain: &Chain<'_>,
    told: &[ToldContainer<'_, &SetBy>],
    set_by: fn(&Container) -> Option<&SetBy>,
    variables: &[&str],
    what: &str,
) -> Finding {
    let variable = variables.first().copied().unwrap_or_default();
    let from = told.first().map_or_else(String::new, |one| origin(one.what));
    let message = format!("{} gets `{variable}` from {from}, {what}", containers_shown(told));
    let cluster = &chain.snapshot.cluster;
    // The template may have it from elsewhere by now.
    let by_env = |one: &ToldContainer<'_, &SetBy>| {
        let template = cluster.template_of(one.pod).unwrap_or(one.pod);
        let mut containers = template.containers.iter();
        let same = containers.find(|container| container.name == one.container.name);
        let set = same.map_or(Some(one.what), set_by);
        set.is_none_or(|by| *by == SetBy::Env)
    };
    let fix = rollout::edited_containers(
        chain,
        told,
        |container| set_by(container).is_some(),
        |due| {
            let command = fix::unset_env(&chain.key.namespace, named(due), variables);
            command.filter(|_| due.iter().all(by_env))
        },
        |due| {
            format!(
                "remove `{variable}` from the environment of {}",
                in_templates(due)
            )
        },
    );
    Finding::new(&ENTRY, message).fix(fix)
}

/// Of files that hold static credentials, or may.
fn of_files(chain: &Chain<'_>, told: &[ToldContainer<'_, &MountedFile>]) -> Finding {
    let shown = told.first().map_or_else(String::new, |one| file(one.what));
    let message = format!(
        "{} has shared credentials at {shown}, which some SDKs (JavaScript, C++, Rust) use before web identity, so the role may not be used",
        containers_shown(told)
    );
    let step = |due: &[ToldContainer<'_, &MountedFile>]| {
        format!(
            "if the role is intended, remove the file, and `AWS_SHARED_CREDENTIALS_FILE`, from {}",
            in_templates(due)
        )
    };
    let has = |container: &Container| container.credentials_file().is_some();
    let fix = rollout::edited_containers(chain, told, has, |_| None, step);
    Finding::new(&ENTRY, message).fix(fix)
}

/// Of a profile for which a file is mounted: nothing to take away.
fn of_profiles(told: &[ToldContainer<'_, &MountedFile>]) -> Finding {
    let shown = told.first().map_or_else(String::new, |one| file(one.what));
    let role = told.first().and_then(|one| match one.container.configured() {
        Some(Configured::WebIdentity(profile)) => {
            let last = profile.then.last().map(|next| next.role.as_str());
            Some(last.unwrap_or(&profile.role))
        }
        _ => None,
    });
    let whose = match role {
        Some(role) => format!(
            "SDKs that use the profile first (JavaScript, Kotlin, Rust; Python for `source_profile`) make its calls as role `{}`",
            quote(role)
        ),
        None => {
            "SDKs that use the profile make its calls as the role of the profile, which may differ from the annotation"
                .to_owned()
        }
    };
    let message = format!(
        "{} uses a profile in the file {shown}: {whose}",
        containers_shown(told)
    );
    Finding::new(&ENTRY, message).severity(Severity::Notice)
}

/// Of a profile that the file does not have: SDKs fail, whatever else would give them credentials.
fn of_absent(told: &[ToldContainer<'_, (&str, &MountedFile)>]) -> Finding {
    let (name, shown) = told
        .first()
        .map(|one| (quote(one.what.0), file(one.what.1)))
        .unwrap_or_default();
    let message = format!(
        "{} uses profile `{name}`, but the file {shown} has no such profile, so SDKs fail",
        containers_shown(told)
    );
    let fix = Fix::manual(format!(
        "add the profile `{name}` to the file, or correct `AWS_PROFILE` in {}",
        in_templates(told)
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

/// Where a file is, and what it comes from.
pub(super) fn file(file: &MountedFile) -> String {
    let volume = match &file.volume {
        VolumeKind::Secret(name) => format!("Secret `{}`", quote(name)),
        VolumeKind::ConfigMap(name) => format!("ConfigMap `{}`", quote(name)),
        VolumeKind::Scratch => "an emptyDir".to_owned(),
        VolumeKind::Image => "the image".to_owned(),
        VolumeKind::Other => "a volume".to_owned(),
    };
    format!("`{}` (from {volume})", quote(&file.path))
}

/// Where a person edits: the containers, and the templates that they are in.
fn in_templates<T>(told: &[ToldContainer<'_, T>]) -> String {
    let (_, names) = workloads(&pods_of(told));
    let mut containers: Vec<&str> = named(told).map(|(_, container)| container).collect();
    containers.sort_unstable();
    containers.dedup();
    format!(
        "container {} in the pod templates of {names}",
        quote_list(&containers, 3)
    )
}

/// What sets a variable.
pub(super) fn origin(set: &SetBy) -> String {
    match set {
        SetBy::EnvFrom(from) => {
            let kind = match from.source {
                EnvSource::Secret => "Secret",
                EnvSource::ConfigMap => "ConfigMap",
            };
            format!("{kind} `{}`", quote(&from.name))
        }
        SetBy::Env | SetBy::Nothing => "its `env`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::model::{EnvFrom, PodPhase, Rarities};
    use crate::paths::CredentialPath;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA406", Severity::Risk, Link::Pods, Verdict::AtRisk);

    fn with(container: Container, access_key: Option<SetBy>, profile: Option<SetBy>) -> Container {
        Container {
            rarities: Some(Box::new(Rarities {
                access_key,
                profile,
                ..Rarities::default()
            })),
            ..container
        }
    }

    fn fix_of(world: &World) -> (FixKind, String) {
        let report = world.audit();
        let fix = the_one(&report, RISK).fix.as_ref().unwrap();
        (fix.first.kind, fix.first.text.clone())
    }

    #[test]
    fn keys_and_profiles_in_env_are_a_risk_and_taken_out() {
        let keys =
            World::healthy().container(with(injected("app", ROLE), Some(SetBy::Env), Some(SetBy::Env)));
        let command = "kubectl set env --namespace shop deployment/cart --containers app";
        let variables = "AWS_ACCESS_KEY_ID- AWS_SECRET_ACCESS_KEY- AWS_SESSION_TOKEN-";
        assert_eq!(
            fix_of(&keys),
            (FixKind::Kubectl, format!("{command} {variables}"))
        );
        let profile = World::healthy().container(with(injected("app", ROLE), None, Some(SetBy::Env)));
        assert_eq!(
            fix_of(&profile),
            (FixKind::Kubectl, format!("{command} AWS_PROFILE-"))
        );
    }

    #[test]
    fn a_secret_that_was_seen_to_bring_keys_counts() {
        let from = EnvFrom {
            source: EnvSource::Secret,
            name: "s3".to_owned(),
            prefix: String::new(),
        };
        let world = World::healthy().container(with(injected("app", ROLE), Some(SetBy::EnvFrom(from)), None));
        assert_eq!(fix_of(&world).0, FixKind::Manual);
        assert!(world.audit().message.contains("Secret `s3`"));
    }

    fn mounted(volume: VolumeKind) -> MountedFile {
        MountedFile {
            path: "/creds/cloud".to_owned(),
            volume,
            key: "cloud".to_owned(),
        }
    }

    #[test]
    fn a_mounted_credentials_file_is_a_risk() {
        let volume = VolumeKind::Secret("velero".to_owned());
        let rarities = Rarities {
            credentials_file: Some(mounted(volume)),
            ..Rarities::default()
        };
        let world = World::healthy().container(Container {
            rarities: Some(Box::new(rarities)),
            ..injected("app", ROLE)
        });
        assert_eq!(fix_of(&world).0, FixKind::Manual);
        assert!(
            world
                .audit()
                .message
                .contains("`/creds/cloud` (from Secret `velero`)"),
            "{}",
            world.audit().message
        );
    }

    #[test]
    fn a_profile_of_a_mounted_file_is_left_as_it_is() {
        let config_file = Some(mounted(VolumeKind::ConfigMap("aws".to_owned())));
        let rarities = Rarities {
            profile: Some(SetBy::Env),
            config_file,
            ..Rarities::default()
        };
        let world = World::healthy().container(Container {
            rarities: Some(Box::new(rarities)),
            ..injected("app", ROLE)
        });
        let report = world.audit();
        let notice = ("IRSA406", Severity::Notice, Link::Pods, Verdict::Working);
        assert!(the_one(&report, notice).fix.is_none());
    }

    #[test]
    fn nothing_is_said_where_nothing_is_set() {
        assert_healthy(
            &World::healthy()
                .container(with(injected("app", ROLE), Some(SetBy::Nothing), None))
                .audit(),
        );
        let env_from = vec![EnvFrom {
            source: EnvSource::Secret,
            name: "s3".to_owned(),
            prefix: String::new(),
        }];
        let rarities = Some(Box::new(Rarities {
            env_from,
            ..Rarities::default()
        }));
        assert_healthy(
            &World::healthy()
                .container(Container {
                    rarities,
                    ..injected("app", ROLE)
                })
                .audit(),
        );
    }

    #[test]
    fn keys_of_a_container_without_web_identity_shadow_nothing() {
        let other = with(bare("backup"), Some(SetBy::Env), None);
        assert_healthy(&World::healthy().pod(|pod| pod.containers.push(other)).audit());
    }

    #[test]
    fn a_role_that_the_pod_brings_itself_is_shadowed_as_well() {
        let own_role = || World::healthy().without_annotation();
        let keys = own_role().container(with(own(AUDIENCE, ROLE), Some(SetBy::Env), None));
        let report = keys.audit();
        assert_eq!(report.facts.path, Some(CredentialPath::Own));
        the_one(&report, RISK);
        let profile = own_role().container(with(own(AUDIENCE, ROLE), None, Some(SetBy::Env)));
        the_one(&profile.audit(), RISK);
        assert_healthy(&own_role().container(own(AUDIENCE, ROLE)).audit());
        let beside = own_role()
            .container(own(AUDIENCE, ROLE))
            .pod(|pod| pod.containers.push(with(bare("b"), Some(SetBy::Env), None)));
        assert_healthy(&beside.audit());
    }

    #[test]
    fn a_container_with_its_own_role_is_told_beside_those_of_the_webhook() {
        let world = World::healthy().pod(|pod| {
            let shadowed = with(own(AUDIENCE, OLD_ROLE), Some(SetBy::Env), None);
            pod.containers.push(Container {
                name: "own".to_owned(),
                ..shadowed
            });
        });
        let report = world.good_role(OLD_ROLE).audit();
        assert!(codes(&report).contains(&"IRSA406"), "{}", shown(&report));
    }

    #[test]
    fn a_template_sets_them_for_all_its_pods() {
        let container = with(bare("app"), Some(SetBy::Env), None);
        let world = World::healthy()
            .container(container)
            .pod(|pod| pod.phase = PodPhase::Template);
        the_one(&world.audit(), RISK);
    }
}
