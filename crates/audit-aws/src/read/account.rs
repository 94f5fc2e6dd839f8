//! What an account says of itself as a whole.

use audit_core::text::quote;
use aws_sdk_iam::types::SummaryKeyType;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// Reads the URLs of all OIDC providers, without the scheme: their ARNs end with them.
pub(crate) async fn provider_urls(account: &AccountClient) -> (Timestamp, Result<Vec<String>, Failure>) {
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
    (at, urls)
}

/// Reads how many characters a trust policy may have.
pub(crate) async fn trust_quota(account: &AccountClient) -> (Timestamp, Result<usize, Failure>) {
    let send = || account.iam.get_account_summary().send();
    let (at, answer) = account.caller.call("iam", "GetAccountSummary", send).await;
    let quota = answer.map_err(Miss::into_failure).and_then(|summary| {
        let key = SummaryKeyType::AssumeRolePolicySizeQuota;
        let quota = summary.summary_map.unwrap_or_default().get(&key).copied();
        quota
            .and_then(|quota| usize::try_from(quota).ok())
            .ok_or_else(|| Failure::unavailable(format!("IAM summed up without {}", quote(key.as_str()))))
    });
    (at, quota)
}
