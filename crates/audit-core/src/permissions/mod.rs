//! What a role may do, by its own policies and its permissions boundary.
//!
//! SCPs and RCPs are seen as far as they were given, see [`organization`]; policies of resources are not. So an answer is about the
//! role: an SCP that was not given may deny what the role is allowed, and a resource's own policy may allow what the role's does not.
//! IAM's policy simulator, where it may be asked, sees SCPs as well.
//!
//! | module | what is in it |
//! |---|---|
//! | [`doubt`] | where a policy says something, and why that may not be enough for an answer |
//! | [`policies`] | the documents, and how they answer one question |
//! | [`question`] | one action on one resource, as policies are asked |
//! | [`resource`] | what AWS checks an action on, where that is not what was named |
//! | [`session`] | what is certain of a request that the role's session makes |
//! | [`expectation`] | what an `IrsaAudit` expects, question by question |
//! | [`mod@expected`] | a question with its answers |
//! | [`chaining`] | whether another role's trust policy lets this one in |
//! | [`clause`] | a condition in words: the key, what it must be, what the request has |
//! | [`chaining`] | what comes of assuming another role: both sides' policies together |
//! | [`admission`] | what that other role's trust policy says |
//! | [`next`] | roles that are assumed one after the other, as configuration has it |
//! | [`organization`] | what SCPs and RCPs deny, and what was looked at |
//! | [`power`] | administrators, and the ways to become one |
//! | [`public`] | documents that are known without having been read |
//! | [`confirmation`] | whether IAM's policy simulator says the same |
//! | [`simulation`] | what it is asked |

pub mod admission;
pub mod chaining;
pub mod clause;
pub mod confirmation;
pub mod doubt;
pub mod expectation;
pub mod expected;
pub mod next;
pub mod organization;
pub mod policies;
pub mod power;
pub mod public;
pub mod question;
pub mod resource;
pub mod session;
pub mod simulation;
mod simulation_context;

pub use expectation::{Expected, ExpectedRequest, expected};
pub use policies::{
    ChainRefusal, Doubt, Missed, PolicyAnswer, PolicySet, PolicySource, RolePolicy, StatementPlace, is_free,
    is_listed,
};
pub use resource::is_for_every_resource;
pub use session::Session;
pub use simulation::Confirmation;

/// What was not evaluated, for messages. Where SCPs or RCPs were given, [`organization::not_seen`] says which were.
pub const NOT_SEEN: &str = "irsa-audit did not evaluate SCPs, RCPs and resource-based policies";

/// The same, where IAM's policy simulator agrees.
pub const NOT_SIMULATED: &str =
    "IAM's policy simulator agrees; irsa-audit did not evaluate RCPs and resource-based policies";

/// The same, where it says that an SCP denies what the role's own policies do not allow.
pub const DENIED_BY_SCP: &str = "IAM's policy simulator agrees, and says that an SCP also denies it; irsa-audit did not evaluate RCPs and resource-based policies";
