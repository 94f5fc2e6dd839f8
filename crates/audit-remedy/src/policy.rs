//! What the writer may do for a ServiceAccount and a role: the least of what the team opts into and what admins allow.

use iam_policy::Pattern;

use crate::facts::RemedySubject;
use crate::mode::RemediationMode;

/// Which namespaces a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceScope {
    /// Names, with `*` and `?` as wildcards. At least one.
    Patterns(Vec<String>),
    /// The names that a label selector, which is not empty, selects now. There may be none.
    Selected(Vec<String>),
}

/// What one `IrsaAuditPolicy` says about remediation: plain data, read live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationPolicy {
    /// The policy's name.
    pub name: String,
    /// Role ARNs, with `*` and `?` as wildcards. At least one.
    pub roles: Vec<String>,
    /// The namespaces.
    pub namespaces: NamespaceScope,
    /// Names of ServiceAccounts, with `*` and `?` as wildcards. At least one.
    pub service_accounts: Vec<String>,
    /// The most that it allows.
    pub max_mode: RemediationMode,
    /// Nothing is written for what it matches while this is set.
    pub paused: bool,
    /// How many changes it allows within any hour, for all that it matches together.
    pub max_changes_per_hour: u32,
    /// Whether roles that a tool keeps may be edited.
    pub allow_tool_owned: bool,
}

/// A selector of a policy that has to name something, and does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptySelector {
    /// `roles`
    Roles,
    /// `namespaces`
    Namespaces,
    /// `serviceAccounts`
    ServiceAccounts,
}

impl EmptySelector {
    /// The field of `spec.remediation` in an `IrsaAuditPolicy` that selects nothing.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::Namespaces => "namespaceSelector",
            Self::ServiceAccounts => "serviceAccounts",
        }
    }
}

/// What all policies together say about a ServiceAccount and its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminGrant<'p> {
    /// The policies that match, in the order of their names. None: the mode is [`RemediationMode::Off`].
    pub matching: Vec<&'p RemediationPolicy>,
    /// Policies with an empty selector. What they were meant to restrict is not known, so one of them turns everything off.
    pub faulty: Vec<(&'p RemediationPolicy, EmptySelector)>,
    /// The namespace is `kube-*` or the operator's or writer's own: no policy matches there.
    pub is_reserved: bool,
}

impl AdminGrant<'_> {
    /// The most that admins allow: the least of all policies that match.
    #[must_use]
    pub fn max_mode(&self) -> RemediationMode {
        if self.is_reserved || !self.faulty.is_empty() {
            return RemediationMode::Off;
        }
        let modes = self.matching.iter().map(|policy| policy.max_mode);
        modes.min().unwrap_or(RemediationMode::Off)
    }

    /// The mode that holds for a team's opt-in: the lesser of the two.
    #[must_use]
    pub fn mode(&self, opt_in: RemediationMode) -> RemediationMode {
        self.max_mode().min(opt_in)
    }
}

/// What the policies say about a ServiceAccount and the role that it asks for. `own_namespaces` are those of the operator and the
/// writer.
#[must_use]
pub fn admin_grant<'p>(
    policies: &'p [RemediationPolicy],
    subject: &RemedySubject,
    own_namespaces: &[String],
) -> AdminGrant<'p> {
    let is_reserved = subject.namespace.starts_with("kube-") || own_namespaces.contains(&subject.namespace);
    let faulty = policies
        .iter()
        .filter_map(|policy| Some((policy, empty_selector(policy)?)))
        .collect();
    let mut matching: Vec<&RemediationPolicy> = policies
        .iter()
        .filter(|policy| !is_reserved && matches(policy, subject))
        .collect();
    matching.sort_by(|one, other| one.name.cmp(&other.name));
    AdminGrant {
        matching,
        faulty,
        is_reserved,
    }
}

/// A pattern without a character selects nothing, so it counts as none.
fn empty_selector(policy: &RemediationPolicy) -> Option<EmptySelector> {
    let is_empty = |patterns: &[String]| patterns.iter().all(String::is_empty);
    if is_empty(&policy.roles) {
        Some(EmptySelector::Roles)
    } else if matches!(&policy.namespaces, NamespaceScope::Patterns(patterns) if is_empty(patterns)) {
        Some(EmptySelector::Namespaces)
    } else if is_empty(&policy.service_accounts) {
        Some(EmptySelector::ServiceAccounts)
    } else {
        None
    }
}

fn matches(policy: &RemediationPolicy, subject: &RemedySubject) -> bool {
    let any =
        |patterns: &[String], text: &str| patterns.iter().any(|pattern| Pattern::new(pattern).matches(text));
    let namespace = match &policy.namespaces {
        NamespaceScope::Patterns(patterns) => any(patterns, &subject.namespace),
        NamespaceScope::Selected(names) => names.contains(&subject.namespace),
    };
    namespace
        && any(&policy.service_accounts, &subject.name)
        && any(&policy.roles, &subject.role_arn.to_string())
}

#[cfg(test)]
#[path = "../tests/unit/policy.rs"]
mod tests;
