//! Whom an answer of AWS concerns.

use audit_core::model::BindingKey;

/// The bindings whose verdict may depend on something that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Those that refer to a role.
    Role {
        /// The ID of the role's account: 12 digits.
        account: String,
        /// The role's name, without its path.
        name: String,
    },
    /// Those that refer to a role that has a managed policy, attached or as its boundary.
    Policy {
        /// The ID of the account in which it was read: the policy may belong to AWS.
        account: String,
        /// The policy's ARN.
        arn: String,
    },
    /// This one.
    Binding(BindingKey),
    /// The one whose tokens have this `sub` claim.
    Subject(String),
    /// Those that refer to any role of an account.
    Account {
        /// The account's ID: 12 digits.
        account: String,
    },
}

impl Concern {
    /// Those that refer to a role.
    pub(crate) fn role(account: &str, name: &str) -> Self {
        Self::Role {
            account: account.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Those that refer to any role of an account.
    pub(crate) fn account(account: &str) -> Self {
        Self::Account {
            account: account.to_owned(),
        }
    }
}

/// What came of putting an answer into a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Whom it concerns that a value, or whether and how reading it fails, became another; never that only its age
    /// did. Sorted, each once.
    pub changed: Vec<Concern>,
    /// Whom it concerns that the answer is there, although it may bring nothing new: what it confirms may have been
    /// too old to prove anything.
    pub confirmed: Vec<Concern>,
}
