//! # IRSA406 `StaticCredentialsShadow`
//!
//! ## What it means
//! A container that has web identity, or will get it, also sets `AWS_ACCESS_KEY_ID` or `AWS_PROFILE`.
//!
//! ## Why it matters
//! All SDKs take access keys from the environment before they ask for web identity, and some take a named profile before
//! it. The role of the annotation is then never assumed, whatever else is right: the calls are made as somebody else, with
//! keys that do not expire and that nobody rotates.
//!
//! Only what `env` sets is known in a cluster: Secrets and ConfigMaps are not read there, so `envFrom` alone proves
//! nothing. In files, the keys of Secrets and ConfigMaps that were given count. An empty value counts as none, as for the
//! SDKs, and so does a key that is `optional`.
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
//! Take the variables out of the pod template.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` names the role.
//!
//! ## References
//! - [Standardized credential providers](https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)
//! - [The AWS CLI's configuration and precedence](https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-configure.html)

use super::pods::{Told, among_containers, containers_shown, pods_of, workloads};
use crate::chain::{Annotation, Chain};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{EnvSource, SetBy};
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA406",
    reason: "StaticCredentialsShadow",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "a container sets credentials that SDKs take before web identity",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
const PROFILE: &str = "AWS_PROFILE";

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    if !matches!(chain.annotation, Annotation::Role(_)) {
        return None;
    }
    let keys = among_containers(chain, |container| container.access_key());
    if !keys.is_empty() {
        let what = "which every SDK takes before web identity";
        return Some(finding(chain, &keys, &KEYS, what));
    }
    let profiles = among_containers(chain, |container| container.profile());
    let what = "which some SDKs take before web identity";
    (!profiles.is_empty()).then(|| finding(chain, &profiles, &[PROFILE], what))
}

fn finding(chain: &Chain<'_>, told: &[Told<'_, &SetBy>], variables: &[&str], what: &str) -> Finding {
    let variable = variables.first().copied().unwrap_or_default();
    let from = told.first().map_or_else(String::new, |one| origin(one.what));
    let message = format!("{} gets `{variable}` from {from}, {what}", containers_shown(told));
    let (owners, names) = workloads(&pods_of(told));
    let by_env = told.iter().all(|one| *one.what == SetBy::Env);
    let command = || fix::unset_env(&chain.key.namespace, &owners, variables).filter(|_| by_env);
    let by_hand = || {
        Fix::manual(format!(
            "take `{variable}` out of what the pod templates of {names} set"
        ))
    };
    Finding::new(&ENTRY, message).fix(command().unwrap_or_else(by_hand))
}

fn origin(set: &SetBy) -> String {
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
    use crate::model::{Container, EnvFrom, PodPhase, Rarities};
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
        (fix.kind, fix.text.clone())
    }

    #[test]
    fn keys_and_profiles_in_env_are_a_risk_and_taken_out() {
        let keys =
            World::healthy().container(with(injected("app", ROLE), Some(SetBy::Env), Some(SetBy::Env)));
        let command = "kubectl set env --namespace shop deployment/cart";
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
    fn a_template_sets_them_for_all_its_pods() {
        let container = with(bare("app"), Some(SetBy::Env), None);
        let world = World::healthy()
            .container(container)
            .pod(|pod| pod.phase = PodPhase::Template);
        the_one(&world.audit(), RISK);
    }
}
