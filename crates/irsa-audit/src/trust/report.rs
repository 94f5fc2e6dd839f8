//! The answer to one question, as data: what `-o json` prints, and what the text is made from.

use std::fmt;

use iam_policy::{
    Cause, CauseKind, ClauseExplanation, ContextValue, Decision, Effect, ElementExplanation, Explanation,
    Gravity, Problem, Residual, StatementExplanation, Truth,
};
use serde::Serialize;

use super::cause::{TooWide, Why};
use super::decision_name;
use super::evaluation::Evaluation;
use super::place::Place;
use super::provider::AccountSource;

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrustReport<'e> {
    pub(super) decision: &'static str,
    pub(super) request: Asked<'e>,
    /// Unless it is allowed: why not.
    pub(super) cause: Option<Why>,
    /// If it is allowed: what else is.
    pub(super) exposures: Vec<TooWide>,
    /// If it is undetermined: what remains to be known.
    pub(super) residual: Vec<Open<'e>>,
    pub(super) statements: Vec<Statement<'e>>,
    pub(super) problems: Vec<Wrong<'e>>,
}

/// What was asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked<'e> {
    pub(super) action: &'e str,
    /// The provider's ARN.
    pub(super) principal: &'e str,
    /// Where its account is from: `given`, `policy`, or `any` where the answer does not hang on it.
    pub(super) account_source: &'static str,
    pub(super) issuer: &'e str,
    pub(super) subject: &'e str,
    pub(super) audience: &'e str,
}

/// A statement that applies exactly if these conditions hold.
#[derive(Debug, Serialize)]
pub(super) struct Open<'e> {
    /// From 0.
    pub(super) statement: usize,
    pub(super) effect: &'static str,
    pub(super) clauses: Vec<Clause<'e>>,
}

/// One statement.
#[derive(Debug, Serialize)]
pub(super) struct Statement<'e> {
    /// From 0.
    #[serde(rename = "statement")]
    pub(super) index: usize,
    pub(super) sid: Option<&'e str>,
    pub(super) effect: &'static str,
    /// Whether it applies.
    pub(super) outcome: &'static str,
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) elements: Vec<Element<'e>>,
    pub(super) clauses: Vec<Clause<'e>>,
}

/// Principal or action.
#[derive(Debug, Serialize)]
pub(super) struct Element<'e> {
    #[serde(rename = "element")]
    pub(super) name: &'static str,
    pub(super) wanted: &'e [String],
    pub(super) got: Option<&'e str>,
    pub(super) outcome: &'static str,
}

/// One key under one operator.
#[derive(Debug, Serialize)]
pub(super) struct Clause<'e> {
    pub(super) operator: String,
    pub(super) key: &'e str,
    pub(super) wanted: &'e [String],
    /// The request's values; `None` unless they are known.
    pub(super) got: Option<&'e [String]>,
    /// Whether the key is in the request: `true`, `false`, or not known.
    pub(super) present: Option<bool>,
    pub(super) outcome: &'static str,
    #[serde(flatten)]
    pub(super) place: Place,
}

/// Something wrong with the policy's text.
#[derive(Debug, Serialize)]
pub(super) struct Wrong<'e> {
    pub(super) message: &'e str,
    pub(super) expected: &'e str,
    /// Whether IAM would refuse the policy for it; else a key stands twice.
    pub(super) refused: bool,
    #[serde(flatten)]
    pub(super) place: Place,
}

impl<'e> TrustReport<'e> {
    pub(super) fn of(evaluation: &'e Evaluation) -> Self {
        let Evaluation {
            parsed,
            identity,
            account_source,
            diagnosis,
            explanation,
            decision,
        } = evaluation;
        let statements = explanation.iter().flat_map(|explanation| &explanation.statements);
        let is_refused = parsed
            .problems
            .iter()
            .any(|problem| problem.gravity == Gravity::Refused);
        let misfit = diagnosis
            .cause
            .as_ref()
            .filter(|_| !is_refused)
            .and_then(Wrong::misfit);
        // The diagnosis speaks for the identity alone: of no use where more is known and that decides.
        let exposures = if *decision == Decision::Allowed {
            diagnosis.exposures.as_slice()
        } else {
            &[]
        };
        Self {
            decision: decision_name(*decision),
            request: Asked {
                action: iam_policy::ASSUME_ROLE_WITH_WEB_IDENTITY,
                principal: &identity.provider_arn,
                account_source: match account_source {
                    AccountSource::Given => "given",
                    AccountSource::Policy => "policy",
                    AccountSource::Any => "any",
                },
                issuer: &identity.issuer,
                subject: &identity.subject,
                audience: &identity.audience,
            },
            cause: Why::find(*decision, Some(diagnosis), explanation.as_ref()),
            exposures: exposures.iter().filter_map(TooWide::of).collect(),
            residual: explanation
                .iter()
                .flat_map(Explanation::residual)
                .map(Open::of)
                .collect(),
            statements: statements.map(Statement::of).collect(),
            problems: parsed.problems.iter().map(Wrong::of).chain(misfit).collect(),
        }
    }
}

impl<'e> Open<'e> {
    fn of(residual: Residual<'e>) -> Self {
        Self {
            statement: residual.statement.statement,
            effect: effect(residual.statement.effect),
            clauses: residual.clauses.into_iter().map(Clause::of).collect(),
        }
    }
}

impl<'e> Statement<'e> {
    fn of(explained: &'e StatementExplanation) -> Self {
        Self {
            index: explained.statement,
            sid: explained.sid.as_deref(),
            effect: effect(explained.effect),
            outcome: match explained.outcome {
                Truth::True => "applies",
                Truth::False => "doesNotApply",
                Truth::Unknown => "undetermined",
            },
            place: explained.position.into(),
            elements: explained.elements.iter().map(Element::of).collect(),
            clauses: explained.clauses.iter().map(Clause::of).collect(),
        }
    }
}

impl<'e> Element<'e> {
    fn of(explained: &'e ElementExplanation) -> Self {
        Self {
            name: explained.element,
            wanted: &explained.wanted,
            got: explained.got.as_deref(),
            outcome: outcome(explained.outcome),
        }
    }
}

impl<'e> Clause<'e> {
    fn of(explained: &'e ClauseExplanation) -> Self {
        let (got, present) = match &explained.got {
            ContextValue::Known(values) => (Some(values.as_slice()), Some(!values.is_empty())),
            ContextValue::Present | ContextValue::Beginning(_) => (None, Some(true)),
            ContextValue::Absent => (None, Some(false)),
            ContextValue::AbsentOr(_) | ContextValue::Unknown => (None, None),
        };
        Self {
            operator: explained.operator.to_string(),
            key: &explained.key,
            wanted: &explained.wanted,
            got,
            present,
            outcome: outcome(explained.outcome),
            place: explained.position.into(),
        }
    }
}

impl<'e> Wrong<'e> {
    fn of(problem: &'e Problem) -> Self {
        Self {
            message: &problem.message,
            expected: &problem.expected,
            refused: problem.gravity == Gravity::Refused,
            place: problem.position.into(),
        }
    }

    /// A document of IAM's grammar that is no trust policy.
    fn misfit(cause: &'e Cause) -> Option<Self> {
        if cause.kind != CauseKind::TrustPolicyInvalid {
            return None;
        }
        let (message, expected) = (cause.got.first()?, cause.wanted.first()?);
        Some(Self {
            message,
            expected,
            refused: true,
            place: cause.position?.into(),
        })
    }
}

impl fmt::Display for Wrong<'_> {
    /// Both texts are escaped where they are made.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; expected {}", self.place, self.message, self.expected)
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

fn outcome(outcome: Truth) -> &'static str {
    match outcome {
        Truth::True => "holds",
        Truth::False => "fails",
        Truth::Unknown => "undetermined",
    }
}
