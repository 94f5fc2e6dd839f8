//! # IRSA301 `ProviderNotRegistered`
//!
//! ## What it means
//! The account of the role has no OIDC provider for the cluster's issuer.
//!
//! ## Why it breaks
//! STS accepts a token only if the account of the role has an OIDC provider for its issuer, also if the role is not in the cluster's
//! account. A cluster that was recreated has a new issuer, and needs a new provider in every account.
//!
//! ## In logs
//! `InvalidIdentityToken: No OpenIDConnect provider found in your account for https://…`.
//!
//! ## Example
//! ```console
//! $ aws eks describe-cluster --name CLUSTER --query cluster.identity.oidc.issuer --output text
//! https://oidc.eks.eu-west-1.amazonaws.com/id/0123…
//! $ aws iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].Arn' --output text
//! arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/FEDC…
//! ```
//!
//! ## Fix
//! Run `aws iam create-open-id-connect-provider --url ISSUER --client-id-list sts.amazonaws.com` with credentials of the
//! role's account, or `eksctl utils associate-iam-oidc-provider` if that is the cluster's own account.
//!
//! ## Verify
//! `aws iam list-open-id-connect-providers` lists the issuer.
//!
//! ## References
//! - [Create an IAM OIDC provider for your cluster](https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html)
//! - [Authenticate to another account with IRSA](https://docs.aws.amazon.com/eks/latest/userguide/cross-account-access.html)
//! - [Create an OIDC identity provider in IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::fix::Repaired;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA301",
    reason: "ProviderNotRegistered",
    severity: Severity::Broken,
    link: Link::Provider,
    title: "the role's account has no OIDC provider for the cluster's issuer",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let aws = chain.past_role()?;
    let issuer = chain.issuer?;
    // One cause, one finding: a provider that comes near is IRSA302's.
    if !matches!(aws.provider, Ok(None)) || super::irsa302::near_miss(chain).is_some() {
        return None;
    }
    let message = format!(
        "account {} has no OIDC provider for the cluster's issuer `{}`, so STS refuses every token of this cluster",
        aws.arn.account(),
        issuer.url
    );
    let fix = fix::provider::create(issuer.url.as_str(), chain.audience);
    Some(Finding::new(&ENTRY, message).fix(fix.repairs(Repaired::ProviderAccepts(chain.audience.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::LinkState;
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA301", Severity::Broken, Link::Provider, Verdict::Broken);

    #[test]
    fn no_provider_in_the_roles_account_is_broken() {
        let report = World::healthy().without_provider().provider_urls(&[]).audit();
        let finding = the_one(&report, BROKEN);
        assert_eq!(
            finding.fix.as_ref().unwrap().first.text,
            format!("aws iam create-open-id-connect-provider --url {ISSUER} --client-id-list {AUDIENCE}")
        );
        assert_eq!(
            state(&report, Link::Trust),
            LinkState::Passes,
            "the trust policy does not need the provider"
        );
    }

    #[test]
    fn a_provider_that_nobody_saw_is_not_absent() {
        assert!(!codes(&World::healthy().provider_unseen(None).audit()).contains(&"IRSA301"));
    }

    #[test]
    fn without_an_issuer_nobody_knows_which_provider() {
        assert!(!codes(&World::healthy().without_provider().issuer_unknown().audit()).contains(&"IRSA301"));
    }
}
