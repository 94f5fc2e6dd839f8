//! A managed policy: its document, and how many roles and users have it.

use audit_core::document::decode;
use audit_core::model::{Account, ManagedPolicy, Observed};

use super::kind::{Circumstances, EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::{Failure, Miss};

/// Asks for the document of the default version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Managed {
    /// Its ARN. It may belong to AWS.
    pub arn: String,
}

impl EvidenceKind for Managed {
    type Value = ManagedPolicy;

    const CALLS: &'static [&'static str] = &["iam:GetPolicy", "iam:GetPolicyVersion"];
    const IS_LISTED: bool = true;

    fn key(&self) -> &str {
        &self.arn
    }

    /// A policy that is not there makes a failure: it was attached to a role a moment ago.
    async fn read(&self, account: &AccountClient) -> Read<ManagedPolicy> {
        let send = || account.iam.get_policy().policy_arn(&self.arn).send();
        let (at, answer) = account.caller.call("iam", "GetPolicy", send).await;
        let policy = answer.map_err(Miss::into_failure).and_then(|found| {
            let policy = found.policy.and_then(|policy| {
                let version = policy.default_version_id?;
                Some((
                    version,
                    policy.attachment_count,
                    policy.permissions_boundary_usage_count,
                ))
            });
            policy.ok_or_else(|| Failure::unavailable("IAM answered without a default version"))
        });
        let (version, attachments, bounded) = match policy {
            Ok(policy) => policy,
            Err(failure) => return (at, Err(failure)).into(),
        };
        let request = account.iam.get_policy_version().policy_arn(&self.arn);
        let send = || request.clone().version_id(&version).send();
        let (_, answer) = account.caller.call("iam", "GetPolicyVersion", send).await;
        let document = answer.map_err(Miss::into_failure).and_then(|found| {
            let document = found.policy_version.and_then(|version| version.document);
            document.ok_or_else(|| Failure::unavailable("IAM answered without a document"))
        });
        let policy = document.map(|text| ManagedPolicy {
            attachments: count(attachments),
            bounded: count(bounded),
            ..ManagedPolicy::from(decode(&text))
        });
        (at, policy).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<ManagedPolicy>> {
        account.managed.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<ManagedPolicy> {
        account.managed.entry(key.to_owned()).or_default()
    }

    fn forget(account: &mut Account, key: &str) {
        account.managed.remove(key);
    }

    fn ask(key: &str, _: &Circumstances<'_>) -> Option<Self> {
        let asked = Self { arn: key.to_owned() };
        Some(asked)
    }

    fn changes(&self, account: &str, _: Option<&ManagedPolicy>, _: Option<&ManagedPolicy>) -> Vec<Concern> {
        let (account, arn) = (account.to_owned(), self.arn.clone());
        vec![Concern::Policy { account, arn }]
    }
}

/// A count as IAM gives it.
pub(crate) fn count(given: Option<i32>) -> Option<u32> {
    given.and_then(|count| u32::try_from(count).ok())
}
