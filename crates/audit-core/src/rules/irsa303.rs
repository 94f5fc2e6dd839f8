//! # IRSA303 `AudienceNotRegistered`
//!
//! ## What it means
//! The OIDC provider does not accept the audience of the ServiceAccount's tokens: the value of annotation
//! `eks.amazonaws.com/audience`, else the webhook's default. On EKS the default is `sts.amazonaws.com`, in every partition. On a
//! self-hosted webhook it is the value of the flag `--token-audience`, which kOps sets to `amazonaws.com`. irsa-audit takes the default
//! of a self-hosted webhook from the first of these that gives one:
//!
//! 1. its own flag `--token-audience`;
//! 2. the tokens that the webhook mounted into running pods without an audience annotation. They count if pods of the same namespace have
//!    them, or pods of two namespaces, or pods of one namespace and the webhook's manifest says the same. Anyone who can create pods in one
//!    namespace could otherwise decide the default of all. If tokens that count have different audiences, the default is not known;
//! 3. the webhook's Deployment, if it is among the manifests.
//!
//! The finding is *unknown* if the default is not known and the answer depends on it: provider and trust policy accept `sts.amazonaws.com`
//! or `amazonaws.com`, but not both. It is also *unknown* if the annotation is empty, because tokens then get the API server's default
//! audience, which irsa-audit cannot see; and if a controller requests a token for several audiences at once, because AWS does not
//! document whether STS accepts such a token.
//!
//! ## Why it breaks
//! STS accepts only tokens whose audience is among the client IDs of the provider.
//!
//! ## In logs
//! `InvalidIdentityToken: Incorrect token audience`.
//!
//! ## Example
//! ```console
//! $ aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN --query ClientIDList --output text
//! vault
//! ```
//!
//! ## Fix
//! Register the audience with `aws iam add-client-id-to-open-id-connect-provider`. If the provider and the trust policy both accept a
//! different audience, IRSA104 is reported instead. If the default is not known, set `--token-audience`, or
//! `operator.tokenAudience` in the chart.
//!
//! ## Verify
//! `aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN` lists the audience.
//!
//! ## References
//! - [AddClientIDToOpenIDConnectProvider](https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html)
//! - [Create an OIDC identity provider in IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html)

use iam_policy::CauseKind;

use super::repair;
use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix, Repaired};
use crate::model::service_account::DEFAULT_AUDIENCE;
use crate::model::{Provider, RequestedAudience, Use};
use crate::paths::Taker;
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA303",
    reason: "AudienceNotRegistered",
    severity: Severity::Broken,
    link: Link::Provider,
    title: "the OIDC provider does not accept the token's audience",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// The provider, if it does not accept the audience of this ServiceAccount's tokens.
pub(super) fn refused<'a>(chain: &Chain<'a>) -> Option<&'a Provider> {
    let Ok(Some(provider)) = chain.past_role()?.provider else {
        return None;
    };
    chain.issuer?;
    // No client ID is empty: an empty audience stands for the API server's own, which IAM does not know.
    let accepts = !chain.audience.is_empty() && provider.client_ids.iter().any(|id| id == chain.audience);
    (!accepts).then_some(provider)
}

/// The most client IDs of a provider: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>. The quota cannot be
/// raised.
const MOST_CLIENT_IDS: usize = 100;

fn check(chain: &Chain<'_>) -> Option<Finding> {
    // One cause, one finding: where another audience would do, the ServiceAccount's is the one that is wrong.
    if super::irsa104::agreed(chain).is_some() {
        return None;
    }
    let provider = refused(chain)?;
    let accepts = match provider.client_ids.as_slice() {
        [] => "no audience".to_owned(),
        ids => quote_list(ids, 5),
    };
    if chain.audience_is_unknown {
        let message = format!(
            "the OIDC provider accepts {accepts}, but the default audience of this cluster's webhook is not known: it is the \
             webhook's flag `--token-audience`, which kOps sets to `amazonaws.com`, and running pods do not show it for certain"
        );
        let fix = Fix::manual(
            "look up `--token-audience` in the arguments of the pod identity webhook's Deployment, and set the same value for \
             irsa-audit: `--token-audience`, or `operator.tokenAudience` in the chart",
        );
        return Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix));
    }
    if let Some(object) = asks_for_several(chain) {
        let message = format!(
            "{object} requests a token for several audiences at once, and the OIDC provider accepts {accepts}: AWS does not document \
             whether STS accepts such a token"
        );
        let fix = Fix::manual(format!(
            "remove `audiences` from the `serviceAccountRef` of {object}"
        ));
        return Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix));
    }
    if chain.audience.is_empty() {
        let message = format!(
            "{} is empty, so tokens get the API server's default audience, which irsa-audit cannot see; the OIDC provider accepts \
             {accepts}",
            repair::where_it_stands(chain, "audience")
        );
        let fix = with_an_audience(chain);
        return Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix));
    }
    let message = format!(
        "OIDC provider `{}` accepts {accepts}, but the token's audience is `{}`, so STS refuses the token",
        quote(&provider.url),
        quote(chain.audience)
    );
    let fix = if provider.client_ids.len() < MOST_CLIENT_IDS {
        fix::provider::add_client_id(&provider.arn, &provider.url, &provider.client_ids, chain.audience)
    } else {
        Fix::manual(format!(
            "the provider has {} client IDs, the maximum in IAM: remove an unused one with `aws iam \
             remove-client-id-from-open-id-connect-provider`, then add `{}`",
            provider.client_ids.len(),
            quote(chain.audience)
        ))
    };
    Some(Finding::new(&ENTRY, message).fix(fix.repairs(Repaired::ProviderAccepts(chain.audience.to_owned()))))
}

/// The object whose controller requests a token for several audiences, where that is the token that is audited.
fn asks_for_several(chain: &Chain<'_>) -> Option<String> {
    let taker = chain.deciding?.taker;
    let Taker::Object(consumer) = taker else {
        return None;
    };
    let several = matches!(
        &consumer.how,
        Use::Requests {
            audience: RequestedAudience::Several,
            ..
        }
    );
    several.then(|| taker.shown())
}

/// Asks for tokens with an audience that provider and trust policy accept: the usual one, if they do.
fn with_an_audience(chain: &Chain<'_>) -> Fix {
    let default = chain.default_audience.unwrap_or(DEFAULT_AUDIENCE);
    let accepted = accepted(chain, default);
    match accepted {
        Some(audience) if audience == default => repair::drop_audience(chain),
        Some(audience) => repair::ask_for(chain, audience),
        None => Fix::manual(format!(
            "set {} to `{}`, and let the provider and the trust policy accept that audience: now they accept no common audience",
            repair::where_it_stands(chain, "audience"),
            quote(default)
        )),
    }
}

/// The first audience that the provider knows and to which the trust policy has no objection: the usual one, if that is one.
fn accepted<'a>(chain: &Chain<'a>, default: &'a str) -> Option<&'a str> {
    let aws = chain.past_role()?;
    let provider = aws.provider.as_ref().ok()?.as_ref()?;
    let known = provider.client_ids.iter().map(String::as_str);
    let mut all = std::iter::once(default).chain(known).filter(|id| !id.is_empty());
    all.find(|id| {
        let with = chain.for_role(aws.arn.clone(), id);
        let cause = with.trust.as_ref().and_then(|trust| trust.cause.as_ref());
        with.provider_accepts()
            && cause.is_none_or(|cause| cause.kind != CauseKind::AudienceConditionMismatch)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA303", Severity::Broken, Link::Provider, Verdict::Broken);

    #[test]
    fn an_audience_that_the_provider_does_not_know_is_broken() {
        for ids in [
            &[][..],
            &["vault"],
            &["STS.amazonaws.com"],
            &["sts.amazonaws.com "],
        ] {
            let report = World::healthy().client_ids(ids).audit();
            let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
            assert!(
                fix.first.text.ends_with("--client-id sts.amazonaws.com"),
                "{}",
                fix.first.text
            );
        }
        assert_healthy(&World::healthy().client_ids(&["vault", AUDIENCE]).audit());
    }

    #[test]
    fn a_full_provider_gives_no_command() {
        let ids: Vec<String> = (0..MOST_CLIENT_IDS).map(|n| format!("client-{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let kind = |ids: &[&str]| {
            let report = World::healthy().client_ids(ids).audit();
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind
        };
        assert_eq!(kind(&ids), FixKind::Manual);
        assert_eq!(kind(ids.get(1..).unwrap()), FixKind::AwsCli);
    }

    #[test]
    fn an_annotation_that_the_trust_policy_knows_stays() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!("mesh");
        let world = World::healthy()
            .condition(&conditions)
            .audience("mesh")
            .without_pods();
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert!(fix.first.text.ends_with("--client-id mesh"), "{}", fix.first.text);
        assert_healthy(&world.client_ids(&[AUDIENCE, "mesh"]).audit());
    }

    #[test]
    fn an_audience_that_nobody_can_paste_gives_no_command() {
        let hidden = "a\u{1b}[0m";
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!(hidden);
        let report = World::healthy()
            .condition(&conditions)
            .audience(hidden)
            .without_pods()
            .audit();
        assert_eq!(
            the_one(&report, BROKEN).fix.as_ref().unwrap().first.kind,
            FixKind::Manual
        );
    }

    #[test]
    fn an_empty_annotation_asks_for_what_nobody_sees() {
        let report = World::healthy().audience("").without_pods().audit();
        let unknown = ("IRSA303", Severity::Unknown, Link::Provider, Verdict::Unknown);
        let fix = the_one(&report, unknown).fix.clone().unwrap();
        assert!(fix.first.text.ends_with("eks.amazonaws.com/audience-"));
    }

    #[test]
    fn the_audience_that_is_proposed_is_one_that_provider_and_trust_policy_accept() {
        let unknown = ("IRSA303", Severity::Unknown, Link::Provider, Verdict::Unknown);
        let own_token = |ids: &[&str]| {
            let mut conditions = condition(SUBJECT);
            conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!("https://kubernetes.default.svc");
            let mut container = own("", ROLE);
            container.tokens[0].audience = None;
            let world = World::healthy().without_annotation().condition(&conditions);
            let report = world.client_ids(ids).container(container).audit();
            the_one(&report, unknown).fix.clone().unwrap().first.text
        };
        let fix = own_token(&["https://kubernetes.default.svc"]);
        assert!(fix.ends_with("to `https://kubernetes.default.svc`"), "{fix}");
        let fix = own_token(&[AUDIENCE]);
        assert!(
            fix.contains("let the provider and the trust policy accept"),
            "{fix}"
        );
    }
}
