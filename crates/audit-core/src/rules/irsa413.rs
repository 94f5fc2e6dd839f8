//! # IRSA413 `TokenNotRefreshed`
//!
//! ## What it means
//! A container reads a token that is never refreshed: the token is mounted by `subPath`, or is in an `emptyDir` into which only an
//! init container can have copied it.
//!
//! A copy is reported only if it is certain: the variable points into an `emptyDir`, an init container mounts the same one and ends, and no
//! container that keeps running can write there, except the one that reads. If another container can write there, it may refresh the
//! copy, and the finding is not reported.
//!
//! ## Why it matters
//! The kubelet writes a new token before the old one expires, into the projected volume. A `subPath` mount keeps the
//! file from the start of the container, and so does a copy. Everything works until the first token expires, after a day by
//! default.
//!
//! ## In logs
//! `ExpiredTokenException: Token expired`, hours after the start, until the next restart.
//!
//! ## Example
//! ```yaml
//! volumeMounts:
//!   - name: aws-iam-token
//!     mountPath: /aws/token
//!     subPath: token
//! ```
//!
//! ## Fix
//! Mount the whole volume, without `subPath`, and set `AWS_WEB_IDENTITY_TOKEN_FILE` to its path. Or leave both to the
//! webhook.
//!
//! ## Verify
//! `kubectl exec … -- sh -c 'ls -l $(dirname $AWS_WEB_IDENTITY_TOKEN_FILE)'` shows a link into `..data`.
//!
//! ## References
//! - [Volumes, subPath](https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath)
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)

use super::pods::{ToldContainer, containers_shown, differing, pods_of, workloads};
use super::rollout;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::model::{Container, TokenPlace};
use crate::paths::CredentialPath;
use crate::text::quote;
use crate::webhook::{Frozen, InjectionDifference};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA413",
    reason: "TokenNotRefreshed",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "a container reads a token that is never refreshed",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let told = if chain.path == Some(CredentialPath::Own) {
        frozen_own(chain)
    } else {
        differing(chain, not_refreshed)
    };
    let how = match told.first()?.what {
        Frozen::CopiedBy(copier) => format!(
            "reads a copy of the token, made by init container `{}`",
            quote(copier)
        ),
        Frozen::SubPath => "mounts the token by `subPath`".to_owned(),
    };
    let message = format!(
        "{} {how}, so the container gets no new token when this one expires",
        containers_shown(&told)
    );
    let is_frozen = |container: &Container| {
        container.token().is_some_and(|token| token.sub_path)
            || matches!(container.token_place(), Some(TokenPlace::CopiedBy(_)))
    };
    let step = |due: &[ToldContainer<'_, Frozen<'_>>]| {
        let (_, names) = workloads(&pods_of(due));
        format!(
            "in the pod templates of {names}, mount the whole volume of the token, and set `AWS_WEB_IDENTITY_TOKEN_FILE` to the token's path \
             in it"
        )
    };
    let fix = rollout::edited_containers(chain, &told, is_frozen, |_| None, step);
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// The containers whose own token is frozen: the webhook has no part in it.
fn frozen_own<'a>(chain: &Chain<'a>) -> Vec<ToldContainer<'a, Frozen<'a>>> {
    let pods = chain.pods.iter().chain(&chain.templates).copied();
    let containers = pods.flat_map(|pod| pod.containers.iter().map(move |container| (pod, container)));
    containers
        .filter_map(|(pod, container)| {
            let what = match (container.token(), container.token_place()) {
                (Some(token), _) if token.sub_path => Frozen::SubPath,
                (_, Some(TokenPlace::CopiedBy(name))) => Frozen::CopiedBy(name),
                _ => return None,
            };
            Some(ToldContainer { pod, container, what })
        })
        .collect()
}

fn not_refreshed(difference: InjectionDifference<'_>) -> Option<Frozen<'_>> {
    match difference {
        InjectionDifference::NotRefreshed(frozen) => Some(frozen),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PodPhase, Rarities};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const RISK: (&str, Severity, Link, Verdict) = ("IRSA413", Severity::Risk, Link::Pods, Verdict::AtRisk);

    #[test]
    fn a_token_that_the_pod_brings_itself_can_be_frozen_too() {
        let mut container = own(AUDIENCE, ROLE);
        let world =
            |container: &Container| World::healthy().without_annotation().container(container.clone());
        assert!(!codes(&world(&container).audit()).contains(&"IRSA413"));
        for token in &mut container.tokens {
            token.sub_path = true;
        }
        assert!(codes(&world(&container).audit()).contains(&"IRSA413"));
    }

    fn copied() -> Container {
        Container {
            token_file: Some("/aws/token".to_owned()),
            rarities: Some(Box::new(Rarities {
                token_place: Some(TokenPlace::CopiedBy("copy".to_owned())),
                ..Rarities::default()
            })),
            ..injected("app", ROLE)
        }
    }

    #[test]
    fn a_sub_path_and_a_copy_are_risks() {
        the_one(
            &World::healthy()
                .pod(|pod| pod.containers[0].tokens[0].sub_path = true)
                .audit(),
            RISK,
        );
        let report = World::healthy().container(copied()).audit();
        assert!(
            the_one(&report, RISK).message.contains("`copy`"),
            "{}",
            report.message
        );
    }

    #[test]
    fn a_token_that_nobody_reads_may_be_mounted_anyhow() {
        let mut other = token("vault");
        (other.path, other.sub_path) = ("/vault".to_owned(), true);
        assert_healthy(
            &World::healthy()
                .pod(|pod| pod.containers[0].tokens.push(other))
                .audit(),
        );
    }

    #[test]
    fn a_template_that_reads_a_copy_makes_such_pods() {
        let container = Container {
            tokens: Vec::new(),
            ..copied()
        };
        the_one(
            &World::healthy()
                .container(container)
                .pod(|pod| pod.phase = PodPhase::Template)
                .audit(),
            RISK,
        );
    }
}
