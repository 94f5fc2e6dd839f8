//! # IRSA209 `AudienceConditionMismatch`
//!
//! ## What it means
//! The trust policy requires a different audience from the token's. If the provider refuses the token's audience too,
//! IRSA303 is reported as well, and both must be repaired. If the ServiceAccount requests a different audience from
//! the one that both accept, IRSA104 is reported instead.
//!
//! ## Why it breaks
//! A token has the audience of the ServiceAccount's annotation `eks.amazonaws.com/audience`. On EKS, the default is `sts.amazonaws.com`,
//! in every partition. The condition compares it.
//!
//! ## In logs
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! The token has the audience `sts.amazonaws.com`:
//! ```json
//! "Condition": {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/0123…:aud": "sts.amazonaws.com.cn"}}
//! ```
//!
//! ## Fix
//! Change the condition to the token's audience. Or remove the annotation and recreate the pods.
//!
//! ## Verify
//! The pod's next attempt succeeds. An IAM change can take a minute to take effect.
//!
//! ## References
//! - [Condition keys of OIDC federation](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)

use iam_policy::CauseKind;

use super::trust::{denied, or_by_hand, unmet};
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA209",
    reason: "AudienceConditionMismatch",
    severity: Severity::Broken,
    link: Link::Trust,
    title: "the trust policy requires a different audience",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    // One cause, one finding: an audience that only the ServiceAccount wants is IRSA104's, and one that is not known
    // IRSA303's. Where the provider refuses the audience as well, both have to be repaired.
    if chain.audience.is_empty() || super::irsa104::agreed(chain).is_some() {
        return None;
    }
    let finding = denied(chain, CauseKind::AudienceConditionMismatch, &ENTRY, unmet)?;
    Some(or_by_hand(chain, finding))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA209", Severity::Broken, Link::Trust, Verdict::Broken);

    fn demanding(audience: &str) -> World {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!(audience);
        World::healthy().condition(&conditions)
    }

    #[test]
    fn another_audience_is_broken_and_can_be_repaired() {
        for audience in [
            "sts.amazonaws.com.cn",
            "sts.amazonaws.com/",
            "STS.amazonaws.com",
            "vault",
        ] {
            let world = demanding(audience);
            let report = world.audit();
            assert!(the_one(&report, BROKEN).fix.is_some(), "{audience}");
            assert_healthy(&world.with_trust_repaired().audit());
        }
    }

    #[test]
    fn an_audience_that_the_provider_refuses_too_is_two_faults() {
        let world = demanding("vault").client_ids(&["vault"]);
        let report = world.audit();
        assert_eq!(codes(&report), ["IRSA303", "IRSA209"]);
        assert_eq!(report.reason, "AudienceNotRegistered");
        assert_healthy(
            &world
                .client_ids(&["vault", AUDIENCE])
                .with_trust_repaired()
                .audit(),
        );
    }

    #[test]
    fn an_annotated_audience_that_both_know_is_fine() {
        let world = demanding("mesh").audience("mesh").client_ids(&["mesh"]);
        assert_healthy(&world.container(with_audience("mesh")).audit());
    }

    #[test]
    fn an_audience_that_nobody_can_paste_gives_no_command() {
        for audience in ["a\nb", "a\u{202e}b"] {
            let report = World::healthy()
                .audience(audience)
                .client_ids(&[audience])
                .without_pods()
                .audit();
            assert_eq!(
                the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
                FixKind::Manual
            );
        }
    }

    fn with_audience(audience: &str) -> crate::model::Container {
        crate::model::Container {
            tokens: vec![token(audience)],
            ..injected("app", ROLE)
        }
    }
}
