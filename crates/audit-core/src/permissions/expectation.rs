//! What an `IrsaAudit` expects of a role, question by question.

use iam_policy::{Context, ContextValue, Request, RoleArn, Unlisted};

use super::chaining;
use super::policies::{Answer, PolicySet};
use super::simulation::{self, Confirmation};
use crate::chain::{Chain, RoleChain};
use crate::model::AwsExpectation;

/// What is asked for where an action has no resource of its own.
pub(super) const NO_RESOURCE: &str = "*";

/// One action on one resource; either may have wildcards, which ask for all that they match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The action.
    pub action: &'a str,
    /// The resource.
    pub resource: &'a str,
    /// Which expectation it belongs to, from 0.
    pub expectation: usize,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// What is expected.
    pub question: Question<'a>,
    /// What the role's policies say.
    pub answer: Answer<'a>,
    /// What IAM's policy simulator says of that.
    pub simulated: Confirmation<'a>,
}

/// Every action on every resource of the expectations.
pub fn questions(expectations: &[AwsExpectation]) -> impl Iterator<Item = (Question<'_>, &AwsExpectation)> {
    expectations.iter().enumerate().flat_map(|(number, expectation)| {
        expectation.actions.iter().flat_map(move |action| {
            let named = expectation.resources.iter().map(String::as_str);
            let any = expectation.resources.is_empty().then_some(NO_RESOURCE);
            named.chain(any).map(move |resource| {
                let question = Question {
                    action,
                    resource,
                    expectation: number,
                };
                (question, expectation)
            })
        })
    })
}

/// What requests that are made as a role say of it.
pub(super) fn principal(role: &RoleArn) -> [(&'static str, String); 3] {
    [
        ("aws:PrincipalArn", role.to_string()),
        ("aws:PrincipalAccount", role.account().to_owned()),
        ("aws:PrincipalType", "AssumedRole".to_owned()),
    ]
}

/// A question about a role, as its policies are asked.
#[must_use]
pub fn request<'c>(
    role: &RoleArn,
    action: &str,
    resource: &str,
    context: impl IntoIterator<Item = (&'c String, &'c String)>,
) -> Request {
    let mut known = Context::new(Unlisted::Unknown);
    for (key, value) in principal(role) {
        known.set(key, ContextValue::Known(vec![value]));
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

/// The answers to what is expected of the annotation's role: nothing where its trust policy does not admit this
/// ServiceAccount, or its policies were not seen.
#[must_use]
pub fn expected<'a>(chain: &Chain<'a>) -> Vec<Expected<'a>> {
    let Some((request, aws)) = chain.request.zip(admitted(chain)) else {
        return Vec::new();
    };
    let Ok(policies) = &aws.permissions else {
        return Vec::new();
    };
    let confirmation = simulation::confirm(chain, aws);
    let mut all = answers(chain, &aws.arn, policies, &request.aws);
    for expected in &mut all {
        if let Some(expectation) = request.aws.get(expected.question.expectation) {
            expected.simulated = confirmation(&expected.question, expectation, &expected.answer);
        }
    }
    all
}

/// The role chain where the trust policy admits this ServiceAccount: nobody else is told what the role may do.
#[must_use]
pub fn admitted<'c, 'a>(chain: &'c Chain<'a>) -> Option<&'c RoleChain<'a>> {
    chain.past_role().filter(|aws| aws.trust_admits())
}

/// The answers of some policies to some expectations of a role, which nobody has confirmed.
#[must_use]
pub fn answers<'a, 'p>(
    chain: &Chain<'_>,
    role: &RoleArn,
    policies: &PolicySet<'p>,
    expectations: &'a [AwsExpectation],
) -> Vec<Expected<'a>>
where
    'p: 'a,
{
    questions(expectations)
        .map(|(question, expectation)| {
            let request = request(role, question.action, question.resource, &expectation.context);
            let answer = chaining::with_trust(chain, role, &request, policies.ask(&request));
            Expected {
                question,
                answer,
                simulated: Confirmation::None,
            }
        })
        .collect()
}
