//! Kubernetes RBAC objects, reduced to what decides: no labels where nothing selects by them, no `nonResourceURLs`.
//!
//! Most words of most rules are the same few: they are shared texts, see [`crate::Rbac`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The most words that are kept of the rules of a Role, with one for each rule. Anyone who can edit a namespace can write these, and 200,000
/// names in one object take ten times the memory that they take as text. What is beyond is unknown: see [`crate::Unseen`].
pub const MOST_WORDS: usize = 4096;

/// The most subjects that are kept of a RoleBinding. Each is filed in several indexes.
pub const MOST_SUBJECTS: usize = 1024;

/// The most bytes of text that are kept of the words of a Role, or of the names of the subjects of a RoleBinding. The API server takes one name of a
/// megabyte, which means nobody.
pub const MOST_TEXT: usize = 128 << 10;

/// The most words or subjects of what is cluster-wide, which only admins of the cluster can write: roles that aggregate the rights on hundreds of custom
/// resources are that large.
pub const MOST_WORDS_IN_CLUSTER: usize = 65_536;

/// A text that many objects share.
pub type Text = Arc<str>;

/// Namespace (empty for what is cluster-wide) and name. What is cluster-wide comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The namespace; empty for cluster-wide objects.
    pub namespace: Text,
    /// The name.
    pub name: Text,
}

impl ObjectId {
    /// Names an object of a namespace, or with an empty one a cluster-wide object.
    #[must_use]
    pub fn new(namespace: impl Into<Text>, name: impl Into<Text>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Whether it lies in no namespace.
    #[must_use]
    pub fn is_cluster_wide(&self) -> bool {
        self.namespace.is_empty()
    }

    /// The kind of a binding of this name, as manifests spell it.
    #[must_use]
    pub fn kind_of_binding(&self) -> &'static str {
        if self.is_cluster_wide() {
            "ClusterRoleBinding"
        } else {
            "RoleBinding"
        }
    }

    /// The kind of a role of this name, as manifests spell it.
    #[must_use]
    pub fn kind_of_role(&self) -> &'static str {
        if self.is_cluster_wide() {
            "ClusterRole"
        } else {
            "Role"
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_cluster_wide() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// Whom a binding names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A ServiceAccount.
    ServiceAccount(ObjectId),
    /// A user by name; a ServiceAccount's is `system:serviceaccount:<namespace>:<name>`.
    User(Text),
    /// A group by name.
    Group(Text),
}

impl Subject {
    /// The kind, as manifests spell it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::User(_) => "User",
            Self::Group(_) => "Group",
        }
    }

    /// How many bytes its name has, with the namespace of a ServiceAccount.
    #[must_use]
    pub fn name_length(&self) -> usize {
        match self {
            Self::ServiceAccount(id) => id.namespace.len() + id.name.len(),
            Self::User(name) | Self::Group(name) => name.len(),
        }
    }

    /// The name, with the namespace of a ServiceAccount.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::ServiceAccount(id) => id.to_string(),
            Self::User(name) | Self::Group(name) => name.to_string(),
        }
    }
}

impl Subject {
    /// Whether it is a part of every cluster, and runs it: see [`takers`](crate::takers).
    pub(crate) fn runs_the_cluster(&self) -> bool {
        match self {
            Self::ServiceAccount(id) => *id.namespace == *"kube-system",
            Self::User(name) => {
                matches!(
                    &**name,
                    "system:kube-controller-manager" | "system:kube-scheduler" | "system:apiserver"
                ) || name.starts_with("system:node:")
                    || name.starts_with("eks:")
            }
            Self::Group(name) => {
                matches!(&**name, "system:masters" | "system:nodes") || name.starts_with("eks:")
            }
        }
    }
}

/// One rule of a role: any of its verbs on any of its resources in any of its groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PolicyRule {
    /// Verbs, or `*`.
    pub verbs: Box<[Text]>,
    /// API groups, the core one empty, or `*`.
    pub api_groups: Box<[Text]>,
    /// `pods`, `pods/log`, `*/log`, or `*`.
    pub resources: Box<[Text]>,
    /// The only names that it is about; all where empty. No pattern is one here.
    pub resource_names: Box<[Text]>,
}

impl PolicyRule {
    /// How many words it has, with one for itself.
    pub(crate) fn words(&self) -> usize {
        1 + self.verbs.len() + self.api_groups.len() + self.resources.len() + self.resource_names.len()
    }
}

/// A Role, or a ClusterRole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbacRole {
    /// Where and what it is.
    pub id: ObjectId,
    /// Its rules.
    pub rules: Arc<[PolicyRule]>,
    /// Labels by which others may aggregate it. Not kept where a controller has filled in what is aggregated.
    pub labels: BTreeMap<String, String>,
    /// The ClusterRoles whose rules it collects. Not kept where a controller does that.
    pub aggregates: Box<[AggregationSelector]>,
    /// It has more rules than are kept: that none of these allows something proves nothing.
    pub has_more: bool,
}

/// A selector of labels: all that it says must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AggregationSelector {
    /// Labels that must have exactly these values.
    pub labels: BTreeMap<String, String>,
    /// Further requirements.
    pub requirements: Vec<AggregationRequirement>,
}

/// What a selector asks of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AggregationRequirement {
    /// It is one of these values.
    In(String, Vec<String>),
    /// It is absent, or none of these values.
    NotIn(String, Vec<String>),
    /// It is there.
    Exists(String),
    /// It is not there.
    DoesNotExist(String),
}

impl AggregationSelector {
    /// Whether labels are what it asks for. One that asks for nothing selects all.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let met = |requirement: &AggregationRequirement| match requirement {
            AggregationRequirement::In(key, values) => {
                labels.get(key).is_some_and(|value| values.contains(value))
            }
            AggregationRequirement::NotIn(key, values) => {
                labels.get(key).is_none_or(|value| !values.contains(value))
            }
            AggregationRequirement::Exists(key) => labels.contains_key(key),
            AggregationRequirement::DoesNotExist(key) => !labels.contains_key(key),
        };
        self.labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self.requirements.iter().all(met)
    }
}

/// A RoleBinding, or a ClusterRoleBinding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBinding {
    /// Where and what it is.
    pub id: ObjectId,
    /// The role: one of the binding's namespace, or cluster-wide.
    pub role: ObjectId,
    /// Whom it names. A ServiceAccount that a RoleBinding names without a namespace is one of its own.
    pub subjects: Box<[Subject]>,
    /// It has more subjects than are kept, which may be anyone.
    pub has_more: bool,
}

impl RoleBinding {
    /// The kind, as manifests spell it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.id.kind_of_binding()
    }

    /// The kind of its role.
    #[must_use]
    pub fn role_kind(&self) -> &'static str {
        self.role.kind_of_role()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn selectors_ask_for_all_that_they_say() {
        let tiers = || vec!["a".to_owned(), "b".to_owned()];
        let selector = |labels, requirements| AggregationSelector { labels, requirements };
        let key = || "tier".to_owned();
        for (selector, selected) in [
            (AggregationSelector::default(), [true, true, true]),
            (selector(labels(&[("tier", "a")]), vec![]), [false, true, false]),
            (
                selector(labels(&[]), vec![AggregationRequirement::In(key(), tiers())]),
                [false, true, false],
            ),
            (
                selector(labels(&[]), vec![AggregationRequirement::NotIn(key(), tiers())]),
                [true, false, true],
            ),
            (
                selector(labels(&[]), vec![AggregationRequirement::Exists(key())]),
                [false, true, true],
            ),
            (
                selector(labels(&[]), vec![AggregationRequirement::DoesNotExist(key())]),
                [true, false, false],
            ),
        ] {
            let found = [labels(&[]), labels(&[("tier", "a")]), labels(&[("tier", "c")])]
                .map(|l| selector.selects(&l));
            assert_eq!(found, selected, "{selector:?}");
        }
    }

    #[test]
    fn what_is_cluster_wide_comes_first() {
        assert!(ObjectId::new("", "z") < ObjectId::new("a", "a"));
        assert_eq!(ObjectId::new("", "z").to_string(), "z");
        assert_eq!(ObjectId::new("a", "z").to_string(), "a/z");
    }
}
