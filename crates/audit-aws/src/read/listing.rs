//! All roles of an account, page by page.

use std::collections::BTreeSet;
use std::sync::Arc;

use audit_core::document::{decode, may_mention};
use audit_core::model::{IssuerUrl, RolePolicies};
use audit_core::subjects;
use aws_sdk_iam::types::{EntityType, RoleDetail};
use jiff::Timestamp;

use super::next_marker;
use super::role::{build, last_used};
use crate::account::AccountClient;
use crate::failure::Miss;
use crate::reading::{Listed, ListedRole, Reading};

/// The most that IAM puts on a page.
const PAGE_SIZE: i32 = 1000;

/// What a listing looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Roles that mention it are kept.
    pub(crate) issuer: IssuerUrl,
    /// Names that are kept anyway, or found absent.
    pub(crate) wanted: BTreeSet<String>,
}

impl Scope {
    /// Whether a listing for `self` answers for `other` too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.issuer == other.issuer && other.wanted.is_subset(&self.wanted)
    }
}

/// How far a listing has come.
#[derive(Debug)]
pub(crate) struct ListingProgress {
    scope: Arc<Scope>,
    started_at: Option<Timestamp>,
    marker: Option<String>,
    roles: Vec<ListedRole>,
    total: usize,
}

/// What reading a page led to.
#[derive(Debug)]
pub(crate) enum PageRead {
    /// There is another page.
    More(Box<ListingProgress>),
    /// The listing ended, well or not.
    Ended(Reading),
}

impl ListingProgress {
    /// A listing that has not begun.
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            started_at: None,
            marker: None,
            roles: Vec::new(),
            total: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Reads the next page.
    pub(crate) async fn read_page(mut self: Box<Self>, account: &AccountClient) -> PageRead {
        let send = || {
            account
                .iam
                .get_account_authorization_details()
                .filter(EntityType::Role)
                .max_items(PAGE_SIZE)
                .set_marker(self.marker.clone())
                .send()
        };
        let (at, answer) = account
            .caller
            .call("iam", "GetAccountAuthorizationDetails", send)
            .await;
        let started_at = *self.started_at.get_or_insert(at);
        let next = match answer {
            Ok(page) => {
                for detail in page.role_detail_list.unwrap_or_default() {
                    self.take(&account.id, detail, at);
                }
                next_marker(page.is_truncated, page.marker, self.marker.as_deref())
            }
            Err(miss) => Err(Miss::into_failure(miss)),
        };
        let result = match next {
            Ok(Some(marker)) => {
                self.marker = Some(marker);
                return PageRead::More(self);
            }
            Ok(None) => Ok(self.listed()),
            Err(failure) => Err(failure),
        };
        PageRead::Ended(Reading::Listing {
            account: account.id.clone(),
            at: Timestamp::now(),
            started_at,
            result,
        })
    }

    fn take(&mut self, account: &str, detail: RoleDetail, at: Timestamp) {
        self.total += 1;
        let Some(name) = detail.role_name else { return };
        let document = decode(detail.assume_role_policy_document.as_deref().unwrap_or_default());
        let mentions = may_mention(&document, self.scope.issuer.host_path());
        if !mentions && !self.scope.wanted.contains(&name) {
            return;
        }
        let role = build(
            account,
            detail.arn.as_deref().unwrap_or_default(),
            detail.role_id.as_deref().unwrap_or_default(),
            &document,
            last_used(detail.role_last_used.as_ref()),
        );
        let subjects = match &role {
            Ok(role) if mentions => {
                let parsed = role.trust.document.as_ref();
                parsed
                    .map(|document| subjects::named(document, &role.arn, &self.scope.issuer))
                    .unwrap_or_default()
            }
            _ => BTreeSet::new(),
        };
        let attached = detail.attached_managed_policies.unwrap_or_default();
        let inline = detail.role_policy_list.unwrap_or_default();
        let policies = RolePolicies {
            attached: sorted(attached.into_iter().filter_map(|policy| policy.policy_arn)),
            inline: sorted(inline.into_iter().filter_map(|policy| policy.policy_name)),
        };
        self.roles.push(ListedRole {
            name,
            at,
            role: role.map(Arc::new),
            policies,
            subjects,
        });
    }

    fn listed(&mut self) -> Listed {
        let roles = std::mem::take(&mut self.roles);
        let mut absent = self.scope.wanted.clone();
        for role in &roles {
            absent.remove(&role.name);
        }
        Listed {
            roles,
            absent,
            total: self.total,
        }
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names
}
