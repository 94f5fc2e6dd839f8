//! Policies of an organization of AWS accounts, which limit what the accounts' own policies allow.

use std::collections::BTreeSet;

use iam_policy::Truth;

/// Whom a policy of an organization limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlKind {
    /// A service control policy: what roles and users of the accounts may do.
    Service,
    /// A resource control policy: what may be done with resources of the accounts, by anyone.
    Resource,
}

impl ControlKind {
    /// As AWS abbreviates it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "SCP",
            Self::Resource => "RCP",
        }
    }
}

/// A policy of an organization, as far as it was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlPolicy {
    /// Its kind.
    pub kind: ControlKind,
    /// Its id, `p-…`.
    pub id: String,
    /// The name that people gave it.
    pub name: String,
    /// The management account of its organization, which no such policy limits; not known of policies that are AWS's.
    pub management: Option<String>,
    /// Its document; of an RCP without the principal, which is always everyone.
    pub text: Box<str>,
    /// The accounts that it is attached to.
    pub accounts: BTreeSet<String>,
    /// The root and the organizational units that it is attached to, by id: which accounts are below them was not seen.
    pub units: BTreeSet<String>,
    /// It may be attached to more: to the root, to an organizational unit, or it was not seen where it is attached.
    pub may_reach_others: bool,
}

impl ControlPolicy {
    /// Whether it applies to an account (AWS Organizations User Guide, "SCP evaluation" and "Resource control policies": neither
    /// applies to the management account).
    #[must_use]
    pub fn applies_to(&self, account: &str) -> Truth {
        if self.management.as_deref() == Some(account) {
            Truth::False
        } else if self.accounts.contains(account) {
            Truth::True
        } else if self.may_reach_others {
            Truth::Unknown
        } else {
            Truth::False
        }
    }
}
