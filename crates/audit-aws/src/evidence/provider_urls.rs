//! The URLs of all OIDC providers of an account.

use audit_core::model::{Account, Observed};

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::failure::Miss;

/// Asks for the URLs of all OIDC providers, without the scheme, sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderUrls;

impl EvidenceKind for ProviderUrls {
    type Value = Vec<String>;

    const CALLS: &'static [&'static str] = &["iam:ListOpenIDConnectProviders"];

    /// The list gives ARNs, which end with the URLs.
    async fn read(&self, account: &AccountClient) -> Read<Vec<String>> {
        let send = || account.iam.list_open_id_connect_providers().send();
        let (at, answer) = account
            .caller
            .call("iam", "ListOpenIDConnectProviders", send)
            .await;
        let urls = answer.map_err(Miss::into_failure).map(|listed| {
            let providers = listed.open_id_connect_provider_list.unwrap_or_default();
            let arns = providers.into_iter().filter_map(|provider| provider.arn);
            let mut urls: Vec<String> = arns
                .filter_map(|arn| arn.split_once(":oidc-provider/").map(|(_, url)| url.to_owned()))
                .collect();
            urls.sort_unstable();
            urls
        });
        (at, urls).into()
    }

    fn kept<'a>(account: &'a Account, _: &str) -> Option<&'a Observed<Vec<String>>> {
        Some(&account.provider_urls)
    }

    fn slot<'a>(account: &'a mut Account, _: &str) -> &'a mut Observed<Vec<String>> {
        &mut account.provider_urls
    }

    /// One of them may come near to the provider that is not there.
    fn needed(of: &Circumstances<'_>) -> Option<String> {
        let is_absent = matches!(of.account?.provider.latest(), Some(None));
        (is_absent && of.role.is_some()).then(String::new)
    }

    fn ask(_: &str, _: &Circumstances<'_>) -> Option<Self> {
        Some(Self)
    }
}
