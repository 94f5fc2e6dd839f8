//! All roles of an account, page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use audit_core::document::{decode, may_mention};
use audit_core::model::{EksIssuer, IssuerUrl, ManagedPolicy, RolePolicies, TrustingRoles, few};
use audit_core::{issuers, subjects};
use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, RoleDetail};
use iam_policy::RoleArn;
use jiff::Timestamp;

use crate::account::AccountClient;
use crate::evidence::{Dates, build, count};
use crate::failure::Miss;
use crate::pages::next_marker;
use crate::reading::{Listed, ListedRole, Reading};

/// The most that IAM puts on a page.
const PAGE_SIZE: i32 = 1000;

/// The most that are asked for on a page of policies, of which each may bring the documents of five versions.
const POLICIES_PAGE_SIZE: i32 = 200;

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
    trusted_issuers: BTreeMap<EksIssuer, TrustingRoles>,
    total: usize,
    /// The roles have all been seen; what is read now are policies.
    reads_policies: bool,
    /// Managed policies of wanted roles, of which the document has not been seen.
    unlisted: BTreeSet<String>,
    managed: BTreeMap<String, (Timestamp, ManagedPolicy)>,
}

/// What reading a page led to.
#[derive(Debug)]
pub(crate) enum PageRead {
    /// There is another page.
    More(Box<ListingProgress>),
    /// The listing ended, well or not. The policies were not among those that it brought.
    Ended(Box<Reading>, BTreeSet<String>),
}

impl ListingProgress {
    /// A listing that has not begun.
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            started_at: None,
            marker: None,
            roles: Vec::new(),
            trusted_issuers: BTreeMap::new(),
            total: 0,
            reads_policies: false,
            unlisted: BTreeSet::new(),
            managed: BTreeMap::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Reads the next page: first those of roles, then those of policies, because only the roles tell which policies matter.
    pub(crate) async fn read_page(mut self: Box<Self>, account: &AccountClient) -> PageRead {
        let send = || {
            account
                .iam
                .get_account_authorization_details()
                .set_filter(Some(self.kinds()))
                .max_items(if self.reads_policies {
                    POLICIES_PAGE_SIZE
                } else {
                    PAGE_SIZE
                })
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
                for detail in page.policies.unwrap_or_default() {
                    self.take_policy(detail, at);
                }
                next_marker(page.is_truncated, page.marker, self.marker.as_deref())
            }
            Err(miss) => Err(Miss::into_failure(miss)),
        };
        let result = match next {
            Ok(Some(marker)) => {
                self.marker = Some(marker);
                // Nothing else is of interest.
                if !self.reads_policies || !self.unlisted.is_empty() {
                    return PageRead::More(self);
                }
                Ok(self.listed())
            }
            Ok(None) if !self.reads_policies && !self.unlisted.is_empty() => {
                self.reads_policies = true;
                self.marker = None;
                return PageRead::More(self);
            }
            Ok(None) => Ok(self.listed()),
            Err(failure) => Err(failure),
        };
        let unlisted = result
            .as_ref()
            .map(|listed| listed.unlisted.clone())
            .unwrap_or_default();
        let reading = Reading::Listing {
            account: account.id.clone(),
            at: Timestamp::now(),
            started_at,
            result,
        };
        PageRead::Ended(Box::new(reading), unlisted)
    }

    /// The kinds of things that are asked for.
    fn kinds(&self) -> Vec<EntityType> {
        if !self.reads_policies {
            return vec![EntityType::Role];
        }
        let is_of_aws = |arn: &String| arn.split(':').nth(4) == Some("aws");
        let mut kinds = Vec::new();
        if !self.unlisted.iter().all(is_of_aws) {
            kinds.push(EntityType::LocalManagedPolicy);
        }
        if self.unlisted.iter().any(is_of_aws) {
            kinds.push(EntityType::AwsManagedPolicy);
        }
        kinds
    }

    /// Keeps the document of the default version of a policy that a wanted role has.
    fn take_policy(&mut self, detail: ManagedPolicyDetail, at: Timestamp) {
        let Some(arn) = detail.arn.filter(|arn| self.unlisted.contains(arn)) else {
            return;
        };
        let default = detail.default_version_id;
        let versions = detail.policy_version_list.unwrap_or_default();
        let held = versions.len();
        let document = versions
            .into_iter()
            .find(|version| {
                version.is_default_version || (default.is_some() && version.version_id == default)
            })
            .and_then(|version| version.document);
        if let Some(document) = document {
            self.unlisted.remove(&arn);
            let policy = ManagedPolicy {
                attachments: count(detail.attachment_count),
                bounded: count(detail.permissions_boundary_usage_count),
                versions: Some(held),
                ..ManagedPolicy::from(decode(&document))
            };
            self.managed.insert(arn, (at, policy));
        }
    }

    fn take(&mut self, account: &str, detail: RoleDetail, at: Timestamp) {
        self.total += 1;
        let Some(name) = detail.role_name else { return };
        let document = decode(detail.assume_role_policy_document.as_deref().unwrap_or_default());
        if issuers::may_name_another(&document, Some(&self.scope.issuer)) {
            self.take_issuers(account, detail.arn.as_deref().unwrap_or_default(), &document);
        }
        let mentions = may_mention(&document, self.scope.issuer.host_path());
        if !mentions && !self.scope.wanted.contains(&name) {
            return;
        }
        let role = build(
            account,
            detail.arn.as_deref().unwrap_or_default(),
            detail.role_id.as_deref().unwrap_or_default(),
            detail
                .permissions_boundary
                .as_ref()
                .and_then(|boundary| boundary.permissions_boundary_arn.as_deref()),
            detail.tags.as_deref().unwrap_or_default(),
            &document,
            Dates::new(detail.create_date.as_ref(), detail.role_last_used.as_ref()),
        );
        let subjects = match &role {
            Ok(role) if mentions => {
                let parsed = role.trust().document;
                parsed
                    .map(|document| subjects::named(&document, &role.arn, &self.scope.issuer))
                    .unwrap_or_default()
            }
            _ => BTreeSet::new(),
        };
        let attached = detail.attached_managed_policies.unwrap_or_default();
        let inline = detail.role_policy_list.unwrap_or_default();
        let documents = self.scope.wanted.contains(&name).then(|| {
            let boundary = role.as_ref().ok().and_then(|role| role.boundary.as_deref());
            let attached = attached.iter().filter_map(|policy| policy.policy_arn.as_deref());
            self.unlisted.extend(attached.chain(boundary).map(str::to_owned));
            let documents = inline.iter().filter_map(|policy| {
                let text = decode(policy.policy_document.as_deref()?);
                Some((policy.policy_name.clone()?, text.into()))
            });
            few(documents)
        });
        let policies = RolePolicies {
            attached: sorted(attached.into_iter().filter_map(|policy| policy.policy_arn)),
            inline: sorted(inline.into_iter().filter_map(|policy| policy.policy_name)),
        };
        self.roles.push(ListedRole {
            name,
            at,
            role: role.map(Arc::new),
            policies,
            inline: documents,
            subjects,
        });
    }

    /// Counts a role for the other issuers that it trusts.
    fn take_issuers(&mut self, account: &str, arn: &str, document: &str) {
        let arn = RoleArn::parse(arn).ok().filter(|arn| arn.account() == account);
        if let (Some(arn), Some(trust)) = (arn, iam_policy::parse(document).document) {
            issuers::gather(&mut self.trusted_issuers, &arn, &trust, Some(&self.scope.issuer));
        }
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
            managed: std::mem::take(&mut self.managed),
            unlisted: std::mem::take(&mut self.unlisted),
            trusted_issuers: std::mem::take(&mut self.trusted_issuers),
            total: self.total,
        }
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.shrink_to_fit();
    names
}
