//! From what is expected of a role to findings.

use crate::chain::Chain;
use crate::fix::Fix;
use crate::fix::permissions::{Grant, by_hand};
use crate::model::SimulatedDecision;
use crate::permissions::expectation::{admitted, answers};
use crate::permissions::{Answer, Confirmation, DENIED_BY_SCP, Expected, NOT_SEEN, NOT_SIMULATED, Question};
use crate::text::quote;

/// The most questions that a message lists.
const SHOWN: usize = 3;

/// A question in words.
pub(crate) fn asked(question: &Question<'_>) -> String {
    match question.resource {
        "*" => format!("`{}`", quote(question.action)),
        resource => format!("`{}` on `{}`", quote(question.action), quote(resource)),
    }
}

/// A message on some answers: the first few, then how many more there are, then what was not looked at by whom.
pub(crate) fn message<'e, 'a: 'e>(
    role: &str,
    answers: &'e [&'e Expected<'a>],
    what: impl Fn(&'e Expected<'a>) -> String,
) -> String {
    let shown: Vec<String> = answers.iter().take(SHOWN).map(|answer| what(answer)).collect();
    let more = match answers.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "role `{}`: {}{more}; {}",
        quote(role),
        shown.join("; "),
        seen(answers)
    )
}

/// What was not looked at.
fn seen(answers: &[&Expected<'_>]) -> &'static str {
    let mut said = answers.iter().map(|expected| match expected.simulated {
        Confirmation::Agrees(said) => Some(said.decision),
        _ => None,
    });
    if said
        .clone()
        .all(|said| said == Some(SimulatedDecision::DeniedByOrganization))
    {
        DENIED_BY_SCP
    } else if said.all(|said| said.is_some()) {
        NOT_SIMULATED
    } else {
        NOT_SEEN
    }
}

/// The answers of one kind. One that IAM's policy simulator contradicts is proven no more.
pub(crate) fn of_kind<'e, 'a>(
    all: &'e [Expected<'a>],
    is_meant: impl Fn(&Answer<'a>) -> bool,
) -> Vec<&'e Expected<'a>> {
    let is_proven = |expected: &&Expected<'a>| !matches!(expected.simulated, Confirmation::Contradicts(_));
    all.iter()
        .filter(is_proven)
        .filter(|expected| is_meant(&expected.answer))
        .collect()
}

/// An inline policy that allows what no policy allows, proven to do so; by hand where that cannot be proven.
pub(crate) fn grant(chain: &Chain<'_>, missing: &[&Question<'_>]) -> Option<Fix> {
    let aws = admitted(chain)?;
    let name = aws.arn.name();
    let policies = aws.permissions.as_ref().ok();
    let grant = Grant::of(missing, policies);
    if !grant.is_acceptable(policies) {
        return Some(by_hand(name, missing));
    }
    let text = grant.document.to_string();
    let with_grant = grant.added(&text, policies);
    let expectations = chain.request.map_or(&[][..], |request| &request.aws);
    let after = answers(chain, &aws.arn, &with_grant, expectations);
    let of = |question: &Question<'_>| after.iter().find(|expected| expected.question == *question);
    let mut outcomes = missing
        .iter()
        .map(|question| of(question).map(|expected| &expected.answer));
    // What a boundary blocks besides is another finding once this one is gone.
    let is_proven =
        outcomes.all(|answer| matches!(answer, Some(Answer::Allowed(_) | Answer::OutsideBoundary(_))));
    Some(if is_proven {
        grant.fix(name)
    } else {
        by_hand(name, missing)
    })
}
