//! One OIDC provider.

use audit_core::model::Provider;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::Failure;

/// Reads the provider of this ARN; `None` where IAM says that there is none.
pub(crate) async fn provider(
    account: &AccountClient,
    arn: &str,
) -> (Timestamp, Result<Option<Provider>, Failure>) {
    let send = || {
        account
            .iam
            .get_open_id_connect_provider()
            .open_id_connect_provider_arn(arn)
            .send()
    };
    let (at, answer) = account.caller.call("iam", "GetOpenIDConnectProvider", send).await;
    let result = match answer {
        Ok(found) => match found.url {
            Some(url) => Ok(Some(Provider {
                arn: arn.to_owned(),
                // IAM gives it without the scheme, emulators may not.
                url: url
                    .strip_prefix("https://")
                    .map_or_else(|| url.clone(), str::to_owned),
                client_ids: found.client_id_list.unwrap_or_default(),
            })),
            None => Err(Failure::unavailable("IAM described a provider without its URL")),
        },
        Err(Miss::NotFound(_)) => Ok(None),
        Err(Miss::Failed(failure)) => Err(failure),
    };
    (at, result)
}
