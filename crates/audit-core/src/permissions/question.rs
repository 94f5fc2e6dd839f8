//! What is asked of a role: one action on one resource at a time.

use iam_policy::{ContextValue, Request};

pub use super::expected::ExpectedRequest;
use super::resource::{self, NO_RESOURCE};
use super::session::Session;
use crate::chain::{Chain, RoleChain};
use crate::model::AwsExpectation;

/// What a role does to another one when it assumes it. Each takes its own permission, on both sides.
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// Whether an action is about assuming a role.
#[must_use]
pub fn is_chaining(action: &str) -> bool {
    ACTIONS.iter().any(|known| action.eq_ignore_ascii_case(known))
}

/// Every action on every resource of the expectations.
pub fn questions(
    expectations: &[AwsExpectation],
) -> impl Iterator<Item = (ExpectedRequest<'_>, &AwsExpectation)> {
    expectations.iter().enumerate().flat_map(|(number, expectation)| {
        expectation.actions.iter().flat_map(move |action| {
            let has_none = resource::has_none(action);
            // However many are named, it is one question.
            let most = if has_none { 1 } else { usize::MAX };
            let named = expectation.resources.iter().map(String::as_str).take(most);
            let any = expectation.resources.is_empty().then_some(NO_RESOURCE);
            named.chain(any).map(move |resource| {
                let question = ExpectedRequest {
                    action,
                    resource: if has_none { NO_RESOURCE } else { resource },
                    named: Some(resource).filter(|named| has_none && *named != NO_RESOURCE),
                    expectation: number,
                };
                (question, expectation)
            })
        })
    })
}

/// A question about a role, as its policies are asked.
#[must_use]
pub fn request<'c>(
    session: &Session<'_>,
    action: &str,
    resource: &str,
    context: impl IntoIterator<Item = (&'c String, &'c String)>,
) -> Request {
    let mut known = session.context();
    if is_chaining(action) {
        // A parameter that every call has (STS API reference, AssumeRole); only its value is the caller's choice.
        known.set("sts:RoleSessionName", ContextValue::Present);
    }
    for (key, value) in context {
        known.set(key, ContextValue::Known(vec![value.clone()]));
    }
    Request {
        principal: None,
        action: action.to_owned(),
        resource: Some(resource.to_owned()),
        context: known,
    }
}

/// The role chain where the trust policy admits this ServiceAccount: nobody else is told what the role may do.
#[must_use]
pub fn admitted<'c, 'a>(chain: &'c Chain<'a>) -> Option<&'c RoleChain<'a>> {
    chain.past_role().filter(|aws| aws.trust_admits())
}
