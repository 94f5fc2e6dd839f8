//! All roles of an account with their policies, page by page.

use std::collections::BTreeSet;

use audit_core::document::decode;
use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::primitives::{DateTime, DateTimeFormat};
use aws_sdk_iam::types::{
    AttachedPermissionsBoundary, AttachedPolicy, EntityType, ManagedPolicyDetail, PolicyDetail, RoleDetail,
    RoleLastUsed, Tag,
};
use serde_json::{Map, Value, json};

use crate::account::AccountClient;
use crate::failure::{Failure, Miss};
use crate::pages::next_marker;

/// The most roles on a page.
const PAGE_SIZE: i32 = 1000;

/// The most policies on a page, of which each may bring the documents of five versions.
const POLICIES_PAGE_SIZE: i32 = 200;

/// Elements of a list of `get-account-authorization-details`.
#[derive(Debug, Clone, PartialEq)]
pub enum DetailsPage {
    /// Elements of `RoleDetailList`.
    Roles(Vec<Value>),
    /// Elements of `Policies`: those that roles have, or are limited by.
    Policies(Vec<Value>),
}

/// What is read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Roles,
    Policies,
    End,
}

/// The list, page by page: first all roles, since only they tell which policies matter, then policies.
pub struct DetailsList<'a> {
    account: &'a AccountClient,
    stage: Stage,
    marker: Option<String>,
    /// The managed policies of roles, and their boundaries.
    named: BTreeSet<String>,
}

impl<'a> DetailsList<'a> {
    pub(super) fn new(account: &'a AccountClient) -> Self {
        Self {
            account,
            stage: Stage::Roles,
            marker: None,
            named: BTreeSet::new(),
        }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// When a page could not be read, after retries: the list is not whole then.
    pub async fn next(&mut self) -> Result<Option<DetailsPage>, Failure> {
        let (kinds, size) = match self.stage {
            Stage::Roles => (vec![EntityType::Role], PAGE_SIZE),
            Stage::Policies => {
                let kinds = vec![EntityType::LocalManagedPolicy, EntityType::AwsManagedPolicy];
                (kinds, POLICIES_PAGE_SIZE)
            }
            Stage::End => return Ok(None),
        };
        let send = || {
            let request = self.account.iam.get_account_authorization_details();
            let request = request.set_filter(Some(kinds.clone())).max_items(size);
            request.set_marker(self.marker.clone()).send()
        };
        let (_, answer) = self
            .account
            .caller
            .call("iam", "GetAccountAuthorizationDetails", send)
            .await;
        let GetAccountAuthorizationDetailsOutput {
            role_detail_list,
            policies,
            is_truncated,
            marker,
            ..
        } = answer.map_err(Miss::into_failure)?;
        let page = if self.stage == Stage::Roles {
            let roles = role_detail_list.unwrap_or_default();
            for role in &roles {
                self.note(role);
            }
            DetailsPage::Roles(roles.iter().map(role_detail).collect())
        } else {
            let policies = policies.unwrap_or_default().into_iter();
            let named = policies.filter(|policy| policy.arn().is_some_and(|arn| self.named.contains(arn)));
            DetailsPage::Policies(named.map(|policy| managed_policy(&policy)).collect())
        };
        self.marker = next_marker(is_truncated, marker, self.marker.as_deref())?;
        if self.marker.is_none() {
            self.stage = match self.stage {
                Stage::Roles if !self.named.is_empty() => Stage::Policies,
                _ => Stage::End,
            };
        }
        Ok(Some(page))
    }

    /// Takes note of the managed policies of a role.
    fn note(&mut self, role: &RoleDetail) {
        let attached = role.attached_managed_policies().iter();
        let attached = attached.filter_map(AttachedPolicy::policy_arn);
        let boundary = role
            .permissions_boundary()
            .and_then(AttachedPermissionsBoundary::permissions_boundary_arn);
        self.named.extend(attached.chain(boundary).map(str::to_owned));
    }
}

/// An element of `RoleDetailList`.
fn role_detail(role: &RoleDetail) -> Value {
    let mut detail = Map::new();
    role_fields(
        &mut detail,
        RoleFields {
            name: role.role_name(),
            id: role.role_id(),
            arn: role.arn(),
            created: role.create_date(),
            trust: role.assume_role_policy_document(),
            boundary: role.permissions_boundary(),
            tags: role.tags(),
            last_used: role.role_last_used(),
        },
    );
    let attached = role.attached_managed_policies().iter().map(attached_policy);
    put(
        &mut detail,
        "AttachedManagedPolicies",
        Some(attached.collect::<Value>()),
    );
    let inline = role.role_policy_list().iter().map(inline_policy);
    put(&mut detail, "RolePolicyList", Some(inline.collect::<Value>()));
    detail.into()
}

/// What `get-role` says of a role as well.
#[derive(Clone, Copy)]
pub(super) struct RoleFields<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) arn: Option<&'a str>,
    pub(super) created: Option<&'a DateTime>,
    pub(super) trust: Option<&'a str>,
    pub(super) boundary: Option<&'a AttachedPermissionsBoundary>,
    pub(super) tags: &'a [Tag],
    pub(super) last_used: Option<&'a RoleLastUsed>,
}

pub(super) fn role_fields(detail: &mut Map<String, Value>, role: RoleFields<'_>) {
    put(detail, "RoleName", role.name);
    put(detail, "RoleId", role.id);
    put(detail, "Arn", role.arn);
    put(detail, "CreateDate", role.created.and_then(time));
    put(detail, "AssumeRolePolicyDocument", role.trust.map(decode));
    if let Some(boundary) = role.boundary {
        let arn = boundary.permissions_boundary_arn();
        let boundary = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        put(detail, "PermissionsBoundary", Some(boundary));
    }
    let tags = role.tags.iter();
    let tags = tags.map(|tag| json!({"Key": tag.key(), "Value": tag.value()}));
    put(detail, "Tags", Some(tags.collect::<Value>()));
    if let Some(used) = role.last_used {
        let mut last = Map::new();
        put(&mut last, "LastUsedDate", used.last_used_date().and_then(time));
        put(detail, "RoleLastUsed", Some(last));
    }
}

fn attached_policy(policy: &AttachedPolicy) -> Value {
    json!({"PolicyName": policy.policy_name(), "PolicyArn": policy.policy_arn()})
}

fn inline_policy(policy: &PolicyDetail) -> Value {
    let mut detail = Map::new();
    put(&mut detail, "PolicyName", policy.policy_name());
    put(
        &mut detail,
        "PolicyDocument",
        policy.policy_document().map(decode),
    );
    detail.into()
}

/// An element of `Policies`. Of versions that are not in force, only that they are there is kept.
fn managed_policy(policy: &ManagedPolicyDetail) -> Value {
    let mut detail = Map::new();
    put(&mut detail, "Arn", policy.arn());
    put(&mut detail, "DefaultVersionId", policy.default_version_id());
    put(&mut detail, "AttachmentCount", policy.attachment_count());
    put(
        &mut detail,
        "PermissionsBoundaryUsageCount",
        policy.permissions_boundary_usage_count(),
    );
    let default = policy.default_version_id();
    let versions = policy.policy_version_list().iter().map(|version| {
        let is_default =
            version.is_default_version() || (default.is_some() && version.version_id() == default);
        let mut one = Map::new();
        put(&mut one, "VersionId", version.version_id());
        put(&mut one, "IsDefaultVersion", Some(is_default));
        put(
            &mut one,
            "Document",
            version.document().filter(|_| is_default).map(decode),
        );
        Value::from(one)
    });
    put(
        &mut detail,
        "PolicyVersionList",
        Some(versions.collect::<Value>()),
    );
    detail.into()
}

/// A time as the AWS CLI prints it.
fn time(at: &DateTime) -> Option<String> {
    at.fmt(DateTimeFormat::DateTime).ok()
}

/// Adds a field, if there is something to add.
pub(super) fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}
