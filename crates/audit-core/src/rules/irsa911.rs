//! # IRSA911 `CredentialPathUnseen`
//!
//! ## What it means
//! Containers bring their own credentials, and irsa-audit cannot determine the role or the token. The reason is one of these:
//!
//! - the role is in a config file, a credentials file or a variable that comes from a Secret or ConfigMap;
//! - a server other than the agent of EKS Pod Identity gives the credentials (`AWS_CONTAINER_CREDENTIALS_FULL_URI`);
//! - the role is known, but not whose token is used, because `AWS_WEB_IDENTITY_TOKEN_FILE` points into a volume that is not a projected
//!   token: a Secret, or an `emptyDir` that a sidecar such as spiffe-helper fills;
//! - the container mounts more than 64 projected tokens, or at a path of more than 4,096 bytes, and irsa-audit does not read more;
//! - the pod has more than 128 containers, or more than 64 KiB of names, paths, tokens and variables that irsa-audit would read.
//!
//! The webhook does not change a container that sets these variables. Annotation and webhook are not part of such a path.
//!
//! ## Why it is unknown
//! irsa-audit does not read Secrets and ConfigMaps in the cluster. Whether the role exists and trusts the ServiceAccount depends on its
//! name, which is in them.
//!
//! ## In logs
//! Nothing by itself. If the role refuses: `AccessDenied … Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```yaml
//! containers:
//! - name: app
//!   env:
//!   - name: AWS_CONFIG_FILE
//!     value: /etc/aws/config        # role_arn and web_identity_token_file are in ConfigMap aws-config
//! ```
//!
//! ## Fix
//! Look up the `role_arn` in the file, and check that role with `irsa-audit trust evaluate`. In an audit of files, give the ConfigMap to
//! `irsa-audit audit --kubernetes`, which reads config files in it.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` shows the role that the container actually has.
//!
//! ## References
//! - [Shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html)
//! - [Cross-account IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)

use super::irsa406;
use super::pods::{ToldContainer, containers_shown};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::{
    Configured, Container, MOST_BYTES_OF_POD, MOST_CONTAINERS, MOST_TOKENS, TokenSource, Unkept, Used,
    VolumeKind,
};
use crate::paths::{Taker, Way};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA911",
    reason: "CredentialPathUnseen",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "containers bring their own credentials, and their role cannot be determined",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let ways: Vec<&Way<'_>> = chain.ways.unseen().collect();
    let first = ways.first()?;
    if let Taker::Object(consumer) = first.taker {
        return Some(of_controller(first.taker, &consumer.used));
    }
    let told: Vec<ToldContainer<'_, ()>> = ways.iter().filter_map(|way| of_container(way)).collect();
    let shown = if told.is_empty() {
        first.taker.shown()
    } else {
        containers_shown(&told)
    };
    let container = told.first().map(|one| one.container);
    if let Some(unkept) = container.and_then(Container::unkept) {
        return Some(of_too_many(&shown, unkept));
    }
    if let Some(finding) = container.and_then(|container| of_another_token(&shown, container)) {
        return Some(finding);
    }
    let by_server = container.is_some_and(Container::has_other_server);
    let how = match first.audience {
        _ if by_server => {
            "gets its credentials from the server in `AWS_CONTAINER_CREDENTIALS_FULL_URI`, which is not EKS Pod Identity"
                .to_owned()
        }
        Some(audience) => format!("brings its own token with audience `{}`", quote(audience)),
        None if container.is_some_and(|container| container.names_variable) => {
            "sets `AWS_ROLE_ARN` or `AWS_WEB_IDENTITY_TOKEN_FILE` to a value that irsa-audit cannot read".to_owned()
        }
        None => "brings its own credentials".to_owned(),
    };
    let trusting: Vec<&str> = chain.trusted_by.iter().map(|(_, role)| *role).collect();
    let candidates = if trusting.is_empty() {
        String::new()
    } else {
        format!(
            "; role {} trusts this ServiceAccount by name",
            quote_list(&trusting, 3)
        )
    };
    let file = container
        .filter(|_| !by_server)
        .map_or_else(String::new, unread_file);
    let message =
        format!("{shown} {how}, so the role that it assumes cannot be determined{file}{candidates}");
    let fix = Fix::manual(
        "find the role in the file or variable that the container reads, and evaluate its trust policy with `irsa-audit trust \
         evaluate`",
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// A pod that has more of something than is read.
fn of_too_many(shown: &str, unkept: Unkept) -> Finding {
    let (message, fix) = match unkept {
        Unkept::Tokens => (
            format!(
                "{shown} mounts more projected service account tokens than irsa-audit reads: which of them it uses cannot be determined"
            ),
            format!(
                "mount only the tokens that the container needs: irsa-audit reads up to {MOST_TOKENS} for each container"
            ),
        ),
        Unkept::Containers => (
            format!(
                "the pod of {shown} has more containers, or longer texts in them, than irsa-audit reads: how the others get credentials cannot \
                 be determined"
            ),
            format!(
                "split the pod: irsa-audit reads up to {MOST_CONTAINERS} containers of each, and up to {} KiB of their variables, \
                 tokens and mount paths",
                MOST_BYTES_OF_POD >> 10
            ),
        ),
    };
    Finding::new(&ENTRY, message).fix(Fix::manual(fix))
}

/// The container that takes a way, of a pod or of a template.
fn of_container<'a>(way: &Way<'a>) -> Option<ToldContainer<'a, ()>> {
    match way.taker {
        Taker::Container(pod, container) => Some(ToldContainer {
            pod,
            container,
            what: (),
        }),
        Taker::Object(_) | Taker::Nothing => None,
    }
}

/// Several ServiceAccounts may be the one that an object's controller uses, and its role admits none of them.
fn of_controller(taker: Taker<'_>, used: &Used) -> Finding {
    let object = taker.shown();
    let name = match used {
        Used::WithController { name, .. } => quote(name),
        _ => String::new(),
    };
    let message = format!(
        "{object} uses ServiceAccount `{name}` in the namespace of its controller, but several namespaces have one and its role admits \
         none of them, so which one it uses cannot be determined"
    );
    let fix = Fix::manual(format!(
        "find the namespace where the controller of {object} runs, and evaluate the role's trust policy for its ServiceAccount with \
         `irsa-audit trust evaluate`"
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

/// A container that sets both variables, with a token file of which nothing shows whose token it holds.
fn of_another_token(shown: &str, container: &Container) -> Option<Finding> {
    let role = container.role_arn.as_deref()?;
    let from = match container.token_source()? {
        TokenSource::Copied(name) => format!("init container `{}` copies the token there", quote(name)),
        TokenSource::Unseen => match container.token_volume().map(|file| (&file.volume, &file.key)) {
            Some((VolumeKind::Secret(name), key)) => {
                format!("the token is key `{}` of Secret `{}`", quote(key), quote(name))
            }
            Some((VolumeKind::ConfigMap(name), key)) => {
                format!("the token is key `{}` of ConfigMap `{}`", quote(key), quote(name))
            }
            _ => "the token is in a volume that is not a projected token".to_owned(),
        },
        TokenSource::Projected(_) | TokenSource::Nothing => return None,
    };
    let file = container.token_file.as_deref().unwrap_or_default();
    let message = format!(
        "{shown} sets `AWS_ROLE_ARN` to `{}` and reads its token from `{}`, but whose token that is cannot be determined: {from}",
        quote(role),
        quote(file)
    );
    let fix = Fix::manual(format!(
        "decode the claims `iss`, `sub` and `aud` of the token in `{}` (its second part is base64), and evaluate the trust policy of \
         role `{}` for them with `irsa-audit trust evaluate`; or mount a projected `serviceAccountToken` there, which irsa-audit can see",
        quote(file),
        quote(role)
    ));
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// The file to look at, and what its profile says as far as it was read.
fn unread_file(container: &Container) -> String {
    let Some(found) = container.config_file().or_else(|| container.credentials_file()) else {
        return String::new();
    };
    match container.configured() {
        Some(Configured::Elsewhere(how)) => format!("; the profile in {} {how}", irsa406::file(found)),
        _ => format!("; see the file {}", irsa406::file(found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MountedFile, PodPhase, Rarities, TokenMount, TokenPlace};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const UNKNOWN: (&str, Severity, Link, Verdict) =
        ("IRSA911", Severity::Unknown, Link::Role, Verdict::Unknown);

    fn with_own_token(audience: &str) -> Container {
        let token = TokenMount {
            path: "/var/run/tok".to_owned(),
            by_webhook: false,
            ..token(audience)
        };
        Container {
            tokens: vec![token],
            ..bare("app")
        }
    }

    #[test]
    fn an_own_token_for_sts_without_a_role_that_shows_is_unknown() {
        the_one(
            &World::healthy().container(with_own_token(AUDIENCE)).audit(),
            UNKNOWN,
        );
        let unannotated = World::healthy()
            .without_annotation()
            .container(with_own_token(AUDIENCE));
        the_one(&unannotated.audit(), UNKNOWN);
    }

    #[test]
    fn a_token_that_no_role_accepts_is_not_for_aws() {
        let world = World::healthy()
            .without_annotation()
            .trusted_by("cart")
            .container(with_own_token("vault"));
        assert_eq!(codes(&world.audit()), ["IRSA101"]);
        let report = World::healthy().container(with_own_token("vault")).audit();
        assert_eq!(codes(&report), ["IRSA401"]);
    }

    #[test]
    fn a_token_from_another_volume_may_be_anybodys() {
        let preset = |place: TokenPlace, token_volume: Option<MountedFile>| Container {
            token_file: Some("/tok/token".to_owned()),
            tokens: Vec::new(),
            rarities: Some(Box::new(Rarities {
                token_place: Some(place),
                token_volume,
                ..Rarities::default()
            })),
            ..injected("app", ROLE)
        };
        let secret = MountedFile {
            path: "/tok/token".to_owned(),
            volume: VolumeKind::Secret("cart-token".to_owned()),
            key: "token".to_owned(),
        };
        let unannotated = || World::healthy().without_annotation().trusted_by("cart");
        let report = unannotated()
            .container(preset(TokenPlace::Elsewhere, Some(secret)))
            .audit();
        let message = &the_one(&report, UNKNOWN).message;
        assert!(
            message.contains("key `token` of Secret `cart-token`"),
            "{message}"
        );
        let copied = TokenPlace::CopiedBy("copy".to_owned());
        let report = unannotated().container(preset(copied, None)).audit();
        assert_eq!(
            (report.verdict, codes(&report)),
            (Verdict::Unknown, vec!["IRSA911", "IRSA413"])
        );
        // The annotation changes nothing: the webhook leaves both variables alone.
        the_one(
            &World::healthy()
                .container(preset(TokenPlace::Elsewhere, None))
                .audit(),
            UNKNOWN,
        );
    }

    #[test]
    fn a_role_from_elsewhere_is_not_the_annotations() {
        let preset = Container {
            names_variable: true,
            opaque_env: true,
            token_file: Some(format!("{TOKEN_FOLDER}/token")),
            ..bare("app")
        };
        let template = World::healthy()
            .container(preset.clone())
            .pod(|pod| pod.phase = PodPhase::Template);
        assert_eq!(template.audit().verdict, Verdict::Unknown);
        let running = Container {
            tokens: vec![token(AUDIENCE)],
            ..preset
        };
        the_one(&World::healthy().container(running).audit(), UNKNOWN);
    }

    #[test]
    fn another_server_of_credentials_is_not_pod_identity() {
        let rarities = Some(Box::new(Rarities {
            other_server: true,
            ..Rarities::default()
        }));
        let report = World::healthy()
            .container(Container {
                rarities,
                ..bare("app")
            })
            .audit();
        assert!(the_one(&report, UNKNOWN).message.contains("not EKS Pod Identity"));
    }

    #[test]
    fn replicas_are_one_container() {
        let told = |world: World| the_one(&world.audit(), UNKNOWN).message.clone();
        let world = || {
            World::healthy()
                .without_annotation()
                .container(with_own_token(AUDIENCE))
        };
        let mut replicas = world();
        let key = replicas.key.clone();
        for n in 1..3 {
            replicas.snapshot.cluster.put_pod(crate::model::Pod {
                name: format!("cart-{n}").into(),
                ..pod(&key, "cart", with_own_token(AUDIENCE))
            });
        }
        assert_eq!(told(replicas), told(world()));
    }
}
