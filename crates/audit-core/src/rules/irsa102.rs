//! # IRSA102 `RoleArnMalformed`
//!
//! ## What it means
//! The role annotation is not `arn:<partition>:iam::<account of 12 digits>:role/<path and name>`. Usual mistakes: an
//! account that lost its leading zero, white space or quotes from a template, the ARN of an instance profile or of an
//! `assumed-role` session, an empty variable in the ARN.
//!
//! A bare role name is *unknown*, because the webhook can be configured to build the ARN from it. If a pod has the bare
//! name itself, the webhook did not build an ARN, and the finding is *broken*. If `--compose-role-arn` tells irsa-audit which account
//! the webhook builds ARNs for, a bare name is the role of that name in that account.
//!
//! ## Why it breaks
//! The webhook only logs that the ARN is invalid and injects it unchanged. STS refuses it.
//!
//! ## In logs
//! `ValidationError … Request ARN is invalid`, or
//! `ValidationError … at 'roleArn' failed to satisfy constraint`.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   name: cart
//!   namespace: shop
//!   annotations:
//!     eks.amazonaws.com/role-arn: arn:aws:iam::12345678901:role/cart   # 11 digits: a zero was lost
//! ```
//!
//! ## Fix
//! Set the annotation to the ARN that `aws iam get-role --role-name NAME --query Role.Arn --output text` prints, also where the
//! ServiceAccount is managed. Then recreate the pods. If the value is a whole ARN with white space or quotes around it, the command
//! sets the annotation to that ARN.
//!
//! ## Verify
//! A new pod has the right `AWS_ROLE_ARN`, and `aws sts get-caller-identity` in it names the role.
//!
//! ## References
//! - [Assign IAM roles to Kubernetes service accounts](https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html)
//! - [IAM identifiers](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use iam_policy::{RoleArn, RoleArnError};

use super::repair;
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::Fix;
use crate::snapshot::AskedIn;
use crate::text::{is_hidden, quote, reveal};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA102",
    reason: "RoleArnMalformed",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the role annotation is not the ARN of an IAM role",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let NamedRole::Malformed(text, error) = &chain.named_role else {
        return None;
    };
    if !chain.aws_applies() {
        return None;
    }
    let containers = || chain.pods.iter().flat_map(|pod| &pod.containers);
    let injected_as_is =
        || containers().any(|c| c.has_web_identity() && c.role_arn.as_deref() == Some(*text));
    let (severity, note) = match error {
        RoleArnError::BareName(_) if injected_as_is() => (
            Severity::Broken,
            "; pods have this value unchanged, so no webhook builds an ARN from it, and STS refuses it",
        ),
        RoleArnError::BareName(_) if chain.source != AskedIn::Annotation => {
            (Severity::Broken, "; it is used unchanged, and STS refuses it")
        }
        RoleArnError::BareName(_) => (
            Severity::Unknown,
            "; some webhooks build an ARN from it: if yours does, set `--compose-role-arn` to its account",
        ),
        RoleArnError::Empty => (Severity::Broken, ""),
        _ => (Severity::Broken, "; STS refuses it"),
    };
    let place = repair::where_it_stands(chain, "role-arn");
    let message = format!(
        "{place} is `{}`: {}{note}",
        quote(text),
        reveal(&error.to_string())
    );
    let expected = chain.request.and_then(|request| request.role_arn.as_deref());
    let meant = expected
        .filter(|arn| RoleArn::parse(arn).is_ok())
        .or_else(|| wrapped(text));
    let fix = match meant {
        Some(arn) => repair::name_role(chain, arn),
        None => Fix::manual(format!(
            "set {place} to the ARN of the role, which `aws iam get-role --role-name NAME --query Role.Arn --output text` prints{}",
            if chain.is_webhooks() {
                ", and recreate the pods"
            } else {
                ""
            }
        )),
    };
    let finding = Finding::new(&ENTRY, message).severity(severity).fix(fix);
    Some(if chain.is_webhooks() {
        finding
    } else {
        finding.naming_taker()
    })
}

/// The whole ARN in a text that has nothing else but white space, quotes or hidden characters around it.
fn wrapped(text: &str) -> Option<&str> {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`' | '\u{2018}'..='\u{201f}');
    let arn = text.trim_matches(|c: char| c.is_whitespace() || is_hidden(c) || is_quote(c));
    RoleArn::parse(arn).is_ok().then_some(arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA102", Severity::Broken, Link::ServiceAccount, Verdict::Broken);
    const UNKNOWN: (&str, Severity, Link, Verdict) = (
        "IRSA102",
        Severity::Unknown,
        Link::ServiceAccount,
        Verdict::Unknown,
    );

    /// The annotation with a pod that was created under it.
    fn annotated(text: &str) -> World {
        World::healthy().annotation(text).container(injected("app", text))
    }

    #[test]
    fn what_is_no_role_arn_is_broken() {
        for text in [
            " ",
            "arn:aws:iam::11112222333:role/cart",
            "arn:aws:iam::111122223333:role/cart\n",
            "\"arn:aws:iam::111122223333:role/cart\"",
            "arn:aws:iam::111122223333:instance-profile/cart",
            "arn:aws:sts::111122223333:assumed-role/cart/session",
            "arn:aws:iam:::role/cart",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:cart",
            "arn:amazon:iam::111122223333:role/cart",
            "111122223333:role/cart",
            "\u{1b}[31mred",
        ] {
            the_one(&annotated(text).audit(), BROKEN);
        }
    }

    #[test]
    fn arns_with_paths_and_of_other_partitions_are_fine() {
        for arn in [
            "arn:aws:iam::111122223333:role/teams/shop/cart",
            "arn:aws-cn:iam::111122223333:role/cart",
        ] {
            let report = World::healthy().annotation(arn).audit();
            assert!(!codes(&report).contains(&"IRSA102"), "{arn}");
        }
    }

    #[test]
    fn a_bare_name_is_unknown_until_a_pod_shows_that_nobody_composes_it() {
        for name in ["cart", "teams/shop/cart"] {
            the_one(&World::healthy().annotation(name).without_pods().audit(), UNKNOWN);
            the_one(&World::healthy().annotation(name).audit(), UNKNOWN);
            the_one(&annotated(name).audit(), BROKEN);
        }
    }

    #[test]
    fn a_bare_name_is_a_role_where_it_is_known_whose() {
        let composing = |world: World| {
            world.config(|config| config.role_home = Some(crate::config::RoleHome::parse(ACCOUNT).unwrap()))
        };
        assert_healthy(&composing(World::healthy().annotation("cart")).audit());
        let path = composing(World::healthy().annotation("teams/shop/cart")).audit();
        assert!(codes(&path).contains(&"IRSA220"), "the path counts");
        the_one(&composing(annotated("arn:x")).audit(), BROKEN);
        let listed = World::healthy()
            .without_annotation()
            .listed_by_webhook("cart", AUDIENCE);
        the_one(&composing(listed).audit(), BROKEN);
    }

    #[test]
    fn pods_without_credentials_are_a_fault_of_their_own() {
        let report = World::healthy()
            .annotation("arn:aws:iam::1:role/x")
            .container(bare("app"))
            .audit();
        assert_eq!(codes(&report), ["IRSA102", "IRSA401"]);
        assert_eq!(report.reason, "RoleArnMalformed");
    }

    #[test]
    fn the_fix_names_the_role_where_somebody_expects_one() {
        let fix = |world: World| the_one(&world.audit(), BROKEN).fix.clone().unwrap();
        assert_eq!(fix(annotated("arn:x")).first.kind, FixKind::Manual);
        let expected = fix(annotated("arn:x").expect_role(ROLE));
        assert_eq!(expected.first.kind, FixKind::Kubectl);
        assert!(expected.first.text.ends_with(ROLE));
    }

    #[test]
    fn a_whole_arn_in_wrappings_is_certain_and_the_audit_goes_on_from_it() {
        for text in [
            "arn:aws:iam::111122223333:role/cart ",
            "\n arn:aws:iam::111122223333:role/cart\n",
            "\"arn:aws:iam::111122223333:role/cart\"",
            "'arn:aws:iam::111122223333:role/cart'",
            "\u{feff}arn:aws:iam::111122223333:role/cart\u{a0}",
            "\u{201c}arn:aws:iam::111122223333:role/cart\u{201d}",
        ] {
            let report = annotated(text).audit();
            let fix = the_one(&report, BROKEN).fix.clone().unwrap();
            assert!(
                fix.first.text.ends_with(&format!("role-arn={ROLE}")),
                "{}",
                fix.first.text
            );
            assert!(report.then.is_empty(), "{:?}", report.then);
            let elsewhere = annotated(text).condition(&condition("system:serviceaccount:x:cart"));
            let then = elsewhere.audit().then;
            assert_eq!(
                then.iter().map(|finding| finding.entry.code).collect::<Vec<_>>(),
                ["IRSA204"]
            );
        }
        for text in [
            "arn:aws:iam::111122223333:role/ cart",
            "arn:aws:iam:: 111122223333:role/cart",
        ] {
            assert_eq!(
                the_one(&annotated(text).audit(), BROKEN)
                    .fix
                    .as_ref()
                    .unwrap()
                    .first
                    .kind,
                FixKind::Manual
            );
        }
    }

    #[test]
    fn nobody_reads_the_annotation_of_pods_of_pod_identity() {
        assert_eq!(
            codes(&annotated("arn:x").container(with_pod_identity("app")).audit()),
            ["IRSA912"]
        );
    }
}
