//! # IRSA405 `TokenUnreadable`
//!
//! ## What it means
//! A container's `AWS_WEB_IDENTITY_TOKEN_FILE` leads to no token: no volume is mounted there, or another volume is mounted
//! over the token.
//!
//! Where the variable leads into some other volume (a Secret, a CSI driver's, a host path), a token may well be there:
//! nothing is said.
//!
//! ## Why it matters
//! The SDK finds no file, or one without a token. It then fails, or goes on to other credentials, such as the node's.
//! The image could bring a file of its own, but no token that is valid.
//!
//! ## In logs
//! `open /tmp/token: no such file or directory`, `WebIdentityErr: failed fetching WebIdentity token`, or errors that name
//! the node's role.
//!
//! ## Example
//! ```yaml
//! volumeMounts:
//!   - name: cache   # hides the file that the webhook mounts
//!     mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
//! ```
//!
//! ## Fix
//! Mount the other volume elsewhere; or take the two variables out of the pod template, so that the webhook sets them.
//!
//! ## Verify
//! `kubectl exec … -- sh -c 'cut -c1-10 $AWS_WEB_IDENTITY_TOKEN_FILE'` shows the beginning of a token, `eyJ…`.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)

use super::pods::{containers_shown, differing, pods_of, workloads};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::TokenPlace;
use crate::text::quote;
use crate::webhook::Difference;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA405",
    reason: "TokenUnreadable",
    severity: Severity::Risk,
    link: Link::Pods,
    title: "a container's token file is not where its token is",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

pub(super) fn check(chain: &Chain<'_>) -> Option<Finding> {
    let told = differing(chain, unreadable);
    let first = told.first()?;
    let (owners, names) = workloads(&pods_of(&told));
    let place = match first.what {
        TokenPlace::Hidden(hidden_by) => {
            format!("has another volume, at `{}`, over its token", quote(hidden_by))
        }
        _ => format!(
            "has `AWS_WEB_IDENTITY_TOKEN_FILE` lead to `{}`, where no token is mounted",
            quote(first.container.token_file.as_deref().unwrap_or_default())
        ),
    };
    let message = format!("{} {place}", containers_shown(&told));
    let is_hidden = told.iter().any(|one| *one.what != TokenPlace::Nowhere);
    let fix = if is_hidden {
        Fix::manual(format!(
            "mount the other volume elsewhere in the pod templates of {names}"
        ))
    } else {
        let variables = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"];
        fix::unset_env(&chain.key.namespace, &owners, &variables).unwrap_or_else(|| {
            Fix::manual(format!(
                "take {} out of the pod templates of {names}",
                crate::text::quote_list(&variables, 2)
            ))
        })
    };
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// What hides a token, or that nothing is where it should be.
fn unreadable(difference: Difference<'_>) -> Option<&TokenPlace> {
    match difference {
        Difference::Unreadable(place @ (TokenPlace::Hidden(_) | TokenPlace::Nowhere)) => Some(place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::model::{Container, PodPhase, Rarities};
    use crate::testing::*;
    use crate::verdict::Verdict;

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
    fn a_file_that_nothing_mounts_is_a_risk() {
        let report = World::healthy()
            .container(at("/tmp/token", TokenPlace::Nowhere))
            .audit();
        let fix = the_one(&report, RISK).fix.as_ref().unwrap();
        let command =
            "kubectl set env --namespace shop deployment/cart AWS_ROLE_ARN- AWS_WEB_IDENTITY_TOKEN_FILE-";
        assert_eq!(fix.text, command);
    }

    #[test]
    fn a_volume_over_the_token_is_a_risk() {
        let file = format!("{TOKEN_FOLDER}/token");
        let report = World::healthy()
            .container(at(&file, TokenPlace::Hidden(file.clone())))
            .audit();
        assert_eq!(the_one(&report, RISK).fix.as_ref().unwrap().kind, FixKind::Manual);
    }

    #[test]
    fn what_another_volume_holds_nobody_knows() {
        assert_healthy(
            &World::healthy()
                .container(at("/vault/token", TokenPlace::Elsewhere))
                .audit(),
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
}
