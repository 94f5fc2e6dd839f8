//! The OIDC provider for the cluster's issuer.

use audit_core::model::{self, Account, Observed};

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::failure::{Failure, Miss};

/// Asks for the OIDC provider with an ARN.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provider {
    /// The ARN that the provider for the cluster's issuer must have.
    pub arn: String,
}

impl Provider {
    fn of(of: &Circumstances<'_>) -> Option<Self> {
        let arn = of.issuer?.provider_arn(of.partition?, of.account_id);
        Some(Self { arn })
    }
}

impl EvidenceKind for Provider {
    /// `None` where IAM says that there is no such provider.
    type Value = Option<model::Provider>;

    const CALLS: &'static [&'static str] = &["iam:GetOpenIDConnectProvider"];

    async fn read(&self, account: &AccountClient) -> Read<Option<model::Provider>> {
        let request = account.iam.get_open_id_connect_provider();
        let send = || request.clone().open_id_connect_provider_arn(&self.arn).send();
        let (at, answer) = account.caller.call("iam", "GetOpenIDConnectProvider", send).await;
        let result = match answer {
            Ok(found) => match found.url {
                Some(url) => Ok(Some(model::Provider {
                    arn: self.arn.clone(),
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
        (at, result).into()
    }

    fn kept<'a>(account: &'a Account, _: &str) -> Option<&'a Observed<Self::Value>> {
        Some(&account.provider)
    }

    fn slot<'a>(account: &'a mut Account, _: &str) -> &'a mut Observed<Self::Value> {
        &mut account.provider
    }

    fn needed(_: &Circumstances<'_>) -> Option<String> {
        Some(String::new())
    }

    fn ask(_: &str, of: &Circumstances<'_>) -> Option<Self> {
        Self::of(of)
    }

    fn is_current(&self, of: &Circumstances<'_>) -> bool {
        Self::of(of).as_ref() == Some(self)
    }
}
