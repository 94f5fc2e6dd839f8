//! What was read from AWS, with its age and what went wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use iam_policy::{Parsed, RoleArn};
use jiff::Timestamp;
use litemap::LiteMap;

use super::PlanGap;

/// Why a read failed, as far as a verdict cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// The operator's own credentials lack the action, such as `iam:GetRole`.
    AccessDenied {
        /// The action to allow.
        action: String,
    },
    /// Throttled by AWS.
    Throttled,
    /// Any other failure: no connection, a server error, an answer that could not be read.
    Unavailable,
}

impl FailureKind {
    /// Orders kinds for display: what somebody can repair first.
    #[must_use]
    pub fn rank(&self) -> (u8, &str) {
        match self {
            Self::AccessDenied { action } => (0, action),
            Self::Throttled => (1, ""),
            Self::Unavailable => (2, ""),
        }
    }
}

/// A failed read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFailure {
    /// What failed.
    pub kind: FailureKind,
    /// AWS's own words, for display; untrusted text.
    pub message: String,
    /// AWS named a statement that denies the call, such as one of a service control policy: nobody forgot to allow it.
    pub is_explicit_deny: bool,
    /// When the failure was first seen, without a success since.
    pub since: Timestamp,
}

/// The latest good value of something that is read again and again, and whether reading it fails now.
///
/// A failure never erases a value: the value only grows old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<T> {
    /// The last value that was read, and when.
    pub value: Option<(T, Timestamp)>,
    /// Why the latest read failed, if it did.
    pub failure: Option<ReadFailure>,
    /// Why there is no value although a Terraform plan is to set it.
    pub undecided: Option<Box<PlanGap>>,
}

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self {
            value: None,
            failure: None,
            undecided: None,
        }
    }
}

impl<T> Observed<T> {
    /// A value read at a time.
    #[must_use]
    pub fn known(value: T, at: Timestamp) -> Self {
        Self {
            value: Some((value, at)),
            ..Self::default()
        }
    }

    /// A value that a Terraform plan sets and does not give.
    #[must_use]
    pub fn undecided(gap: PlanGap) -> Self {
        Self {
            undecided: Some(Box::new(gap)),
            ..Self::default()
        }
    }

    /// Takes note of a good read.
    pub fn succeed(&mut self, value: T, at: Timestamp) {
        self.value = Some((value, at));
        self.failure = None;
    }

    /// Takes note of a failed read; the value and the beginning of an ongoing failure of the same kind stand.
    pub fn fail(&mut self, kind: FailureKind, message: String, at: Timestamp) {
        self.fail_as(ReadFailure {
            kind,
            message,
            is_explicit_deny: false,
            since: at,
        });
    }

    /// The same, with all that is known of the failure.
    pub fn fail_as(&mut self, failure: ReadFailure) {
        let since = match &self.failure {
            Some(old) if old.kind == failure.kind => old.since,
            _ => failure.since,
        };
        self.failure = Some(ReadFailure { since, ..failure });
    }

    /// The value, however old.
    #[must_use]
    pub fn latest(&self) -> Option<&T> {
        self.value.as_ref().map(|(value, _)| value)
    }

    /// When the value was read.
    #[must_use]
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.value.as_ref().map(|(_, at)| *at)
    }

    /// Whether neither a value nor a failure is there: the first read has not ended.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.value.is_none() && self.failure.is_none() && self.undecided.is_none()
    }
}

/// The permission policies of a role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePolicies {
    /// ARNs of the attached managed policies, sorted.
    pub attached: Vec<String>,
    /// Names of the inline policies, sorted.
    pub inline: Vec<String>,
}

/// A managed policy: what is in force of it, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// The document of its default version, decoded.
    pub text: Box<str>,
    /// How many users, groups and roles have it attached (`AttachmentCount`), where the answer said so.
    pub attachments: Option<u32>,
    /// How many users and roles have it as their permissions boundary (`PermissionsBoundaryUsageCount`), where the answer said so.
    pub bounded: Option<u32>,
    /// How many versions it has, of the five that IAM keeps, where the answer listed them.
    pub versions: Option<usize>,
}

impl<T: Into<Box<str>>> From<T> for ManagedPolicy {
    /// A policy of which only the document is known.
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            attachments: None,
            bounded: None,
            versions: None,
        }
    }
}

impl AsRef<str> for ManagedPolicy {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The documents of a role's inline policies, decoded, by their names.
pub type InlineDocuments = LiteMap<String, Box<str>>;

/// How many characters a trust policy may have in an account that was granted no more, white space not counted.
pub const DEFAULT_TRUST_QUOTA: usize = 2048;

/// The most characters that AWS grants an account for a trust policy: the adjustable quota `Role trust policy length`, see
/// [IAM and AWS STS quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
pub const MOST_TRUST_QUOTA: usize = 4096;

/// The characters of a policy that count against a quota: IAM leaves white space out.
#[must_use]
pub fn counted(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Who keeps a role that IAM lets no one edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// An AWS service: a [service-linked role](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html).
    Service,
    /// [IAM Identity Center](https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html).
    IdentityCenter,
}

/// Who keeps a role, by its path and name, which IAM reserves; nobody where the account's own people do.
#[must_use]
pub fn keeper(arn: &RoleArn) -> Option<Keeper> {
    if arn.path().starts_with("/aws-service-role/") || arn.name().starts_with("AWSServiceRoleFor") {
        Some(Keeper::Service)
    } else if arn.path().starts_with("/aws-reserved/") || arn.name().starts_with("AWSReservedSSO_") {
        Some(Keeper::IdentityCenter)
    } else {
        None
    }
}

/// How far IAM looks back for the last use of a role.
pub const TRACKED: Duration = Duration::from_hours(400 * 24);

/// When IAM saw a role used for the last time. It looks back 400 days, and tells of a use hours after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastUsed {
    /// The answer did not tell: lists of roles do not have it.
    #[default]
    Unseen,
    /// IAM has seen no use.
    Never,
    /// Then.
    At(Timestamp),
}

/// A role as IAM has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, with its true path.
    pub arn: RoleArn,
    /// IAM's unique id (`AROA…`), which a role that is deleted and created again does not keep.
    pub id: String,
    /// The ARN of its permissions boundary.
    pub boundary: Option<Box<str>>,
    /// Its tags, where the answer told them: `ListRoles` does not.
    pub tags: Option<BTreeMap<String, String>>,
    /// The trust policy's text, decoded.
    pub trust_text: Arc<str>,
    /// When it was created, where the answer told.
    pub created: Option<Timestamp>,
    /// When it was last used.
    pub last_used: LastUsed,
    /// Of files, which do not tell how old they are: the latest time that stands in the same output, which is no older than
    /// that.
    pub told_after: Option<Timestamp>,
}

impl Role {
    /// The trust policy, parsed anew: it takes two microseconds, and kept parsed it would take ten times the memory.
    #[must_use]
    pub fn trust(&self) -> Parsed {
        iam_policy::parse(&self.trust_text)
    }

    /// How many characters of its trust policy count against the quota: IAM leaves white space out.
    #[must_use]
    pub fn trust_size(&self) -> usize {
        counted(&self.trust_text)
    }

    /// Whether the trust policy is so long that it may be near the quota, which is never below the default.
    #[must_use]
    pub fn may_be_near_quota(&self) -> bool {
        is_near_quota(self.trust_size(), DEFAULT_TRUST_QUOTA)
    }
}

/// Whether a trust policy of so many characters is within a tenth of the quota.
#[must_use]
pub fn is_near_quota(size: usize, quota: usize) -> bool {
    size.saturating_mul(10) >= quota.saturating_mul(9)
}

/// The answer to "is there such a role".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleLookup {
    /// There is.
    Found(Arc<Role>),
    /// IAM said `NoSuchEntity`, or a complete listing did not have it.
    Absent,
}

/// An IAM OIDC provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its ARN.
    pub arn: String,
    /// Its URL without the scheme, as IAM gives it.
    pub url: String,
    /// The audiences that it accepts.
    pub client_ids: Vec<String>,
}

/// An association of EKS Pod Identity: new pods of its ServiceAccount get credentials of its role, in place of those that an
/// annotation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodIdentityAssociation {
    /// Its id, `a-…`.
    pub id: String,
    /// Its role, where that was read: lists do not have it.
    pub role_arn: Option<String>,
    /// Its role was asked for, whatever came of it.
    pub is_described: bool,
    /// Its sessions carry session tags, which a role that they assume has to admit: so by default, and where the role was not
    /// read.
    pub has_session_tags: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_the_value_and_its_own_beginning() {
        let (t0, t1, t2) = (
            Timestamp::UNIX_EPOCH,
            Timestamp::from_second(60).unwrap(),
            Timestamp::from_second(90).unwrap(),
        );
        let mut seen = Observed::known(7, t0);
        seen.fail(FailureKind::Throttled, "Rate exceeded".into(), t1);
        seen.fail(FailureKind::Throttled, "Rate exceeded".into(), t2);
        assert_eq!(seen.latest(), Some(&7));
        assert_eq!(seen.observed_at(), Some(t0));
        assert_eq!(seen.failure.as_ref().unwrap().since, t1);
        seen.succeed(8, t2);
        assert_eq!((seen.latest(), seen.failure.is_none()), (Some(&8), true));
    }
}
