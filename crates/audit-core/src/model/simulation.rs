//! What IAM's policy simulator was asked about a role, and what it said.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

/// How the simulator is to read a value of a condition key: it does not find that out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueType {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A date.
    Date,
    /// An address, or a range of them.
    Ip,
}

/// A condition key of the simulated requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextEntry {
    /// The key.
    pub key: String,
    /// Its only value.
    pub value: String,
    /// What kind of value that is.
    pub value_type: ValueType,
}

/// What is asked at one go: every action on every resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inquiry {
    /// Actions, without wildcards.
    pub actions: Vec<String>,
    /// ARNs, without wildcards; none where the actions have no resource of their own.
    pub resources: Vec<String>,
    /// The condition keys of the requests.
    pub context: Vec<ContextEntry>,
}

/// What the simulator says of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedAnswer {
    /// The action, as it was asked for.
    pub action: String,
    /// The ARN, as it was asked for; `*` where there was none.
    pub resource: String,
    /// What comes of it.
    pub decision: SimulatedDecision,
    /// The condition keys that the role's policies ask for and nobody gave: the answer holds for requests without them.
    pub missing_keys: Vec<String>,
}

/// What comes of a simulated request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatedDecision {
    /// It is allowed.
    Allowed,
    /// It is denied, and an SCP of the account's organization does not allow the action.
    DeniedByOrganization,
    /// It is denied, and the role's permissions boundary does not allow it.
    DeniedByBoundary,
    /// A statement denies it.
    DeniedExplicitly,
    /// Nothing allows it.
    DeniedImplicitly,
}

impl SimulatedDecision {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// The answers to one inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The answers; none to what the simulator would not simulate.
    pub answers: Vec<SimulatedAnswer>,
    /// Since when they have been the same, while the role's policies were.
    pub since: Timestamp,
}

/// What the simulator said of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// Which policies the role was known to have when it was asked, see [`state`](crate::permissions::simulation::state).
    pub state: u64,
    /// The answers, by what was asked.
    pub answers: BTreeMap<Arc<Inquiry>, Simulated>,
}
