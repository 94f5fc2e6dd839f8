//! The documents of a role's inline policies.

use audit_core::document::decode;
use audit_core::model::{Account, InlineDocuments, Observed};
use jiff::Timestamp;

use super::kind::{EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::Miss;

/// Asks for the documents of inline policies of a role. A policy that is gone by now has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inline {
    /// The role's name, without its path.
    pub role: String,
    /// The names of its inline policies.
    pub names: Vec<String>,
}

impl EvidenceKind for Inline {
    type Value = InlineDocuments;

    const CALLS: &'static [&'static str] = &["iam:GetRolePolicy"];
    const OF_ROLE: bool = true;
    const IS_LISTED: bool = true;

    fn key(&self) -> &str {
        &self.role
    }

    async fn read(&self, account: &AccountClient) -> Read<InlineDocuments> {
        let (mut documents, mut began) = (InlineDocuments::with_capacity(self.names.len()), None);
        for name in &self.names {
            let request = account.iam.get_role_policy().role_name(&self.role);
            let send = || request.clone().policy_name(name).send();
            let (at, answer) = account.caller.call("iam", "GetRolePolicy", send).await;
            let began = *began.get_or_insert(at);
            match answer {
                Ok(policy) => {
                    documents.insert(name.clone(), decode(&policy.policy_document).into());
                }
                Err(Miss::NotFound(_)) => {}
                Err(Miss::Failed(failure)) => return (began, Err(failure)).into(),
            }
        }
        (began.unwrap_or_else(Timestamp::now), Ok(documents)).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<InlineDocuments>> {
        account.inline.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<InlineDocuments> {
        account.inline.entry(key.to_owned()).or_default()
    }

    fn forget(account: &mut Account, key: &str) {
        account.inline.remove(key);
    }

    fn changes(
        &self,
        account: &str,
        _: Option<&InlineDocuments>,
        _: Option<&InlineDocuments>,
    ) -> Vec<Concern> {
        vec![Concern::role(account, &self.role)]
    }
}
