//! An expected AWS permission with its answers: plain data, which the chain keeps.

use super::policies::PolicyAnswer;
use crate::model::SimulatedAnswer;

/// One action on one resource; either may have wildcards, which ask for all that they match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedRequest<'a> {
    /// The action.
    pub action: &'a str,
    /// The resource on which AWS checks it: `*` for an action that has none of its own.
    pub resource: &'a str,
    /// The resource that was named in place of that `*`.
    pub named: Option<&'a str>,
    /// Which expectation it belongs to, from 0.
    pub expectation: usize,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// What is expected.
    pub question: ExpectedRequest<'a>,
    /// What the role's policies say.
    pub answer: PolicyAnswer<'a>,
    /// What IAM's policy simulator says of that.
    pub simulated: Confirmation<'a>,
}

/// What IAM's policy simulator says of an answer of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation<'a> {
    /// Nothing: it was not asked, or what it said cannot be compared.
    None,
    /// The same.
    Agrees(&'a SimulatedAnswer),
    /// Otherwise, and it was asked only once.
    Doubts,
    /// Otherwise, again and again.
    Contradicts(&'a SimulatedAnswer),
}
