//! Single roles with their policies, where the account cannot be listed.

use std::collections::{BTreeMap, BTreeSet};

use audit_core::document::decode;
use aws_sdk_iam::types::Role;
use serde_json::{Map, Value, json};

use super::CapturedAccount;
use super::details::{RoleFields, put, role_fields};
use crate::evidence::policies;
use crate::failure::{Failure, Miss};

/// What was read of single roles.
#[derive(Debug, Default)]
pub struct CapturedRoles {
    /// Outputs of `get-role`, each with the role's policies.
    pub roles: Vec<Value>,
    /// The names that no role has.
    pub absent: BTreeSet<String>,
    /// The managed policies of these roles, as elements of `Policies` of `get-account-authorization-details`.
    pub policies: Vec<Value>,
    /// Why some of it is missing: the first reason.
    pub failure: Option<Failure>,
}

impl CapturedAccount {
    /// Reads roles by name, with what their policies say.
    pub async fn roles(&self, names: &BTreeSet<String>) -> CapturedRoles {
        let mut captured = CapturedRoles::default();
        let mut managed = BTreeSet::new();
        for name in names {
            match self.role(name).await {
                Ok(Some(role)) => {
                    let fields = match self.with_policies(name, &role, &mut managed).await {
                        Ok(fields) => fields,
                        Err(failure) => {
                            captured.failure.get_or_insert(failure);
                            without_policies(&role)
                        }
                    };
                    captured.roles.push(json!({ "Role": fields }));
                }
                Ok(None) => drop(captured.absent.insert(name.clone())),
                Err(failure) => drop(captured.failure.get_or_insert(failure)),
            }
        }
        for arn in managed {
            match self.managed(&arn).await {
                Ok(policy) => captured.policies.push(policy),
                Err(failure) => drop(captured.failure.get_or_insert(failure)),
            }
        }
        captured
    }

    /// A role; `None` where there is no such role.
    async fn role(&self, name: &str) -> Result<Option<Role>, Failure> {
        let send = || self.client.iam.get_role().role_name(name).send();
        let (_, answer) = self.client.caller.call("iam", "GetRole", send).await;
        match answer {
            Ok(found) => {
                let missing = || Failure::unavailable("IAM answered without a role");
                found.role.ok_or_else(missing).map(Some)
            }
            Err(Miss::NotFound(_)) => Ok(None),
            Err(Miss::Failed(failure)) => Err(failure),
        }
    }

    /// A role with its policies, whose managed ones are noted.
    async fn with_policies(
        &self,
        name: &str,
        role: &Role,
        managed: &mut BTreeSet<String>,
    ) -> Result<Map<String, Value>, Failure> {
        let (_, attached) = policies::attached(&self.client, name).await;
        let attached = attached?;
        let mut inline = BTreeMap::new();
        let (_, names) = policies::inline(&self.client, name).await;
        for policy in names? {
            let document = self.inline_document(name, &policy).await?;
            inline.insert(policy, document);
        }
        let boundary = role.permissions_boundary();
        let boundary = boundary.and_then(|boundary| boundary.permissions_boundary_arn());
        managed.extend(attached.iter().cloned().chain(boundary.map(str::to_owned)));
        let mut fields = without_policies(role);
        let attached = attached.iter().map(|arn| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            json!({"PolicyName": name, "PolicyArn": arn})
        });
        put(
            &mut fields,
            "AttachedManagedPolicies",
            Some(attached.collect::<Value>()),
        );
        let inline = inline.into_iter().map(|(name, document)| {
            let mut policy = Map::new();
            put(&mut policy, "PolicyName", Some(name));
            put(&mut policy, "PolicyDocument", document);
            Value::from(policy)
        });
        put(&mut fields, "RolePolicyList", Some(inline.collect::<Value>()));
        Ok(fields)
    }

    /// The document of an inline policy; `None` where it is gone by now.
    async fn inline_document(&self, role: &str, policy: &str) -> Result<Option<String>, Failure> {
        let request = self
            .client
            .iam
            .get_role_policy()
            .role_name(role)
            .policy_name(policy);
        let send = || request.clone().send();
        let (_, answer) = self.client.caller.call("iam", "GetRolePolicy", send).await;
        match answer {
            Ok(found) => Ok(Some(decode(found.policy_document()).into_owned())),
            Err(Miss::NotFound(_)) => Ok(None),
            Err(Miss::Failed(failure)) => Err(failure),
        }
    }

    /// A managed policy with the document of its default version.
    async fn managed(&self, arn: &str) -> Result<Value, Failure> {
        let iam = &self.client.iam;
        let send = || iam.get_policy().policy_arn(arn).send();
        let (_, answer) = self.client.caller.call("iam", "GetPolicy", send).await;
        let policy = answer.map_err(Miss::into_failure)?.policy;
        let missing = || Failure::unavailable("IAM answered without a default version");
        let policy = policy.ok_or_else(missing)?;
        let default = policy.default_version_id().ok_or_else(missing)?;
        let request = iam.get_policy_version().policy_arn(arn).version_id(default);
        let send = || request.clone().send();
        let (_, answer) = self.client.caller.call("iam", "GetPolicyVersion", send).await;
        let version = answer.map_err(Miss::into_failure)?.policy_version;
        let document = version.as_ref().and_then(|version| version.document());
        let document = document.ok_or_else(|| Failure::unavailable("IAM answered without a document"))?;
        let mut detail = Map::new();
        put(&mut detail, "Arn", Some(arn));
        put(&mut detail, "DefaultVersionId", Some(default));
        put(&mut detail, "AttachmentCount", policy.attachment_count());
        put(
            &mut detail,
            "PermissionsBoundaryUsageCount",
            policy.permissions_boundary_usage_count(),
        );
        let version = json!({"VersionId": default, "IsDefaultVersion": true, "Document": decode(document)});
        put(&mut detail, "PolicyVersionList", Some(vec![version]));
        Ok(detail.into())
    }
}

fn without_policies(role: &Role) -> Map<String, Value> {
    let mut fields = Map::new();
    role_fields(
        &mut fields,
        RoleFields {
            name: Some(role.role_name()),
            id: Some(role.role_id()),
            arn: Some(role.arn()),
            created: Some(role.create_date()),
            trust: role.assume_role_policy_document(),
            boundary: role.permissions_boundary(),
            tags: role.tags(),
            last_used: role.role_last_used(),
        },
    );
    fields
}
