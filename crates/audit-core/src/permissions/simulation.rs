//! What IAM's policy simulator is asked to confirm.

use std::collections::BTreeSet;
use std::sync::Arc;

use iam_policy::RoleArn;

pub use super::confirmation::{CONSISTENCY, Confirmation, state};
use super::confirmation::{home, inquiries, seen};
use super::expectation::expected;
use super::question::admitted;
use crate::chain::Chain;
use crate::model::Inquiry;

/// The most actions on resources that are asked about for one binding.
const MAX_QUESTIONS: usize = 512;

/// The most inquiries for one binding: each is a call of its own, and other reads of the account wait for it.
const MAX_INQUIRIES: usize = 16;

/// What is to be asked about a binding's role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The role.
    pub role: RoleArn,
    /// Which policies it is known to have, see [`state`].
    pub state: u64,
    /// The questions.
    pub inquiries: BTreeSet<Arc<Inquiry>>,
    /// The latest answers contradict ours for the first time: they are to be asked for once more, and the role to be read again.
    pub is_doubted: bool,
}

/// What to ask of the simulator about a binding: nothing where nobody expects AWS permissions of it, where the role's trust policy
/// does not admit it, where the policies were not all read, or where it cannot be asked what is expected.
#[must_use]
pub fn wanted(chain: &Chain<'_>) -> Option<Wanted> {
    let request = chain.request.filter(|request| !request.aws.is_empty())?;
    let aws = admitted(chain)?;
    let state = state(aws.found()?, aws.permissions.as_ref().ok()?);
    let home = home(chain, &aws.arn);
    let mut questions = 0;
    let inquiries: BTreeSet<Arc<Inquiry>> = request
        .aws
        .iter()
        .flat_map(|expectation| inquiries(&aws.arn, home.as_deref(), expectation))
        .take_while(|inquiry| {
            questions += inquiry.actions.len() * inquiry.resources.len().max(1);
            questions <= MAX_QUESTIONS
        })
        .take(MAX_INQUIRIES)
        .map(Arc::new)
        .collect();
    if inquiries.is_empty() {
        return None;
    }
    let is_failing = seen(chain, aws).is_some_and(|seen| seen.failure.is_some());
    let is_doubted = !is_failing
        && expected(chain)
            .iter()
            .any(|expected| expected.simulated == Confirmation::Doubts);
    Some(Wanted {
        role: aws.arn.clone(),
        state,
        inquiries,
        is_doubted,
    })
}

#[cfg(test)]
#[path = "../../tests/unit/permissions/simulation.rs"]
mod tests;
