//! How many characters a trust policy of an account may have.

use audit_core::model::{Account, Observed, RoleLookup};
use audit_core::text::quote;
use aws_sdk_iam::types::SummaryKeyType;

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::failure::{Failure, Miss};

/// Asks for the account's quota of trust policies, in characters without white space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustQuota;

impl EvidenceKind for TrustQuota {
    type Value = usize;

    const CALLS: &'static [&'static str] = &["iam:GetAccountSummary"];

    async fn read(&self, account: &AccountClient) -> Read<usize> {
        let send = || account.iam.get_account_summary().send();
        let (at, answer) = account.caller.call("iam", "GetAccountSummary", send).await;
        let quota = answer.map_err(Miss::into_failure).and_then(|summary| {
            let key = SummaryKeyType::AssumeRolePolicySizeQuota;
            let quota = summary.summary_map.unwrap_or_default().get(&key).copied();
            quota
                .and_then(|quota| usize::try_from(quota).ok())
                .ok_or_else(|| Failure::unavailable(format!("IAM summed up without {}", quote(key.as_str()))))
        });
        (at, quota).into()
    }

    fn kept<'a>(account: &'a Account, _: &str) -> Option<&'a Observed<usize>> {
        Some(&account.trust_quota)
    }

    fn slot<'a>(account: &'a mut Account, _: &str) -> &'a mut Observed<usize> {
        &mut account.trust_quota
    }

    fn needed(of: &Circumstances<'_>) -> Option<String> {
        match of.account?.roles.get(of.role?)?.latest()? {
            RoleLookup::Found(role) if role.may_be_near_quota() => Some(String::new()),
            _ => None,
        }
    }

    fn ask(_: &str, _: &Circumstances<'_>) -> Option<Self> {
        Some(Self)
    }
}
