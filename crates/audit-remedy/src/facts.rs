//! What the shell reads, as plain data: the role as IAM has it, and the ServiceAccount that is to be admitted.

use audit_core::model::IssuerUrl;
use iam_policy::{RoleArn, WebIdentity};
use jiff::Timestamp;

use crate::mode::RemediationMode;

/// A tag of a role, exactly as `GetRole` gives it out: neither folded nor trimmed. A list of them keeps what a map would hide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleTag {
    /// The key, in the case in which it was set.
    pub key: String,
    /// The value.
    pub value: String,
}

impl RoleTag {
    /// A tag.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// A role as one answer of `GetRole` has it, with its account's quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRole {
    /// Its ARN, with its true path: from the answer, never from an annotation.
    pub arn: RoleArn,
    /// IAM's unique id (`AROA…`). A role that is deleted and created again under the same name gets a different one.
    pub id: String,
    /// The trust policy's text, percent-encoded or not.
    pub trust_text: String,
    /// All its tags.
    pub tags: Vec<RoleTag>,
    /// How many characters the account lets a trust policy have, white space not counted: `AssumeRolePolicySizeQuota` of
    /// `GetAccountSummary`.
    pub quota: usize,
}

impl LiveRole {
    /// Whether two answers are the same to the letter, whatever the order of their tags.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let sorted = |role: &Self| {
            let mut role = role.clone();
            role.tags.sort();
            role
        };
        sorted(self) == sorted(other)
    }
}

/// The ServiceAccount that is to be admitted, and the `IrsaAudit` that asks for it: read live from the API server, from no
/// status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedySubject {
    /// The issuer of this cluster's tokens.
    pub issuer: IssuerUrl,
    /// The ServiceAccount's namespace.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub name: String,
    /// The ServiceAccount's UID: one that is deleted and created again gets a different one.
    pub service_account_uid: String,
    /// The UID of the `IrsaAudit` that names it.
    pub irsa_audit_uid: String,
    /// The audience of its tokens, from the annotation or the webhook's default.
    pub audience: String,
    /// The role that the annotation names: an editor of the namespace chooses it, so it authorizes nothing.
    pub role_arn: RoleArn,
    /// `spec.expect.roleArn` of the `IrsaAudit`, if it has one. No other role is edited then.
    pub expected_role: Option<String>,
    /// What the team opts into: `spec.remediation` of the `IrsaAudit`.
    pub opt_in: RemediationMode,
}

impl RemedySubject {
    /// The `sub` claim of its tokens.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// The identity that STS would see at a time: through the provider for this issuer in the role's account.
    #[must_use]
    pub fn identity(&self, at: Timestamp) -> WebIdentity {
        WebIdentity {
            provider_arn: self
                .issuer
                .provider_arn(self.role_arn.partition(), self.role_arn.account()),
            issuer: self.issuer.host_path().to_owned(),
            subject: self.subject(),
            audience: self.audience.clone(),
            called_at: Some(at.as_second()),
        }
    }
}
