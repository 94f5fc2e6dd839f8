//! # IRSA911 `CredentialPathUnseen`
//!
//! ## What it means
//! Containers bring their own credentials, and the audit cannot see which role these lead to: the role is in a config file, a
//! credentials file or a variable that comes from a Secret or ConfigMap, or a server other than the agent of EKS Pod Identity
//! gives the credentials (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). Annotation and webhook are no part of such a path.
//!
//! ## Why it is unknown
//! Secrets and ConfigMaps are not read in the cluster. Whether the role exists and trusts the ServiceAccount depends on its
//! name, which is in there.
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
//! Look at the `role_arn` in the file, and ask about that role with `irsa-audit trust evaluate`. Offline, give the ConfigMap to
//! `irsa-audit audit --kubernetes`, which reads config files in it.
//!
//! ## Verify
//! `kubectl exec … -- aws sts get-caller-identity` shows the role that the container really has.
//!
//! ## References
//! - [Shared config and credentials files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html)
//! - [Cross-account IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::model::Used;
use crate::paths::{Taker, Way};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA911",
    reason: "CredentialPathUnseen",
    severity: Severity::Unknown,
    link: Link::Role,
    title: "containers bring their own credentials, whose role is not seen",
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
    let others = match ways.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let by_server = matches!(first.taker, Taker::Container(_, container) if container.has_other_server());
    let how = match first.audience {
        _ if by_server => {
            "takes credentials from the server in `AWS_CONTAINER_CREDENTIALS_FULL_URI`, which is not EKS Pod Identity"
                .to_owned()
        }
        Some(audience) => format!("brings its own token with audience `{}`", quote(audience)),
        None => "brings its own credentials".to_owned(),
    };
    let trusting: Vec<&str> = chain.trusted_by.iter().map(|(_, role)| *role).collect();
    let candidates = if trusting.is_empty() {
        String::new()
    } else {
        format!(
            "; {} trusts this ServiceAccount by its name",
            quote_list(&trusting, 3)
        )
    };
    let message = format!(
        "{}{others} {how}: the role that it assumes is not seen{candidates}",
        first.taker.shown()
    );
    let fix = Fix::manual(
        "find the role in the file or variable that the container reads, and evaluate its trust policy with `irsa-audit trust \
         evaluate`",
    );
    Some(Finding::new(&ENTRY, message).fix(fix))
}

/// Several ServiceAccounts may be the one that an object's controller uses, and its role admits none of them.
fn of_controller(taker: Taker<'_>, used: &Used) -> Finding {
    let object = taker.shown();
    let name = match used {
        Used::WithController { name, .. } => quote(name),
        _ => String::new(),
    };
    let message = format!(
        "{object} uses ServiceAccount `{name}` in the namespace of its controller, several namespaces have one, and its role admits \
         none of them: which one it is cannot be determined"
    );
    let fix = Fix::manual(format!(
        "find the namespace where the controller of {object} runs, and evaluate the role's trust policy for its ServiceAccount with \
         `irsa-audit trust evaluate`"
    ));
    Finding::new(&ENTRY, message).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Container, Rarities, TokenMount};
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
}
