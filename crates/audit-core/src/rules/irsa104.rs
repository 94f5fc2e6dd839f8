//! # IRSA104 `AudienceAnnotationMismatch`
//!
//! ## What it means
//! The ServiceAccount requests tokens for a different audience from the one that both the OIDC provider and the role's trust policy
//! accept. With that audience, every link would pass.
//!
//! If they accept no common audience, the finding is IRSA303 if the provider refuses the token's audience, else IRSA209. If nothing
//! requests an audience, tokens have the default one, and this finding does not occur.
//!
//! ## Why it breaks
//! A token has the audience that its ServiceAccount requests. STS compares it with the client IDs of the provider and with the
//! trust policy.
//!
//! ## In logs
//! `InvalidIdentityToken: Incorrect token audience`, or
//! `AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity`.
//!
//! ## Example
//! ```yaml
//! apiVersion: v1
//! kind: ServiceAccount
//! metadata:
//!   annotations:
//!     eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/cart
//!     eks.amazonaws.com/audience: vault   # provider and trust policy require sts.amazonaws.com
//! ```
//!
//! ## Fix
//! Remove the annotation, or set it to the audience that both accept, also where the ServiceAccount is managed. Then recreate the
//! pods.
//!
//! ## Verify
//! A new pod's token has the audience, and `aws sts get-caller-identity` in it names the role.
//!
//! ## References
//! - [The pod identity webhook](https://github.com/aws/amazon-eks-pod-identity-webhook)
//! - [Create an OIDC identity provider in IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html)

use super::repair;
use crate::chain::{Chain, RoleOutcome};
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::snapshot::AskedIn;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA104",
    reason: "AudienceAnnotationMismatch",
    severity: Severity::Broken,
    link: Link::ServiceAccount,
    title: "the ServiceAccount requests an audience that the OIDC provider or the trust policy refuses",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// The audience with which everything would pass, where the ServiceAccount asks for another one in vain: the usual one, if
/// it would do.
pub(super) fn agreed<'a>(chain: &Chain<'a>) -> Option<&'a str> {
    if chain.audience.is_empty() || !asks_for_one(chain) {
        return None;
    }
    let aws = chain
        .past_role()
        .filter(|aws| aws.outcome() == RoleOutcome::Fails)?;
    let provider = aws.provider.as_ref().ok()?.as_ref()?;
    let known = provider.client_ids.iter().map(String::as_str);
    let mut others = chain
        .default_audience
        .into_iter()
        .chain(known)
        .filter(|id| !id.is_empty() && *id != chain.audience);
    others.find(|id| {
        provider.client_ids.iter().any(|known| known == id)
            && chain.for_role(aws.arn.clone(), id).outcome() == RoleOutcome::Passes
    })
}

/// Whether something requests an audience, instead of the webhook's default.
fn asks_for_one(chain: &Chain<'_>) -> bool {
    let prefix = &chain.config.annotation_prefix;
    chain.source != AskedIn::Annotation
        || chain
            .service_account
            .is_some_and(|account| account.annotation(prefix, "audience").is_some())
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let agreed = agreed(chain)?;
    let message = format!(
        "{} requests tokens for audience `{}`, but the OIDC provider and the trust policy of role `{}` accept `{}`, so STS refuses the \
         token",
        repair::where_it_stands(chain, "audience"),
        quote(chain.audience),
        quote(chain.past_role()?.arn.name()),
        quote(agreed)
    );
    let fix = if chain.default_audience == Some(agreed) {
        repair::drop_audience(chain)
    } else {
        repair::ask_for(chain, agreed)
    };
    Some(Finding::new(&ENTRY, message).fix(fix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::model::FailureKind;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA104", Severity::Broken, Link::ServiceAccount, Verdict::Broken);

    /// A trust policy that demands one of these audiences.
    fn demanding(audiences: &[&str]) -> World {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!(audiences);
        World::healthy().condition(&conditions)
    }

    #[test]
    fn an_annotation_that_nobody_else_knows_goes() {
        // Whether the provider knows the annotation's audience too, or not.
        for (ids, open) in [
            (&[AUDIENCE][..], Link::Provider),
            (&[AUDIENCE, "vault"], Link::Trust),
        ] {
            let world = World::healthy().audience("vault").client_ids(ids);
            let report = world.audit();
            let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
            assert!(
                fix.first.kind == FixKind::Kubectl && fix.first.text.ends_with("eks.amazonaws.com/audience-"),
                "{}",
                fix.first.text
            );
            assert_eq!(state(&report, open), LinkState::NotReached);
            assert_healthy(&world.annotate("eks.amazonaws.com/audience", None).audit());
        }
    }

    #[test]
    fn an_annotation_is_set_to_what_both_others_want() {
        let world = demanding(&["mesh"])
            .client_ids(&["vault", "mesh"])
            .audience("vault")
            .without_pods();
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert!(
            fix.first
                .text
                .ends_with("--overwrite eks.amazonaws.com/audience=mesh"),
            "{}",
            fix.first.text
        );
        assert_healthy(&world.audience("mesh").audit());
    }

    #[test]
    fn where_provider_and_trust_policy_agree_on_nothing_it_is_theirs() {
        let provider_refuses = demanding(&["mesh"]).audience("mesh").without_pods();
        assert_eq!(codes(&provider_refuses.audit()), ["IRSA303"]);
        let trust_refuses = demanding(&["vault"])
            .audience("mesh")
            .client_ids(&["mesh"])
            .without_pods();
        assert_eq!(codes(&trust_refuses.audit()), ["IRSA209"]);
        let nobody_asks = demanding(&["vault"]).client_ids(&["vault"]);
        assert_eq!(codes(&nobody_asks.audit()), ["IRSA303", "IRSA209"]);
    }

    #[test]
    fn what_refuses_every_audience_is_not_the_annotations_fault() {
        let elsewhere = World::healthy()
            .condition(&condition("system:serviceaccount:staging:cart"))
            .audience("vault");
        assert_eq!(codes(&elsewhere.audit()), ["IRSA303", "IRSA204"]);
        let unseen = World::healthy()
            .audience("vault")
            .provider_unseen(Some(FailureKind::Throttled))
            .audit();
        assert!(!codes(&unseen).contains(&"IRSA104"));
    }

    #[test]
    fn an_audience_that_works_is_fine() {
        assert_healthy(&World::healthy().audience(AUDIENCE).audit());
        let world = demanding(&["mesh", AUDIENCE])
            .audience("mesh")
            .client_ids(&["mesh", AUDIENCE])
            .without_pods();
        assert_healthy(&world.audit());
    }

    #[test]
    fn the_webhooks_config_map_asks_as_well() {
        let world = World::healthy()
            .without_annotation()
            .listed_by_webhook(ROLE, "amazonaws.com")
            .without_pods();
        let report = world.audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
        assert_healthy(&world.listed_by_webhook(ROLE, AUDIENCE).audit());
    }
}
