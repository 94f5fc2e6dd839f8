//! # `Own`
//!
//! The pod, or the template that it comes from, brings everything itself: a projected token of its ServiceAccount, and the
//! role for which it is exchanged. Known by
//! - `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE` with values, the file being in a projected token of the template's;
//! - the same with nothing where the file should be, if nothing asks the webhook for a role, or a token is mounted beside it: see
//!   IRSA405;
//! - the same with a file in another volume, of which nothing shows whose token it holds: the role is known and the token is not;
//! - a template that sets both to another role than the webhook is asked for: it leaves them alone and brings the token;
//! - a config file in a ConfigMap that was given: `role_arn` and `web_identity_token_file` of the profile that counts, with the roles
//!   that profiles assume next;
//! - a config file that was not read, with nothing before it that SDKs take;
//! - a projected token, with a config file, a credentials file or variables whose values do not show (`valueFrom`): the role
//!   is there, and not seen;
//! - a projected token for an audience that a role accepts which trusts the ServiceAccount by its name, or for STS itself:
//!   where the role is, nothing shows. So do the operators of ROSA: token for `openshift`, role in a file of a Secret;
//! - `AWS_CONTAINER_CREDENTIALS_FULL_URI` with an address that is not that of EKS Pod Identity: a server of their own;
//! - more projected tokens than are kept ([`MOST_TOKENS`](crate::model::MOST_TOKENS)), or more containers beside it
//!   ([`MOST_CONTAINERS`](crate::model::MOST_CONTAINERS)): the role is not seen.
//!
//! The annotation and the webhook are no part of it. Provider, trust policy and permissions are audited for the role that
//! is named, with the token's own audience.
//!
//! Sources: [Cross-account IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html) (config file),
//! [AssumeRoleWithWebIdentity in the SDKs](https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html).

use super::way::{Claim, CredentialPath, PathEntry, PathInput, PathRole, nothing_else, own_token};
use crate::chain::audience::default as default_audience;
use crate::model::profile::WebIdentityProfile;
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Configured, Container, EksIssuer, Pod, TokenMount, TokenSource};

pub(super) static ENTRY: PathEntry = PathEntry {
    path: CredentialPath::Own,
    claim,
    rest: nothing_else,
};

/// Of a pod that is older than its template, the template's role counts: what only older pods carry is IRSA402's.
fn claim<'a>(sight: &PathInput<'a>, pod: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    let now = claimed(sight, pod, container);
    let role = now.map(|claim| claim.role);
    let (Some(PathRole::Named(role)), Some(template)) = (role, container.in_template()) else {
        return now;
    };
    let next = claimed(sight, pod, template);
    match next.map(|claim| claim.role) {
        Some(PathRole::Named(other)) if other != role => next,
        None if sight.asked.role.is_some() && !template.names_web_identity() => None,
        _ => now,
    }
}

fn claimed<'a>(sight: &PathInput<'a>, pod: &'a Pod, container: &'a Container) -> Option<Claim<'a>> {
    if container.unkept().is_some() {
        return Some(Claim::of(PathRole::Unseen));
    }
    if let (Some(role), Some(_)) = (&container.role_arn, &container.token_file) {
        // Of a thousand pods that the webhook injected, no path has to be compared.
        let is_webhooks = || container.tokens.iter().all(|token| token.by_webhook);
        if sight.asked.role.is_some() && container.rarities.is_none() && is_webhooks() {
            return None;
        }
        return with_both(sight, pod, container, role);
    }
    if container.has_other_server() {
        // SDKs take keys in the environment before they ask a server.
        let by_keys = sight.asked.role.is_none() && container.access_key().is_some();
        return (!by_keys).then_some(Claim::of(PathRole::Unseen));
    }
    if is_asked_in_vain(sight, pod, container) {
        return Some(Claim::of(PathRole::Unseen));
    }
    if let Some(Configured::WebIdentity(profile)) = container.configured() {
        return by_profile(sight, pod, container, profile);
    }
    let Some((_, audience)) = own_token(pod, container) else {
        return has_only_a_file(sight, pod, container).then_some(Claim::of(PathRole::Unseen));
    };
    let names_it = container.role_arn.is_some() || container.token_file.is_some() || container.names_variable;
    let is_for_aws = || audience == DEFAULT_AUDIENCE || sight.is_admitted(audience);
    (names_it || is_for_aws()).then(|| Claim::of(PathRole::Unseen).audience(audience))
}

/// The claim of a container whose config file was read.
fn by_profile<'a>(
    sight: &PathInput<'a>,
    pod: &'a Pod,
    container: &'a Container,
    profile: &'a WebIdentityProfile,
) -> Option<Claim<'a>> {
    let claim = Claim {
        then: profile.then.as_slice(),
        ..Claim::of(PathRole::Named(&profile.role))
    };
    if let Some(token) = container.token_at(&profile.token_file) {
        return Some(claim.audience(token.audience.as_deref().unwrap_or_default()));
    }
    if sight.asked.role.is_none() && container.leads_nowhere() {
        let audience = own_token(pod, container).map_or(DEFAULT_AUDIENCE, |(_, audience)| audience);
        return Some(claim.audience(audience));
    }
    // The file may be in the webhook's token, which it mounts into new pods, or in a volume that nobody sees into.
    sight.asked.role.is_none().then_some(Claim::of(PathRole::Unseen))
}

/// Whether all that shows of a container's credentials is a file of profiles that nobody has read. If the webhook is asked for a role, it
/// gave a running pod nothing: whether that matters depends on the file.
fn has_only_a_file(sight: &PathInput<'_>, pod: &Pod, container: &Container) -> bool {
    (sight.asked.role.is_none() || !pod.is_template())
        && !container.pod_identity
        && !container.may_have_web_identity()
        && !container.names_web_identity()
        && container.depends_on_unread_config()
}

/// Whether the webhook mounts its token into a container, and leaves to it the two variables, of which one has a value that does not
/// show.
fn is_asked_in_vain(sight: &PathInput<'_>, pod: &Pod, container: &Container) -> bool {
    let is_mounted = || pod.is_template() || container.tokens.iter().any(|token| token.by_webhook);
    sight.asked.role.is_some() && container.names_variable && container.opaque_env && is_mounted()
}

/// The claim of a container that sets both variables: it depends on where the token comes from.
fn with_both<'a>(
    sight: &PathInput<'a>,
    pod: &'a Pod,
    container: &'a Container,
    role: &'a str,
) -> Option<Claim<'a>> {
    let is_asked = sight.asked.role.is_some();
    let beside = || own_token(pod, container).map(|(_, audience)| audience);
    let unseen = || Claim {
        audience: beside(),
        ..Claim::of(PathRole::Unseen)
    };
    match container.token_source()? {
        TokenSource::Projected(token) => {
            let own = is_own(sight, pod, token) || presets_another(sight, pod, container, role);
            let audience = token.audience.as_deref().unwrap_or_default();
            own.then_some(Claim::of(PathRole::Named(role)).audience(audience))
        }
        // What lies over the webhook's token is in the way of the webhook: see IRSA405.
        TokenSource::Unseen if container.token().is_some_and(|token| token.by_webhook) => None,
        TokenSource::Unseen => Some(unseen()),
        // An init container may well copy the webhook's.
        TokenSource::Copied(_) => (!is_asked).then(unseen),
        // SDKs that find no token go on to the server, as far as they go on at all.
        TokenSource::Nothing if container.has_other_server() => Some(unseen()),
        TokenSource::Nothing if is_asked && will_be_mounted(pod, container) => {
            let audience = sight
                .asked
                .audience
                .or_else(|| default_audience(sight.snapshot, sight.config, &sight.key.namespace));
            let other = !is_same(sight, role);
            other.then(|| Claim::of(PathRole::Named(role)).audience(audience.unwrap_or(DEFAULT_AUDIENCE)))
        }
        TokenSource::Nothing => {
            let is_for_aws = |audience: &&str| *audience == DEFAULT_AUDIENCE || sight.is_admitted(audience);
            let own = !is_asked || beside().as_ref().is_some_and(is_for_aws);
            own.then(|| Claim::of(PathRole::Named(role)).audience(beside().unwrap_or(DEFAULT_AUDIENCE)))
        }
    }
}

/// Whether a container's template gives it another role than the webhook is asked for. The webhook leaves both variables alone then.
/// Beside a container that has the webhook's role, it is the webhook's pod: see IRSA402.
fn presets_another(sight: &PathInput<'_>, pod: &Pod, container: &Container, role: &str) -> bool {
    let has_asked = |other: &Container| other.role_arn.as_deref() == sight.asked.role;
    sight.asked.role.is_some()
        && container.presets_role() == Some(true)
        && !is_same(sight, role)
        && !pod.containers.iter().any(has_asked)
}

/// Whether a role is the one that the webhook is asked for, which may be named without its ARN.
fn is_same(sight: &PathInput<'_>, role: &str) -> bool {
    let asked = sight.asked.role.unwrap_or_default();
    role == asked || (!asked.contains("arn:") && role.ends_with(&format!("/{asked}")))
}

/// Whether the webhook will mount its token where a template's container looks for it.
fn will_be_mounted(pod: &Pod, container: &Container) -> bool {
    pod.is_template() && container.leads_to_the_webhooks() && !container.sets_all
}

/// Whether the token to which the variable leads is the pod's own, and not the webhook's. Of volumes with the webhook's name,
/// a template has none from it; nor has a pod that nothing asks the webhook for, outside of EKS, where it is seen that none is registered.
fn is_own(sight: &PathInput<'_>, pod: &Pod, token: &TokenMount) -> bool {
    let is_asked = sight.asked.role.is_some();
    let issuer = || sight.snapshot.issuer.as_ref();
    let is_elsewhere = || issuer().is_some_and(|issuer| EksIssuer::parse(issuer.url.host_path()).is_none());
    let no_webhook = || is_elsewhere() && sight.snapshot.cluster.has_webhook() == Some(false);
    !token.by_webhook || (!is_asked && (pod.is_template() || no_webhook()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Bound, is_bound};
    use crate::finding::{Link, Severity};
    use crate::model::{MountedFile, Rarities, TokenPlace, Unkept, VolumeKind};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA911", Severity::Unknown, Link::Role, Verdict::Unknown);

    fn file() -> MountedFile {
        MountedFile {
            path: "/etc/aws/file".to_owned(),
            volume: VolumeKind::Secret("aws".to_owned()),
            key: "file".to_owned(),
        }
    }

    fn with(rarities: Rarities) -> World {
        World::healthy().without_annotation().container(Container {
            rarities: Some(Box::new(rarities)),
            ..bare("app")
        })
    }

    #[test]
    fn a_config_file_that_was_not_read_is_not_the_nodes_role() {
        let unread = || {
            with(Rarities {
                config_file: Some(file()),
                ..Rarities::default()
            })
        };
        let report = unread().audit();
        assert_eq!(report.facts.path, Some(CredentialPath::Own));
        the_one(&report, UNKNOWN);
        let world = unread();
        let bound = is_bound(&world.snapshot, &world.config, &world.key, world.now);
        assert_eq!(bound, Bound::CannotTell, "its role may be nobody's here");
        let says_nothing = with(Rarities {
            config_file: Some(file()),
            configured: Some(Configured::Nowhere),
            ..Rarities::default()
        });
        assert_eq!(says_nothing.audit().facts.path, Some(CredentialPath::Node));
        let runs_a_process = with(Rarities {
            config_file: Some(file()),
            configured: Some(Configured::Elsewhere("runs a `credential_process`".to_owned())),
            ..Rarities::default()
        });
        the_one(&runs_a_process.audit(), UNKNOWN);
    }

    #[test]
    fn a_pod_with_more_tokens_or_containers_than_are_kept_is_unknown() {
        let cut = |mut container: Container, unkept| {
            container.rarities.get_or_insert_default().unkept = Some(unkept);
            container
        };
        let elsewhere = Container {
            token_file: Some("/not/kept".to_owned()),
            ..injected("app", ROLE)
        };
        let containers = [injected("app", ROLE), elsewhere, bare("app")];
        let cut = containers.iter().flat_map(|container| {
            [Unkept::Tokens, Unkept::Containers].map(|unkept| cut(container.clone(), unkept))
        });
        for container in cut {
            for world in [World::healthy(), World::healthy().without_annotation()] {
                let world = world.container(container.clone());
                the_one(&world.audit(), UNKNOWN);
                let bound = is_bound(&world.snapshot, &world.config, &world.key, world.now);
                assert_ne!(bound, Bound::No);
                let template = world.pod(|pod| pod.phase = crate::model::PodPhase::Template);
                assert_eq!(template.audit().verdict, Verdict::Unknown);
            }
        }
    }

    #[test]
    fn a_credentials_file_is_keys_that_do_not_change() {
        let report = with(Rarities {
            credentials_file: Some(file()),
            ..Rarities::default()
        })
        .audit();
        assert_eq!(report.facts.path, Some(CredentialPath::Static));
    }

    #[test]
    fn keys_come_before_a_config_file_and_before_a_server() {
        for rarities in [
            Rarities {
                config_file: Some(file()),
                ..Rarities::default()
            },
            Rarities {
                other_server: true,
                ..Rarities::default()
            },
        ] {
            let report = with(Rarities {
                access_key: Some(crate::model::SetBy::Env),
                ..rarities
            })
            .audit();
            assert_eq!(
                report.facts.path,
                Some(CredentialPath::Static),
                "{}",
                shown(&report)
            );
        }
    }

    #[test]
    fn variables_that_lead_nowhere_beside_another_server_are_unknown() {
        let container = |other_server: bool| Container {
            role_arn: Some(ROLE.to_owned()),
            token_file: Some("/nowhere/token".to_owned()),
            rarities: Some(Box::new(Rarities {
                other_server,
                token_place: Some(TokenPlace::Nowhere),
                ..Rarities::default()
            })),
            ..bare("app")
        };
        for world in [World::healthy(), World::healthy().without_annotation()] {
            let report = world.clone().container(container(true)).audit();
            assert_eq!(report.verdict, Verdict::Unknown, "{}", shown(&report));
            assert_eq!(report.facts.path, Some(CredentialPath::Own));
            assert!(codes(&report).contains(&"IRSA911"), "{}", shown(&report));
            let without = world.container(container(false)).audit();
            assert_eq!(without.verdict, Verdict::Broken, "{}", shown(&without));
        }
    }
}
