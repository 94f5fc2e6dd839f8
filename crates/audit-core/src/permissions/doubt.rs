//! Where a policy says something, and why what it says may not be enough for an answer.

use std::fmt;

use crate::model::ControlPolicy;
use crate::text::{quote, quote_list};

/// Where a policy is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicySource<'a> {
    /// Inline, by its name.
    Inline(&'a str),
    /// Managed, by its ARN.
    Managed(&'a str),
    /// In the organization of the role's account, or of the account of what is acted upon.
    Organization(&'a ControlPolicy),
}

impl fmt::Display for PolicySource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inline(name) => write!(f, "inline policy `{}`", quote(name)),
            Self::Managed(arn) => write!(f, "policy `{}`", quote(arn)),
            Self::Organization(policy) => write!(
                f,
                "{} `{}` (`{}`)",
                policy.kind.name(),
                quote(&policy.name),
                quote(&policy.id)
            ),
        }
    }
}

/// One statement of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPlace<'a> {
    /// The policy.
    pub policy: PolicySource<'a>,
    /// The statement's number, from 0.
    pub at: usize,
    /// The statement, by its `Sid` or its number from 1; safe to show.
    pub statement: String,
}

impl fmt::Display for StatementPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.statement, self.policy)
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt<'a> {
    /// Whether this statement applies depends on condition keys of which nothing is known.
    Keys(StatementPlace<'a>, Vec<String>),
    /// This statement applies to a part of what is asked for, or may.
    Part(StatementPlace<'a>),
    /// This policy cannot be read as one.
    Unreadable(PolicySource<'a>),
    /// Whether the trust policy of the role that is to be assumed admits this one: why that is not certain, and the condition
    /// keys that would settle it.
    Target {
        /// The reason; safe to show.
        why: String,
        /// The keys, as the policy writes them.
        keys: Vec<String>,
    },
    /// No request for the action has the resource that was named.
    Resource {
        /// Why; safe to show.
        why: String,
        /// What to name in its place; safe to show.
        remedy: String,
    },
    /// Whether a policy of the organization denies it.
    Organization {
        /// Why that is not certain; safe to show.
        why: String,
        /// The keys, as the policy writes them.
        keys: Vec<String>,
        /// What to give to settle the rest; safe to show.
        remedy: Option<String>,
    },
}

impl Doubt<'_> {
    /// The condition keys whose values would settle it.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        match self {
            Self::Keys(_, keys) | Self::Target { keys, .. } | Self::Organization { keys, .. } => keys,
            Self::Part(_) | Self::Unreadable(_) | Self::Resource { .. } => &[],
        }
    }

    /// What to give to settle it, apart from keys; safe to show.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Organization { remedy, .. } => remedy.as_deref(),
            Self::Resource { remedy, .. } => Some(remedy),
            _ => None,
        }
    }
}

impl fmt::Display for Doubt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(place, keys) => write!(f, "{place} depends on {}", quote_list(keys, 5)),
            Self::Part(place) => write!(f, "{place} may apply only to a part of it"),
            Self::Unreadable(source) => write!(f, "{source} cannot be read"),
            Self::Target { why, .. } | Self::Resource { why, .. } | Self::Organization { why, .. } => {
                f.write_str(why)
            }
        }
    }
}

/// What the policies of an organization take away.
#[derive(Debug, Clone, Default)]
pub struct Limits<'a> {
    /// The statement that denies it for certain.
    pub denies: Option<StatementPlace<'a>>,
    /// Why it is not certain that none denies it.
    pub may_deny: Vec<Doubt<'a>>,
}
