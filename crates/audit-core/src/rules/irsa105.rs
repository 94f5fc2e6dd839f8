//! # IRSA105 `TokenExpirationInvalid`
//!
//! ## What it means
//! The annotation `eks.amazonaws.com/token-expiration` has a value that no token gets: it is not a whole number of seconds, is less
//! than 600, or is more than 86400, the maximum on EKS. On self-hosted clusters, the webhook's ConfigMap may have such a value as well.
//!
//! ## Why it matters
//! The webhook uses its default if the value is not a number, and 600 if it is less; EKS reduces a larger value. Tokens then have
//! a different lifetime from the intended one. The webhook uses a value in the ConfigMap unchanged, and below 600 the API server
//! rejects such pods.
//!
//! ## In logs
//! Usually nothing. For the ConfigMap: `may not specify a duration less than 10 minutes` in the Events of what creates pods.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   annotations:
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//!     eks.amazonaws.com/token-expiration: 1h   # 3600
//! ```
//!
//! ## Fix
//! Set it to a number of seconds from 600 to 86400, or remove it.
//!
//! ## Verify
//! The volume `aws-iam-token` of a new pod has the intended `expirationSeconds`.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Projected volumes](https://kubernetes.io/docs/concepts/storage/projected-volumes/)

use super::repair;
use crate::chain::{Chain, NamedRole};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::snapshot::AskedIn;
use crate::text::quote;

/// The least that the API server gives, in seconds.
const LEAST: i64 = 600;

/// The most that EKS gives, in seconds, which is also the webhook's default.
const MOST: i64 = 86400;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA105",
    reason: "TokenExpirationInvalid",
    severity: Severity::Notice,
    link: Link::ServiceAccount,
    title: "tokens have a different lifetime from the one that the ServiceAccount requests",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    if chain.named_role == NamedRole::Missing || !chain.aws_applies() || !chain.is_webhooks() {
        return None;
    }
    let place = || repair::where_it_stands(chain, "token-expiration");
    match chain.source {
        AskedIn::Annotation => {
            let prefix = &chain.config.annotation_prefix;
            let text = chain.service_account?.annotation(prefix, "token-expiration")?;
            let what = match text.parse::<i64>() {
                Err(_) => format!(
                    "is not a whole number of seconds, so the webhook uses its default, usually {MOST}"
                ),
                Ok(seconds) if seconds < LEAST => {
                    format!("is less than {LEAST}, so the webhook raises it to {LEAST}")
                }
                Ok(seconds) if seconds > MOST => format!("is more than {MOST}, the maximum on EKS"),
                Ok(_) => return None,
            };
            let message = format!("{} is `{}`, which {what}", place(), quote(text));
            Some(Finding::new(&ENTRY, message).fix(fix::drop_annotation(
                chain.key,
                &format!("{prefix}/token-expiration"),
            )))
        }
        AskedIn::Pod | AskedIn::Requester => None,
        AskedIn::ConfigMap => {
            let seconds = chain.snapshot.cluster.webhook_entry(chain.key)?.token_expiration;
            let what = if seconds != 0 && seconds < LEAST {
                format!("is less than {LEAST}, so the API server rejects pods with such a token")
            } else if seconds > MOST {
                format!("is more than {MOST}, the maximum on most clusters")
            } else {
                return None;
            };
            let fix = repair::edit_config_map(
                chain,
                "TokenExpiration",
                &format!("a number from {LEAST} to {MOST}"),
            );
            Some(Finding::new(&ENTRY, format!("{} is {seconds}, which {what}", place())).fix(fix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const NOTICE: (&str, Severity, Link, Verdict) = (
        "IRSA105",
        Severity::Notice,
        Link::ServiceAccount,
        Verdict::Working,
    );

    fn asking(seconds: &str) -> World {
        World::healthy().annotate("eks.amazonaws.com/token-expiration", Some(seconds))
    }

    #[test]
    fn what_no_token_gets_is_worth_a_notice() {
        for seconds in [
            "",
            "1h",
            "3600s",
            "3600.0",
            " 3600",
            "0",
            "-1",
            "599",
            "86401",
            "99999999999999999999",
        ] {
            let report = asking(seconds).audit();
            let fix = the_one(&report, NOTICE).fix.as_ref().unwrap();
            assert!(
                fix.first.text.ends_with("eks.amazonaws.com/token-expiration-"),
                "{}",
                fix.first.text
            );
        }
    }

    #[test]
    fn what_tokens_get_is_fine() {
        for seconds in ["600", "+3600", "86400"] {
            assert_healthy(&asking(seconds).audit());
        }
    }

    #[test]
    fn nobody_reads_it_without_a_role() {
        let report = asking("1h").without_annotation().container(bare("app")).audit();
        assert_healthy(&report);
        assert_eq!(
            codes(&asking("1h").container(with_pod_identity("app")).audit()),
            ["IRSA912"]
        );
    }

    #[test]
    fn what_the_config_map_asks_for_is_taken_as_it_is() {
        let listed = |seconds| {
            let world = World::healthy()
                .without_annotation()
                .listed_by_webhook(ROLE, AUDIENCE);
            world
                .webhook_entry(|entry| entry.token_expiration = seconds)
                .audit()
        };
        for seconds in [1, -1, 599, 90000] {
            assert_eq!(
                the_one(&listed(seconds), NOTICE).fix.as_ref().unwrap().first.kind,
                FixKind::Manual
            );
        }
        assert_healthy(&listed(0));
        assert_healthy(&listed(3600));
    }
}
