//! The document of a managed policy.

use audit_core::document::decode;
use audit_core::model::{Account, Observed};

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
    type Value = Box<str>;

    const CALLS: &'static [&'static str] = &["iam:GetPolicy", "iam:GetPolicyVersion"];
    const IS_LISTED: bool = true;

    fn key(&self) -> &str {
        &self.arn
    }

    /// A policy that is not there makes a failure: it was attached to a role a moment ago.
    async fn read(&self, account: &AccountClient) -> Read<Box<str>> {
        let send = || account.iam.get_policy().policy_arn(&self.arn).send();
        let (at, answer) = account.caller.call("iam", "GetPolicy", send).await;
        let version = answer.map_err(Miss::into_failure).and_then(|found| {
            let version = found.policy.and_then(|policy| policy.default_version_id);
            version.ok_or_else(|| Failure::unavailable("IAM answered without a default version"))
        });
        let version = match version {
            Ok(version) => version,
            Err(failure) => return (at, Err(failure)).into(),
        };
        let request = account.iam.get_policy_version().policy_arn(&self.arn);
        let send = || request.clone().version_id(&version).send();
        let (_, answer) = account.caller.call("iam", "GetPolicyVersion", send).await;
        let document = answer.map_err(Miss::into_failure).and_then(|found| {
            let document = found.policy_version.and_then(|version| version.document);
            document.ok_or_else(|| Failure::unavailable("IAM answered without a document"))
        });
        (at, document.map(|text| decode(&text).into())).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<Box<str>>> {
        account.managed.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<Box<str>> {
        account.managed.entry(key.to_owned()).or_default()
    }

    fn forget(account: &mut Account, key: &str) {
        account.managed.remove(key);
    }

    fn ask(key: &str, _: &Circumstances<'_>) -> Option<Self> {
        let asked = Self { arn: key.to_owned() };
        Some(asked)
    }

    fn changes(&self, account: &str, _: Option<&Box<str>>, _: Option<&Box<str>>) -> Vec<Concern> {
        let (account, arn) = (account.to_owned(), self.arn.clone());
        vec![Concern::Policy { account, arn }]
    }
}
