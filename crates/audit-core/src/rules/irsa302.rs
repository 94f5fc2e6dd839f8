//! # IRSA302 `ProviderUrlMismatch`
//!
//! ## What it means
//! The account of the role has no OIDC provider for the cluster's issuer, but one with a similar URL: with a trailing
//! slash, in a different case, with a port, in a different region, or with the dual-stack form of an EKS issuer instead of the other form.
//!
//! ## Why it breaks
//! STS looks for a provider whose URL is exactly the `iss` claim of the token. A provider with any other URL belongs to a different
//! issuer.
//!
//! ## In logs
//! `InvalidIdentityToken: No OpenIDConnect provider found in your account for https://…`.
//!
//! ## Example
//! ```console
//! $ aws eks describe-cluster --name CLUSTER --query cluster.identity.oidc.issuer --output text
//! https://oidc.eks.eu-west-1.amazonaws.com/id/0123…
//! $ aws iam list-open-id-connect-providers --query 'OpenIDConnectProviderList[].Arn' --output text
//! arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123…/
//! ```
//!
//! ## Fix
//! Register the exact issuer: `aws iam create-open-id-connect-provider --url ISSUER --client-id-list sts.amazonaws.com`
//! with credentials of the role's account. Trust policies that name the other provider must be changed to name this one.
//!
//! ## Verify
//! `aws iam list-open-id-connect-providers` lists exactly the issuer.
//!
//! ## References
//! - [Create an IAM OIDC provider for your cluster](https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html)
//! - [CreateOpenIDConnectProvider](https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html)

use crate::chain::Chain;
use crate::check::{Check, Rule};
use crate::finding::{Entry, Finding, Link, Severity};
use crate::fix;
use crate::fix::Repaired;
use crate::text::quote;

/// The catalogue's entry.
pub const ENTRY: Entry = Entry {
    code: "IRSA302",
    reason: "ProviderUrlMismatch",
    severity: Severity::Broken,
    link: Link::Provider,
    title: "the account has an OIDC provider for a similar URL, but not for the cluster's issuer",
};

/// What looks for it.
pub(super) const RULE: Rule = Rule {
    entry: &ENTRY,
    checks: &[Check::Binding(check)],
};

/// What sets a provider's URL apart from the issuer that it was meant for, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Slash,
    Case,
    Port,
    Stack,
    Region,
}

impl Difference {
    fn words(self) -> &'static str {
        match self {
            Self::Slash => "a trailing slash",
            Self::Case => "upper and lower case",
            Self::Port => "a port",
            Self::Stack => "the dual-stack form",
            Self::Region => "the region",
        }
    }

    /// What sets two URLs apart, neither with its scheme; nothing where they are the same, or have nothing in common.
    fn of(url: &str, issuer: &str) -> Option<Self> {
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        let lower = |url: &str| trimmed(url).to_ascii_lowercase();
        let without_port = |url: &str| match lower(url).split_once('/') {
            Some((host, path)) => format!("{}/{path}", host.split(':').next().unwrap_or_default()),
            None => lower(url).split(':').next().unwrap_or_default().to_owned(),
        };
        if url == issuer {
            None
        } else if trimmed(url) == trimmed(issuer) {
            Some(Self::Slash)
        } else if lower(url) == lower(issuer) {
            Some(Self::Case)
        } else if without_port(url) == without_port(issuer) {
            Some(Self::Port)
        } else {
            let (found, wanted) = (without_port(url), without_port(issuer));
            let ((region, id), (wanted_region, wanted_id)) = (eks(&found)?, eks(&wanted)?);
            (id == wanted_id).then_some(if region == wanted_region {
                Self::Stack
            } else {
                Self::Region
            })
        }
    }
}

/// Region and id of an EKS issuer in lower case, of the dual-stack form or the other.
fn eks(url: &str) -> Option<(&str, &str)> {
    let (host, id) = url.split_once("/id/")?;
    let legacy = || {
        let rest = host.strip_prefix("oidc.eks.")?;
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    };
    let dual_stack = || {
        let rest = host.strip_prefix("oidc-eks.")?;
        rest.strip_suffix(".api.aws")
            .or_else(|| rest.strip_suffix(".api.amazonwebservices.com.cn"))
    };
    Some((legacy().or_else(dual_stack)?, id))
}

/// The provider of the role's account with the most similar URL, if there is none for the cluster's issuer.
pub(super) fn near_miss<'a>(chain: &Chain<'a>) -> Option<&'a str> {
    nearest(chain).map(|(_, url)| url)
}

fn nearest<'a>(chain: &Chain<'a>) -> Option<(Difference, &'a str)> {
    let aws = chain.past_role().filter(|aws| matches!(aws.provider, Ok(None)))?;
    let account = chain.snapshot.accounts.get(aws.arn.account())?;
    let issuer = chain.issuer?.url.host_path();
    let urls = chain.fresh(&account.provider_urls)?.iter();
    urls.filter_map(|url| Some((Difference::of(url, issuer)?, url.as_str())))
        .min()
}

fn check(chain: &Chain<'_>) -> Option<Finding> {
    let (difference, url) = nearest(chain)?;
    let issuer = chain.issuer?;
    let message = format!(
        "account {} has an OIDC provider for `https://{}`, but the cluster's issuer is `{}` (difference: {}), so STS finds no provider",
        chain.past_role()?.arn.account(),
        quote(url),
        issuer.url,
        difference.words()
    );
    let fix = fix::provider::create(issuer.url.as_str(), chain.audience);
    Some(Finding::new(&ENTRY, message).fix(fix.repairs(Repaired::ProviderAccepts(chain.audience.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FailureKind, Observed};
    use crate::testing::*;
    use crate::verdict::Verdict;

    const BROKEN: (&str, Severity, Link, Verdict) =
        ("IRSA302", Severity::Broken, Link::Provider, Verdict::Broken);
    const DUAL_STACK: &str = "oidc-eks.eu-west-1.api.aws/id/0123456789ABCDEF0123456789ABCDEF";

    /// Without the right provider, and with these.
    fn with(urls: &[&str]) -> World {
        let world = World::healthy().without_provider();
        let now = world.now;
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        world.account(|account| account.provider_urls = Observed::known(urls, now))
    }

    #[test]
    fn a_provider_that_comes_near_is_shown_beside_the_issuer() {
        for (url, word) in [
            (format!("{HOST_PATH}/"), "slash"),
            (HOST_PATH.to_ascii_lowercase(), "case"),
            (HOST_PATH.replace(".com/", ".com:443/"), "port"),
            (HOST_PATH.replace("eu-west-1", "us-east-1"), "region"),
            (DUAL_STACK.to_owned(), "dual-stack"),
        ] {
            let report = with(&[OTHER_HOST_PATH, &url]).audit();
            let finding = the_one(&report, BROKEN);
            assert!(finding.message.contains(word), "{}", finding.message);
            assert!(
                finding.message.contains(&format!("`https://{url}`")) && finding.message.contains(ISSUER)
            );
            assert!(
                finding
                    .fix
                    .as_ref()
                    .unwrap()
                    .first
                    .text
                    .contains(&format!("--url {ISSUER} "))
            );
        }
    }

    #[test]
    fn of_several_the_nearest_is_shown() {
        let region = HOST_PATH.replace("eu-west-1", "us-east-1");
        let report = with(&[&region, &format!("{HOST_PATH}/")]).audit();
        assert!(the_one(&report, BROKEN).message.contains("slash"));
    }

    #[test]
    fn others_are_no_near_misses() {
        for url in [
            OTHER_HOST_PATH,
            "token.actions.githubusercontent.com",
            "",
            "/",
            "/id/",
            HOST_PATH,
        ] {
            assert_eq!(codes(&with(&[url]).audit()), ["IRSA301"], "{url}");
        }
        assert_eq!(codes(&with(&[]).audit()), ["IRSA301"]);
    }

    #[test]
    fn where_nobody_may_list_them_the_right_one_is_missing_all_the_same() {
        let world = World::healthy().without_provider();
        let now = world.now;
        let denied = FailureKind::AccessDenied {
            action: "iam:ListOpenIDConnectProviders".to_owned(),
        };
        let report = world
            .account(|account| account.provider_urls.fail(denied, String::new(), now))
            .audit();
        assert_eq!((codes(&report), report.pending), (vec!["IRSA301"], false));
    }

    #[test]
    fn the_list_is_waited_for() {
        assert!(World::healthy().without_provider().audit().pending);
        assert!(!World::healthy().audit().pending);
        assert!(
            !World::healthy()
                .without_provider()
                .read_from_files()
                .audit()
                .pending
        );
    }
}
