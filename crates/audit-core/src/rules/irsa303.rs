//! # IRSA303 `AudienceNotRegistered`
//!
//! ## What it means
//! The provider does not accept the audience of the ServiceAccount's tokens: that of the annotation
//! `eks.amazonaws.com/audience`, else `sts.amazonaws.com`, in every partition.
//!
//! Where the annotation is there and empty, tokens get the API server's own audience, which cannot be seen from outside:
//! *unknown*.
//!
//! ## Why it breaks
//! STS takes only tokens whose audience is among the provider's client ids.
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
//! Register the audience with `aws iam add-client-id-to-open-id-connect-provider`; or, where provider and trust policy
//! agree on the usual one, take the annotation away and create the pods anew.
//!
//! ## Verify
//! `aws iam get-open-id-connect-provider --open-id-connect-provider-arn ARN` lists the audience.
//!
//! ## References
//! - [AddClientIDToOpenIDConnectProvider](https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html)
//! - [Create an OIDC identity provider in IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html)

use super::repair;
use crate::chain::{Chain, Outcome};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix::{self, Fix};
use crate::model::{Provider, service_account::DEFAULT_AUDIENCE};
use crate::text::{quote, quote_list};

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA303",
    reason: "AudienceNotRegistered",
    severity: Severity::Broken,
    link: Link::Provider,
    title: "the provider does not know the token's audience",
};
pub(super) const CHECK: Option<super::Check> = Some(check);

/// The provider, if it does not accept the audience of this ServiceAccount's tokens.
pub(super) fn refused<'a>(chain: &Chain<'a>) -> Option<&'a Provider> {
    let Ok(Some(provider)) = chain.past_role()?.provider else { return None };
    chain.issuer?;
    (!provider.client_ids.iter().any(|id| id == chain.audience)).then_some(provider)
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let provider = refused(chain)?;
    let accepts = match provider.client_ids.as_slice() {
        [] => "nothing".to_owned(),
        ids => quote_list(ids, 5),
    };
    let prefix = &chain.config.annotation_prefix;
    if chain.audience.is_empty() {
        let message = format!(
            "annotation `{prefix}/audience` is empty, so that tokens have the API server's own audience, and the \
             provider accepts {accepts}"
        );
        let fix = repair::drop_audience(chain);
        return Some(Finding::new(&ENTRY, message).severity(Severity::Unknown).fix(fix));
    }
    let message = format!("the token's audience is `{}`, and the provider accepts {accepts}", quote(chain.audience));
    Some(Finding::new(&ENTRY, message).fix(mended(chain, provider)))
}

/// Without the annotation, if that makes the whole chain pass; else one more client id.
fn mended(chain: &Chain<'_>, provider: &Provider) -> Fix {
    let annotated = chain.audience != DEFAULT_AUDIENCE;
    let passes_without = || {
        let arn = chain.past_role().map(|aws| aws.arn.clone());
        arn.is_some_and(|arn| chain.for_role(arn, DEFAULT_AUDIENCE).outcome() == Outcome::Passes)
    };
    if annotated && passes_without() {
        repair::drop_audience(chain)
    } else {
        fix::provider::add_client_id(provider, chain.audience)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fix::FixKind;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) = ("IRSA303", Severity::Broken, Link::Provider, Verdict::Broken);

    #[test]
    fn an_audience_that_the_provider_does_not_know_is_broken() {
        for ids in [&[][..], &["vault"], &["STS.amazonaws.com"], &["sts.amazonaws.com "]] {
            let report = World::healthy().client_ids(ids).audit();
            let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
            assert!(fix.text.ends_with("--client-id sts.amazonaws.com"), "{}", fix.text);
        }
        assert_healthy(&World::healthy().client_ids(&["vault", AUDIENCE]).audit());
    }

    #[test]
    fn an_annotation_that_nobody_else_knows_goes() {
        let world = World::healthy().audience("vault");
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert!(fix.kind == FixKind::Kubectl && fix.text.ends_with("eks.amazonaws.com/audience-"), "{}", fix.text);
        assert_healthy(&world.annotate("eks.amazonaws.com/audience", None).audit());
    }

    #[test]
    fn an_annotation_that_the_trust_policy_knows_stays() {
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!("mesh");
        let world = World::healthy().condition(&conditions).audience("mesh").without_pods();
        let report = world.audit();
        let fix = the_one(&report, BROKEN).fix.as_ref().unwrap();
        assert!(fix.text.ends_with("--client-id mesh"), "{}", fix.text);
        assert_healthy(&world.client_ids(&[AUDIENCE, "mesh"]).audit());
    }

    #[test]
    fn an_audience_that_nobody_can_paste_gives_no_command() {
        let hidden = "a\u{1b}[0m";
        let mut conditions = condition(SUBJECT);
        conditions["StringEquals"][format!("{HOST_PATH}:aud")] = json!(hidden);
        let report = World::healthy().condition(&conditions).audience(hidden).without_pods().audit();
        assert_eq!(the_one(&report, BROKEN).fix.as_ref().unwrap().kind, FixKind::Manual);
    }

    #[test]
    fn an_empty_annotation_asks_for_what_nobody_sees() {
        let report = World::healthy().audience("").without_pods().audit();
        let unknown = ("IRSA303", Severity::Unknown, Link::Provider, Verdict::Unknown);
        let fix = the_one(&report, unknown).fix.clone().unwrap();
        assert!(fix.text.ends_with("eks.amazonaws.com/audience-"));
    }
}
