//! Which permission policies a role has.

use audit_core::model::{Account, Observed, RolePolicies};
use jiff::Timestamp;

use super::kind::{EvidenceKind, Read};
use crate::account::AccountClient;
use crate::concern::Concern;
use crate::failure::Failure;
use crate::pages::{Page, all};

/// Asks for the names of the permission policies of a role that exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Policies {
    /// The role's name, without its path.
    pub role: String,
    /// Where what the policies say is read as well: the ARN of the permissions boundary, which is one of them, if the
    /// role has one.
    pub documents: Option<Option<String>>,
}

/// The ARNs of the managed policies that are attached to a role, and when they were read.
pub(crate) async fn attached(
    account: &AccountClient,
    role: &str,
) -> (Timestamp, Result<Vec<String>, Failure>) {
    all(|marker| async move {
        let request = account.iam.list_attached_role_policies().role_name(role);
        let send = || request.clone().set_marker(marker.clone()).send();
        let (at, answer) = account.caller.call("iam", "ListAttachedRolePolicies", send).await;
        let page = answer.map(|page| Page {
            items: page
                .attached_policies
                .unwrap_or_default()
                .into_iter()
                .filter_map(|policy| policy.policy_arn)
                .collect(),
            truncated: page.is_truncated,
            marker: page.marker,
        });
        (at, page)
    })
    .await
}

/// The names of a role's inline policies, and when they were read.
pub(crate) async fn inline(account: &AccountClient, role: &str) -> (Timestamp, Result<Vec<String>, Failure>) {
    all(|marker| async move {
        let request = account.iam.list_role_policies().role_name(role);
        let send = || request.clone().set_marker(marker.clone()).send();
        let (at, answer) = account.caller.call("iam", "ListRolePolicies", send).await;
        let page = answer.map(|page| Page {
            items: page.policy_names,
            truncated: page.is_truncated,
            marker: page.marker,
        });
        (at, page)
    })
    .await
}

impl EvidenceKind for Policies {
    type Value = RolePolicies;

    const CALLS: &'static [&'static str] = &["iam:ListAttachedRolePolicies", "iam:ListRolePolicies"];
    const OF_ROLE: bool = true;
    const IS_LISTED: bool = true;

    fn key(&self) -> &str {
        &self.role
    }

    async fn read(&self, account: &AccountClient) -> Read<RolePolicies> {
        let (at, attached) = attached(account, &self.role).await;
        let attached = match attached {
            Ok(attached) => attached,
            Err(failure) => return (at, Err(failure)).into(),
        };
        let (_, inline) = inline(account, &self.role).await;
        let policies = inline.map(|inline| RolePolicies {
            attached: sorted(attached),
            inline: sorted(inline),
        });
        (at, policies).into()
    }

    fn kept<'a>(account: &'a Account, key: &str) -> Option<&'a Observed<RolePolicies>> {
        account.policies.get(key)
    }

    fn slot<'a>(account: &'a mut Account, key: &str) -> &'a mut Observed<RolePolicies> {
        account.policies.slot(key)
    }

    fn forget(account: &mut Account, key: &str) {
        account.policies.remove(key);
    }

    fn changes(&self, account: &str, _: Option<&RolePolicies>, _: Option<&RolePolicies>) -> Vec<Concern> {
        vec![Concern::role(account, &self.role)]
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}
