//! IAM roles: what a test seeds, and what an account keeps of it.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Paths of roles that belong to AWS services.
const SERVICE_LINKED: &str = "/aws-service-role/";

/// A role to seed. Nothing in it is checked: an account may hold what today's IAM would refuse.
///
/// ```
/// use fake_aws::Role;
/// let role = Role::named("app").path("/team/").tag("team", "a").attached("arn:aws:iam::aws:policy/ReadOnlyAccess");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) trust: String,
    pub(crate) description: Option<String>,
    pub(crate) max_session: u32,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) attached: BTreeSet<String>,
    pub(crate) inline: BTreeMap<String, String>,
    pub(crate) last_used: Option<LastUsed>,
}

/// When and in which region a role was last used.
#[derive(Clone, Debug)]
pub(crate) struct LastUsed {
    pub(crate) at: Timestamp,
    pub(crate) region: String,
}

impl Role {
    /// A role of this bare name at the path `/` that trusts nobody and may do nothing.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: "/".to_owned(),
            trust: r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned(),
            description: None,
            max_session: 3600,
            boundary: None,
            tags: Tags::default(),
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            last_used: None,
        }
    }

    /// The path, with a slash at either end. `/aws-service-role/…` makes a service-linked role, which IAM refuses
    /// to modify.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The trust policy document, kept to the letter.
    pub fn trust(mut self, document: impl Into<String>) -> Self {
        self.trust = document.into();
        self
    }

    /// The description.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// One more tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.set(key.into(), value.into());
        self
    }

    /// The permissions boundary, a managed policy's ARN.
    pub fn boundary(mut self, policy_arn: impl Into<String>) -> Self {
        self.boundary = Some(policy_arn.into());
        self
    }

    /// One more attached managed policy, by its ARN. The policy itself need not be seeded.
    pub fn attached(mut self, policy_arn: impl Into<String>) -> Self {
        self.attached.insert(policy_arn.into());
        self
    }

    /// One more inline policy.
    pub fn inline(mut self, name: impl Into<String>, document: impl Into<String>) -> Self {
        self.inline.insert(name.into(), document.into());
        self
    }

    /// When the role was last used, and in which region.
    pub fn last_used(mut self, at: Timestamp, region: impl Into<String>) -> Self {
        self.last_used = Some(LastUsed {
            at,
            region: region.into(),
        });
        self
    }

    /// Whether the role belongs to an AWS service.
    pub(crate) fn is_service_linked(&self) -> bool {
        self.path.starts_with(SERVICE_LINKED)
    }

    /// The role's ARN in an account.
    pub(crate) fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }
}

/// A role as an account keeps it.
#[derive(Clone, Debug)]
pub(crate) struct StoredRole {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    pub(crate) role: Role,
}

/// Tags in the order they were set. IAM keeps the case of a key but does not tell keys apart by it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tags(Vec<(String, String)>);

impl Tags {
    /// Sets a tag, replacing one with the same key in any case.
    pub(crate) fn set(&mut self, key: String, value: String) {
        self.remove(&key);
        self.0.push((key, value));
    }

    /// Takes a tag away, if it is there.
    pub(crate) fn remove(&mut self, key: &str) {
        let key = key.to_lowercase();
        self.0.retain(|(held, _)| held.to_lowercase() != key);
    }

    /// All tags.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Self {
        let mut set = Self::default();
        for (key, value) in tags {
            set.set(key, value);
        }
        set
    }
}
