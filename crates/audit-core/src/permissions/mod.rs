//! What a role may do, by its own policies and its permissions boundary.
//!
//! SCPs, RCPs and the policies of resources are not seen here, so that an answer is about the role alone: it may be that one of
//! them denies what the role is allowed, or that a resource's own policy allows what the role's does not. IAM's policy simulator,
//! where it may be asked, sees SCPs as well.
//!
//! | module | what is in it |
//! |---|---|
//! | [`policies`] | the documents, and how they answer one question |
//! | [`question`] | one action on one resource, as policies are asked |
//! | [`session`] | what is certain of a request that the role's session makes |
//! | [`expectation`] | what an `IrsaAudit` expects, question by question |
//! | [`expected`] | a question with its answers |
//! | [`chaining`] | whether another role's trust policy lets this one in |
//! | [`clause`] | a condition in words: the key, what it must be, what the request has |
//! | [`chaining`] | what comes of assuming another role: both sides' policies together |
//! | [`admission`] | what that other role's trust policy says |
//! | [`power`] | administrators, and the ways to become one |
//! | [`confirmation`] | whether IAM's policy simulator says the same |
//! | [`simulation`] | what it is asked |

pub mod admission;
pub mod chaining;
pub mod clause;
pub mod confirmation;
pub mod expectation;
pub mod expected;
pub mod policies;
pub mod power;
pub mod question;
pub mod session;
pub mod simulation;
mod simulation_context;

pub use expectation::{Expected, Question, expected};
pub use policies::{
    Answer, Doubt, Missed, Place, Policy, PolicySet, Refusal, Source, is_for_every_resource, is_free,
    is_listed,
};
pub use session::Session;
pub use simulation::Confirmation;

/// What is not looked at, for messages.
pub const NOT_SEEN: &str = "SCPs, RCPs and policies of resources are not looked at";

/// The same, where IAM's policy simulator agrees.
pub const NOT_SIMULATED: &str =
    "IAM's policy simulator agrees; RCPs and policies of resources are not looked at";

/// The same, where it says that an SCP denies what the role's own policies do not allow.
pub const DENIED_BY_SCP: &str = "IAM's policy simulator agrees, and says that an SCP denies it, too; RCPs and policies of resources are not looked at";
