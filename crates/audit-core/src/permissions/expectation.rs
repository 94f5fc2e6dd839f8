//! What an `IrsaAudit` expects of a role, question by question.

use iam_policy::RoleArn;

use super::chaining;
use super::confirmation::confirm;
pub use super::expected::{Confirmation, Expected};
use super::policies::{PolicyAnswer, PolicySet};
pub use super::question::{ExpectedRequest, admitted, questions, request};
use super::resource::mismatch;
use super::session::Session;
use crate::chain::Chain;
use crate::model::AwsExpectation;

/// The answers to what is expected of the annotation's role: nothing where its trust policy does not admit this
/// ServiceAccount, or its policies were not seen. They are evaluated once for a chain, whoever asks.
#[must_use]
pub fn expected<'c, 'a>(chain: &'c Chain<'a>) -> &'c [Expected<'a>] {
    chain.expected.get_or_init(|| evaluate(chain))
}

fn evaluate<'a>(chain: &Chain<'a>) -> Vec<Expected<'a>> {
    let Some((request, aws)) = chain.request.zip(admitted(chain)) else {
        return Vec::new();
    };
    let Ok(policies) = &aws.permissions else {
        return Vec::new();
    };
    let confirmation = confirm(chain, aws);
    let mut all = answers(chain, &aws.arn, policies, &request.aws);
    for expected in &mut all {
        if let Some(expectation) = request.aws.get(expected.question.expectation) {
            expected.simulated = confirmation(&expected.question, expectation, &expected.answer);
        }
    }
    all
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
            let session = Session::of(chain, role);
            let request = request(&session, question.action, question.resource, &expectation.context);
            let answer = match mismatch(question.action, question.resource) {
                Some(doubt) => PolicyAnswer::Undetermined(vec![doubt]),
                None => chaining::ask(chain, role, &request, policies),
            };
            Expected {
                question,
                answer,
                simulated: Confirmation::None,
            }
        })
        .collect()
}
