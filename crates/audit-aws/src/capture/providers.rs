//! The OIDC providers of an account, and its numbers.

use aws_sdk_iam::types::SummaryKeyType;
use serde_json::{Value, json};

use super::CapturedAccount;
use crate::failure::{Failure, Miss};

impl CapturedAccount {
    /// The output of `iam list-open-id-connect-providers`.
    ///
    /// # Errors
    /// When IAM does not answer, after retries.
    pub async fn providers(&self) -> Result<Value, Failure> {
        let send = || self.client.iam.list_open_id_connect_providers().send();
        let (_, answer) = self
            .client
            .caller
            .call("iam", "ListOpenIDConnectProviders", send)
            .await;
        let listed = answer.map_err(Miss::into_failure)?;
        let providers = listed.open_id_connect_provider_list.unwrap_or_default();
        let arns = providers.into_iter().filter_map(|provider| provider.arn);
        let arns: Vec<Value> = arns.map(|arn| json!({ "Arn": arn })).collect();
        Ok(json!({ "OpenIDConnectProviderList": arns }))
    }

    /// The output of `iam get-open-id-connect-provider`; `None` where there is no such provider.
    ///
    /// # Errors
    /// When IAM does not answer, after retries.
    pub async fn provider(&self, arn: &str) -> Result<Option<Value>, Failure> {
        let request = self.client.iam.get_open_id_connect_provider();
        let send = || request.clone().open_id_connect_provider_arn(arn).send();
        let (_, answer) = self
            .client
            .caller
            .call("iam", "GetOpenIDConnectProvider", send)
            .await;
        match answer {
            Ok(found) => {
                let missing = || Failure::unavailable("IAM described a provider without its URL");
                let url = found.url.ok_or_else(missing)?;
                let client_ids = found.client_id_list.unwrap_or_default();
                Ok(Some(json!({ "Url": url, "ClientIDList": client_ids })))
            }
            Err(Miss::NotFound(_)) => Ok(None),
            Err(Miss::Failed(failure)) => Err(failure),
        }
    }

    /// The output of `iam get-account-summary`, as far as it is read: how long a trust policy may be. How many roles
    /// there are says nothing that the [details](Self::details) do not say of themselves.
    ///
    /// # Errors
    /// When IAM does not answer, after retries.
    pub async fn summary(&self) -> Result<Value, Failure> {
        let send = || self.client.iam.get_account_summary().send();
        let (_, answer) = self.client.caller.call("iam", "GetAccountSummary", send).await;
        let summary = answer.map_err(Miss::into_failure)?;
        let summary = summary.summary_map.unwrap_or_default();
        let key = SummaryKeyType::AssumeRolePolicySizeQuota;
        let quota = summary.get(&key).copied();
        let missing = || Failure::unavailable(format!("IAM summed up without {}", key.as_str()));
        Ok(json!({ "SummaryMap": { key.as_str(): quota.ok_or_else(missing)? } }))
    }
}
