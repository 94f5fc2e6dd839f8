//! One line of a batch, answered.

use std::collections::HashSet;

use iam_policy::{
    ASSUME_ROLE_WITH_WEB_IDENTITY, Decision, Explanation, Gravity, Parsed, decide, diagnose_trust, explain,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::cause::Why;
use super::super::decision_name;
use super::question::Question;

/// The answer to a line. Fields beside `id` and `decision` stand only where they have something to say.
#[derive(Serialize)]
pub(super) struct Answer<'l> {
    id: Option<&'l RawValue>,
    #[serde(serialize_with = "by_name")]
    decision: Decision,
    /// Undetermined: the condition keys on which it hangs, as the policy writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    /// What is wrong with the policy, where that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Where it was asked for, and unless it is allowed: why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Why>,
}

/// The answer to a line that asks nothing.
#[derive(Serialize)]
pub(super) struct Refusal<'l> {
    /// The number of the line, from 1.
    pub(super) line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'l RawValue>,
    pub(super) error: String,
}

/// What is wrong with a document of IAM's grammar that answers no such request.
const NO_TRUST_POLICY: &str = "a statement has a `Resource`, or no `Principal`: this is no trust policy";

impl<'l> Answer<'l> {
    /// Decides a question, and with `explained` says why, unless it is allowed.
    pub(super) fn to(
        id: Option<&'l RawValue>,
        parsed: &Parsed,
        question: &Question<'_>,
        explained: bool,
    ) -> Self {
        let request = &question.request;
        let document = parsed.document.as_ref();
        let decision = document.map_or(Decision::Invalid, |document| decide(document, request));
        let explanation = document
            .filter(|_| explained || decision == Decision::Undetermined)
            .map(|document| explain(document, request));
        let problem = |gravity| {
            let mut problems = parsed.problems.iter();
            problems
                .find(|problem| problem.gravity == gravity)
                .map(ToString::to_string)
        };
        Self {
            id,
            decision,
            keys: explanation.as_ref().map(open_keys).unwrap_or_default(),
            problem: match decision {
                Decision::Invalid => problem(Gravity::Refused).or_else(|| Some(NO_TRUST_POLICY.to_owned())),
                Decision::Undetermined => problem(Gravity::Ambiguous),
                _ => None,
            },
            cause: if explained {
                cause(decision, parsed, question, explanation.as_ref())
            } else {
                None
            },
        }
    }
}

fn cause(
    decision: Decision,
    parsed: &Parsed,
    question: &Question<'_>,
    explanation: Option<&Explanation>,
) -> Option<Why> {
    let action = &question.request.action;
    let of_token = action.eq_ignore_ascii_case(ASSUME_ROLE_WITH_WEB_IDENTITY);
    let identity = question.identity.as_ref().filter(|_| of_token);
    let diagnosis = identity.map(|identity| diagnose_trust(parsed, identity));
    Why::find(decision, diagnosis.as_ref(), explanation)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn by_name<S: Serializer>(decision: &Decision, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(decision_name(*decision))
}

/// The keys on which an undetermined decision hangs, each once.
fn open_keys(explanation: &Explanation) -> Vec<String> {
    let mut seen = HashSet::new();
    let clauses = explanation.residual().flat_map(|residual| residual.clauses);
    clauses
        .map(|clause| &clause.key)
        .filter(|key| seen.insert(*key))
        .cloned()
        .collect()
}
